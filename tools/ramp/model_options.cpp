#include "model_options.hpp"

namespace ramp::tool {

namespace fs = std::filesystem;

std::string model_path(const std::string& given) {
  std::error_code unknown;
  return fs::is_directory(given, unknown) ? (fs::path(given) / "model.safetensors").string()
                                          : given;
}

CLI::Option* add_model(CLI::App& command, std::string& path) {
  return command
      .add_option(
          "MODEL", path,
          help_text(
              "A model that `ramp train --out DIR` left: DIR, or DIR/model.safetensors; or an "
              "ONNX file, NAME.onnx"))
      ->type_name("")
      ->required();
}

nn::Dataset<float> inputs_of(const nn::Table& table, const nn::ModelInfo& info, bool with_target) {
  if (info.encoding) return nn::encode<float>(table, *info.encoding, with_target);
  if (with_target)
    throw Failure("this model wasn't trained on a table: give --data the set that it is for");
  nn::Encoding all;  // every column is a number
  for (const std::string& name : table.columns) all.inputs.push_back({name, {}});
  return nn::encode<float>(table, all, false);
}

}  // namespace ramp::tool

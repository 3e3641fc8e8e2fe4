#include "model_options.hpp"

#include <algorithm>
#include <cmath>

namespace ramp::tool {

namespace fs = std::filesystem;

namespace {

Var<float> scores_of(nn::Module<float>& part, const Var<float>& x) {
  if (dynamic_cast<nn::SoftmaxLayer<float>*>(&part)) return x;
  auto* const parts = dynamic_cast<nn::Sequential<float>*>(&part);
  if (!parts || parts->size() == 0) return part(x);
  const std::size_t last = parts->size() - 1;
  Var<float> y = x;
  for (std::size_t i = 0; i < last; ++i) y = (*parts)[i](y);
  return scores_of((*parts)[last], y);
}

}  // namespace

Var<float> WithoutSoftmax::forward(const Var<float>& x) { return scores_of(model_, x); }

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

void check_finite(const Tensor<float>& outputs, const std::string& data,
                  std::span<const std::size_t> lines) {
  const auto at = std::ranges::find_if_not(outputs, [](float y) { return std::isfinite(y); });
  if (at == outputs.end()) return;
  const std::size_t width = outputs.size() / outputs.shape()[0];
  const std::size_t row = static_cast<std::size_t>(at - outputs.begin()) / width;
  const std::string where =
      lines.empty() ? fmt::format("row {}", row) : fmt::format("line {}", lines[row]);
  throw Failure(fmt::format(
      "{}, {}: the model gives {}, which is no answer: give numbers as it was trained on", data,
      where, std::isnan(*at) ? "NaN" : fmt::format("{}", *at)));
}

}  // namespace ramp::tool

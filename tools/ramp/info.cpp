// `ramp info` and `ramp export`: what is in a model's file, and the same in another format.
#include "cli.hpp"
#include "model_options.hpp"

#include <nn/data/npy.hpp>
#include <nn/joined.hpp>
#include <nn/keep/onnx.hpp>

#include <nlohmann/json.hpp>

#include <memory>
#include <string_view>
#include <system_error>

namespace ramp::tool {

namespace {

std::string shape_of(const nn::SafeTensors::Entry& entry) {
  return fmt::format("({})", nn::joined(entry.shape));
}

// "mlp (layer0: linear 2 to 16 relu, layer1: linear 16 to 2)".
std::string in_words(const nlohmann::ordered_json& layer) {
  std::string text = layer.at("kind");
  if (layer.contains("parts")) {
    std::vector<std::string> parts;
    for (const auto& part : layer.at("parts"))
      parts.push_back(part.at("name").get<std::string>() + ": " + in_words(part));
    return fmt::format("{} ({})", layer.at("scope").get<std::string>(), nn::joined(parts));
  }
  for (const auto& [name, value] : layer.items()) {
    if (name == "kind" || name == "name" || value == "identity" ||
        (name == "bias" && value == true))
      continue;
    if (name == "in" || name == "activation" || name == "features")
      text += fmt::format(" {}", value.is_string() ? value.get<std::string>() : value.dump());
    else if (name == "out")
      text += fmt::format(" to {}", value.dump());
    else
      text += fmt::format(" {} {}", name, value.dump());
  }
  return text;
}

// What f() finds damaged in what a file says of its model is told with the file's name.
template <class F> auto of_file(const std::filesystem::path& path, F f) try {
  return f();
} catch (const nlohmann::json::exception& error) {
  const std::string_view what = error.what();  // "[json.exception.NAME.NUMBER] what is wrong"
  throw Failure(fmt::format("{}: what it says of its model can't be used: {}", path.string(),
                            what.substr(what.find(' ') + 1)));
}

void info(const std::string& given) {
  const std::string path = model_path(given);
  const nn::SafeTensors file = nn::open_model(path);
  std::string text = fmt::format("{}\n", path);
  std::uint64_t numbers = 0;
  std::size_t longest = 4;
  for (const auto& entry : file.entries()) {
    std::uint64_t size = 1;
    for (const std::uint64_t n : entry.shape) size *= n;
    numbers += size;
    longest = std::max(longest, columns(visible(entry.name)));
  }
  const auto about = nn::model_info(file);
  if (about) {
    if (!about->architecture.empty())
      text += fmt::format("model    {}\n", visible(of_file(path, [&] {
                            return in_words(nlohmann::ordered_json::parse(about->architecture));
                          })));
    if (about->info.encoding) {
      std::vector<std::string> inputs;
      for (const auto& column : about->info.encoding->inputs)
        inputs.push_back(column.words.empty()
                             ? column.name
                             : fmt::format("{} ({} words)", column.name, column.words.size()));
      text += fmt::format("inputs   {}\ntarget   {}\n", visible(nn::joined(inputs)),
                          visible(about->info.encoding->target));
    }
    if (!about->info.classes.empty())
      text += fmt::format("classes  {}\n", visible(nn::joined(about->info.classes)));
    if (!about->info.note.empty()) text += fmt::format("note     {}\n", visible(about->info.note));
  }
  text += fmt::format("numbers  {} in {} tensors\n", numbers, file.entries().size());
  for (const auto& entry : file.entries())
    text += fmt::format("  {:{}}  {:4}  {}\n", visible(entry.name), longest, entry.type,
                        shape_of(entry));
  print(text);
}

struct ExportOptions {
  std::string model, to = "npz", out;
};

void export_as(const ExportOptions& options) {
  const std::filesystem::path path = model_path(options.model);
  const nn::SafeTensors file = nn::open_model(path);
  std::filesystem::path to = options.out;
  if (to.empty()) to = std::filesystem::path(path).replace_extension("." + options.to);
  std::error_code other;
  if (std::filesystem::equivalent(path, to, other))
    throw Failure(fmt::format("[export] {}: that is the model itself: give another file as --out",
                              to.string()));
  if (options.to == "onnx") {
    of_file(path, [&] { nn::write_onnx(file, to); });
    return print(fmt::format("{}: {} tensors\n", to.string(), file.entries().size()));
  }
  if (options.to == "safetensors") {
    file.write(to);
    return print(fmt::format("{}: {} tensors\n", to.string(), file.entries().size()));
  }
  nn::NamedTensors<double> doubles;
  nn::NamedTensors<float> floats;
  bool all_float = true;
  for (const auto& entry : file.entries()) all_float &= entry.type != "F64";
  for (const auto& entry : file.entries())
    if (all_float)
      floats.emplace_back(entry.name, file.tensor<float>(entry.name));
    else
      doubles.emplace_back(entry.name, file.tensor<double>(entry.name));
  all_float ? nn::write_npz(to, floats) : nn::write_npz(to, doubles);
  print(fmt::format("{}: {} arrays\n", to.string(), file.entries().size()));
}

}  // namespace

void add_info(CLI::App& app) {
  CLI::App* command = app.add_subcommand("info", "What is in a model's file");
  const auto path = std::make_shared<std::string>();
  add_model(*command, *path);
  command->callback([path] { info(*path); });
}

void add_export(CLI::App& app) {
  CLI::App* command = app.add_subcommand("export", "Write a model in another format");
  command->footer(
      "npz is NumPy's: numpy.load(FILE) gives the arrays by name, weights as (out, in).\n"
      "onnx is for other runtimes: the whole model, as it answers when it isn't trained.\n"
      "\n"
      "Examples:\n"
      "  ramp export run --to npz --out weights.npz\n"
      "  ramp export run --to onnx --out model.onnx");
  const auto options = std::make_shared<ExportOptions>();
  static constexpr std::array<std::string_view, 3> formats{"npz", "onnx", "safetensors"};
  add_model(*command, options->model);
  add(*command, "--to", options->to, "The format: npz, onnx or safetensors")
      ->type_name("NAME")
      ->check(one_of(formats));
  command
      ->add_option("--out", options->out,
                   help_text("The file; without it, MODEL's name with the format's ending"))
      ->type_name("FILE");
  command->callback([options] { export_as(*options); });
}

}  // namespace ramp::tool

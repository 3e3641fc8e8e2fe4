// `ramp eval`: how good a trained model is on a data set.
#include "cli.hpp"
#include "data.hpp"
#include "model_options.hpp"

#include <nn/joined.hpp>
#include <nn/nn.hpp>

#include <nlohmann/json.hpp>

#include <memory>

namespace ramp::tool {

namespace {

struct EvalOptions {
  std::string model;
  DataOptions data;
  std::uint64_t seed = 1;
  bool confusion = false, json = false;
};

nn::Dataset<float> samples(const EvalOptions& options, const nn::ModelInfo& info) {
  if (is_table(options.data.name))
    return inputs_of(nn::read_table(options.data.name, table_options(options.data)), info, true);
  nn::Random seeds(options.seed);
  return load(options.data, seeds).test;
}

std::string confusion_table(const Tensor<double>& counts, const std::vector<std::string>& names) {
  const auto n = static_cast<std::size_t>(counts.shape()[0]);
  std::string text = "right answer (row) and the model's (column):\n";
  std::size_t width = 6;
  for (const std::string& name : names) width = std::max(width, columns(name) + 1);
  const auto cell = [&](const std::string& word) {
    return std::string(width - std::min(width, columns(word)), ' ') + word;
  };
  text += cell("");
  for (std::size_t j = 0; j < n; ++j) text += cell(names[j]);
  for (std::size_t i = 0; i < n; ++i) {
    text += '\n' + cell(names[i]);
    for (std::size_t j = 0; j < n; ++j) text += cell(fmt::format("{:.0f}", counts[i * n + j]));
  }
  return text + '\n';
}

void eval(const EvalOptions& options) {
  auto [model, info] = nn::load_model<float>(model_path(options.model));
  const nn::Dataset<float> data = samples(options, info);
  const bool regression = data.classes == 0;
  const nn::Scores scores = regression
                                ? nn::evaluate(model, data, "mse", {"r2", "mae"})
                                : nn::evaluate(model, data, "cross_entropy", {"accuracy", "f1"});
  if (options.json) {
    nlohmann::ordered_json line{{"samples", data.size()}};
    for (const auto& [name, value] : scores) line[name] = value;
    return print(line.dump() + '\n');
  }
  std::string text = fmt::format("{} samples: loss {:.4f}", data.size(), scores.at("loss"));
  if (regression)
    text +=
        fmt::format("  r2 {:.4f}  mean absolute error {:.4g}\n", scores.at("r2"), scores.at("mae"));
  else
    text += fmt::format("  accuracy {:.2f} %  macro f1 {:.4f}\n", 100 * scores.at("accuracy"),
                        scores.at("f1"));
  if (options.confusion && !regression) {
    std::vector<std::string> names;
    for (const std::string& name : info.classes) names.push_back(visible(name));
    for (std::size_t k = names.size(); std::cmp_less(k, data.classes); ++k)
      names.push_back(std::to_string(k));
    text += confusion_table(
        nn::confusion_matrix<float>(nn::predict(model, data.inputs).view(), data.labels), names);
  }
  print(text);
}

}  // namespace

void add_eval(CLI::App& app) {
  CLI::App* command = app.add_subcommand("eval", "How good a trained model is on a data set");
  command->footer(
      "Of a table all rows count; of other sets their part to test. A synthetic set is the one "
      "that\n"
      "the model was trained on if --seed, --points and --noise are the same.\n"
      "\n"
      "Examples:\n"
      "  ramp eval run --data fashion-mnist --confusion\n"
      "  ramp eval run/model.safetensors --data flowers_of_today.csv");
  const auto options = std::make_shared<EvalOptions>();
  add_model(*command, options->model);
  add_data_options(*command, options->data);
  add(*command, "--seed", options->seed, "Of a synthetic set")->check(whole(0));
  command->add_flag("--confusion", options->confusion, "Count answers by the right one");
  command->add_flag("--json", options->json, "Print an object instead");
  command->callback([options, command] {
    check_data_options(*command, options->data);
    eval(*options);
  });
}

}  // namespace ramp::tool

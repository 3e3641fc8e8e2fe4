// `ramp eval`: how good a trained model is on a data set.
#include "cli.hpp"
#include "data.hpp"
#include "model_options.hpp"

#include <nn/joined.hpp>
#include <nn/nn.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

namespace ramp::tool {

namespace {

struct EvalOptions {
  std::string model;
  DataOptions data;
  std::uint64_t seed = 1;
  bool confusion = false, json = false;
};

// The label of the first class, where the model calls its classes by labels.
std::optional<std::int32_t> first_label(const std::vector<std::string>& classes) {
  if (classes.empty()) return {};
  for (const std::int32_t first : {0, 1}) {
    std::int32_t label = first;
    if (std::ranges::all_of(classes, [&](auto& name) { return name == std::to_string(label++); }))
      return first;
  }
  return {};
}

// A folder in which a class doesn't occur says neither how many there are nor whether they begin at
// 0 or 1. The model says how many, by their names or its outputs, and where they begin, if it calls
// them by labels; else they begin at 0, unless the labels fit only from 1 on.
nn::Dataset<float> images(const EvalOptions& options, nn::Sequential<float>& model,
                          const nn::ModelInfo& info) {
  DataOptions how = options.data;
  int classes = static_cast<int>(info.classes.size());
  if (classes > 0 && how.classes > 0 && how.classes != classes)
    throw Failure(fmt::format("[eval] --classes {}: the model has {}: leave the option out",
                              how.classes, classes));
  if (classes == 0) classes = how.classes;
  how.classes = std::numeric_limits<int>::max();  // so that labels stay as they are
  nn::Random unused(0);
  Data all = load(how, unused);
  nn::Dataset<float> data = std::move(all.test);
  if (classes == 0) {
    const Tensor<float> one(Shape{1, data.features()});
    classes = std::max(2, static_cast<int>(nn::predict(model, one).size()));
  }
  std::int32_t low = data.labels[0], high = low;
  for (const auto* const labels : {&all.train.labels, &data.labels})
    for (const std::int32_t label : *labels)
      low = std::min(low, label), high = std::max(high, label);
  const std::int32_t first = first_label(info.classes).value_or(low > 0 && high == classes);
  for (std::size_t i = 0; i < data.size(); ++i) {
    data.labels[i] += data.first_label - first;
    if (data.labels[i] < 0 || data.labels[i] >= classes)
      throw Failure(
          fmt::format("[eval] {}: label {} of image {}: the model's run from {} to {}: give "
                      "images of its classes",
                      how.name, data.labels[i] + first, i, first, first + classes - 1));
  }
  data.first_label = first;
  data.classes = classes;
  return data;
}

struct Samples {
  nn::Dataset<float> data;
  std::vector<std::size_t> lines;  // of a table
};

Samples samples(const EvalOptions& options, nn::Sequential<float>& model,
                const nn::ModelInfo& info) {
  const std::string& name = options.data.name;
  if (is_table(name)) {
    const std::string& target = options.data.target;
    if (info.encoding && !target.empty() && target != info.encoding->target)
      throw Failure(fmt::format("[eval] --target {}: the model predicts {}: leave the option out",
                                target, info.encoding->target));
    nn::Table table = nn::read_table(name, table_options(name, options.data.separator));
    return {inputs_of(table, info, true), std::move(table.lines)};
  }
  if (!is_named_set(name)) return {images(options, model, info), {}};
  nn::Random seeds(options.seed);
  return {load(options.data, seeds).test, {}};
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
  const auto [data, lines] = samples(options, model, info);
  const bool regression = data.classes == 0;
  WithoutSoftmax scored(model);
  nn::Scores scores = regression ? nn::evaluate(model, data, "mse", {"mse", "r2", "mae"})
                                 : nn::evaluate(scored, data, "cross_entropy", {"accuracy", "f1"});
  if (regression)  // as a metric it is in double: the square of 1e20 is no float
    scores["loss"] = scores.extract("mse").mapped();
  if (!std::isfinite(scores.at("loss"))) {
    const std::string name = "[eval] " + data.name;
    check_finite(nn::predict(model, data.inputs), name, lines);
    throw Failure(
        fmt::format("{}: answers are further from the right ones than a number can hold: give data "
                    "as the model was trained on",
                    name));
  }
  if (options.json) {
    nlohmann::ordered_json line{{"samples", data.size()}};
    for (const auto& [name, value] : scores) line[name] = value;
    return print(line.dump() + '\n');
  }
  std::string text = fmt::format("{} samples: loss ", data.size());
  if (regression)  // in the square of the target's unit, which may be any
    text += fmt::format("{:.4g}  r2 {:.4f}  mean absolute error {:.4g}\n", scores.at("loss"),
                        scores.at("r2"), scores.at("mae"));
  else
    text += fmt::format("{:.4f}  accuracy {:.2f} %  macro f1 {:.4f}\n", scores.at("loss"),
                        100 * scores.at("accuracy"), scores.at("f1"));
  if (options.confusion && !regression) {
    const Tensor<double> counts =
        nn::confusion_matrix<float>(nn::predict(scored, data.inputs).view(), data.labels);
    std::vector<std::string> names;
    for (const std::string& name : info.classes) names.push_back(visible(name));
    for (std::size_t k = names.size(); k < counts.shape()[0]; ++k)
      names.push_back(std::to_string(k));
    text += confusion_table(counts, names);
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

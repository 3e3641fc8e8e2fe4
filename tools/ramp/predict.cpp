// `ramp predict`: what a trained model answers to rows of a table.
#include "cli.hpp"
#include "data.hpp"
#include "model_options.hpp"

#include <nn/joined.hpp>
#include <nn/nn.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iostream>
#include <memory>

namespace ramp::tool {

namespace {

struct PredictOptions {
  std::string model, rows = "-", separator;
  bool scores = false, no_header = false;
};

// A cell of a table, in quotes where it needs them: what reads it takes no notice of spaces around
// it, nor of a line with nothing on it.
std::string cell(const std::string& text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  if (!text.empty() && !is_space(text.front()) && !is_space(text.back()) &&
      text.find_first_of(",\"\r\n") == text.npos)
    return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

nn::Table read_rows(const PredictOptions& options) {
  nn::CsvOptions how = table_options(options.rows, options.separator);
  how.header = !options.no_header;
  if (options.rows == "-") return nn::read_table(std::cin, "standard input", how);
  return nn::read_table(options.rows, how);
}

// The probabilities that scores stand for.
std::vector<double> softmax_of(const float* row, std::size_t n) {
  const double largest = *std::max_element(row, row + n);
  std::vector<double> p(n);
  double sum = 0;
  for (std::size_t k = 0; k < n; ++k) sum += p[k] = std::exp(static_cast<double>(row[k]) - largest);
  for (double& x : p) x /= sum;
  return p;
}

void predict(const PredictOptions& options) {
  nn::LoadedModel<float> loaded = nn::load_model<float>(model_path(options.model));
  const nn::ModelInfo& info = loaded.info;
  const nn::Table table = read_rows(options);
  const nn::Dataset<float> data = inputs_of(table, info, false);
  WithoutSoftmax scored(loaded.model);
  const Tensor<float> outputs = info.classes.empty() ? nn::predict(loaded.model, data.inputs)
                                                     : nn::predict(scored, data.inputs);
  check_finite(outputs, "[predict] " + table.name, table.lines);
  const std::size_t width = outputs.size() / data.size();
  const auto name = [&](std::size_t k) {
    return k < info.classes.size() ? cell(info.classes[k]) : std::to_string(k);
  };
  const std::string target = info.encoding ? cell(info.encoding->target) : "answer";
  const bool classes = !info.classes.empty() && width > 1;

  std::string text = target;
  if (options.scores && classes)
    for (std::size_t k = 0; k < width; ++k) text += ',' + name(k);
  if (!classes && width > 1) {
    text = target + "0";
    for (std::size_t k = 1; k < width; ++k) text += fmt::format(",{}{}", target, k);
  }
  text += '\n';
  for (std::size_t i = 0; i < data.size(); ++i) {
    const float* const row = outputs.data() + i * width;
    if (classes) {
      text += name(static_cast<std::size_t>(std::max_element(row, row + width) - row));
      if (options.scores)
        for (const double p : softmax_of(row, width)) text += fmt::format(",{:.6g}", p);
    } else {
      for (std::size_t k = 0; k < width; ++k) text += fmt::format("{}{}", k ? "," : "", row[k]);
    }
    text += '\n';
  }
  print(text);
}

}  // namespace

void add_predict(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("predict", "What a trained model answers to rows of a table");
  command->footer(
      "Rows have the columns that the model was trained on, in any order, by the names in the "
      "first\n"
      "row; others don't matter. A model that was trained on images or points takes rows of "
      "numbers.\n"
      "The answers come as a table: a class by its name, or a number.\n"
      "\n"
      "Examples:\n"
      "  ramp predict run < rows.csv\n"
      "  ramp predict run/model.safetensors rows.csv --scores > answers.csv");
  const auto options = std::make_shared<PredictOptions>();
  add_model(*command, options->model);
  command->add_option("ROWS", options->rows, "A table; without it, standard input")->type_name("");
  command->add_flag("--scores", options->scores, "The probability of each class, too");
  command->add_flag("--no-header", options->no_header,
                    "The first row is one like the others, not names");
  add_separator(*command, options->separator);
  command->callback([options] { predict(*options); });
}

}  // namespace ramp::tool

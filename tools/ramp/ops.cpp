// `ramp ops`: what the registry knows about each op, as a table or as JSON.
#include "cli.hpp"

#include <autodiff/ops/registry.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <iterator>
#include <memory>

namespace ramp::tool {

namespace {

using Json = nlohmann::ordered_json;

// --- A table for people

constexpr std::size_t table_width = 100;
constexpr std::size_t formula_width = 26;

std::string derivative(const OpInfo& op) {
  const int inputs = op.arity == variadic ? 1 : op.arity, has = std::popcount(op.differentiable);
  return has == inputs ? "yes" : has == 0 ? "no" : fmt::format("{} of {}", has, inputs);
}

std::string table(const std::vector<const OpInfo*>& ops) {
  std::size_t name_width = 0;
  for (const OpInfo* op : ops) name_width = std::max(name_width, columns(op->about.name));
  const auto row = [&](std::string_view name, std::string_view inputs, std::string_view slope,
                       std::string_view formula, std::string_view doc) {
    std::string line = fmt::format("{:<{}}  {:>6}  {:<10}  {:<{}}  {}", name, name_width, inputs,
                                   slope, formula, formula_width, doc);
    return line.erase(line.find_last_not_of(' ') + 1) + '\n';
  };
  const std::size_t doc_width = table_width - (name_width + formula_width + 6 + 10 + 4 * 2);

  std::string text = row("op", "inputs", "derivative", "formula", "what it is, and its kinks");
  for (const OpInfo* op : ops) {
    auto formula = wrapped(op->about.formula, formula_width),
         doc = wrapped(op->about.doc, doc_width);
    if (*op->about.at_kink != '\0')
      std::ranges::move(wrapped(fmt::format("Kink: {}", op->about.at_kink), doc_width),
                        std::back_inserter(doc));
    const std::size_t lines = std::max({formula.size(), doc.size(), std::size_t{1}});
    formula.resize(lines);
    doc.resize(lines);
    text += row(op->about.name, op->arity == variadic ? "any" : std::to_string(op->arity),
                derivative(*op), formula[0], doc[0]);
    for (std::size_t i = 1; i < lines; ++i) text += row("", "", "", formula[i], doc[i]);
  }
  return text + fmt::format("\n{} ops. c: the tape's at_zero, 0 unless it is set.\n", ops.size());
}

// --- JSON for programs. Infinities, which JSON doesn't have, are null.

Json to_json(const Tensor<double>& tensor) {
  const Shape& shape = tensor.shape();
  return {{"shape", std::vector(shape.sizes().begin(), shape.sizes().begin() + shape.rank())},
          {"values", std::vector(tensor.begin(), tensor.end())}};
}

Json to_json(const OpInfo& op) {
  Json domain = Json::array(), examples = Json::array(), differentiable = Json::array();
  for (const Domain& input : op.domain)
    domain.push_back({{"low", input.low}, {"high", input.high}, {"nonzero", input.nonzero}});
  for (int i = 0; i < std::max(op.arity, 1); ++i) differentiable.push_back(op.differentiable_in(i));
  for (const Trial& trial : op.examples()) {
    Json inputs = Json::array();
    for (const Tensor<double>& input : trial.inputs) inputs.push_back(to_json(input));
    Json example{{"inputs", std::move(inputs)}, {"output", to_json(trial.output)}};
    if (op.label) example["label"] = op.label(trial.attr.bytes.data());
    examples.push_back(std::move(example));
  }
  return {{"name", op.about.name},
          {"formula", op.about.formula},
          {"doc", op.about.doc},
          {"at_kink", op.about.at_kink},
          {"arity", op.arity == variadic ? Json("any") : Json(op.arity)},
          {"elementwise", op.elementwise},
          {"differentiable", std::move(differentiable)},
          {"domain", std::move(domain)},
          {"examples", std::move(examples)}};
}

}  // namespace

void add_ops(CLI::App& app) {
  CLI::App* command = app.add_subcommand("ops", "List the ops, their formulas and their kinks");
  command->footer(
      "Examples:\n"
      "  ramp ops\n"
      "  ramp ops --json | jq -r '.[] | select(.at_kink != \"\") | .name'");
  const auto json = std::make_shared<bool>();
  command->add_flag("--json", *json, "Print an array of objects, with examples");
  command->callback([json] {
    const std::vector<const OpInfo*> ops = all_ops();
    if (!*json) return print(table(ops));
    Json array = Json::array();
    for (const OpInfo* op : ops) array.push_back(to_json(*op));
    print(array.dump(2) + "\n");
  });
}

}  // namespace ramp::tool

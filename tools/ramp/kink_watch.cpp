#include "kink_watch.hpp"

#include <autodiff/ops/registry.hpp>
#include <nn/data/dataset.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace ramp::tool {

namespace {

nlohmann::ordered_json in_json(const KinkCount& count) {
  return {{"elements", count.elements}, {"at_kink", count.at_kink}, {"near", count.near}};
}

nlohmann::json numbers(const KinkCount& c) { return {c.elements, c.at_kink, c.near}; }
KinkCount to_count(const nlohmann::json& n) { return {n.at(0), n.at(1), n.at(2)}; }

nlohmann::json to_state(const Census& census) {
  nlohmann::json state{{"total", numbers(census.total)},
                       {"nodes", nlohmann::json::array()},
                       {"scopes", nlohmann::json::array()}};
  for (const NodeKinks& node : census.nodes)
    state["nodes"].push_back({numbers(node), node.node, node.scope, node.op});
  for (const ScopeKinks& scope : census.scopes)
    state["scopes"].push_back({numbers(scope), scope.path});
  return state;
}
Census from_state(const nlohmann::json& state) {
  Census census{to_count(state.at("total")), {}, {}};
  for (const auto& node : state.at("nodes")) {
    const OpInfo* const op = find_op(node.at(3).get<std::string>());
    if (!op) throw nn::DataError("[resume] the checkpoint counts kinks of an unknown op");
    census.nodes.push_back(
        {to_count(node.at(0)), node.at(1), node.at(2), op->about.name, std::nullopt});
  }
  for (const auto& scope : state.at("scopes"))
    census.scopes.push_back({to_count(scope.at(0)), scope.at(1)});
  for (const NodeKinks& node : census.nodes)
    if (node.scope >= census.scopes.size())
      throw nn::DataError("[resume] the checkpoint counts kinks of an unknown scope");
  return census;
}

}  // namespace

nlohmann::json KinkWatch::state() const {
  return {{"steps", steps_}, {"epoch", to_state(epoch_)}, {"run", to_state(run_)}};
}
void KinkWatch::set_state(const nlohmann::json& state) {
  steps_ = state.at("steps");
  epoch_ = from_state(state.at("epoch"));
  run_ = from_state(state.at("run"));
}

nlohmann::ordered_json KinkWatch::end_epoch() {
  nlohmann::ordered_json all{{"steps", steps_}, {"within", options_.within}};
  all.update(in_json(epoch_.total));
  all["nodes"] = nlohmann::ordered_json::array();
  for (const NodeKinks& node : epoch_.nodes) {
    nlohmann::ordered_json one{{"scope", epoch_.scopes[node.scope].path}, {"op", node.op}};
    one.update(in_json(node));
    all["nodes"].push_back(std::move(one));
  }
  run_ += epoch_;
  epoch_ = {};
  steps_ = 0;
  return all;
}

std::string KinkWatch::summary() const {
  const KinkCount& all = run_.total;
  if (run_.nodes.empty()) return "kinks: no op of this network has one";
  std::string text = fmt::format("kinks: {} of {} elements exactly at one, {} within {:g}",
                                 all.at_kink, all.elements, all.near, options_.within);
  const auto most = std::ranges::max_element(run_.nodes, {}, &NodeKinks::near);
  if (all.near > 0)
    text += fmt::format("; most of these, {}, in {} of {}", most->near, most->op,
                        run_.scopes[most->scope].path);
  return text;
}

}  // namespace ramp::tool

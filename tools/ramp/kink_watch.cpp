#include "kink_watch.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ramp::tool {

namespace {

nlohmann::ordered_json in_json(const KinkCount& count) {
  return {{"elements", count.elements}, {"at_kink", count.at_kink}, {"near", count.near}};
}

}  // namespace

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

#include "unit_watch.hpp"

#include <algorithm>

namespace ramp::tool {

std::vector<std::string> UnitWatch::look() {
  std::vector<std::string> warnings;
  layers_ =
      nn::monitor_units(model_, data_, {.samples = std::max<std::size_t>(1000, data_.size() / 6)});
  warned_.resize(layers_.size());
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    std::string text = nn::warning(layers_[i], threshold_);
    if (text.empty() || warned_[i]) continue;
    warned_[i] = true;
    warnings.push_back(std::move(text));
  }
  return warnings;
}

Parameter<float>* UnitWatch::starved() const {
  for (const nn::UnitReport& layer : layers_)
    for (Parameter<float>* p : model_.parameters()) {
      std::string path = model_.name() + "/" + p->name().substr(0, p->name().rfind('.'));
      std::ranges::replace(path, '.', '/');
      if (layer.dead_share() > threshold_ && layer.name == path) return p;
    }
  return nullptr;
}

nlohmann::json UnitWatch::state() const {
  nlohmann::json state{{"warned", warned_}, {"layers", nlohmann::json::array()}};
  for (const nn::UnitReport& layer : layers_)
    state["layers"].push_back({layer.name, layer.units, layer.dead, layer.dormant, layer.sparsity});
  return state;
}

void UnitWatch::set_state(const nlohmann::json& state) {
  warned_ = state.at("warned").get<std::vector<bool>>();
  layers_.clear();
  for (const auto& layer : state.at("layers"))
    layers_.push_back({layer.at(0), layer.at(1), layer.at(2), layer.at(3), layer.at(4)});
}

}  // namespace ramp::tool

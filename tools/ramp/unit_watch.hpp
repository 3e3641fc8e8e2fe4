// Looks, epoch by epoch, for units of a network that no longer work.
#pragma once

#include <autodiff/values/parameter.hpp>
#include <nn/train/monitor.hpp>

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace ramp::tool {

/// On a sixth of the data it costs 2 to 8 % of an epoch, measured with batches of 10 and 64; small
/// sets are looked at as a whole.
class UnitWatch {
 public:
  UnitWatch(nn::Module<float>& model, const nn::Dataset<float>& data, double threshold)
      : model_(model), data_(data), threshold_(threshold) {}

  /// Looks, and gives a warning for each layer that passes the threshold, once a layer.
  std::vector<std::string> look();
  const std::vector<nn::UnitReport>& layers() const { return layers_; }
  /// The parameter below the first layer that passes it; null if none does.
  Parameter<float>* starved() const;

  /// What it has to remember when the training is picked up again.
  nlohmann::json state() const;
  void set_state(const nlohmann::json& state);

 private:
  nn::Module<float>& model_;
  const nn::Dataset<float>& data_;
  double threshold_;
  std::vector<nn::UnitReport> layers_;
  std::vector<bool> warned_;
};

}  // namespace ramp::tool

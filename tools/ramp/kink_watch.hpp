// Counts, over a training, how often a network stands at a kink: what --watch-kinks asks for.
#pragma once

#include <autodiff/inspect/census.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

namespace ramp::tool {

class KinkWatch {
 public:
  /// Counts a step's elements, before its update.
  void look(const Tape<float>& tape) {
    epoch_.add(tape, options_);
    ++steps_;
  }
  /// What the epoch that ends here has counted.
  nlohmann::ordered_json end_epoch();
  /// What it has to remember when the training is picked up again.
  nlohmann::json state() const;
  void set_state(const nlohmann::json& state);
  /// Of all epochs that have ended, for people.
  std::string summary() const;

 private:
  CensusOptions options_;
  Census epoch_, run_;
  std::uint64_t steps_ = 0;  // of the epoch
};

}  // namespace ramp::tool

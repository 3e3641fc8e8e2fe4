#include <autodiff/values/error.hpp>
#include <nn/train/schedule.hpp>

#include <cmath>
#include <numbers>
#include <utility>

namespace ramp::nn {

Schedule constant(double rate) { return rate; }

Schedule step_decay(double rate, std::uint64_t every, double factor) {
  if (every == 0) throw ValueError("[step_decay] every 0 steps: it must be at least 1");
  return [=](std::uint64_t step) {
    return rate * std::pow(factor, static_cast<double>(step / every));
  };
}

Schedule cosine(double rate, std::uint64_t steps, double end) {
  if (steps == 0) throw ValueError("[cosine] over 0 steps: it must be at least 1");
  return [=](std::uint64_t step) {
    if (step >= steps) return end;
    const double part = static_cast<double>(step) / static_cast<double>(steps);
    return end + (rate - end) * (1 + std::cos(std::numbers::pi * part)) / 2;
  };
}

Schedule warm_up(std::uint64_t steps, Schedule then) {
  return [steps, then = std::move(then)](std::uint64_t step) {
    if (step >= steps) return then(step - steps);
    return then(0) * static_cast<double>(step + 1) / static_cast<double>(steps);
  };
}

}  // namespace ramp::nn

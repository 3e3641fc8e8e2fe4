// Learning rates that change: pure functions of the number of steps taken.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <type_traits>

namespace ramp::nn {

/// The learning rate of step 0, 1, …: a number, one of the functions below, or your own function
/// of std::uint64_t. An epoch has Loader::batches() steps.
class Schedule {
 public:
  Schedule(double rate) : rate_([rate](std::uint64_t) { return rate; }) {}
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, Schedule> &&
           std::is_invocable_r_v<double, F, std::uint64_t>) Schedule(F rate)
      : rate_(std::move(rate)) {}

  double operator()(std::uint64_t step) const { return rate_(step); }

 private:
  std::function<double(std::uint64_t)> rate_;
};

/// The same rate for each step.
Schedule constant(double rate);

/// rate * factor^floor(step / every). ValueError for every = 0.
Schedule step_decay(double rate, std::uint64_t every, double factor = 0.1);

/// Half a cosine from rate at step 0 to `end` at step `steps`, and `end` from then on:
/// end + (rate - end) (1 + cos(pi step / steps)) / 2. Loshchilov & Hutter: SGDR (2017), equation 5,
/// without restarts. ValueError for steps = 0.
Schedule cosine(double rate, std::uint64_t steps, double end = 0);

/// Rises in a straight line to then(0), which step `steps` - 1 has, and goes on with `then`, whose
/// steps count from there: then(0) (step + 1) / steps, after it then(step - steps). Goyal et al.:
/// Accurate, large minibatch SGD (2017), section 2.2.
Schedule warm_up(std::uint64_t steps, Schedule then);

}  // namespace ramp::nn

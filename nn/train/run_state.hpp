// How far a training is: what a checkpoint holds besides the numbers of model and optimizer. The
// trainer's own; nobody else includes it.
#pragma once

#include <nn/train/fit.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ramp::nn {

template <class T> struct RunState {
  std::uint64_t epoch = 0;  // that it is in
  std::size_t batch = 0;    // the next one of this epoch
  std::uint64_t samples = 0;
  double loss_sum = 0, learning_rate = 0;  // of this epoch so far
  std::vector<double> metric_sums;
  FitResult result;
  double best = 0;  // the value of result.best
  double plateau_best = 0;
  std::uint64_t plateau_waited = 0;  // epochs without a better one
  NamedTensors<T>
      best_model;  // parameters and buffers of the best epoch, where somebody wants them
};

/// Values of parameters and buffers, in the order of members(), and back.
template <class T> NamedTensors<T> weights_of(Module<T>& model);
template <class T> void take_weights(Module<T>& model, const NamedTensors<T>& weights);

/// What has to be the same for a run to go on, by name: whatever decides its numbers and can be
/// seen from here. How many epochs it has and its patience may differ. Another build is noted only.
using Identity = std::vector<std::pair<std::string, std::string>>;
template <class T> Identity identity_of(Module<T>& model, const Optimizer<T>& optimizer,
                                        const Loss<T>& loss, const Source<T>& train,
                                        const Dataset<T>* valid, const FitOptions<T>& options);

/// The whole of a training in one checkpoint, and back. unpack() changes nothing, and throws
/// DataError, unless all fits.
template <class T> struct Run {
  Module<T>& model;
  Optimizer<T>& optimizer;
  RunState<T>& state;
  const Identity& identity;
  std::size_t batches, metrics;  // of an epoch, of a step

  Checkpoint<T> pack(const std::string& more) const;
  /// Returns what pack() was given as `more`; `note` gets what the user should know.
  std::string unpack(const Checkpoint<T>& checkpoint, std::string& note) const;
};

}  // namespace ramp::nn

// The training of `ramp train`, once its command line is understood.
#pragma once

#include "data.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ramp::tool {

struct TrainOptions {
  DataOptions data;
  std::string layers = "256,128", activation = "relu", init = "he_uniform", schedule = "constant",
              optimizer = "sgd", out, resume;
  std::optional<double> learning_rate, weight_decay;  // nothing: the optimizer's usual one
  double momentum = 0, clip_norm = 0, dropout = 0, warmup = 0, at_zero = 0, dead_threshold = 0.5,
         checkpoint_seconds = 600;
  std::uint64_t batch = 64, epochs = 10, seed = 1, patience = 0;
  int threads = 1;
  bool nesterov = false, quiet = false, no_monitor = false, watch_kinks = false, overwrite = false;
  std::vector<std::string> arguments;  // all of it as a command line, for --resume
};

/// Trains; with `resume` set, it goes on in that folder.
void train(const TrainOptions& options);

}  // namespace ramp::tool

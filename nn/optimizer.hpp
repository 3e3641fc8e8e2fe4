// Stochastic gradient descent.
#pragma once

#include <autodiff/values/error.hpp>
#include <autodiff/values/parameter.hpp>
#include <nn/schedule.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace ramp::nn {

using ramp::NonFiniteError;  // what training throws when a loss or a gradient becomes one

struct SGDOptions {
  Schedule learning_rate = 0.1;
  double momentum = 0;      // mu
  bool nesterov = false;    // needs a momentum
  double weight_decay = 0;  // lambda
  double clip_norm = 0;     // longest gradient, over all parameters together; 0: any length
};

/// One step for each parameter w with gradient g, in this order; what isn't asked for is left out:
///
///     g = g * min(1, clip_norm / |g|)   Pascanu, Mikolov, Bengio (2013), algorithm 1
///     g = g + lambda w                  the gradient of lambda / 2 |w|^2
///     v = mu v + g                      v starts at 0; Polyak (1964)
///     g = g + mu v,  or without Nesterov g = v;  Sutskever et al. (2013)
///     w = w - learning_rate g
///
/// These are the conventions of torch.optim.SGD (dampening 0), in which a change of the learning
/// rate doesn't touch v. After the constructor nothing allocates.
template <class T = float> class SGD {
 public:
  /// The parameters must outlive it. ValueError for none, for one that comes twice, and for
  /// options that are negative, infinite or NaN, or momentum from 1 up.
  explicit SGD(std::vector<Parameter<T>*> parameters, SGDOptions options = {});

  /// Updates each parameter that has a gradient of this step (Parameter::has_gradient), and uses
  /// these gradients up. The others are left alone, their momentum and weight decay too, and don't
  /// count in |g|. Where none has one, no step is taken.
  ///
  /// Returns |g| before clipping if it clips. ValueError if the schedule gives a rate that is
  /// negative, infinite or NaN; NonFiniteError if |g| is; both leave everything as it was.
  std::optional<double> step();

  /// Forgets the gradients: the next step() won't see them. Only needed to give up what backward()
  /// has given, since step() uses it up and the next backward() replaces it.
  void zero_grad();

  /// The rate of the next step.
  double learning_rate() const { return options_.learning_rate(steps_); }
  std::uint64_t steps() const { return steps_; }  // taken so far
  const SGDOptions& options() const { return options_; }
  const std::vector<Parameter<T>*>& parameters() const { return parameters_; }

 private:
  std::vector<Parameter<T>*> parameters_;
  SGDOptions options_;
  std::vector<Tensor<T>> velocities_;  // none without momentum
  std::uint64_t steps_ = 0;
};

}  // namespace ramp::nn

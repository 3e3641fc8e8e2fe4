// Optimizers: how a step moves parameters along their gradients.
#pragma once

#include <autodiff/values/error.hpp>
#include <autodiff/values/parameter.hpp>
#include <nn/train/schedule.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ramp::nn {

using ramp::NonFiniteError;  // what training throws when a loss or a gradient becomes one

/// Parameters that are treated in another way: those whose name fits. The first group that fits
/// counts; a parameter that fits none has the optimizer's own options.
struct Group {
  std::function<bool(const std::string& name, const Shape& shape)> fits;
  double rate = 1;                       // times the optimizer's learning rate
  std::optional<double> weight_decay{};  // instead of the optimizer's
};
/// No weight decay on biases and on weights of normalization: on what has fewer than two axes.
Group no_decay_on_biases();

/// What all optimizers have.
struct OptimizerOptions {
  Schedule learning_rate = 0.1;
  double weight_decay = 0;  // lambda
  double clip_norm = 0;     // longest gradient, over all parameters together; 0: any length
  double clip_value = 0;    // largest |g| of an element; 0: any; before the norm is clipped
  std::vector<Group> groups = {};
};

/// T is float or double. Derive from it to write your own: say in update() what a step does to one
/// parameter, and keep what it remembers of each in slots().
template <class T = float> class Optimizer {
 public:
  /// The parameters must outlive it. ValueError for none, for one that comes twice, and for
  /// options that are negative, infinite or NaN. `kind` is its name in errors and checkpoints,
  /// `slots` how many tensors it keeps for each parameter; they begin with zeros.
  Optimizer(std::string kind, std::vector<Parameter<T>*> parameters, OptimizerOptions options,
            std::vector<std::string> slots);
  virtual ~Optimizer() = default;

  /// Updates each parameter that has a gradient of this step (Parameter::has_gradient), and uses
  /// these gradients up. The others are left alone, what is remembered of them and their weight
  /// decay too, and don't count in |g|. Where none has one, no step is taken.
  ///
  /// Returns |g| before clipping if it clips the norm; clip_value has cut elements by then, in the
  /// gradients themselves. ValueError if the schedule gives a rate that is negative, infinite or
  /// NaN; NonFiniteError if it clips and |g| is; both leave everything as it was.
  std::optional<double> step();

  /// Forgets the gradients: the next step() won't see them. Only needed to give up what backward()
  /// has given, since step() uses it up and the next backward() replaces it.
  void zero_grad();

  /// The rate of the next step: what the schedule gives, times the factor.
  double learning_rate() const { return factor_ * options_.learning_rate(steps_); }
  /// What the schedule's rate is multiplied by, 1 at first: on-plateau schedules set it.
  double rate_factor() const { return factor_; }
  void set_rate_factor(double factor) { factor_ = factor; }
  std::uint64_t steps() const { return steps_; }  // taken so far
  const std::string& kind() const { return kind_; }
  const OptimizerOptions& options() const { return options_; }
  const std::vector<Parameter<T>*>& parameters() const { return parameters_; }
  /// What else decides its steps, by name: "momentum" and 0.9. A checkpoint compares it.
  virtual std::vector<std::pair<std::string, double>> settings() const { return {}; }
  /// The factor of the rate, and the weight decay, that a parameter's group gives it.
  struct Own {
    double rate, weight_decay;
  };
  const std::vector<Own>& own() const { return own_; }  // as parameters()

  /// All that it remembers, for checkpoints, to be read and to be put back:
  /// "layer0.weight.momentum" and the tensor, and what it has counted.
  std::vector<std::pair<std::string, Tensor<T>*>> slots();
  struct Counters {
    std::uint64_t steps = 0;
    double rate_factor = 1;
    std::vector<std::uint64_t> of_parameters;  // the steps that each has taken
  };
  Counters counters() const { return {steps_, factor_, own_steps_}; }
  /// ValueError for another number of parameters.
  void set_counters(Counters counters);

 protected:
  /// One parameter's step. `g` is to be multiplied by `scale`, which clips; `t` counts the
  /// parameter's own steps, from 1.
  struct Step {
    double rate, weight_decay, scale;
    std::uint64_t t;
  };
  virtual void update(View<T> w, View<const T> g, std::span<Tensor<T>> slots, const Step& step) = 0;

 private:
  std::string kind_;
  std::vector<Parameter<T>*> parameters_;
  OptimizerOptions options_;
  std::vector<std::string> slot_names_;
  std::vector<std::vector<Tensor<T>>> slots_;  // of each parameter
  std::vector<Own> own_;
  double factor_ = 1;
  std::uint64_t steps_ = 0;
  std::vector<std::uint64_t> own_steps_;  // of each parameter
};

struct SGDOptions {
  Schedule learning_rate = 0.1;
  double momentum = 0;      // mu
  bool nesterov = false;    // needs a momentum
  double weight_decay = 0;  // lambda
  double clip_norm = 0;     // longest gradient, over all parameters together; 0: any length
  double clip_value = 0;    // largest |g| of an element; 0: any
  std::vector<Group> groups = {};
};

/// One step for each parameter w with gradient g, in this order; what isn't asked for is left out:
///
///     g = clamp(g, -clip_value, clip_value)
///     g = g * min(1, clip_norm / |g|)   Pascanu, Mikolov, Bengio (2013), algorithm 1
///     g = g + lambda w                  the gradient of lambda / 2 |w|^2
///     v = mu v + g                      v starts at 0; Polyak (1964)
///     g = g + mu v,  or without Nesterov g = v;  Sutskever et al. (2013)
///     w = w - learning_rate g
///
/// These are the conventions of torch.optim.SGD (dampening 0), in which a change of the learning
/// rate doesn't touch v. After the constructor nothing allocates. ValueError for momentum from 1
/// up.
template <class T = float> class SGD : public Optimizer<T> {
 public:
  explicit SGD(std::vector<Parameter<T>*> parameters, SGDOptions options = {});
  std::vector<std::pair<std::string, double>> settings() const override {
    return {{"momentum", momentum_}, {"nesterov", nesterov_}};
  }

 private:
  void update(View<T> w, View<const T> g, std::span<Tensor<T>> slots,
              const typename Optimizer<T>::Step& step) override;

  double momentum_;
  bool nesterov_;
};

struct AdamOptions {
  Schedule learning_rate = 1e-3;
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  /// Adam: added to the gradient, 0 unless given; AdamW: w shrinks by rate * lambda first, 0.01.
  std::optional<double> weight_decay = {};
  double clip_norm = 0, clip_value = 0;
  std::vector<Group> groups = {};
};

/// m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, and
/// w = w - rate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps). Kingma, Ba: Adam (2015),
/// as torch.optim.Adam computes it.
template <class T = float> class Adam : public Optimizer<T> {
 public:
  explicit Adam(std::vector<Parameter<T>*> parameters, AdamOptions options = {})
      : Adam("adam", std::move(parameters), std::move(options), false) {}
  std::vector<std::pair<std::string, double>> settings() const override {
    return {{"beta1", beta1_}, {"beta2", beta2_}, {"eps", eps_}};
  }

 protected:
  Adam(std::string kind, std::vector<Parameter<T>*> parameters, AdamOptions options,
       bool decoupled);

 private:
  void update(View<T> w, View<const T> g, std::span<Tensor<T>> slots,
              const typename Optimizer<T>::Step& step) override;

  double beta1_, beta2_, eps_;
  bool decoupled_;
};

/// Adam with decoupled weight decay, 0.01 unless another is given. Loshchilov, Hutter (2019).
template <class T = float> class AdamW : public Adam<T> {
 public:
  explicit AdamW(std::vector<Parameter<T>*> parameters, AdamOptions options = {})
      : Adam<T>("adamw", std::move(parameters), std::move(options), true) {}
};

struct RMSpropOptions {
  Schedule learning_rate = 1e-2;
  double alpha = 0.99, eps = 1e-8, momentum = 0;
  double weight_decay = 0, clip_norm = 0, clip_value = 0;
  std::vector<Group> groups = {};
};

/// v = alpha v + (1 - alpha) g^2, d = g / (sqrt(v) + eps); with momentum b = mu b + d, d = b;
/// w = w - rate d. Tieleman, Hinton (2012), as torch.optim.RMSprop computes it.
template <class T = float> class RMSprop : public Optimizer<T> {
 public:
  explicit RMSprop(std::vector<Parameter<T>*> parameters, RMSpropOptions options = {});
  std::vector<std::pair<std::string, double>> settings() const override {
    return {{"alpha", alpha_}, {"eps", eps_}, {"momentum", momentum_}};
  }

 private:
  void update(View<T> w, View<const T> g, std::span<Tensor<T>> slots,
              const typename Optimizer<T>::Step& step) override;

  double alpha_, eps_, momentum_;
};

}  // namespace ramp::nn

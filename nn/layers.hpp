// The layers: Linear, Sequential, MLP, and an activation as a module.
#pragma once

#include <nn/activation.hpp>
#include <nn/init.hpp>
#include <nn/module.hpp>
#include <nn/random.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace ramp::nn {

struct LinearOptions {
  Init init = Init::he_uniform;
  double gain = 1;  // of he: nn::gain(the activation that follows)
  bool bias = true;
};

/// y = x W + b: x (.., in), W (in, out), b (out), which starts at 0. In memory the weight is
/// (in, out), so that the forward pass needs no transposed product; files hold it as (out, in),
/// as other tools expect.
///
/// Its parameters are "weight" and "bias". ValueError for sizes below 1; on use, ShapeError for
/// inputs of another width.
template <class T = float> class Linear : public Module<T> {
 public:
  Linear(std::int64_t in, std::int64_t out, Random& random, LinearOptions options = {});
  Linear(std::int64_t in, std::int64_t out, Random&& random, LinearOptions options = {})
      : Linear(in, out, random, options) {}  // Linear(2, 16, Random(seed))

  std::int64_t in() const { return weight_.shape()[0]; }
  std::int64_t out() const { return weight_.shape()[1]; }
  Parameter<T>& weight() { return weight_; }
  Parameter<T>* bias() { return bias_; }  // null if it has none

 private:
  Var<T> forward(const Var<T>& x) override;

  Parameter<T>& weight_;
  Parameter<T>* bias_;
};

/// An activation where a module is asked for.
template <class T = float> class ActivationLayer : public Module<T> {
 public:
  explicit ActivationLayer(Activation activation)
      : Module<T>(std::string(to_string(activation))), activation_(activation) {}

 private:
  Var<T> forward(const Var<T>& x) override { return activate(activation_, x); }

  Activation activation_;
};

/// Modules one after the other, named "0", "1", … or as you like.
///
///     Sequential<float> model;
///     model.push<Linear<float>>(2, 16, random);
///     model.push<ActivationLayer<float>>(Activation::tanh);
template <class T = float> class Sequential : public Module<T> {
 public:
  explicit Sequential(std::string name = "sequential") : Module<T>(std::move(name)) {}

  template <class M, class... Args> M& push(Args&&... args) {
    return push_named<M>(std::to_string(this->parts().size()), std::forward<Args>(args)...);
  }
  template <class M, class... Args> M& push_named(std::string_view name, Args&&... args) {
    return this->template add<M>(name, std::forward<Args>(args)...);
  }

 private:
  Var<T> forward(const Var<T>& x) override;
};

struct MLPOptions {
  Activation activation = Activation::relu;  // after each layer but the last
  Init init = Init::he_uniform;  // he takes the gain of the activation, for the last layer 1
  bool bias = true;
  std::uint64_t seed = 0;  // layer i draws from Random(seed).stream(i)
  std::string name = "mlp";
};

/// Linear layers with activations between them: MLP<float> model({784, 256, 128, 10}). Parameters
/// are layer0.weight, layer0.bias, layer1.weight, …; nodes lie in the scopes mlp/layer0, …, each
/// with its activation. ValueError for fewer than two sizes or one below 1.
template <class T = float> class MLP : public Module<T> {
 public:
  explicit MLP(std::vector<std::int64_t> sizes, MLPOptions options = {});

  const std::vector<std::int64_t>& sizes() const { return sizes_; }
  const MLPOptions& options() const { return options_; }

 private:
  Var<T> forward(const Var<T>& x) override;

  std::vector<std::int64_t> sizes_;
  MLPOptions options_;
};

}  // namespace ramp::nn

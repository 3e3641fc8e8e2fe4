// The layers that compute: Linear, Embedding, an activation as a module, Flatten.
#pragma once

#include <nn/model/activation.hpp>
#include <nn/model/init.hpp>
#include <nn/model/module.hpp>
#include <nn/random.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace ramp::nn {

struct LinearOptions {
  Activation activation = "identity";
  Init init = "he_uniform";
  std::optional<double> gain = {};  // of he; nothing: the activation's
  bool bias = true;
};

/// y = activation(x W + b): x (.., in), W (in, out), b (out), which starts at 0. In memory the
/// weight is (in, out), so that the forward pass needs no transposed product; files hold it as
/// (out, in), as other tools expect.
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
  Parameter<T>* bias() { return bias_ ? &*bias_ : nullptr; }  // null if it has none
  const Activation& activation() const { return activation_; }

  void members(Members<T>& m) override;
  Var<T> forward(const Var<T>& x) override;

 private:
  Activation activation_;
  Parameter<T> weight_;
  std::optional<Parameter<T>> bias_;
};

/// An activation where a module is asked for.
template <class T = float> class ActivationLayer : public Module<T> {
 public:
  explicit ActivationLayer(Activation activation)
      : Module<T>(std::string(activation.name())), activation_(activation) {}

  const Activation& activation() const { return activation_; }
  Var<T> forward(const Var<T>& x) override { return activation_(x); }

 private:
  Activation activation_;
};

/// A row of numbers for each of `count` things, learned: x (..) of whole numbers from 0 to count -
/// 1 gives (.., width). Its parameter is "weight" (count, width), standard normal at the start.
/// ValueError for sizes below 1; on use, IndexError for a number that is not whole or out of range.
template <class T = float> class Embedding : public Module<T> {
 public:
  Embedding(std::int64_t count, std::int64_t width, Random& random);
  Embedding(std::int64_t count, std::int64_t width, Random&& random)
      : Embedding(count, width, random) {}

  std::int64_t count() const { return weight_.shape()[0]; }
  std::int64_t width() const { return weight_.shape()[1]; }
  Parameter<T>& weight() { return weight_; }

  void members(Members<T>& m) override { m("weight", weight_); }
  Var<T> forward(const Var<T>& x) override;

 private:
  Parameter<T> weight_;
};

/// Scores as probabilities, over the last axis. A training wants the scores: cross_entropy takes
/// those, and more precisely.
template <class T = float> class SoftmaxLayer : public Module<T> {
 public:
  SoftmaxLayer() : Module<T>("softmax") {}
  Var<T> forward(const Var<T>& x) override { return softmax(x); }
};

/// (n, a, b, ..) becomes (n, a b ..).
template <class T = float> class Flatten : public Module<T> {
 public:
  Flatten() : Module<T>("flatten") {}
  Var<T> forward(const Var<T>& x) override;
};

}  // namespace ramp::nn

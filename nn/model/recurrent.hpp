// A layer with a memory: the gated recurrent unit, one step of it.
#pragma once

#include <nn/model/module.hpp>
#include <nn/random.hpp>

#include <cstdint>

namespace ramp::nn {

/// From an input x (n, in) and a state h (n, size) to the next state, each number of it somewhere
/// between the old one and a candidate. Cho et al.: Learning phrase representations using RNN
/// encoder-decoder (2014); gates and names as PyTorch's GRUCell has them:
///
///     reset = sigmoid(x W + h U), update = sigmoid(x W + h U)     each with a W and a U of its
///     own, candidate = tanh(x W + reset * (h U))                       and with biases next =
///     candidate + update * (h - candidate)
///
/// The three stand side by side in "weight_ih" (in, 3 size), "weight_hh" (size, 3 size), "bias_ih"
/// and "bias_hh" (3 size), uniform up to 1 / sqrt(size) at the start. A sequence is a loop:
///
///     for (int t = 0; t < steps; ++t) h = call(cell, column(t), h);
///
/// ValueError for sizes below 1; on use, ShapeError for others.
template <class T = float> class GRUCell : public Module<T> {
 public:
  GRUCell(std::int64_t in, std::int64_t size, Random& random);
  GRUCell(std::int64_t in, std::int64_t size, Random&& random) : GRUCell(in, size, random) {}

  std::int64_t in() const { return weight_ih_.shape()[0]; }
  std::int64_t size() const { return weight_hh_.shape()[0]; }

  void members(Members<T>& m) override;
  Var<T> forward(const Var<T>& x) override;  // the first step, from a state of zeros
  Var<T> forward(const Var<T>& x, const Var<T>& h);

 private:
  Parameter<T> weight_ih_, weight_hh_, bias_ih_, bias_hh_;
};

}  // namespace ramp::nn

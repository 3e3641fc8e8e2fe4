// The layers that keep signals in bounds: Dropout, LayerNorm, BatchNorm1d, Standardize.
#pragma once

#include <nn/model/module.hpp>
#include <nn/random.hpp>

#include <cstdint>
#include <vector>

namespace ramp::nn {

/// In training each number is 0 with probability `rate`, else divided by 1 - rate; in eval() mode
/// nothing is changed. Srivastava et al.: Dropout (2014). Its generator goes on from call to call,
/// and belongs to a checkpoint; layers of one model draw each their own, even of one seed.
/// ValueError unless 0 <= rate < 1.
template <class T = float> class Dropout : public Module<T> {
 public:
  explicit Dropout(double rate, std::uint64_t seed = 0);

  double rate() const { return rate_; }
  void members(Members<T>& m) override { m("generator", random_); }
  Var<T> forward(const Var<T>& x) override;

 private:
  double rate_;
  Random random_;
  std::vector<T> mask_;  // of the last call; its memory is used again
};

/// (x - mean) / sqrt(variance + eps) * weight + bias, over the last axis, of `features` numbers.
/// Ba, Kiros, Hinton: Layer normalization (2016); the variance is divided by n, as PyTorch does.
template <class T = float> class LayerNorm : public Module<T> {
 public:
  explicit LayerNorm(std::int64_t features, double eps = 1e-5);

  std::int64_t features() const { return weight_.shape()[0]; }
  double eps() const { return eps_; }
  void members(Members<T>& m) override;
  Var<T> forward(const Var<T>& x) override;

 private:
  double eps_;
  Parameter<T> weight_, bias_;
};

/// The same over the rows of a batch (n, features), for each feature. In training it takes the
/// batch's own statistics and lets `running_mean` and `running_var` follow, a share `momentum` each
/// step; in eval() mode it takes those. Ioffe, Szegedy: Batch normalization (2015); as PyTorch
/// does, the batch's variance is divided by n, that which is kept by n - 1. ValueError for a batch
/// of one row in training.
template <class T = float> class BatchNorm1d : public Module<T> {
 public:
  explicit BatchNorm1d(std::int64_t features, double eps = 1e-5, double momentum = 0.1);

  std::int64_t features() const { return weight_.shape()[0]; }
  double eps() const { return eps_; }
  double momentum() const { return momentum_; }
  const Tensor<T>& running_var() const { return running_var_; }
  void members(Members<T>& m) override;
  Var<T> forward(const Var<T>& x) override;

 private:
  double eps_, momentum_;
  Parameter<T> weight_, bias_;
  Tensor<T> running_mean_, running_var_;
};

/// (x - mean) / deviation for each feature, with numbers that were learned on the training set
/// (column_statistics, in data/dataset.hpp) and belong to the model: its buffers "mean" and
/// "deviation". ValueError for a deviation that isn't finite and above 0.
template <class T = float> class Standardize : public Module<T> {
 public:
  Standardize(Tensor<T> mean, Tensor<T> deviation);

  std::int64_t features() const { return static_cast<std::int64_t>(mean_.size()); }
  const Tensor<T>& deviation() const { return deviation_; }
  void members(Members<T>& m) override;
  Var<T> forward(const Var<T>& x) override;

 private:
  Tensor<T> mean_, deviation_;
};

}  // namespace ramp::nn

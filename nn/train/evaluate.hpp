// What a trained model gives, and how well it does on a data set.
#pragma once

#include <nn/data/dataset.hpp>
#include <nn/model/module.hpp>
#include <nn/train/loss.hpp>
#include <nn/train/metric.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace ramp::nn {

/// "loss", and each metric by its name.
using Scores = std::map<std::string, double>;

/// Module and parts are in eval() mode while it lives, and then in the modes that they had.
template <class T> class EvalMode {
 public:
  explicit EvalMode(Module<T>& model);
  ~EvalMode();
  EvalMode(const EvalMode&) = delete;
  EvalMode& operator=(const EvalMode&) = delete;

 private:
  std::vector<std::pair<Module<T>*, bool>> modes_;
};

/// The outputs for these inputs (n, ..), `batch_size` rows at a time, in eval() mode and without
/// gradients. ValueError for batch size 0, ShapeError for inputs without rows or axes.
///
///     const std::vector<std::int32_t> classes = answers(predict(model, x).view());
template <class T> Tensor<T> predict(Module<T>& model,
                                     const std::type_identity_t<Tensor<T>>& inputs,
                                     std::size_t batch_size = 256);

/// One rank's share of evaluate(): it computes its part of the outputs, and `combine` makes them,
/// which are 0 in what is others', whole on all ranks. What is found then is what one
/// process finds, to the bit.
template <class T> struct EvaluateShare {
  std::size_t rank = 0, ranks = 1;
  std::function<void(std::span<T> outputs)> combine = {};
};

/// How good predict() of the whole set is: the mean of the loss over the samples, and the metrics;
/// without any, accuracy where the set has labels and the outputs are scores for them. Rows aren't
/// copied. ValueError for batch size 0; DataError for an empty set, or Loss::check's.
template <class T> Scores evaluate(Module<T>& model, const std::type_identity_t<Dataset<T>>& data,
                                   const std::type_identity_t<Loss<T>>& loss = "cross_entropy",
                                   const std::type_identity_t<std::vector<Metric<T>>>& metrics = {},
                                   std::size_t batch_size = 256,
                                   const std::type_identity_t<EvaluateShare<T>>& share = {});

/// What evaluate() and fit() take where no metrics are given: accuracy, NaN where it isn't defined.
template <class T> Metric<T> accuracy_where_defined();

}  // namespace ramp::nn

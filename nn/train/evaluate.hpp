// How well a model does on a data set.
#pragma once

#include <nn/data/dataset.hpp>
#include <nn/model/module.hpp>
#include <nn/train/loss.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace ramp::nn {

/// Throws DataError unless the set has what the loss compares with: labels for cross_entropy,
/// targets for the others.
template <class T> void check_loss(Loss loss, const Dataset<T>& data);

/// Counts right answers. With k > 1 outputs the answer is the largest one (the first of equals; a
/// row with NaN is never right). With one output it is class 1 above a threshold, else class 0: 0
/// for bce and hinge, for mse the middle between the smallest and the largest target.
template <class T> class Accuracy {
 public:
  Accuracy(Loss loss, const Dataset<T>& data);

  /// Nothing where right and wrong aren't defined: the set has no labels, or there are as many
  /// outputs as neither classes nor one.
  std::optional<std::size_t> correct(View<const T> outputs,
                                     std::span<const std::int32_t> labels) const;

 private:
  T threshold_ = 0;
  std::size_t classes_;
};

struct Evaluation {
  double loss;                     // mean over the samples
  std::optional<double> accuracy;  // from 0 to 1; nothing where it isn't defined
};

/// Runs the model over the whole set, `batch_size` rows at a time, without gradients and without
/// copying the rows. ValueError for batch size 0; DataError for an empty set, or check_loss's.
template <class T> Evaluation evaluate(Module<T>& model, const Dataset<T>& data,
                                       Loss loss = Loss::cross_entropy,
                                       std::size_t batch_size = 256);

}  // namespace ramp::nn

// Metrics: one number that says how good outputs are, for people. No gradient goes through them.
#pragma once

#include <autodiff/values/tensor.hpp>
#include <nn/data/source.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace ramp::nn {

/// Outputs are (n, k), labels n numbers from 0 to k - 1, or 0 and 1 where k = 1: then an output
/// above the threshold answers 1, and others 0. Else the answer is the largest output, the first
/// of equals; a row with NaN is never right. Each throws ShapeError for outputs that don't go with
/// the labels or targets, and DataError for none of them.

/// The share of right answers.
template <class T>
double accuracy(View<const T> outputs, std::span<const std::int32_t> labels, double threshold = 0);
/// The share of rows whose label is among the k largest outputs (of equals, the first). ValueError
/// for k = 0.
template <class T>
double top_k(View<const T> outputs, std::span<const std::int32_t> labels, std::size_t k);
/// The answers: for each row the place of the largest output, or 1 above the threshold and else 0.
/// NaN counts as smaller than any number.
template <class T> std::vector<std::int32_t> answers(View<const T> outputs, double threshold = 0);
/// How often label i (the row) was answered with j (the column): (classes, classes). DataError for
/// outputs with NaN.
template <class T> Tensor<double> confusion_matrix(View<const T> outputs,
                                                   std::span<const std::int32_t> labels,
                                                   double threshold = 0);
/// Of each class, from a confusion matrix: the share of its answers that are right, the share of
/// its samples that were found, and 2 right / (answers + samples). NaN where that is 0 / 0.
struct ClassScores {
  std::vector<double> precision, recall, f1;
};
ClassScores class_scores(const Tensor<double>& confusion);
/// The mean of f1 over the classes that occur, in labels or answers: scikit-learn's
/// f1_score(average="macro").
double macro_f1(const Tensor<double>& confusion);
/// The area under the ROC curve of two classes: the chance that one of label 1 scores above one of
/// label 0, ties counted half. The score is the output, or of two the second minus the first. NaN
/// without both labels.
template <class T> double auc(View<const T> outputs, std::span<const std::int32_t> labels);

/// Mean of |output - target|, and 1 - sum of (output - target)^2 / sum of (target - mean)^2 (NaN
/// where the targets don't vary), over all elements.
template <class T> double mean_absolute_error(View<const T> outputs, View<const T> targets);
template <class T> double r2(View<const T> outputs, View<const T> targets);

/// The same of tensors: accuracy(predict(model, x), labels).
template <class T>
auto accuracy(const Tensor<T>& y, std::span<const std::int32_t> labels, double threshold = 0) {
  return accuracy(y.view(), labels, threshold);
}
template <class T>
auto top_k(const Tensor<T>& y, std::span<const std::int32_t> labels, std::size_t k) {
  return top_k(y.view(), labels, k);
}
template <class T> auto answers(const Tensor<T>& y, double threshold = 0) {
  return answers(y.view(), threshold);
}
template <class T> auto confusion_matrix(const Tensor<T>& y, std::span<const std::int32_t> labels,
                                         double threshold = 0) {
  return confusion_matrix(y.view(), labels, threshold);
}
template <class T> auto auc(const Tensor<T>& y, std::span<const std::int32_t> labels) {
  return auc(y.view(), labels);
}
template <class T> auto mean_absolute_error(const Tensor<T>& y, const Tensor<T>& targets) {
  return mean_absolute_error(y.view(), targets.view());
}
template <class T> auto r2(const Tensor<T>& y, const Tensor<T>& targets) {
  return r2(y.view(), targets.view());
}

/// What evaluate() and fit() take: one of the table by name (accuracy, top_5, f1, auc, mae, mse,
/// r2), or your own function of all outputs and the set they belong to, as one batch:
///
///     Metric<float> half([](View<const float> y, const Batch<float>& all) {
///       return accuracy(y, all.labels, 0.5); }, "accuracy above one half");
template <class T = float> class Metric {
 public:
  using Function = std::function<double(View<const T> outputs, const Batch<T>& all)>;

  /// Throws ValueError, which lists the names, for an unknown one.
  Metric(std::string_view name);
  Metric(const char* name) : Metric(std::string_view(name)) {}
  Metric(const std::string& name) : Metric(std::string_view(name)) {}
  template <class F>
  requires(std::is_invocable_r_v<double, F&, View<const T>, const Batch<T>&> &&
           !std::same_as<std::remove_cvref_t<F>, Metric>)
      Metric(F f, std::string name = "metric", bool larger_is_better = true)
      : name_(std::move(name)), function_(std::move(f)), larger_is_better_(larger_is_better) {}

  const std::string& name() const { return name_; }
  bool larger_is_better() const { return larger_is_better_; }
  /// Whether it is the mean of something that each sample has, so that parts of a set add up: f1,
  /// auc and r2 aren't. One of your own is taken for such a mean.
  bool is_mean() const { return is_mean_; }
  double operator()(View<const T> outputs, const Batch<T>& all) const {
    return function_(outputs, all);
  }

 private:
  std::string name_;
  Function function_;
  bool larger_is_better_ = true, is_mean_ = true;
};

std::span<const std::string_view> metric_names();

}  // namespace ramp::nn

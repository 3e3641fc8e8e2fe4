// Losses: one number from outputs and what they should have been. Operands of different shape are
// refused, never broadcast.
#pragma once

#include <autodiff/tape/tape.hpp>
#include <nn/data/source.hpp>

#include <concepts>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace ramp::nn {

enum class Reduction {
  mean,
  sum
};  // over the samples, or for mse, l1, huber and bce over all elements

/// Each gives a scalar, and throws ShapeError, which names both shapes, where they differ. T is
/// float or double.

/// mean of (y - target)^2. In no convention here is it halved.
template <class T>
Var<T> mse(const Var<T>& y, const Var<T>& target, Reduction reduction = Reduction::mean);

/// mean of |y - target|.
template <class T>
Var<T> l1(const Var<T>& y, const Var<T>& target, Reduction reduction = Reduction::mean);

/// mean of e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2), e = y - target: PyTorch's
/// huber_loss. ValueError for delta <= 0.
template <class T> Var<T> huber_loss(const Var<T>& y, const Var<T>& target, double delta = 1,
                                     Reduction reduction = Reduction::mean);

struct CrossEntropyOptions {
  double smoothing = 0;  // this share of the target is spread evenly over all classes
  /// Of the classes; empty: all 1. The mean is divided by the sum of those of the labels.
  std::vector<double> weights = {};
  Reduction reduction = Reduction::mean;
};

/// mean of -log softmax(scores)[label], scores (n, k), n labels from 0 to k - 1. IndexError for
/// other labels. Smoothing and weights are those of torch.nn.CrossEntropyLoss. (The engine's
/// ramp::cross_entropy gives the n numbers before the mean.)
template <class T> Var<T> cross_entropy(const Var<T>& scores, std::span<const std::int32_t> labels,
                                        const CrossEntropyOptions& options = {});

/// mean of -log_probabilities[label]: for outputs that went through log_softmax already.
template <class T> Var<T> nll(const Var<T>& log_probabilities, std::span<const std::int32_t> labels,
                              Reduction reduction = Reduction::mean);

/// mean of -y log p - (1 - y) log(1 - p), p = sigmoid(scores), y from 0 to 1; ValueError for
/// others. It is max(x, 0) - x y + log1p(exp(-|x|)), computed as y softplus(-x) + (1 - y)
/// softplus(x), which keeps the small digits of value and slope where the answer is right and sure.
template <class T> Var<T> bce_with_logits(const Var<T>& scores, const Var<T>& y,
                                          Reduction reduction = Reduction::mean);

/// mean of max(0, 1 - y score), y either -1 or +1; ValueError for others. Its slope at the kink is
/// the tape's convention.
template <class T>
Var<T> hinge(const Var<T>& scores, const Var<T>& y, Reduction reduction = Reduction::mean);

/// The targets of a batch on the tape of its outputs, for losses of your own. They aren't copied.
template <class T> Var<T> targets_of(const Batch<T>& batch, const Var<T>& outputs) {
  return outputs.tape().borrow(batch.targets, "targets");
}

/// What fit() takes: one of the table by name (cross_entropy and nll compare with the labels, mse,
/// l1, huber, bce_with_logits and hinge with the targets), or your own function of outputs and
/// batch:
///
///     fit(model, optimizer, "mse", train);
///     fit(model, optimizer, [](const Var<float>& y, const Batch<float>& batch) {
///       return cross_entropy(y, batch.labels, {.smoothing = 0.1});
///     }, train);
template <class T = float> class Loss {
 public:
  using Function = std::function<Var<T>(const Var<T>& outputs, const Batch<T>& batch)>;

  /// Throws ValueError, which lists the names, for an unknown one.
  Loss(std::string_view name);
  Loss(const char* name) : Loss(std::string_view(name)) {}
  Loss(const std::string& name) : Loss(std::string_view(name)) {}
  template <class F>
  requires(std::is_invocable_r_v<Var<T>, F&, const Var<T>&, const Batch<T>&> &&
           !std::same_as<std::remove_cvref_t<F>, Loss>) Loss(F f, std::string name = "loss")
      : name_(std::move(name)), function_(std::move(f)) {}

  const std::string& name() const { return name_; }
  /// In the scope "loss". DataError if the batch lacks what a loss of the table compares with.
  Var<T> operator()(const Var<T>& outputs, const Batch<T>& batch) const;
  /// DataError unless the source has what a loss of the table compares with.
  void check(const Source<T>& source) const;

 private:
  std::string name_;
  bool by_label_ = false, by_target_ = false;
  Function function_;
};

/// The names of the table.
std::span<const std::string_view> loss_names();

}  // namespace ramp::nn

// Losses: one number from outputs and what they should have been. Operands of different shape are
// refused, never broadcast.
#pragma once

#include <autodiff/tape/tape.hpp>

#include <cstdint>
#include <span>
#include <string_view>

namespace ramp::nn {

enum class Reduction { mean, sum };  // over the samples, or for mse and bce over all elements

/// Each gives a scalar, and throws ShapeError, which names both shapes, where they differ. T is
/// float or double.

/// mean of (y - target)^2. In no convention here is it halved.
template <class T>
Var<T> mse(const Var<T>& y, const Var<T>& target, Reduction reduction = Reduction::mean);

/// mean of -log softmax(scores)[label], scores (n, k), n labels from 0 to k - 1. IndexError for
/// other labels. (The engine's ramp::cross_entropy gives the n numbers before the mean.)
template <class T> Var<T> cross_entropy(const Var<T>& scores, std::span<const std::int32_t> labels,
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

/// The losses by name, for options and command lines.
enum class Loss { cross_entropy, mse, bce, hinge };

std::span<const std::string_view> loss_names();
std::string_view to_string(Loss loss);
/// Throws ValueError, which lists the names, for an unknown one.
Loss loss_named(std::string_view name);

/// The loss of a batch, in the scope "loss": cross_entropy compares with the labels, the others
/// with the targets. Both must stay as they are until the tape is cleared: targets aren't copied.
template <class T> Var<T> batch_loss(Loss loss, const Var<T>& outputs, View<const T> targets,
                                     std::span<const std::int32_t> labels,
                                     Reduction reduction = Reduction::mean);

}  // namespace ramp::nn

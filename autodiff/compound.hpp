// Functions of tensors that are made of ops, under the names that people look for.
#pragma once

#include <autodiff/tape/tape.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace ramp {

// --- Shapes

/// x without an axis of size 1, or without all of them. ShapeError if the axis has another size.
template <Traced X> auto squeeze(const X& x, Axis axis) {
  const Shape shape = shape_of(x, "squeeze");
  const int i = normal_axis("squeeze", axis.index, shape);
  if (shape[i] != 1) shaping::fail("squeeze", shape, "the axis has more than one element, or none");
  return reshape(x, shape.without(i));
}
template <Traced X> auto squeeze(const X& x) {
  Shape shape = shape_of(x, "squeeze");
  for (int i = shape.rank(); i-- > 0;)
    if (shape[i] == 1) shape = shape.without(i);
  return reshape(x, shape);
}
/// x with a new axis of size 1 in front of `axis`; -1 puts it last.
template <Traced X> auto unsqueeze(const X& x, int axis) {
  const Shape shape = shape_of(x, "unsqueeze");
  if (axis < 0) axis += shape.rank() + 1;
  if (axis < 0 || axis > shape.rank() || shape.rank() == max_rank)
    shaping::fail("unsqueeze", shape, "there is no room for this axis");
  return reshape(x, shape.inserted(axis, 1));
}
/// x as one row of numbers.
template <Traced X> auto flatten(const X& x) {
  return reshape(x, Shape{shape_of(x, "flatten").size()});
}

// With constants of the others' tape in the place of numbers; of numbers alone, these. HandleError
// unless there is one tape.
template <class T> std::vector<Var<T>> on_one_tape(const char* call, std::span<const Var<T>> in) {
  std::vector<Var<T>> all(in.begin(), in.end());
  const auto first = std::ranges::find_if(in, &Var<T>::on_tape);
  if (first == in.end()) return all;
  Tape<T>& tape = first->tape(call);
  for (const Var<T>& x : in)
    if (x.on_tape()) tape.at(x, call);
  for (Var<T>& x : all)
    if (!x.on_tape()) x = tape.constant(x.item());
  return all;
}
/// Tensors of one shape, or numbers, side by side along a new axis.
template <class T> Var<T> stack(std::span<const Var<T>> in, int axis = 0) {
  for (const Var<T>& x : in)
    if (const Shape a = shape_of(in[0], "stack"), b = shape_of(x, "stack"); !(a == b))
      shaping::fail("stack", a, b, "all must have one shape");
  std::vector<Var<T>> parts = on_one_tape("stack", in);
  for (Var<T>& x : parts) x = unsqueeze(x, axis);
  return concat(parts, axis);
}
template <class T> Var<T> stack(std::initializer_list<Var<T>> in, int axis = 0) {
  return stack(std::span<const Var<T>>(in.begin(), in.size()), axis);
}
template <class R>
requires is_var<ValueIn<R>> ValueIn<R> stack(const R& in, int axis = 0) {
  return stack(std::span<const ValueIn<R>>(in), axis);
}
/// Parts of `size` along an axis; the last may be smaller.
template <Traced X> std::vector<X> split(const X& x, std::int64_t size, Axis axis = 0) {
  const Shape shape = shape_of(x, "split");
  const int i = normal_axis("split", axis.index, shape);
  if (size < 1) shaping::fail("split", shape, "parts must have a size of 1 or more");
  std::vector<X> parts;
  const std::int64_t n = shape[i];
  for (std::int64_t at = 0; at < n; at += size)
    parts.push_back(slice(x, i, at, std::min(at + size, n)));
  return parts;
}
/// Moves all along an axis by `shift`; what leaves at the end comes in at the beginning.
template <Traced X> auto roll(const X& x, std::int64_t shift, Axis axis = -1) {
  const Shape shape = shape_of(x, "roll");
  const int i = normal_axis("roll", axis.index, shape);
  const std::int64_t n = shape[i], cut = n == 0 ? 0 : n - (shift % n + n) % n;
  return concat({slice(x, i, cut, n), slice(x, i, 0, cut)}, i);
}
/// `times` copies of x, one after another along an axis.
template <Traced X> auto tile(const X& x, std::size_t times, Axis axis = 0) {
  return concat(std::vector<X>(times, x), axis.index);
}

// --- Sums and products

/// Of two vectors of one length: the sum of their products. ShapeError for others; matmul takes
/// them.
template <Traced A, Traced B> auto dot(const A& a, const B& b) {
  const Shape p = shape_of(a, "dot"), q = shape_of(b, "dot");
  if (p.rank() != 1 || !(p == q)) shaping::fail("dot", p, q, "it needs two vectors of one length");
  return sum(a * b);
}
/// (n) and (m): (n, m), each product.
template <Traced A, Traced B> auto outer(const A& a, const B& b) {
  using X = typename Recording<A, B>::type;
  if constexpr (is_var<X>) X::check_together("outer", a, b);
  const std::uint64_t n = shape_of(a, "outer").size(), m = shape_of(b, "outer").size();
  return reshape(a, Shape{n, 1}) * reshape(b, Shape{1, m});
}
/// The product along an axis, by halves: its gradient is right where elements are 0, too.
template <Traced X> X prod(const X& x, Axis axis, bool keepdims = false) {
  const Shape shape = shape_of(x, "prod");
  const int i = normal_axis("prod", axis.index, shape);
  X y = x;
  std::int64_t n = shape[i];
  if (n == 0) return exp(sum(x, i, keepdims));  // of nothing: 1
  for (; n > 1; n = n / 2 + n % 2) {
    const X pairs = slice(y, i, 0, n / 2) * slice(y, i, n / 2, n / 2 * 2);
    y = n % 2 ? concat({pairs, slice(y, i, n - 1, n)}, i) : pairs;
  }
  return keepdims ? y : squeeze(y, i);
}
template <Traced X> X prod(const X& x) {
  return shape_of(x, "prod").rank() == 0 ? x : prod(flatten(x), 0);
}
/// Each element and all before it, along an axis; errors grow with the logarithm of the length.
template <Traced X> X cumsum(const X& x, Axis axis = -1) {
  const Shape shape = shape_of(x, "cumsum");
  const int i = normal_axis("cumsum", axis.index, shape);
  X y = x;
  const std::int64_t n = shape[i];
  for (std::int64_t k = 1; k < n; k *= 2)
    y = concat({slice(y, i, 0, k), slice(y, i, k, n) + slice(y, i, 0, n - k)}, i);
  return y;
}
/// Mean of the squares around the mean; along an axis, divided by n - ddof, or by 0 if that is
/// less.
template <Traced X> auto var(const X& x) { return mean(square(x - mean(x))); }
template <Traced X> auto var(const X& x, Axis axis, bool keepdims = false, double ddof = 0) {
  const Shape shape = shape_of(x, "var");
  const int i = normal_axis("var", axis.index, shape);
  return sum(square(x - mean(x, i, true)), i, keepdims) / std::max(shape[i] - ddof, 0.0);
}
/// The root of var(x, ..); its slope is infinite where all are equal, as sqrt's at 0.
template <Traced X, class... More> auto stddev(const X& x, More... more) {
  return sqrt(var(x, more...));
}

// --- Matrices

/// The diagonal of a matrix, as a vector.
template <Traced X> auto diagonal(const X& x) {
  const Shape shape = shape_of(x, "diagonal");
  if (shape.rank() != 2) shaping::fail("diagonal", shape, "it needs a matrix");
  const std::int64_t n = std::min(shape[0], shape[1]), m = shape[1];
  return slice(flatten(x), 0, 0, n == 0 ? 0 : (n - 1) * m + n, m + 1);
}
template <Traced X> auto trace(const X& x) { return sum(diagonal(x)); }

// --- Integers, which have no gradient

// Where the best of each row of the last axis stands, the first of equals; a NaN is the best.
template <class T, class Better>
std::vector<std::int32_t> places_of(const char* op, const View<const T>& x, Better better) {
  if (x.shape.rank() == 0 || x.shape.back() == 0)
    shaping::fail(op, x.shape, "there is nothing to choose from");
  std::vector<std::int32_t> places;
  const std::ptrdiff_t n = x.shape.back();
  for (const T* row = x.begin(); row != x.end(); row += n) {
    const T* const best = std::max_element(
        row, row + n, [=](T a, T b) { return better(b, a) || (b != b && a == a); });
    places.push_back(static_cast<std::int32_t>(best - row));
  }
  return places;
}
/// Where the largest, or the smallest, of each row of the last axis stands: the first of equals, or
/// a NaN.
template <class T> std::vector<std::int32_t> argmax(const Var<T>& x) {
  return places_of("argmax", x.view(), std::greater());
}
template <class T> std::vector<std::int32_t> argmin(const Var<T>& x) {
  return places_of("argmin", x.view(), std::less());
}
/// A row for each label, 1 at the label and 0 elsewhere. IndexError for a label below 0 or from
/// `classes` up.
template <class T> Tensor<T> one_hot(std::span<const std::int32_t> labels, std::uint32_t classes) {
  Tensor<T> rows(Shape{labels.size(), classes});
  Indices::of(labels).check("one_hot", "label", rows.shape(), classes);
  for (std::size_t i = 0; i < labels.size(); ++i)
    rows[i * classes + static_cast<std::size_t>(labels[i])] = 1;
  return rows;
}

// --- Activations and losses

template <Traced X> auto log_sigmoid(const X& x) { return -softplus(-x); }
template <Traced X> auto hardtanh(const X& x) { return clamp(x, -1, 1); }
template <Traced X> auto relu6(const X& x) { return clamp(x, 0, 6); }
/// x tanh(softplus(x)) (Misra 2019), with its limits at the ends: there the factor is 1, or 0.
template <Traced X> auto mish(const X& x) {
  return where(x > 40, x, where(x < -800, 0, x) * tanh(softplus(x)));
}
/// The scaled elu that keeps mean 0 and variance 1 (Klambauer et al. 2017).
template <Traced X> auto selu(const X& x) {
  return 1.0507009873554805 * elu(x, 1.6732632423543772);
}
/// d²/2 where |d| <= delta, from there on a line, for d = a - b, element by element.
template <class A, class B>
requires AnyTraced<A, B>
auto huber(const A& a, const B& b, double delta = 1) {
  if (!(delta > 0)) throw ValueError("[huber] delta must be above 0");
  // The parabola as far as delta, and the line for what lies beyond.
  const auto d = a - b, inner = clamp(d, -delta, delta);
  return inner * (d - inner / 2);
}

}  // namespace ramp

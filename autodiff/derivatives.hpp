// Derivatives of a function at a point: value_and_grad(f, x), jacobian(f, x), hessian(f, x) and
// hvp(f, x, v). A point is a number, a vector or array of numbers, or a Tensor; f gets the same
// with handles in place of the numbers (of a Tensor, one handle), and gives a handle, for jacobian
// also a vector of them.
#pragma once

#include <autodiff/compound.hpp>
#include <autodiff/tape/tape.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

namespace ramp {

// How a point becomes what f is called with, and gradients become a point again.
template <class X> struct PointOf;
template <class T>
requires std::is_floating_point_v<T>
struct PointOf<T> {
  using Number = T;
  static Var<T> leaves(Tape<T>& tape, T x) { return tape.leaf(x); }
  static std::vector<Var<T>> list(const Var<T>& x) { return {x}; }
  static T gather(const std::vector<Tensor<T>>& g, T) { return g[0].item(); }
};
template <class T> struct PointOf<Tensor<T>> {
  using Number = T;
  static Var<T> leaves(Tape<T>& tape, const Tensor<T>& x) { return tape.leaf(x); }
  static std::vector<Var<T>> list(const Var<T>& x) { return {x}; }
  static Tensor<T> gather(const std::vector<Tensor<T>>& g, const Tensor<T>&) { return g[0]; }
};
template <class T> struct PointOf<std::vector<T>> {
  using Number = T;
  static std::vector<Var<T>> leaves(Tape<T>& tape, const std::vector<T>& x) {
    std::vector<Var<T>> all;
    for (const T v : x) all.push_back(tape.leaf(v));
    return all;
  }
  static const std::vector<Var<T>>& list(const std::vector<Var<T>>& x) { return x; }
  static std::vector<T> gather(const std::vector<Tensor<T>>& g, const std::vector<T>&) {
    std::vector<T> all;
    for (const Tensor<T>& v : g) all.push_back(v.item());
    return all;
  }
};
template <class T, std::size_t n> struct PointOf<std::array<T, n>> {
  using Number = T;
  static std::array<Var<T>, n> leaves(Tape<T>& tape, const std::array<T, n>& x) {
    std::array<Var<T>, n> all;
    for (std::size_t i = 0; i < n; ++i) all[i] = tape.leaf(x[i]);
    return all;
  }
  static std::vector<Var<T>> list(const std::array<Var<T>, n>& x) { return {x.begin(), x.end()}; }
  static std::array<T, n> gather(const std::vector<Tensor<T>>& g, const std::array<T, n>&) {
    std::array<T, n> all;
    for (std::size_t i = 0; i < n; ++i) all[i] = g[i].item();
    return all;
  }
};

template <class X> struct ValueAndGrad {
  typename PointOf<X>::Number value;
  X gradient;
};

/// f(x), a scalar, and its gradient, which has the form of x. ShapeError if f(x) has several
/// elements.
template <class F, class X>
ValueAndGrad<X> value_and_grad(F&& f, const X& x, const TapeOptions& options = {}) {
  using P = PointOf<X>;
  using T = typename P::Number;
  Tape<T> tape(options);
  const auto leaves = P::leaves(tape, x);
  const Var<T> y = f(leaves);
  return {y.item(), P::gather(tape.grad(y, P::list(leaves)), x)};
}
template <class F, class X> X gradient(F&& f, const X& x, const TapeOptions& options = {}) {
  return value_and_grad(f, x, options).gradient;
}

// A row for each of ys, with its slopes in all elements of x.
template <class T>
Tensor<T> rows_of_slopes(Tape<T>& tape, std::span<const Var<T>> ys, std::span<const Var<T>> x) {
  std::size_t n = 0;
  for (const Var<T>& v : x) n += v.shape().size();
  Tensor<T> rows(Shape{ys.size(), n});
  T* to = rows.data();
  for (const Var<T>& y : ys)
    for (const Tensor<T>& g : tape.grad(y, x)) to = std::copy(g.begin(), g.end(), to);
  return rows;
}
// Each element of y, behind those that `all` has.
template <class T> void append_elements(const Var<T>& y, std::vector<Var<T>>& all) {
  const std::size_t n = y.shape().size();
  if (y.shape().rank() == 0) return all.push_back(y);
  const Var<T> row = flatten(y);
  for (std::size_t i = 0; i < n; ++i) all.push_back(row(i));
}

/// (m, n): d f(x)[i] / d x[j], of the m elements of f(x) and the n of x. A sweep a row.
template <class F, class X>
Tensor<typename PointOf<X>::Number> jacobian(F&& f, const X& x, const TapeOptions& options = {}) {
  using P = PointOf<X>;
  using T = typename P::Number;
  Tape<T> tape(options);
  const auto leaves = P::leaves(tape, x);
  const auto y = f(leaves);
  std::vector<Var<T>> ys;
  if constexpr (is_var<std::remove_const_t<decltype(y)>>)
    append_elements(y, ys);
  else
    for (const Var<T>& part : y) append_elements(part, ys);
  return rows_of_slopes<T>(tape, ys, P::list(leaves));
}

/// (n, n): the second derivatives of f(x), a scalar. The gradient is recorded, and swept a row at a
/// time.
template <class F, class X>
Tensor<typename PointOf<X>::Number> hessian(F&& f, const X& x, const TapeOptions& options = {}) {
  using P = PointOf<X>;
  using T = typename P::Number;
  Tape<T> tape(options);
  const auto leaves = P::leaves(tape, x);
  const std::vector<Var<T>> in = P::list(leaves);
  std::vector<Var<T>> slopes;
  for (const Var<T>& g : tape.grad_on_tape(Var<T>(f(leaves)), in)) append_elements(g, slopes);
  return rows_of_slopes<T>(tape, slopes, in);
}

/// The Hessian of f at x times v, without the Hessian: two sweeps. v has the form of x.
template <class F, class X> X hvp(F&& f, const X& x, const X& v, const TapeOptions& options = {}) {
  using P = PointOf<X>;
  using T = typename P::Number;
  Tape<T> tape(options);
  const auto leaves = P::leaves(tape, x);
  const auto along = P::leaves(tape, v);
  const std::vector<Var<T>> in = P::list(leaves), direction = P::list(along);
  const bool alike =
      std::equal(in.begin(), in.end(), direction.begin(), direction.end(),
                 [](const Var<T>& a, const Var<T>& b) { return a.shape() == b.shape(); });
  if (!alike) throw ShapeError("[hvp] the direction must have the point's form");
  const std::vector<Var<T>> g = tape.grad_on_tape(Var<T>(f(leaves)), in);
  Var<T> slope = 0;
  for (std::size_t i = 0; i < in.size(); ++i) slope += sum(g[i] * direction[i]);
  return P::gather(tape.grad(slope, in), x);
}

}  // namespace ramp

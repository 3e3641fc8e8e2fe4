// Linear algebra of one small matrix: solve, inverse, determinant, Cholesky's factor.
#pragma once

#include <autodiff/kernels/factor.hpp>
#include <autodiff/kernels/strided.hpp>
#include <autodiff/ops/arithmetic.hpp>
#include <autodiff/ops/linear.hpp>
#include <autodiff/ops/op.hpp>
#include <autodiff/ops/shaping.hpp>

#include <cstdint>

namespace ramp {

inline void check_square(const char* op, const Shape& x) {
  if (x.rank() != 2 || x[0] != x[1]) shaping::fail(op, x, "it needs a square matrix");
}
struct Diagonals {
  std::int64_t above = 0;  // the last diagonal that stays, counted from the main one
  double on_diagonal = 1;  // what the main one is multiplied by
};
struct Tril : Structural<1, Diagonals> {
  static constexpr bool linear = true;
  static constexpr About about{"tril", "x[i, j] if j <= i + k, else 0",
                               "The lower triangle of the last two axes."};
  static Shape shape(const Shape& x) {
    if (x.rank() < 2) shaping::fail("tril", x, "it needs a matrix");
    return x;
  }
  static constexpr auto value = [](auto x, auto at) {
    return Writes{[x, at](auto y, bool add) {
      const std::int64_t n = y.shape[y.shape.rank() - 2], m = y.shape.back();
      for (std::size_t e = 0; e < y.size(); ++e) {
        const std::int64_t i = static_cast<std::int64_t>(e) / m % n,
                           j = static_cast<std::int64_t>(e) % m;
        auto kept = x.data[e];
        if (j > i + at.above) kept = 0;
        if (j == i && at.on_diagonal != 1) kept *= static_cast<decltype(kept)>(at.on_diagonal);
        y.data[e] = add ? y.data[e] + kept : kept;
      }
    }};
  };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto, auto, auto at) { return record<Tril>(at, g); }};
  template <class E = Examples> static E examples() {
    return {{{{Shape{2, 2}, {1, 2, 3, 4}}}, {Shape{2, 2}, {1, 0, 3, 4}}},
            {{{Shape{2, 2}, {1, 2, 3, 4}}}, {Shape{2, 2}, {0.5, 2, 3, 2}}, {1, 0.5}}};
  }
};
/// What lies on the k-th diagonal and below it, above the main one if k > 0; zeros elsewhere.
template <Traced X> auto tril(const X& x, std::int64_t k = 0) { return record<Tril>({k, 1}, x); }
/// What lies on the k-th diagonal and above it.
template <Traced X> auto triu(const X& x, std::int64_t k = 0) { return x - tril(x, k - 1); }

struct Solve : Structural<2> {
  static constexpr About about{"solve", "a^-1 b", "The x (n, m) with a x = b, by LU with pivots."};
  static Shape shape(const Shape& a, const Shape& b) {
    check_square("solve", a);
    if (b.rank() != 2 || b[0] != a[0])
      shaping::fail("solve", a, b, "the second must be a matrix with as many rows");
    return b;
  }
  static constexpr auto value = [](auto a, auto b) {
    return by_way_of_scratch(
        a, [a, b](auto* to) { solve(a.data, b.data, b.shape[0], b.shape[1], to); });
  };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto a, auto, auto y) {
                   const decltype(a) back = record<Solve>({}, transpose(a), g);
                   return -matmul(back, transpose(y));
                 },
                 [](auto g, auto a) { return record<Solve>({}, transpose(a), g); }};
  template <class E = Examples> static E examples() {
    return {{{{Shape{2, 2}, {2, 0, 1, 4}}, {Shape{2, 1}, {6, 11}}}, {Shape{2, 1}, {3, 2}}}};
  }
};
/// The x with a x = b, for a (n, n) and b (n) or (n, m). Infinite or NaN where a is singular.
template <class T> Var<T> solve(const Var<T>& a, const Var<T>& b) {
  const Shape shape = shape_of(b, "solve");
  if (shape.rank() != 1) return record<Solve>({}, a, b);
  return reshape(record<Solve>({}, a, reshape(b, shape.inserted(1, 1))), shape);
}

struct Inverse : Structural<1> {
  static constexpr About about{"inverse", "x^-1", "Inverse of a square matrix."};
  static Shape shape(const Shape& x) { return check_square("inverse", x), x; }
  static constexpr auto value = [](auto x) {
    return by_way_of_scratch(x, [x](auto* to) {
      const std::size_t n = x.shape[0];
      auto* one = x.scratch->template take_array<std::remove_reference_t<decltype(*to)>>(n * n);
      for (std::size_t i = 0; i < n * n; ++i) one[i] = i % (n + 1) == 0;
      solve(x.data, one, n, n, to);
    });
  };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x, auto y) {
    const decltype(x) right = matmul(g, transpose(y));
    return -matmul(transpose(y), right);
  }};
  template <class E = Examples> static E examples() {
    return {{{{Shape{2, 2}, {2, 0, 1, 4}}}, {Shape{2, 2}, {0.5, 0, -0.125, 0.25}}}};
  }
};
/// Of a (n, n). To solve equations with it is less exact than solve(a, b), and slower.
RAMP_UNARY(inverse, Inverse)

struct Det : Structural<1> {
  static constexpr About about{"det", "det(x)", "Determinant; its slope at a singular x is NaN."};
  static Shape shape(const Shape& x) { return check_square("det", x), Shape{}; }
  static constexpr auto value = [](auto x) {
    return by_way_of_scratch(x, [x](auto* to) { *to = determinant(x.data, x.shape[0]); });
  };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto x, auto y) { return g * y * record<Inverse>({}, transpose(x)); }};
  template <class E = Examples> static E examples() { return {{{{Shape{2, 2}, {2, 3, 1, 4}}}, 5}}; }
};
RAMP_UNARY(det, Det)

struct Cholesky : Structural<1> {
  static constexpr About about{"cholesky", "l, l l^T = (x + x^T) / 2",
                               "The lower triangle whose square is x; NaN unless x is positive "
                               "definite."};
  static Shape shape(const Shape& x) { return check_square("cholesky", x), x; }
  static constexpr auto value = [](auto x) {
    return by_way_of_scratch(x, [x](auto* to) {
      const std::size_t n = x.shape[0];
      auto* even = x.scratch->template take_array<std::remove_reference_t<decltype(*to)>>(n * n);
      for (std::size_t e = 0; e < n * n; ++e) even[e] = (x.data[e] + x.data[e % n * n + e / n]) / 2;
      cholesky(even, n, to);
    });
  };
  // Murray (2016), Differentiation of the Cholesky decomposition: with P the lower triangle of l^T
  // g, its diagonal halved, S = l^-T P l^-1, and half of S + S^T.
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x, auto y) {
    const decltype(x) p = record<Tril>({0, 0.5}, matmul(transpose(y), g));
    const decltype(x) left = record<Solve>({}, transpose(y), p);
    const decltype(x) s = record<Solve>({}, transpose(y), transpose(left));
    return (s + transpose(s)) / 2;
  }};
  template <class E = Examples> static E examples() {
    return {{{{Shape{2, 2}, {4, 2, 2, 10}}}, {Shape{2, 2}, {2, 0, 1, 3}}}};
  }
};
RAMP_UNARY(cholesky, Cholesky)

using Factored = OpList<Tril, Solve, Inverse, Det, Cholesky>;

}  // namespace ramp

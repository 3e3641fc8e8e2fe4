// Linear algebra of small matrices, one or many along leading axes: solve, inverse, determinant,
// Cholesky's factor.
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
  if (x.rank() < 2 || x[x.rank() - 2] != x.back())
    shaping::fail(op, x, "it needs a square matrix, or a batch of them");
}
// f(a square matrix of x, where the result's part for it begins, their size) for each of a batch.
template <class T, class F> void each_matrix(const Value<T>& x, std::size_t part, T* to, F f) {
  const std::size_t n = x.shape.back(), matrices = leading(x.shape).size();
  for (std::size_t i = 0; i < matrices; ++i) f(x.data + i * n * n, to + i * part, n);
}
struct Diagonals {
  std::int64_t above = 0;  // the last diagonal that stays, counted from the main one; or the first
  double on_diagonal = 1;  // what the main one is multiplied by
  std::int64_t upper = 0;  // 1: what lies above stays
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
        if (at.upper ? j - i < at.above : j - i > at.above) kept = 0;
        if (j == i) kept *= static_cast<decltype(kept)>(at.on_diagonal);
        y.data[e] = add ? y.data[e] + kept : kept;
      }
    }};
  };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto, auto, auto at) { return record<Tril>(at, g); }};
  static std::string label(const Attr& at) { return at.upper ? "triu" : "tril"; }
  template <class E = Examples> static E examples() {
    return {{{{Shape{2, 2}, {1, 2, 3, 4}}}, {Shape{2, 2}, {1, 0, 3, 4}}},
            {{{Shape{2, 2}, {1, 2, 3, 4}}}, {Shape{2, 2}, {0.5, 2, 3, 2}}, {1, 0.5}}};
  }
};
/// What lies on the k-th diagonal and below it, above the main one if k > 0; zeros elsewhere.
template <Traced X> auto tril(const X& x, std::int64_t k = 0) { return record<Tril>({k, 1}, x); }
/// What lies on the k-th diagonal and above it.
template <Traced X> auto triu(const X& x, std::int64_t k = 0) { return record<Tril>({k, 1, 1}, x); }

struct Solve : Structural<2> {
  static constexpr About about{"solve", "a^-1 b",
                               "The x (.., n, m) with a x = b, by LU with pivots; leading axes "
                               "broadcast."};
  static Shape shape(const Shape& a, const Shape& b) {
    check_square("solve", a);
    if (b.rank() < 2 || b[b.rank() - 2] != a.back())
      shaping::fail("solve", a, b, "the second must be a matrix with as many rows");
    Shape y;
    if (!broadcast(leading(a), leading(b), y))
      shaping::fail("solve", a, b, "the leading axes don't broadcast");
    return y.inserted(y.rank(), a.back()).inserted(y.rank() + 1, b.back());
  }
  static constexpr auto value = [](auto a, auto b) {
    return by_way_of_scratch(a, [a, b](auto* to) {
      const std::size_t n = a.shape.back(), m = b.shape.back();
      const Shape batch = leading(shape(a.shape, b.shape));
      const BatchPlaces of_a(leading(a.shape), batch), of_b(leading(b.shape), batch);
      for (std::size_t i = 0; i < batch.size(); ++i)
        solve(a.data + of_a[i] * n * n, b.data + of_b[i] * n * m, n, m, to + i * n * m);
    });
  };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto a, auto, auto y) {
                   const decltype(a) back = record<Solve>({}, transpose(a), g);
                   return sum_to(-matmul(back, transpose(y)), shape_of(a));
                 },
                 [](auto g, auto a, auto b) {
                   return sum_to(record<Solve>({}, transpose(a), g), shape_of(b));
                 }};
  template <class E = Examples> static E examples() {
    return {{{{Shape{2, 2}, {2, 0, 1, 4}}, {Shape{2, 1}, {6, 11}}}, {Shape{2, 1}, {3, 2}}},
            {{{Shape{2, 1, 1}, {2, 4}}, {Shape{1, 2}, {6, 8}}}, {Shape{2, 1, 2}, {3, 4, 1.5, 2}}}};
  }
};
/// The x with a x = b, for a (.., n, n) and b (n) or (.., n, m). Infinite or NaN where a is
/// singular.
template <class T> Var<T> solve(const Var<T>& a, const Var<T>& b) {
  const Shape shape = shape_of(b, "solve");
  if (shape.rank() != 1) return record<Solve>({}, a, b);
  const Var<T> x = record<Solve>({}, a, reshape(b, shape.inserted(1, 1)));
  return reshape(x, x.shape().without(x.shape().rank() - 1));
}

struct Inverse : Structural<1> {
  static constexpr About about{"inverse", "x^-1", "Inverse of a square matrix."};
  static Shape shape(const Shape& x) { return check_square("inverse", x), x; }
  static constexpr auto value = [](auto x) {
    return by_way_of_scratch(x, [x](auto* to) {
      const std::size_t size = x.shape.back(), all = size * size;
      auto* one = x.scratch->template take_array<std::remove_reference_t<decltype(*to)>>(all);
      for (std::size_t e = 0; e < all; ++e) one[e] = e % (size + 1) == 0;
      each_matrix(x, all, to, [one](auto* a, auto* y, std::size_t n) { solve(a, one, n, n, y); });
    });
  };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x, auto y) {
    const decltype(x) right = matmul(g, transpose(y));
    return -matmul(transpose(y), right);
  }};
  template <class E = Examples> static E examples() {
    return {{{{Shape{2, 2}, {2, 0, 1, 4}}}, {Shape{2, 2}, {0.5, 0, -0.125, 0.25}}},
            {{{Shape{2, 1, 1}, {2, 4}}}, {Shape{2, 1, 1}, {0.5, 0.25}}}};
  }
};
/// Of a (.., n, n). To solve equations with it is less exact than solve(a, b), and slower.
RAMP_UNARY(inverse, Inverse)

struct Det : Structural<1> {
  static constexpr About about{"det", "det(x)",
                               "Determinant; its slope at a singular x is infinite or NaN."};
  static Shape shape(const Shape& x) { return check_square("det", x), leading(x); }
  static constexpr auto value = [](auto x) {
    return by_way_of_scratch(x, [x](auto* to) {
      each_matrix(x, 1, to, [](auto* a, auto* y, std::size_t n) { *y = determinant(a, n); });
    });
  };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x, auto y) {
    const Shape batch = leading(shape_of(x));
    const Shape ones = batch.inserted(batch.rank(), 1).inserted(batch.rank() + 1, 1);
    return reshape(g * y, ones) * record<Inverse>({}, transpose(x));
  }};
  template <class E = Examples> static E examples() {
    return {{{{Shape{2, 2}, {2, 3, 1, 4}}}, 5}, {{{Shape{2, 1, 1}, {2, 3}}}, {Shape{2}, {2, 3}}}};
  }
};
RAMP_UNARY(det, Det)

struct Cholesky : Structural<1> {
  static constexpr About about{"cholesky", "l, l l^T = (x + x^T) / 2",
                               "The lower triangle whose square is x; NaN unless x is positive "
                               "definite."};
  static Shape shape(const Shape& x) { return check_square("cholesky", x), x; }
  static constexpr auto value = [](auto x) {
    return by_way_of_scratch(x, [x](auto* to) {
      const std::size_t all = std::size_t{x.shape.back()} * x.shape.back();
      auto* even = x.scratch->template take_array<std::remove_reference_t<decltype(*to)>>(all);
      each_matrix(x, all, to, [even](auto* a, auto* y, std::size_t n) {
        for (std::size_t e = 0; e < n * n; ++e) even[e] = (a[e] + a[e % n * n + e / n]) / 2;
        cholesky(even, n, y);
      });
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
    return {{{{Shape{2, 2}, {4, 2, 2, 10}}}, {Shape{2, 2}, {2, 0, 1, 3}}},
            {{{Shape{2, 1, 1}, {4, 9}}}, {Shape{2, 1, 1}, {2, 3}}}};
  }
};
RAMP_UNARY(cholesky, Cholesky)

using Factored = OpList<Tril, Solve, Inverse, Det, Cholesky>;

}  // namespace ramp

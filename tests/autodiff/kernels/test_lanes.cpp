// The vectorised functions against the standard library's, over a sweep and at the borders; and
// that lanes select as numbers do.
#include <autodiff/kernels/lanes.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

using namespace ramp;

namespace {

template <class T> using Limits = std::numeric_limits<T>;

template <class T> std::vector<T> sweep() {
  std::vector<T> all;
  const auto both = [&](T x) {
    all.push_back(x);
    all.push_back(-x);
  };
  for (const T x : {T(0), Limits<T>::denorm_min(), Limits<T>::min() / 2, Limits<T>::min(),
                    Limits<T>::epsilon(), T(1), Limits<T>::max(), Limits<T>::infinity()})
    both(x);
  // Where exp leaves the range, in float and in double.
  for (const double x : {87.0, 88.0, 88.3, 88.8, 103.0, 104.0, 708.0, 709.7, 709.8, 746.0, 751.0})
    both(static_cast<T>(x));
  for (double x = 0.0137; x < 130; x += 0.0373) both(static_cast<T>(x));
  for (int e = Limits<T>::min_exponent - 5; e < Limits<T>::max_exponent; ++e)
    both(std::ldexp(T(1.3), e));
  all.push_back(Limits<T>::quiet_NaN());
  return all;
}

// The same NaNs, infinities and signs of zero, and no further apart than `ulps` roundings.
template <class T> bool close(T a, T b, double ulps) {
  if (std::isnan(b)) return std::isnan(a);
  if (a == b) return b != 0 || std::signbit(a) == std::signbit(b);
  if (std::isinf(a) || std::isinf(b)) return false;
  const double scale = std::max(std::abs(b), Limits<T>::min());
  return std::abs(static_cast<double>(a) - static_cast<double>(b)) <=
         ulps * scale * static_cast<double>(Limits<T>::epsilon());
}

template <class T, class Exact>
void check(const char* name, void (*f)(const T*, T*, std::size_t), Exact exact, double ulps) {
  const std::vector<T> x = sweep<T>();
  std::vector<T> y(x.size());
  f(x.data(), y.data(), x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double at = static_cast<double>(x[i]), got = static_cast<double>(y[i]);
    const T expected = exact(x[i]);
    CAPTURE(name);
    CAPTURE(at);
    CAPTURE(got);
    CAPTURE(static_cast<double>(expected));
    CHECK(close(y[i], expected, ulps));
  }
  // Any length, at any place, in place, and nothing written beyond.
  for (std::size_t n = 0; n < 20; ++n) {
    std::vector<T> part(x.begin() + 31, x.begin() + 31 + 21);
    const T after = part[n];
    f(part.data(), part.data(), n);
    for (std::size_t i = 0; i < n; ++i) CHECK(close(part[i], y[31 + i], 0));
    CHECK(close(part[n], after, 0));
  }
}

}  // namespace

#define CHECK_SIMD(f, exact, ulps) \
  check<T>(#f, static_cast<void (*)(const T*, T*, std::size_t)>(simd::f), exact, ulps)

TEST_CASE_TEMPLATE("the vectorised functions follow the standard library's", T, float, double) {
  CHECK_SIMD(
      exp, [](T x) { return std::exp(x); }, 3);
  CHECK_SIMD(
      expm1, [](T x) { return std::expm1(x); }, 4);
  CHECK_SIMD(
      log, [](T x) { return std::log(x); }, 3);
  CHECK_SIMD(
      log1p, [](T x) { return std::log1p(x); }, 4);
  CHECK_SIMD(
      sqrt, [](T x) { return std::sqrt(x); }, 1);
  CHECK_SIMD(
      sin, [](T x) { return std::sin(x); }, 3);
  CHECK_SIMD(
      cos, [](T x) { return std::cos(x); }, 3);
  CHECK_SIMD(
      tanh, [](T x) { return std::tanh(x); }, 4);
  CHECK_SIMD(
      erf, [](T x) { return std::erf(x); }, 1);
}

TEST_CASE_TEMPLATE("lanes select, compare and open gates as numbers do", T, float, double) {
  using L = Lanes<T>;
  const T inf = Limits<T>::infinity(), nan = Limits<T>::quiet_NaN();
  const std::vector<T> all{0, T(-0.0), 1, -1, inf, -inf, nan, Limits<T>::denorm_min(), T(0.1)};
  const auto same = [](const L& lanes, T number) {
    bool equal = true;
    for (std::size_t i = 0; i < L::width; ++i) equal &= close(T(lanes.v[i]), number, 0);
    return equal;
  };
  for (const T a : all)
    for (const T b : all) {
      const L p(a), q(b);
      CHECK(same(where(p < q, p, 7), where(a < b, a, 7)));
      CHECK(same(where(p <= q, p, q), where(a <= b, a, b)));
      CHECK(same(where(p > q, 1, q), where(a > b, 1, b)));
      CHECK(same(where(p >= q, p, q), where(a >= b, a, b)));
      CHECK(same(where(p == q, 2, 3), where(a == b, T(2), T(3))));
      CHECK(same(where(p != q, 2, 3), where(a != b, T(2), T(3))));
      CHECK(same(where(p < q || p == q, 2, 3), where(a < b || a == b, T(2), T(3))));
      CHECK(same(where(p < q && !(p == 0), 2, 3), where(a < b && a != 0, T(2), T(3))));
      CHECK(same(p - q, a - b));
      CHECK(same(p * q, a * b));
      for (const T g : all)
        for (const double c : {0.0, 0.5, 1.0}) CHECK(same(gate(p, q, L(g), c), gate(a, b, g, c)));
    }
  for (const T a : all) {
    CHECK(same(abs(L(a)), std::abs(a)));
    CHECK(same(-L(a), -a));
    CHECK(same(pow(L(a), 3), std::pow(a, T(3))));
    CHECK(same(L(a), a));
  }
  std::vector<T> memory(L::width + 1, T(5));
  L(T(3)).store(memory.data() + 1);  // at any alignment
  CHECK(memory[0] == 5);
  CHECK(same(L::load(memory.data() + 1), 3));
}

TEST_CASE_TEMPLATE("a product is rounded before something is taken from it: no contraction", T,
                   float, double) {
  // Contracted, the difference is the product's rounding, epsilon squared, instead of 0. Volatile,
  // so that the compiler takes neither a for a constant nor the two products for the same.
  const volatile T once = 1 + Limits<T>::epsilon(), again = once;
  const volatile T product = once * again;
  const T a = once, b = again, p = product;
  CHECK(a * b - p == 0);
  const Lanes<T> difference = Lanes<T>(a) * Lanes<T>(b) - Lanes<T>(p);
  for (std::size_t i = 0; i < Lanes<T>::width; ++i) CHECK(difference.v[i] == 0);
}

// Code that names std: std::sqrt(x) and its like, with <autodiff/std.hpp>.
#include <autodiff/std.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <numbers>
#include <numeric>
#include <vector>

using ramp::Tape;
using ramp::Var;

namespace {

// Written for double.
template <class T> T unary(T x) {
  return std::sqrt(x) + std::cbrt(x) + std::exp(x) + std::exp2(x) + std::expm1(x) + std::log(x) +
         std::log2(x) + std::log10(x) + std::log1p(x) + std::sin(x) + std::cos(x) + std::tan(x) +
         std::asin(x) + std::acos(x) + std::atan(x) + std::sinh(x) + std::cosh(x) + std::tanh(x) +
         std::asinh(x) + std::acosh(x + 1) + std::atanh(x) + std::erf(x) + std::erfc(x) +
         std::floor(x) + std::ceil(x) + std::trunc(x) + std::round(x) + std::rint(x) +
         std::nearbyint(x) + std::abs(x) + std::fabs(x) + std::lgamma(x) + std::tgamma(x);
}
template <class T> T binary(T a, T b) {
  return std::pow(a, b) + std::pow(a, 0.25) + std::pow(1.5, b) + std::hypot(a, b) +
         std::hypot(a, 0.25) + std::hypot(1.5, b) + std::atan2(a, b) + std::atan2(a, 0.25) +
         std::atan2(1.5, b) + std::fmod(a, b) + std::fmod(a, 0.25) + std::fmod(1.5, b) +
         std::remainder(a, b) + std::remainder(a, 0.25) + std::remainder(1.5, b) +
         std::copysign(a, b) + std::copysign(a, 0.25) + std::copysign(1.5, b) + std::fmax(a, b) +
         std::fmax(a, 0.25) + std::fmax(1.5, b) + std::fmin(a, b) + std::fmin(a, 0.25) +
         std::fmin(1.5, b) + std::fdim(a, b) + std::fdim(a, 0.25) + std::fdim(1.5, b) +
         std::max(a, b) + std::min(a, b) + std::ldexp(a, 2) + std::max<T>(a, 0.25) +
         std::min<T>(0.35, b) + std::max<T>(0.0, a);
}
template <class T> T ternary(T a, T b) {
  return std::fma(a, b, a) + std::fma(a, 2.0, 3.0) + std::fma(2.0, a, b) + std::fma(2.0, 3.0, b) +
         std::clamp(a, b, b) + std::clamp(a, 0.0, 1.0) + std::clamp<T>(b, 0.5, a + 1) +
         std::hypot(a, b, a) + std::hypot(a, 2.0, 3.0) + std::hypot(2.0, 3.0, b) +
         std::lerp(a, b, 0.25) + std::lerp(1.0, a, b) + std::lerp(2.0, 3.0, a);
}
// The same by names that are found both in std and by their arguments.
template <class T> T used(T a, T b) {
  using namespace std;
  int e;
  T whole;
  const T part = frexp(a, &e), rest = modf(10 * a, &whole);
  return pow(a, b) + pow(a, 0.25) + pow(1.5, b) + hypot(a, b) + hypot(a, 0.25) + hypot(1.5, b) +
         hypot(a, 2.0, 3.0) + atan2(a, b) + atan2(a, 0.25) + fmod(a, 0.25) + fmod(1.5, b) +
         remainder(a, 0.25) + copysign(a, 0.25) + fmax(a, 0.25) + fmin(1.5, b) + fdim(a, 0.25) +
         max(a, b) + min(a, b) + max<T>(a, 0.25) + min<T>(0.35, b) + fma(a, 2.0, 3.0) +
         clamp(a, b, b) + clamp<T>(a, 0.0, 1.0) + lerp(a, b, 0.25) + ldexp(a, 2) + scalbn(a, 2) +
         part + rest + whole * T(e) + sqrt(a) + abs(a) + logb(a) +
         T(double(lround(10 * a)) + double(ilogb(a))) + T(isnormal(a) && !isnan(a)) +
         nextafter(a, b) + numbers::pi_v<T> * a + numbers::ln2_v<T>;
}
template <class T> T others(const std::vector<T>& x) {
  T whole;
  int e;
  const T rest = std::modf(x[0] * 10, &whole), part = std::frexp(x[1], &e);
  if (std::isnan(rest) || std::isinf(part) || !std::isfinite(whole) || std::signbit(x[0])) return 0;
  const std::vector<double> numbers(x.size(), 0.5);
  return std::accumulate(x.begin(), x.end(), 0.0) + rest * part +
         std::accumulate(x.begin(), x.end(), 1.0, std::multiplies<>()) +
         std::inner_product(numbers.begin(), numbers.end(), x.begin(), 0.0) +
         e * double(std::lround(x[1] * 10)) + std::inner_product(x.begin(), x.end(), x.begin(), 0);
}

}  // namespace

TEST_CASE("qualified calls give what they give for double, and gradients of differences") {
  Tape<double> tape;
  const double a = 0.43, b = 0.31, h = 1e-6;
  const auto x = tape.leaf(a), y = tape.leaf(b);
  const auto check = [&](const Var<double>& f, const Var<double>& in, auto at) {
    CHECK(f.item() == doctest::Approx(at(0)).epsilon(1e-14));
    CHECK(tape.grad(f, {in})[0].item() ==
          doctest::Approx((at(h) - at(-h)) / (2 * h)).epsilon(1e-7));
  };
  check(unary(x), x, [&](double d) { return unary(a + d); });
  check(binary(x, y), x, [&](double d) { return binary(a + d, b); });
  check(binary(x, y), y, [&](double d) { return binary(a, b + d); });
  check(used(x, y), x, [&](double d) { return used(a + d, b); });
  check(used(x, y), y, [&](double d) { return used(a, b + d); });
  check(ternary(x, y), x, [&](double d) { return ternary(a + d, b); });
  check(ternary(x, y), y, [&](double d) { return ternary(a, b + d); });
  // An int begins a sum of handles as one of them; that of doubles it would cut off.
  check(others(std::vector{x, y}), x, [&](double d) {
    return others(std::vector{a + d, b}) + (a + d) * (a + d) + b * b;
  });
}

TEST_CASE("qualified calls that give integers, neighbours and powers of two") {
  Tape<double> tape;
  for (const double at : {2.5, -2.5, 0.3, 1e9}) {
    const auto x = tape.leaf(at);
    CHECK(std::lround(x) == std::lround(at));
    CHECK(std::llround(x) == std::llround(at));
    CHECK(std::lrint(x) == std::lrint(at));
    CHECK(std::llrint(x) == std::llrint(at));
    CHECK(std::ilogb(x) == std::ilogb(at));
    CHECK(std::scalbn(x, 3).item() == 8 * at);
    CHECK(std::nextafter(x, tape.leaf(0.0)).item() == std::nextafter(at, 0.0));
    CHECK(std::nextafter(x, 0.0).item() == std::nextafter(at, 0.0));
    CHECK(std::nextafter(1.0, x) == std::nextafter(1.0, at));
    CHECK(std::logb(x).item() == std::logb(at));
    CHECK(std::isnormal(x));
    CHECK(!std::isnormal(0 * x));
  }
}

TEST_CASE("a tie of std::max is the tape's") {
  Tape<double> tape({.at_zero = 0.25});
  const auto x = tape.leaf(1);
  CHECK(tape.grad(std::max(x, 1.0), {x})[0].item() == 0.25);
  CHECK(tape.grad(std::max<Var<double>>(x, 1.0), {x})[0].item() == 0.25);
  CHECK(tape.grad(std::min<Var<double>>(1.0, x), {x})[0].item() == 0.25);
  CHECK(tape.grad(std::max(x, tape.leaf(1)), {x})[0].item() == 0.5);
}

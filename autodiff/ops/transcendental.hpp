// exp, log and their kin, element by element.
#pragma once

#include <autodiff/ops/op.hpp>

#include <numbers>

namespace ramp {

// exp(x), x <= 0, is large * small, and large is no denormal: x exp(x) as x * large * small doesn't
// lose what x is to make up for.
template <Number X> struct ExpParts { X large, small; };
template <Number X> ExpParts<X> exp_in_parts(X x) {
  constexpr double exp_64 = 6.235149080811617e27;
  return {exp(where(x < -64, x + 64, x)), static_cast<X>(where(x < -64, 1 / exp_64, 1))};
}

struct Exp : Elementwise<1> {
  static constexpr About about{"exp", "exp(x)", "Exponential."};
  static constexpr auto value = [](auto x) { return exp(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto, auto y) { return g * y; }};
  template <class E = Examples> static E examples() {
    return {{{0}, 1}, {{1}, 2.718281828459045}, {{-2}, 0.1353352832366127}};
  }
};
RAMP_UNARY(exp, Exp)

struct Log : Elementwise<1> {
  static constexpr About about{"log", "log(x)", "Natural logarithm."};
  static constexpr std::array domain{positive};
  static constexpr auto value = [](auto x) { return log(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) { return g / x; }};
  template <class E = Examples> static E examples() {
    return {{{1}, 0}, {{2}, 0.6931471805599453}};
  }
};
RAMP_UNARY(log, Log)

struct Log1p : Elementwise<1> {
  static constexpr About about{"log1p", "log(1 + x)", "Exact where x is small."};
  static constexpr std::array domain{Domain{.low = -1}};
  static constexpr auto value = [](auto x) { return log1p(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) { return g / (1 + x); }};
  template <class E = Examples> static E examples() {
    return {{{0}, 0}, {{1e-10}, 9.9999999995e-11}};
  }
};
RAMP_UNARY(log1p, Log1p)

struct Expm1 : Elementwise<1> {
  static constexpr About about{"expm1", "exp(x) - 1", "Exact where x is small."};
  static constexpr auto value = [](auto x) { return expm1(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) { return g * exp(x); }};
  template <class E = Examples> static E examples() {
    return {{{0}, 0}, {{1e-10}, 1.00000000005e-10}};
  }
};
RAMP_UNARY(expm1, Expm1)

struct Exp2 : Elementwise<1> {
  static constexpr About about{"exp2", "2^x", "Power of two."};
  static constexpr auto value = [](auto x) { return exp2(x); };
  // y may be too large for the type where y log(2) isn't.
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x, auto y) {
    const auto half = where(y == std::numeric_limits<double>::infinity(), exp2(x - 1), y / 2);
    return g * (2 * std::numbers::ln2 * half);
  }};
  template <class E = Examples> static E examples() {
    return {{{3}, 8}, {{-1.5}, 0.3535533905932738}};
  }
};
RAMP_UNARY(exp2, Exp2)

struct Log2 : Elementwise<1> {
  static constexpr About about{"log2", "log(x) / log(2)", "Logarithm to base 2."};
  static constexpr std::array domain{positive};
  static constexpr auto value = [](auto x) { return log2(x); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto x) { return g * (std::numbers::log2e / x); }};
  template <class E = Examples> static E examples() { return {{{8}, 3}, {{0.25}, -2}}; }
};
RAMP_UNARY(log2, Log2)

struct Log10 : Elementwise<1> {
  static constexpr About about{"log10", "log(x) / log(10)", "Logarithm to base 10."};
  static constexpr std::array domain{positive};
  static constexpr auto value = [](auto x) { return log10(x); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto x) { return g * (std::numbers::log10e / x); }};
  template <class E = Examples> static E examples() {
    return {{{1000}, 3}, {{2}, 0.3010299956639812}};
  }
};
RAMP_UNARY(log10, Log10)

struct Sin : Elementwise<1> {
  static constexpr About about{"sin", "sin(x)", "Sine of an angle in radians."};
  static constexpr auto value = [](auto x) { return sin(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) { return g * cos(x); }};
  template <class E = Examples> static E examples() {
    return {{{0}, 0}, {{1}, 0.8414709848078965}};
  }
};
RAMP_UNARY(sin, Sin)

struct Cos : Elementwise<1> {
  static constexpr About about{"cos", "cos(x)", "Cosine of an angle in radians."};
  static constexpr auto value = [](auto x) { return cos(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) { return -g * sin(x); }};
  template <class E = Examples> static E examples() {
    return {{{0}, 1}, {{1}, 0.5403023058681398}};
  }
};
RAMP_UNARY(cos, Cos)

// 1 - tanh(x)² loses everything where tanh rounds to 1; this doesn't.
template <Number X> X sech_squared(X x) {
  const X e = exp(-2 * abs(x));
  return 4 * e / ((1 + e) * (1 + e));
}

struct SechSquared : Elementwise<1> {
  static constexpr About about{"sech_squared", "1 / cosh(x)^2", "The slope of tanh."};
  static constexpr auto value = [](auto x) { return sech_squared(x); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto x, auto y) { return -2 * g * y * tanh(x); }};
  template <class E = Examples> static E examples() {
    return {{{0}, 1}, {{1}, 0.4199743416140261}, {{-400}, 0}};
  }
};
RAMP_UNARY(sech_squared, SechSquared)

struct Tanh : Elementwise<1> {
  static constexpr About about{"tanh", "tanh(x)", "Hyperbolic tangent."};
  static constexpr auto value = [](auto x) { return tanh(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) { return g * sech_squared(x); }};
  template <class E = Examples> static E examples() {
    return {{{0}, 0}, {{1}, 0.7615941559557649}};
  }
};
RAMP_UNARY(tanh, Tanh)

using Transcendental =
    OpList<Exp, Log, Log1p, Expm1, Exp2, Log2, Log10, Sin, Cos, SechSquared, Tanh>;

}  // namespace ramp

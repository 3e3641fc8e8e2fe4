// exp, log and their kin, element by element.
#pragma once

#include <autodiff/op.hpp>

#include <numbers>

namespace ramp {

struct Exp : Elementwise<1> {
  static constexpr About about{"exp", "exp(x)", "Exponential."};
  static constexpr auto value = [](auto x) { return exp(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto, auto y) { return g * y; }};
  static Examples examples() {
    return {{{0}, 1}, {{1}, 2.718281828459045}, {{-2}, 0.1353352832366127}};
  }
};
RAMP_UNARY(exp, Exp)

struct Log : Elementwise<1> {
  static constexpr About about{"log", "log(x)", "Natural logarithm."};
  static constexpr std::array domain{positive};
  static constexpr auto value = [](auto x) { return log(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) { return g / x; }};
  static Examples examples() { return {{{1}, 0}, {{2}, 0.6931471805599453}}; }
};
RAMP_UNARY(log, Log)

struct Log1p : Elementwise<1> {
  static constexpr About about{"log1p", "log(1 + x)", "Exact where x is small."};
  static constexpr std::array domain{Domain{.low = -1}};
  static constexpr auto value = [](auto x) { return log1p(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) { return g / (1 + x); }};
  static Examples examples() { return {{{0}, 0}, {{1e-10}, 9.9999999995e-11}}; }
};
RAMP_UNARY(log1p, Log1p)

struct Expm1 : Elementwise<1> {
  static constexpr About about{"expm1", "exp(x) - 1", "Exact where x is small."};
  static constexpr auto value = [](auto x) { return expm1(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto, auto y) { return g * (y + 1); }};
  static Examples examples() { return {{{0}, 0}, {{1e-10}, 1.00000000005e-10}}; }
};
RAMP_UNARY(expm1, Expm1)

struct Sin : Elementwise<1> {
  static constexpr About about{"sin", "sin(x)", "Sine of an angle in radians."};
  static constexpr auto value = [](auto x) { return sin(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) { return g * cos(x); }};
  static Examples examples() { return {{{0}, 0}, {{1}, 0.8414709848078965}}; }
};
RAMP_UNARY(sin, Sin)

struct Cos : Elementwise<1> {
  static constexpr About about{"cos", "cos(x)", "Cosine of an angle in radians."};
  static constexpr auto value = [](auto x) { return cos(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) { return -g * sin(x); }};
  static Examples examples() { return {{{0}, 1}, {{1}, 0.5403023058681398}}; }
};
RAMP_UNARY(cos, Cos)

struct Tanh : Elementwise<1> {
  static constexpr About about{"tanh", "tanh(x)", "Hyperbolic tangent."};
  static constexpr auto value = [](auto x) { return tanh(x); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto, auto y) { return g * (1 - y * y); }};
  static Examples examples() { return {{{0}, 0}, {{1}, 0.7615941559557649}}; }
};
RAMP_UNARY(tanh, Tanh)

struct Erf : Elementwise<1> {
  static constexpr About about{"erf", "erf(x)", "Error function."};
  static constexpr auto value = [](auto x) { return erf(x); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto x) { return g * (2 * std::numbers::inv_sqrtpi * exp(-(x * x))); }};
  static Examples examples() { return {{{0}, 0}, {{1}, 0.8427007929497149}}; }
};
RAMP_UNARY(erf, Erf)

using Transcendental = OpList<Exp, Log, Log1p, Expm1, Sin, Cos, Tanh, Erf>;

}  // namespace ramp

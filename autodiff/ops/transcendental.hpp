// exp, log and their kin, element by element.
#pragma once

#include <autodiff/op.hpp>

#include <numbers>

namespace ramp {

struct Exp : Elementwise<1> {
  static constexpr About about{"exp", "exp(x)", "Exponential."};
  static constexpr auto value = [](auto x) { return exp(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto, auto y) { return g * y; }};
  static auto examples() {
    return std::vector<Example<Attr>>{{{0}, 1}, {{1}, 2.718281828459045}, {{-2}, 0.1353352832366127}};
  }
};
template <Traced X>
auto exp(const X& x) { return record<Exp>({}, x); }

struct Log : Elementwise<1> {
  static constexpr About about{"log", "log(x)", "Natural logarithm."};
  static constexpr std::array domain{positive};
  static constexpr auto value = [](auto x) { return log(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) { return g / x; }};
  static auto examples() { return std::vector<Example<Attr>>{{{1}, 0}, {{2}, 0.6931471805599453}}; }
};
template <Traced X>
auto log(const X& x) { return record<Log>({}, x); }

struct Log1p : Elementwise<1> {
  static constexpr About about{"log1p", "log(1 + x)", "Exact where x is small."};
  static constexpr std::array domain{Domain{.low = -1}};
  static constexpr auto value = [](auto x) { return log1p(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) { return g / (1 + x); }};
  static auto examples() {
    return std::vector<Example<Attr>>{{{0}, 0}, {{1e-10}, 9.9999999995e-11}};
  }
};
template <Traced X>
auto log1p(const X& x) { return record<Log1p>({}, x); }

struct Expm1 : Elementwise<1> {
  static constexpr About about{"expm1", "exp(x) - 1", "Exact where x is small."};
  static constexpr auto value = [](auto x) { return expm1(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto, auto y) { return g * (y + 1); }};
  static auto examples() {
    return std::vector<Example<Attr>>{{{0}, 0}, {{1e-10}, 1.00000000005e-10}};
  }
};
template <Traced X>
auto expm1(const X& x) { return record<Expm1>({}, x); }

struct Sin : Elementwise<1> {
  static constexpr About about{"sin", "sin(x)", "Sine of an angle in radians."};
  static constexpr auto value = [](auto x) { return sin(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) { return g * cos(x); }};
  static auto examples() {
    return std::vector<Example<Attr>>{{{0}, 0}, {{1}, 0.8414709848078965}};
  }
};
template <Traced X>
auto sin(const X& x) { return record<Sin>({}, x); }

struct Cos : Elementwise<1> {
  static constexpr About about{"cos", "cos(x)", "Cosine of an angle in radians."};
  static constexpr auto value = [](auto x) { return cos(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) { return -g * sin(x); }};
  static auto examples() {
    return std::vector<Example<Attr>>{{{0}, 1}, {{1}, 0.5403023058681398}};
  }
};
template <Traced X>
auto cos(const X& x) { return record<Cos>({}, x); }

struct Tanh : Elementwise<1> {
  static constexpr About about{"tanh", "tanh(x)", "Hyperbolic tangent."};
  static constexpr auto value = [](auto x) { return tanh(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto, auto y) { return g * (1 - y * y); }};
  static auto examples() {
    return std::vector<Example<Attr>>{{{0}, 0}, {{1}, 0.7615941559557649}};
  }
};
template <Traced X>
auto tanh(const X& x) { return record<Tanh>({}, x); }

struct Erf : Elementwise<1> {
  static constexpr About about{"erf", "erf(x)", "Error function."};
  static constexpr auto value = [](auto x) { return erf(x); };
  static constexpr auto pullbacks = std::tuple{
      [](auto g, auto x) { return g * (2 * std::numbers::inv_sqrtpi * exp(-(x * x))); },
  };
  static auto examples() {
    return std::vector<Example<Attr>>{{{0}, 0}, {{1}, 0.8427007929497149}};
  }
};
template <Traced X>
auto erf(const X& x) { return record<Erf>({}, x); }

using Transcendental = OpList<Exp, Log, Log1p, Expm1, Sin, Cos, Tanh, Erf>;

}  // namespace ramp

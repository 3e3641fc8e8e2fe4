// Smooth activations, and elu, whose kink closes when alpha is 1.
#pragma once

#include <autodiff/op.hpp>
#include <autodiff/ops/kinked.hpp>
#include <autodiff/ops/transcendental.hpp>

#include <numbers>

namespace ramp {

template <Number X> auto sigmoid(X x) { return 1 / (1 + exp(-x)); }

struct Sigmoid : Elementwise<1> {
  static constexpr About about{"sigmoid", "1 / (1 + exp(-x))", "Logistic function."};
  static constexpr auto value = [](auto x) { return sigmoid(x); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto, auto y) { return g * y * (1 - y); }};
  static Examples examples() { return {{{0}, 0.5}, {{2}, 0.8807970779778823}, {{-800}, 0}}; }
};
RAMP_UNARY(sigmoid, Sigmoid)

struct Softplus : Elementwise<1> {
  static constexpr About about{"softplus", "log(1 + exp(x))", "A smooth relu, exact in the tails."};
  static constexpr auto value = [](auto x) { return where(x <= 0, 0, x) + log1p(exp(-abs(x))); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) { return g * sigmoid(x); }};
  static Examples examples() { return {{{0}, 0.6931471805599453}, {{800}, 800}, {{-800}, 0}}; }
};
RAMP_UNARY(softplus, Softplus)

// The distribution function and the density of the standard normal.
inline constexpr auto normal_below = [](auto x) { return (1 + erf(x / std::numbers::sqrt2)) / 2; };
inline constexpr auto normal_density = [](auto x) {
  return std::numbers::inv_sqrtpi / std::numbers::sqrt2 * exp(-(x * x) / 2);
};

struct Gelu : Elementwise<1> {
  static constexpr About about{"gelu", "x P(Z <= x), Z standard normal",
                               "Gaussian error linear unit, exact (Hendrycks & Gimpel 2016)."};
  static constexpr auto value = [](auto x) { return x * normal_below(x); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto x) { return g * (normal_below(x) + x * normal_density(x)); }};
  static Examples examples() { return {{{0}, 0}, {{1}, 0.8413447460685429}}; }
};
RAMP_UNARY(gelu, Gelu)

struct Silu : Elementwise<1> {
  static constexpr About about{"silu", "x sigmoid(x)", "Sigmoid linear unit, or swish."};
  static constexpr auto value = [](auto x) { return x * sigmoid(x); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto x, auto y) { return g * (sigmoid(x) + y * (1 - sigmoid(x))); }};
  static Examples examples() { return {{{0}, 0}, {{1}, 0.7310585786300049}}; }
};
RAMP_UNARY(silu, Silu)

struct Alpha {
  double alpha = 1;
};
struct Elu : Elementwise<1, Alpha> {
  static constexpr About about{"elu", "x if x > 0, else alpha (exp(x) - 1)",
                               "Exponential linear unit (Clevert et al. 2016).",
                               "x = 0: c + (1 - c) alpha"};
  static constexpr auto value = [](auto x, auto at) {
    return where(x <= 0, at.alpha * expm1(x), x);
  };
  // Below 0 the slope is alpha exp(x) = y + alpha.
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x, auto y, auto at) {
    return gate(x, 0, g, at.at_zero) + gate(0, x, g * (y + at.alpha), 1 - at.at_zero);
  }};
  static constexpr auto kink = [](auto x) { return x; };
  static Examples examples() { return {{{2}, 2, {1}}, {{-1}, -1.2642411176571153, {2}}}; }
};
template <Traced X> auto elu(const X& x, double alpha = 1) { return record<Elu>({alpha}, x); }

using Activations = OpList<Sigmoid, Softplus, Gelu, Silu, Elu>;

}  // namespace ramp

// Smooth activations, and elu, whose kink closes when alpha is 1.
#pragma once

#include <autodiff/ops/kinked.hpp>
#include <autodiff/ops/op.hpp>
#include <autodiff/ops/transcendental.hpp>

namespace ramp {

// exp of a large number would be infinite where the other side still is a number.
template <Number X> X sigmoid(X x) {
  const X e = exp(-abs(x));
  return where(x < 0, e, 1) / (1 + e);
}

struct Sigmoid : Elementwise<1> {
  static constexpr About about{"sigmoid", "1 / (1 + exp(-x))", "Logistic function."};
  static constexpr auto value = [](auto x) { return sigmoid(x); };
  // 1 - y has lost what sigmoid(-x) still knows.
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto x, auto y) { return g * y * sigmoid(-x); }};
  template <class E = Examples> static E examples() {
    return {{{0}, 0.5}, {{2}, 0.8807970779778823}, {{-800}, 0}};
  }
};
RAMP_UNARY(sigmoid, Sigmoid)

struct Softplus : Elementwise<1> {
  static constexpr About about{"softplus", "log(1 + exp(x))", "A smooth relu, exact in the tails."};
  static constexpr auto value = [](auto x) { return where(x <= 0, 0, x) + log1p(exp(-abs(x))); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) { return g * sigmoid(x); }};
  template <class E = Examples> static E examples() {
    return {{{0}, 0.6931471805599453}, {{800}, 800}, {{-800}, 0}};
  }
};
RAMP_UNARY(softplus, Softplus)

template <Traced X> auto held(const X& x, double low, double high) { return clamp(x, low, high); }

// x e / (1 + e) below 0, with e = exp(x); x stops where that is 0, before ∞ · 0.
template <Number X> X silu(X x) {
  const X low = held(x, -800, 800);
  const auto [large, small] = exp_in_parts<X>(-abs(low));
  return where(x < 0, low * large * small, x) / (1 + large * small);
}

struct Silu : Elementwise<1> {
  static constexpr About about{"silu", "x sigmoid(x)", "Sigmoid linear unit, or swish."};
  static constexpr auto value = [](auto x) { return silu(x); };
  // sigmoid(-x) is 0 where y, which is as large as x, stops.
  static constexpr auto pullbacks = std::tuple{
      [](auto g, auto x, auto y) { return g * (sigmoid(x) + held(y, -800, 800) * sigmoid(-x)); }};
  template <class E = Examples> static E examples() {
    return {{{0}, 0}, {{1}, 0.7310585786300049}, {{-40}, -1.6993417021166355e-16}};
  }
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
  // Below 0 the slope is alpha exp(x); above, where the gate is closed, x is held at 0.
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x, auto, auto at) {
    return gate(x, 0, g, at.at_zero) +
           gate(0, x, g * (at.alpha * exp(gate(0, x, x, 1))), 1 - at.at_zero);
  }};
  static constexpr auto kink = [](auto x) { return x; };
  template <class E = Examples> static E examples() {
    return {{{2}, 2, {1}}, {{-1}, -1.2642411176571153, {2}}};
  }
};
template <Traced X> auto elu(const X& x, double alpha = 1) { return record<Elu>({alpha}, x); }

using Activations = OpList<Sigmoid, Softplus, Silu, Elu>;

}  // namespace ramp

// Ops with a kink. Value and slope decide by the same comparison, and the slope at the kink is the
// tape's convention c (0 is the minimum-norm subgradient, 1/2 the centred one).
#pragma once

#include <autodiff/ops/arithmetic.hpp>
#include <autodiff/ops/op.hpp>

#include <initializer_list>
#include <numeric>

namespace ramp {

struct Share {
  double c = 0;
};
struct Gate : Elementwise<3, Share> {
  static constexpr About about{"gate", "g if a > b, c g if a = b, else 0",
                               "The slope of a kink, as the pullbacks of kinked ops record it.",
                               "a = b: its own slope in a and b is 0 everywhere"};
  static constexpr auto value = [](auto a, auto b, auto g, auto at) { return gate(a, b, g, at.c); };
  static constexpr auto pullbacks =
      std::tuple{no_gradient, no_gradient,
                 [](auto h, auto a, auto b, auto, auto, auto at) { return gate(a, b, h, at.c); }};
  static constexpr auto kink = [](auto a, auto b) { return a - b; };
  template <class E = Examples> static E examples() {
    return {{{1, 0, 7}, 7, {0.5}}, {{0, 0, 7}, 3.5, {0.5}}, {{-1, 0, 7}, 0, {0.5}}};
  }
};
template <class A, class B, class G>
requires AnyTraced<A, B, G>
auto gate(const A& a, const B& b, const G& g, double c) { return record<Gate>({c}, a, b, g); }

struct Relu : Elementwise<1> {
  static constexpr About about{"relu", "max(x, 0)", "Rectified linear unit.", "x = 0: c"};
  static constexpr auto value = [](auto x) { return where(x <= 0, 0, x); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto x, auto, auto at) { return gate(x, 0, g, at.at_zero); }};
  static constexpr auto kink = [](auto x) { return x; };
  template <class E = Examples> static E examples() { return {{{-2}, 0}, {{0}, 0}, {{3}, 3}}; }
};
RAMP_UNARY(relu, Relu)

struct Slope {
  double slope = 0.01;
};
struct LeakyRelu : Elementwise<1, Slope> {
  static constexpr About about{"leaky_relu", "x if x > 0, else slope x",
                               "Rectified linear unit that lets a share of the negative through.",
                               "x = 0: c + (1 - c) slope"};
  static constexpr auto value = [](auto x, auto at) { return where(x <= 0, at.slope * x, x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x, auto, auto at) {
    return gate(x, 0, g, at.at_zero) + gate(0, x, at.slope * g, 1 - at.at_zero);
  }};
  static constexpr auto kink = [](auto x) { return x; };
  template <class E = Examples> static E examples() {
    return {{{-2}, -0.2, {0.1}}, {{3}, 3, {0.1}}, {{-2}, 0, {0}}};
  }
};
template <Traced X> auto leaky_relu(const X& x, double slope = 0.01) {
  return record<LeakyRelu>({slope}, x);
}

struct Abs : Elementwise<1> {
  static constexpr About about{"abs", "|x|", "Absolute value.", "x = 0: 0"};
  static constexpr auto value = [](auto x) { return abs(x); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto x) { return gate(x, 0, g, 0) - gate(0, x, g, 0); }};
  static constexpr auto kink = [](auto x) { return x; };
  template <class E = Examples> static E examples() { return {{{-2}, 2}, {{0}, 0}, {{3}, 3}}; }
};
RAMP_UNARY(abs, Abs)

struct Maximum : Elementwise<2> {
  static constexpr bool commutes = true;
  static constexpr About about{"maximum", "max(a, b)", "The larger of two; NaN if one is NaN.",
                               "a = b: 1/2 each; against a constant the variable's share is c"};
  static constexpr auto value = [](auto a, auto b) {
    return where(a > b, a, where(a <= b, b, a + b));  // a + b: one of them is NaN
  };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto a, auto b, auto, auto at) { return gate(a, b, g, at.tie); },
                 [](auto g, auto a, auto b, auto, auto at) { return gate(b, a, g, at.tie); }};
  static constexpr auto kink = [](auto a, auto b) { return a - b; };
  template <class E = Examples> static E examples() { return {{{2, 3}, 3}, {{-1, -4}, -1}}; }
};
RAMP_BINARY(maximum, Maximum)
template <class A, class B>
requires AnyTraced<A, B>
auto max(const A& a, const B& b) { return maximum(a, b); }
/// max({x, y, z}): from left to right, as max(max(x, y), z).
template <class T> Var<T> max(std::initializer_list<Var<T>> all) {
  if (all.size() == 0) throw ValueError("[max] of nothing: give at least one handle");
  return std::accumulate(all.begin() + 1, all.end(), *all.begin(),
                         [](const auto& a, const auto& b) { return maximum(a, b); });
}

struct Minimum : Elementwise<2> {
  static constexpr bool commutes = true;
  static constexpr About about{"minimum", "min(a, b)", "The smaller of two; NaN if one is NaN.",
                               "a = b: 1/2 each; against a constant the variable's share is c"};
  static constexpr auto value = [](auto a, auto b) {
    return where(a < b, a, where(a >= b, b, a + b));
  };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto a, auto b, auto, auto at) { return gate(b, a, g, at.tie); },
                 [](auto g, auto a, auto b, auto, auto at) { return gate(a, b, g, at.tie); }};
  static constexpr auto kink = [](auto a, auto b) { return a - b; };
  template <class E = Examples> static E examples() { return {{{2, 3}, 2}, {{-1, -4}, -4}}; }
};
RAMP_BINARY(minimum, Minimum)
template <class A, class B>
requires AnyTraced<A, B>
auto min(const A& a, const B& b) { return minimum(a, b); }
template <class T> Var<T> min(std::initializer_list<Var<T>> all) {
  if (all.size() == 0) throw ValueError("[min] of nothing: give at least one handle");
  return std::accumulate(all.begin() + 1, all.end(), *all.begin(),
                         [](const auto& a, const auto& b) { return minimum(a, b); });
}

// IEEE's: a NaN is a value that isn't there.
struct Fmax : Elementwise<2> {
  static constexpr bool commutes = true;
  static constexpr About about{"fmax", "max(a, b), or the one that isn't NaN",
                               "As <cmath> has it; maximum(a, b) is NaN if one is.",
                               "a = b: 1/2 each; against a constant the variable's share is c"};
  static constexpr auto value = [](auto a, auto b) { return where(a > b || b != b, a, b); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto a, auto b, auto, auto at) {
                   return where(a != a, 0, where(b != b, g, gate(a, b, g, at.tie)));
                 },
                 [](auto g, auto a, auto b, auto, auto at) {
                   return where(b != b, 0, where(a != a, g, gate(b, a, g, at.tie)));
                 }};
  static constexpr auto kink = [](auto a, auto b) { return a - b; };
  template <class E = Examples> static E examples() { return {{{2, 3}, 3}, {{-1, -4}, -1}}; }
};
RAMP_BINARY(fmax, Fmax)

struct Fmin : Elementwise<2> {
  static constexpr bool commutes = true;
  static constexpr About about{"fmin", "min(a, b), or the one that isn't NaN",
                               "As <cmath> has it; minimum(a, b) is NaN if one is.",
                               "a = b: 1/2 each; against a constant the variable's share is c"};
  static constexpr auto value = [](auto a, auto b) { return where(a < b || b != b, a, b); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto a, auto b, auto, auto at) {
                   return where(a != a, 0, where(b != b, g, gate(b, a, g, at.tie)));
                 },
                 [](auto g, auto a, auto b, auto, auto at) {
                   return where(b != b, 0, where(a != a, g, gate(a, b, g, at.tie)));
                 }};
  static constexpr auto kink = [](auto a, auto b) { return a - b; };
  template <class E = Examples> static E examples() { return {{{2, 3}, 2}, {{-1, -4}, -4}}; }
};
RAMP_BINARY(fmin, Fmin)

struct Bounds {
  double low = 0, high = 1;
};
struct Clamp : Elementwise<1, Bounds> {
  static void check(const Attr& at) {
    if (!(at.low <= at.high))
      throw ValueError("[clamp] low " + std::to_string(at.low) + " lies above high " +
                       std::to_string(at.high));
  }
  static constexpr About about{"clamp", "min(max(x, low), high)", "x, kept between two bounds.",
                               "x = low, x = high: c; 0 where these are equal"};
  static constexpr auto value = [](auto x, auto at) {
    return where(x <= at.low, at.low, where(x >= at.high, at.high, x));
  };
  // An infinite bound is no kink: at x = infinity the slope stays 1.
  static constexpr auto share = [](double bound, double c) { return std::isinf(bound) ? 1 : c; };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x, auto, auto at) {
    const double c = at.low < at.high ? at.at_zero : 0;  // else it is constant
    const auto below = gate(at.high, x, g, share(at.high, c));
    return gate(x, at.low, below, share(at.low, c));
  }};
  static constexpr auto kink = [](auto x, auto at) {
    return where(abs(x - at.low) < abs(x - at.high), x - at.low, x - at.high);
  };
  template <class E = Examples> static E examples() {
    return {{{-2}, -1, {-1, 0.5}}, {{0.25}, 0.25, {-1, 0.5}}, {{3}, 0.5, {-1, 0.5}}};
  }
};
/// ValueError unless low <= high; an infinite bound is no bound.
template <Traced X> auto clamp(const X& x, double low, double high) {
  Clamp::check({low, high});
  return record<Clamp>({low, high}, x);
}
/// Between bounds that are handles or tensors, too: min(max(x, low), high), ties included.
template <class X, class Low, class High>
requires AnyTraced<X, Low, High> &&
    (!std::is_arithmetic_v<Low> ||
     !std::is_arithmetic_v<High>)auto clamp(const X& x, const Low& low, const High& high) {
  return minimum(maximum(x, low), high);
}

using Kinked = OpList<Gate, Relu, LeakyRelu, Abs, Maximum, Minimum, Fmax, Fmin, Clamp>;

}  // namespace ramp

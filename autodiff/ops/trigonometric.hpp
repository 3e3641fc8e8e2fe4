// Angles and hyperbolas, and their inverses. sin, cos and tanh stand with exp.
#pragma once

#include <autodiff/ops/arithmetic.hpp>
#include <autodiff/ops/kinked.hpp>
#include <autodiff/ops/op.hpp>
#include <autodiff/ops/transcendental.hpp>

namespace ramp {

inline constexpr Domain within_one{.low = -1, .high = 1};

struct Tan : Elementwise<1> {
  static constexpr About about{"tan", "tan(x)", "Tangent of an angle in radians."};
  static constexpr std::array domain{
      Domain{.low = -1.5707963267948966, .high = 1.5707963267948966}};
  static constexpr auto value = [](auto x) { return tan(x); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto, auto y) { return g * (1 + y * y); }};
  template <class E = Examples> static E examples() {
    return {{{0}, 0}, {{1}, 1.5574077246549023}};
  }
};
RAMP_UNARY(tan, Tan)

// 1 - x² loses what 1 - x still knows.
struct Asin : Elementwise<1> {
  static constexpr About about{"asin", "arcsin(x)", "The angle in -π/2 .. π/2 whose sine is x."};
  static constexpr std::array domain{within_one};
  static constexpr auto value = [](auto x) { return asin(x); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto x) { return g / sqrt((1 - x) * (1 + x)); }};
  template <class E = Examples> static E examples() {
    return {{{0.5}, 0.5235987755982989}, {{-0.5}, -0.5235987755982989}};
  }
};
RAMP_UNARY(asin, Asin)

struct Acos : Elementwise<1> {
  static constexpr About about{"acos", "arccos(x)", "The angle in 0 .. π whose cosine is x."};
  static constexpr std::array domain{within_one};
  static constexpr auto value = [](auto x) { return acos(x); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto x) { return -g / sqrt((1 - x) * (1 + x)); }};
  template <class E = Examples> static E examples() {
    return {{{0.5}, 1.0471975511965979}, {{-0.5}, 2.0943951023931957}};
  }
};
RAMP_UNARY(acos, Acos)

struct Atan : Elementwise<1> {
  static constexpr About about{"atan", "arctan(x)", "The angle in -π/2 .. π/2 whose tangent is x."};
  static constexpr auto value = [](auto x) { return atan(x); };
  // By 1 / x where x² might overflow. The side that isn't taken stays at 1.
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) {
    const auto small = where(abs(x) <= 1, x, 1), r = 1 / where(abs(x) <= 1, 1, x);
    return g * where(abs(x) <= 1, 1 / (1 + small * small), r * r / (1 + r * r));
  }};
  template <class E = Examples> static E examples() {
    return {{{1}, 0.7853981633974483}, {{-2}, -1.1071487177940904}};
  }
};
RAMP_UNARY(atan, Atan)

// b / (a² + b²), without a square of the larger one.
inline constexpr auto slope_of_angle = [](auto a, auto b) {
  const auto small = where(abs(a) <= abs(b), a, b), large = where(abs(a) <= abs(b), b, a);
  // Two zeros, or two infinities, are as large as each other.
  const auto ends = where(abs(a) == abs(b), small, 1);
  const auto t = where(ends + ends == ends, 1, small / large), share = 1 / (1 + t * t);
  return where(abs(a) <= abs(b), share / large, divided_again(share, small, large, t));
};
struct Atan2 : Elementwise<2> {
  static constexpr About about{"atan2", "the angle of (b, a)",
                               "In -π .. π, counted from where a = 0 and b > 0.",
                               "a = b = 0: 0 for each; a = 0, b < 0: a jump, the slopes beside it"};
  static constexpr std::array domain{Domain{}, Domain{}};
  static constexpr auto value = [](auto a, auto b) { return atan2(a, b); };
  static constexpr auto pullbacks = std::tuple{
      [](auto g, auto a, auto b) { return gate(abs(a) + abs(b), 0, g * slope_of_angle(a, b), 0); },
      [](auto g, auto a, auto b) {
        return gate(abs(a) + abs(b), 0, -g * slope_of_angle(b, a), 0);
      }};
  template <class E = Examples> static E examples() {
    return {
        {{1, 1}, 0.7853981633974483}, {{3, -4}, 2.498091544796509}, {{-1, 0}, -1.5707963267948966}};
  }
};
RAMP_BINARY(atan2, Atan2)

struct Sinh : Elementwise<1> {
  static constexpr About about{"sinh", "(exp(x) - exp(-x)) / 2", "Hyperbolic sine."};
  static constexpr auto value = [](auto x) { return sinh(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) { return g * cosh(x); }};
  template <class E = Examples> static E examples() {
    return {{{0}, 0}, {{1}, 1.1752011936438014}};
  }
};
RAMP_UNARY(sinh, Sinh)

struct Cosh : Elementwise<1> {
  static constexpr About about{"cosh", "(exp(x) + exp(-x)) / 2", "Hyperbolic cosine."};
  static constexpr auto value = [](auto x) { return cosh(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) { return g * sinh(x); }};
  template <class E = Examples> static E examples() {
    return {{{0}, 1}, {{1}, 1.5430806348152437}};
  }
};
RAMP_UNARY(cosh, Cosh)

struct Asinh : Elementwise<1> {
  static constexpr About about{"asinh", "arsinh(x)", "Inverse of sinh."};
  static constexpr auto value = [](auto x) { return asinh(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) { return g / hypot(1, x); }};
  template <class E = Examples> static E examples() { return {{{0}, 0}, {{1}, 0.881373587019543}}; }
};
RAMP_UNARY(asinh, Asinh)

struct Acosh : Elementwise<1> {
  static constexpr About about{"acosh", "arcosh(x)", "Inverse of cosh, 0 or more."};
  static constexpr std::array domain{Domain{.low = 1}};
  static constexpr auto value = [](auto x) { return acosh(x); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto x) { return g / (sqrt(x - 1) * sqrt(x + 1)); }};
  template <class E = Examples> static E examples() {
    return {{{3}, 1.762747174039086}, {{2}, 1.3169578969248166}};
  }
};
RAMP_UNARY(acosh, Acosh)

struct Atanh : Elementwise<1> {
  static constexpr About about{"atanh", "artanh(x)", "Inverse of tanh."};
  static constexpr std::array domain{within_one};
  static constexpr auto value = [](auto x) { return atanh(x); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto x) { return g / ((1 - x) * (1 + x)); }};
  template <class E = Examples> static E examples() {
    return {{{0}, 0}, {{0.5}, 0.5493061443340549}};
  }
};
RAMP_UNARY(atanh, Atanh)

using Trigonometric = OpList<Tan, Asin, Acos, Atan, Atan2, Sinh, Cosh, Asinh, Acosh, Atanh>;

}  // namespace ramp

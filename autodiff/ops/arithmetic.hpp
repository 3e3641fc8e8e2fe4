// Sums, products and powers, element by element.
#pragma once

#include <autodiff/ops/op.hpp>
#include <autodiff/ops/selection.hpp>

namespace ramp {

struct Add : Elementwise<2> {
  static constexpr bool commutes = true;
  static constexpr About about{"add", "a + b", "Sum."};
  static constexpr auto value = [](auto a, auto b) { return a + b; };
  static constexpr auto pullbacks = std::tuple{pass_on, pass_on};
  template <class E = Examples> static E examples() { return {{{2, 3}, 5}, {{-1.5, 1.5}, 0}}; }
};
RAMP_BINARY(operator+, Add)

struct Sub : Elementwise<2> {
  static constexpr About about{"sub", "a - b", "Difference."};
  static constexpr auto value = [](auto a, auto b) { return a - b; };
  static constexpr auto pullbacks = std::tuple{pass_on, [](auto g) { return -g; }};
  template <class E = Examples> static E examples() { return {{{2, 3}, -1}, {{1.5, 1.5}, 0}}; }
};
RAMP_BINARY(operator-, Sub)

struct Mul : Elementwise<2> {
  static constexpr bool commutes = true;
  static constexpr About about{"mul", "a * b", "Product, element by element."};
  static constexpr auto value = [](auto a, auto b) { return a * b; };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto, auto b) { return g * b; }, [](auto g, auto a) { return g * a; }};
  template <class E = Examples> static E examples() { return {{{2, 3}, 6}, {{-0.5, 4}, -2}}; }
};
RAMP_BINARY(operator*, Mul)

// g y / b, where y = a / b. Below the normal numbers y has few digits left, and is made again, of
// 2^64 a. A y of 0 has them all.
inline constexpr auto divided_again = [](auto g, auto a, auto b, auto y) {
  const auto size = where(y == 0, 1, abs(y));
  return where(size < 0x1p-125, g * (0x1p64 * a / b / b * 0x1p-64), g * y / b);
};
struct Div : Elementwise<2> {
  static constexpr About about{"div", "a / b", "Quotient."};
  static constexpr std::array domain{Domain{}, nonzero};
  static constexpr auto value = [](auto a, auto b) { return a / b; };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto, auto b) { return g / b; },
                 [](auto g, auto a, auto b, auto y) { return divided_again(-g, a, b, y); }};
  template <class E = Examples> static E examples() { return {{{3, 2}, 1.5}, {{1, -4}, -0.25}}; }
};
RAMP_BINARY(operator/, Div)

struct Neg : Elementwise<1> {
  static constexpr About about{"neg", "-x", "The opposite."};
  static constexpr auto value = [](auto x) { return -x; };
  static constexpr auto pullbacks = std::tuple{[](auto g) { return -g; }};
  template <class E = Examples> static E examples() { return {{{2}, -2}, {{-0.5}, 0.5}}; }
};
RAMP_UNARY(operator-, Neg)

template <Number X> auto square(X x) { return x * x; }

struct Square : Elementwise<1> {
  static constexpr About about{"square", "x * x", "The square."};
  static constexpr auto value = [](auto x) { return square(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) { return 2 * g * x; }};
  template <class E = Examples> static E examples() { return {{{3}, 9}, {{-0.5}, 0.25}}; }
};
RAMP_UNARY(square, Square)

struct Sqrt : Elementwise<1> {
  static constexpr About about{"sqrt", "sqrt(x)", "Square root; its slope at 0 is infinite."};
  static constexpr std::array domain{positive};
  static constexpr auto value = [](auto x) { return sqrt(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto, auto y) { return g / (2 * y); }};
  template <class E = Examples> static E examples() {
    return {{{9}, 3}, {{2}, 1.4142135623730951}};
  }
};
RAMP_UNARY(sqrt, Sqrt)

struct Exponent {
  double p = 1;
};
struct PowConstant : Elementwise<1, Exponent> {
  static constexpr About about{"pow_constant", "x^p", "Power with a constant exponent."};
  static constexpr std::array domain{positive};
  static constexpr auto value = [](auto x, auto at) { return pow(x, at.p); };
  // x^0 is constant: p is 0 there, and the exponent 0 instead of -1 keeps 0 * infinity away. A
  // small p times a power that leaves the range may not leave it: then two roots make the power.
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x, auto, auto at) {
    if (at.p == 0 || at.p <= -1 || at.p >= 0.25)
      return g * (at.p * pow(x, at.p == 0 ? 0 : at.p - 1));
    const auto root = pow(x, (at.p - 1) / 2);
    return g * (at.p * root * root);
  }};
  template <class E = Examples> static E examples() {
    return {{{2}, 8, {3}}, {{4}, 0.5, {-0.5}}, {{0.7}, 1, {0}}};
  }
};

template <class A, class B>
requires AnyTraced<A, B>
auto pow(const A& a, const B& b);

// b a^(b-1). That is b y / a, where y = a^b is far from the ends of the range. Near them two roots
// make the power, so that nothing leaves the range before the whole does. b - 1 is exact from ½ to
// 2^24; of other b, the a that lead there may divide.
inline constexpr auto slope_in_base = [](auto a, auto b, auto y) {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  const auto exact = where(b >= 0.5, b, infinite) <= 0x1p24;
  const auto between = where(a > 0, a, infinite) < infinite;
  const auto root = pow(a, where(between, where(exact, b - 1, b) / 2, b - 1));
  const auto product = where(between, b * root / where(exact, 1, a) * root, b * root);
  return where(abs(y) + 1 / abs(y) < 0x1p100, b * y / a, product);
};
struct Pow : Elementwise<2> {
  static constexpr double infinite = std::numeric_limits<double>::infinity();
  static constexpr About about{"pow", "a^b", "Power with a variable exponent, of a base above 0."};
  static constexpr std::array domain{positive, Domain{}};
  static constexpr auto value = [](auto a, auto b) { return pow(a, b); };
  // At the ends one factor is 0 and another infinite: a^0 is constant, also where a^-1 is infinite,
  // and where a^b has fallen to 0 it has fallen faster than log(a) rises. Only there is the slope
  // closed: elsewhere that of b a^(b-1) in b is a second derivative. abs, not square: a square may
  // underflow. Two roots of a^b have the digits that it loses near 0.
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto a, auto b, auto y) {
                   const auto slope = slope_in_base(a, b, y);
                   return where(b == 0, where(abs(slope) < infinite, g * slope, 0), g * slope);
                 },
                 [](auto g, auto a, auto b, auto y) {
                   const auto root = pow(a, b / 2), slope = g * (root * log(a) * root);
                   const auto fallen = where(a + a == a, y, root) == 0;  // b / 2 may be 0
                   return where(fallen, 0, where(abs(a) + abs(b) == 0, 0, slope));
                 }};
  template <class E = Examples> static E examples() {
    return {{{2, 3}, 8}, {{4, -0.5}, 0.5}, {{0.25, 0}, 1}};
  }
};
/// A number as the exponent is a constant of the op; everything else is an operand.
template <class A, class B>
requires AnyTraced<A, B>
auto pow(const A& a, const B& b) {
  if constexpr (std::is_arithmetic_v<B>)
    return record<PowConstant>({static_cast<double>(b)}, a);
  else
    return record<Pow>({}, a, b);
}

struct Cbrt : Elementwise<1> {
  static constexpr About about{"cbrt", "x^(1/3)", "Cube root; its slope at 0 is infinite."};
  static constexpr std::array domain{nonzero};
  static constexpr auto value = [](auto x) { return cbrt(x); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto, auto y) { return g / (3 * y * y); }};
  template <class E = Examples> static E examples() { return {{{27}, 3}, {{-8}, -2}}; }
};
RAMP_UNARY(cbrt, Cbrt)

struct Fma : Elementwise<3> {
  static constexpr About about{"fma", "a * b + c", "Rounded once."};
  static constexpr auto value = [](auto a, auto b, auto c) { return fma(a, b, c); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto, auto b) { return g * b; },
                                               [](auto g, auto a) { return g * a; }, pass_on};
  template <class E = Examples> static E examples() {
    return {{{2, 3, 4}, 10}, {{-0.5, 4, 1}, -1}};
  }
};
template <class A, class B, class C>
requires AnyTraced<A, B, C>
auto fma(const A& a, const B& b, const C& c) { return record<Fma>({}, a, b, c); }

// a / |a, b|, which is 1 or -1 where a is infinite, even if b is, too. Where the length y is too
// large for the type, or has few digits, it comes from b / a.
inline constexpr auto share_of_length = [](auto a, auto b, auto y) {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  const auto extreme = y + 8 / y == infinite;
  const auto ratio = where(extreme, b / a, 0), part = 1 / sqrt(1 + ratio * ratio);
  const auto share = where(extreme, where(a < 0, -part, part), a / y);
  return where(a == infinite, 1, where(a == -infinite, -1, share));
};
struct Hypot : Elementwise<2> {
  static constexpr bool commutes = true;
  static constexpr About about{"hypot", "sqrt(a * a + b * b)",
                               "Length of (a, b); no square overflows.", "a = b = 0: 0 for each"};
  static constexpr auto value = [](auto a, auto b) { return hypot(a, b); };
  static constexpr auto pullbacks = std::tuple{
      [](auto g, auto a, auto b, auto y) { return gate(y, 0, g * share_of_length(a, b, y), 0); },
      [](auto g, auto a, auto b, auto y) { return gate(y, 0, g * share_of_length(b, a, y), 0); }};
  static constexpr auto kink = [](auto a, auto b) { return abs(a) + abs(b); };
  template <class E = Examples> static E examples() { return {{{3, 4}, 5}, {{-5, 12}, 13}}; }
};
RAMP_BINARY(hypot, Hypot)

// a - b, and 0 where both are the same infinity: so scores are measured from the largest one.
struct Above : Elementwise<2> {
  static constexpr About about{"above", "a - b, infinity - infinity = 0",
                               "How far a lies above b."};
  static constexpr auto value = [](auto a, auto b) { return where(a == b, 0, a - b); };
  static constexpr auto pullbacks = std::tuple{pass_on, [](auto g) { return -g; }};
  template <class E = Examples> static E examples() { return {{{2, 3}, -1}, {{1.5, 1.5}, 0}}; }
};
RAMP_BINARY(above, Above)

using Arithmetic =
    OpList<Add, Sub, Mul, Div, Neg, Square, Sqrt, PowConstant, Pow, Cbrt, Fma, Hypot, Above>;

}  // namespace ramp

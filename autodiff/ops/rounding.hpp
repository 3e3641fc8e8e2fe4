// Steps: rounding, remainders and signs. A step is flat, its slope is 0, and none reaches through
// it; at the jump it has none, and gets the slope beside it.
#pragma once

#include <autodiff/ops/arithmetic.hpp>
#include <autodiff/ops/kinked.hpp>
#include <autodiff/ops/op.hpp>

namespace ramp {

#define RAMP_STEP(Name, f, formula, doc, at_kink, distance, ...)              \
  struct Name : Elementwise<1> {                                              \
    static constexpr About about{#f, formula, doc, at_kink};                  \
    static constexpr auto value = [](auto x) { return f(x); };                \
    static constexpr auto pullbacks = std::tuple{no_gradient};                \
    static constexpr auto kink = [](auto x) { return distance; };             \
    template <class E = Examples> static E examples() { return __VA_ARGS__; } \
  };                                                                          \
  RAMP_UNARY(f, Name)

template <Number X> X sign(X x) { return where(x > 0, X(1), where(x < 0, X(-1), x)); }

RAMP_STEP(Floor, floor, "the integer below", "Largest integer that isn't above x.",
          "x an integer: no slope anywhere", x - round(x), {{{2.5}, 2}, {{-2.5}, -3}})
RAMP_STEP(Ceil, ceil, "the integer above", "Smallest integer that isn't below x.",
          "x an integer: no slope anywhere", x - round(x), {{{2.5}, 3}, {{-2.5}, -2}})
RAMP_STEP(Trunc, trunc, "the integer towards 0", "x without its fraction.",
          "x an integer: no slope anywhere", x - round(x), {{{2.7}, 2}, {{-2.7}, -2}})
RAMP_STEP(Round, round, "the nearest integer", "Halves are rounded away from 0.",
          "x + 1/2 an integer: no slope anywhere", x - floor(x) - 0.5, {{{2.7}, 3}, {{-2.2}, -2}})
RAMP_STEP(Rint, rint, "the nearest integer", "Halves are rounded to the even one, as NumPy does.",
          "x + 1/2 an integer: no slope anywhere", x - floor(x) - 0.5, {{{2.7}, 3}, {{2.2}, 2}})
RAMP_STEP(Sign, sign, "1, 0 or -1", "1 above 0, -1 below it; 0 and NaN stay.",
          "x = 0: no slope anywhere", x, {{{2.7}, 1}, {{-2.2}, -1}})
#undef RAMP_STEP

struct Copysign : Elementwise<2> {
  static constexpr About about{"copysign", "|a| with b's sign", "b has no slope.", "a = 0: 0"};
  static constexpr auto value = [](auto a, auto b) { return copysign(a, b); };
  static constexpr auto pullbacks = std::tuple{
      [](auto g, auto a, auto b) { return copysign(1, b) * (gate(a, 0, g, 0) - gate(0, a, g, 0)); },
      no_gradient};
  static constexpr auto kink = [](auto a, auto b) { return where(abs(a) < abs(b), a, b); };
  template <class E = Examples> static E examples() { return {{{2, -3}, -2}, {{-2, 3}, 2}}; }
};
RAMP_BINARY(copysign, Copysign)

// The quotient is an integer, as the value is what is left of a; round() takes its error away.
inline constexpr auto whole_quotient = [](auto a, auto b, auto y) { return round(a / b - y / b); };

struct Fmod : Elementwise<2> {
  static constexpr About about{"fmod", "a - b trunc(a / b)", "Remainder with the sign of a.",
                               "a / b an integer: a jump, the slopes beside it"};
  static constexpr std::array domain{Domain{}, nonzero};
  static constexpr auto value = [](auto a, auto b) { return fmod(a, b); };
  static constexpr auto pullbacks = std::tuple{
      pass_on, [](auto g, auto a, auto b, auto y) { return -g * whole_quotient(a, b, y); }};
  template <class E = Examples> static E examples() { return {{{7, 3}, 1}, {{-7.5, 2}, -1.5}}; }
};
RAMP_BINARY(fmod, Fmod)

struct Remainder : Elementwise<2> {
  static constexpr About about{"remainder", "a - b rint(a / b)",
                               "What is left, of either sign; at most |b| / 2.",
                               "a / b + 1/2 an integer: a jump, the slopes beside it"};
  static constexpr std::array domain{Domain{}, nonzero};
  static constexpr auto value = [](auto a, auto b) { return remainder(a, b); };
  static constexpr auto pullbacks = std::tuple{
      pass_on, [](auto g, auto a, auto b, auto y) { return -g * whole_quotient(a, b, y); }};
  template <class E = Examples> static E examples() { return {{{7, 3}, 1}, {{8, 3}, -1}}; }
};
RAMP_BINARY(remainder, Remainder)

using Rounding = OpList<Floor, Ceil, Trunc, Round, Rint, Sign, Copysign, Fmod, Remainder>;

}  // namespace ramp

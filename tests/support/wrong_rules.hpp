// Ops whose pullbacks are wrong, for more than one test of the gradient checker.
#pragma once

#include <autodiff/own_op.hpp>

namespace wrong_rules {

using namespace ramp;

struct WrongSign : Elementwise<2> {
  static constexpr About about{"test_wrong_sign", "a - b", "b's gradient should be -g."};
  static constexpr auto value = [](auto a, auto b) { return a - b; };
  static constexpr auto pullbacks = std::tuple{pass_on, pass_on};
  static Examples examples() { return {{{2, 3}, -1}}; }
};

struct TieTwice : Elementwise<2> {
  static constexpr About about{"test_tie_twice", "max(a, b)", "At a tie both get all of g.", "1"};
  static constexpr auto value = [](auto a, auto b) { return where(a > b, a, b); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto a, auto b) { return gate(a, b, g, 1); },
                 [](auto g, auto a, auto b) { return gate(b, a, g, 1); }};
  static constexpr auto kink = [](auto a, auto b) { return a - b; };
  static Examples examples() { return {{{2, 3}, 3}}; }
};

struct OffByLittle : Elementwise<1> {
  static constexpr About about{"test_off_by_little", "sin(x)", "The slope is 1 + 1e-3 times it."};
  static constexpr auto value = [](auto x) { return sin(x); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto x) { return g * cos(x) * 1001 / 1000; }};
  static Examples examples() { return {{{0}, 0}}; }
};

}  // namespace wrong_rules

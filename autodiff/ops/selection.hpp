// where and the comparisons it selects by. Comparisons are 1 or 0 and have no slope.
#pragma once

#include <autodiff/ops/op.hpp>

#include <limits>
#include <tuple>

namespace ramp {

/// Numbers select as ops do.
template <Number C, Number A, Number B>
requires(!std::is_same_v<C, bool>) [[gnu::always_inline]] inline auto where(C condition, A a, B b) {
  return where(condition != 0, a, b);
}

struct Where : Elementwise<3> {
  static constexpr About about{
      "where", "a if condition != 0, else b",
      "Selects; nothing passes to the other operand, whatever its value or slope.",
      "what the condition says: it has no slope of its own"};
  static constexpr auto value = [](auto condition, auto a, auto b) {
    return where(condition != 0, a, b);
  };
  static constexpr auto pullbacks =
      std::tuple{no_gradient, [](auto g, auto condition) { return where(condition, g, 0); },
                 [](auto g, auto condition) { return where(condition, 0, g); }};
  template <class E = Examples> static E examples() { return {{{1, 2, 3}, 2}, {{0, 2, 3}, 3}}; }
};
template <class C, class A, class B>
requires AnyTraced<C, A, B>
auto where(const C& condition, const A& a, const B& b) {
  return record<Where>({}, condition, a, b);
}

// a > b and its like, as an operand of another op or wherever C++ wants a bool.
template <class Relation, class... X> struct Comparison {
  std::tuple<X...> operands;

  auto recorded() const {
    return std::apply([](const X&... x) { return record<Relation>({}, x...); }, operands);
  }
  /// Of scalars; ShapeError for tensors, whose comparison is for where().
  operator bool() const {
    using Handle = typename Recording<X...>::type;
    return std::apply(
        [](const X&... x) {
          // Numbers of two tapes aren't compared either: the graph of none would show it.
          Handle::check_together(Relation::about.name, x...);
          return Relation::value(number<typename Handle::Number>(x)...) != 0;
        },
        operands);
  }

  // For code that says `using std::max`, as those of Var.
  friend auto max(const Comparison& p, const Comparison& q) { return maximum(p, q); }
  friend auto min(const Comparison& p, const Comparison& q) { return minimum(p, q); }

 private:
  // As where() would compare it.
  template <class T, class Y> static T number(const Y& y) {
    if constexpr (std::is_arithmetic_v<Y>)
      return static_cast<T>(y);
    else if constexpr (is_comparison<Y>)
      return static_cast<T>(static_cast<bool>(y));
    else
      return y.item();
  }
};

#define RAMP_COMPARISON(Name, name, op, first, second, third)                                \
  struct Name : Elementwise<2> {                                                             \
    static constexpr bool commutes = first == third;                                         \
    static constexpr About about{name, "1 if a " #op " b, else 0",                           \
                                 "Comparison; NaN compares "                                 \
                                 "unequal.",                                                 \
                                 "a = b: no slope anywhere"};                                \
    static constexpr auto value = [](auto a, auto b) { return where(a op b, 1, 0); };        \
    static constexpr auto pullbacks = std::tuple{no_gradient, no_gradient};                  \
    static constexpr auto kink = [](auto a, auto b) { return a - b; };                       \
    static auto examples() {                                                                 \
      return std::vector<Example<Attr>>{{{1, 2}, first}, {{2, 2}, second}, {{2, 1}, third}}; \
    }                                                                                        \
  };                                                                                         \
  template <class A, class B>                                                                \
  requires AnyTraced<A, B> Comparison<Name, A, B>                                            \
  operator op(const A& a, const B& b) { return {{a, b}}; }
RAMP_COMPARISON(Greater, "greater", >, 0, 0, 1)
RAMP_COMPARISON(GreaterEqual, "greater_equal", >=, 0, 1, 1)
RAMP_COMPARISON(Less, "less", <, 1, 0, 0)
RAMP_COMPARISON(LessEqual, "less_equal", <=, 1, 1, 0)
RAMP_COMPARISON(Equal, "equal", ==, 0, 1, 0)
RAMP_COMPARISON(NotEqual, "not_equal", !=, 1, 0, 1)
#undef RAMP_COMPARISON

// Of each element; where C++ wants a bool, of a scalar.
#define RAMP_QUERY(Name, name, formula, doc, condition, ...)                     \
  struct Name : Elementwise<1> {                                                 \
    static constexpr About about{#name, formula, doc};                           \
    static constexpr auto value = [](auto x) { return where(condition, 1, 0); }; \
    static constexpr auto pullbacks = std::tuple{no_gradient};                   \
    template <class E = Examples> static E examples() { return __VA_ARGS__; }    \
  };                                                                             \
  template <Traced X> Comparison<Name, X> name(const X& x) { return {{x}}; }
RAMP_QUERY(IsNan, isnan, "1 if x is NaN, else 0", "No number.", x != x, {{{2}, 0}, {{-0.5}, 0}})
RAMP_QUERY(IsInf, isinf, "1 if |x| is infinite, else 0", "Infinity, of either sign.",
           abs(x) == std::numeric_limits<double>::infinity(), {{{2}, 0}, {{-1e30}, 0}})
RAMP_QUERY(IsFinite, isfinite, "1 if x is finite, else 0", "Neither NaN nor infinite.", x - x == 0,
           {{{2}, 1}, {{-1e30}, 1}})
RAMP_QUERY(SignBit, signbit, "1 if x has a minus sign, else 0", "Below 0, or -0.",
           copysign(1, x) < 0, {{{-2}, 1}, {{3}, 0}})
#undef RAMP_QUERY

using Selection = OpList<Where, Greater, GreaterEqual, Less, LessEqual, Equal, NotEqual, IsNan,
                         IsInf, IsFinite, SignBit>;

}  // namespace ramp

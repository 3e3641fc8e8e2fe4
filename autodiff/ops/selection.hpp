// where and the comparisons it selects by. Comparisons are 1 or 0 and have no slope.
#pragma once

#include <autodiff/ops/op.hpp>

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
  static Examples examples() { return {{{1, 2, 3}, 2}, {{0, 2, 3}, 3}}; }
};
template <class C, class A, class B>
requires AnyTraced<C, A, B>
auto where(const C& condition, const A& a, const B& b) {
  return record<Where>({}, condition, a, b);
}

// a > b and its like, as an operand of another op or as the condition of an `if`.
template <class Relation, class A, class B> struct Comparison {
  A a;
  B b;

  auto recorded() const { return record<Relation>({}, a, b); }
  /// Of two scalars; ShapeError for tensors, whose comparison is for where().
  explicit operator bool() const {
    // Numbers of two tapes aren't compared either: the graph of none would show it.
    if constexpr (is_handle<A> && is_handle<B>)
      A::check_together(a, b, Relation::about.name);
    else if constexpr (is_handle<A>)
      A::check_together(a, a, Relation::about.name);
    else if constexpr (is_handle<B>)
      B::check_together(b, b, Relation::about.name);
    return Relation::value(number(a), number(b)) != 0;
  }

  // For code that says `using std::max`, as those of Var.
  friend auto max(const Comparison& p, const Comparison& q) { return maximum(p, q); }
  friend auto min(const Comparison& p, const Comparison& q) { return minimum(p, q); }

 private:
  template <class X> static constexpr bool is_handle = requires(const X& x) {
    X::check_together(x, x, "");
  };
  template <class X> static auto number(const X& x) {
    using T = typename Recording<A, B>::type::Number;  // in which where() compares, too
    if constexpr (std::is_arithmetic_v<X>)
      return static_cast<T>(x);
    else
      return x.item();
  }
};

#define RAMP_COMPARISON(Name, name, op, first, second, third)                                \
  struct Name : Elementwise<2> {                                                             \
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
  operator op(const A& a, const B& b) { return {a, b}; }
RAMP_COMPARISON(Greater, "greater", >, 0, 0, 1)
RAMP_COMPARISON(GreaterEqual, "greater_equal", >=, 0, 1, 1)
RAMP_COMPARISON(Less, "less", <, 1, 0, 0)
RAMP_COMPARISON(LessEqual, "less_equal", <=, 1, 1, 0)
RAMP_COMPARISON(Equal, "equal", ==, 0, 1, 0)
RAMP_COMPARISON(NotEqual, "not_equal", !=, 1, 0, 1)
#undef RAMP_COMPARISON

using Selection = OpList<Where, Greater, GreaterEqual, Less, LessEqual, Equal, NotEqual>;

}  // namespace ramp

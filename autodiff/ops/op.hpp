// What an op is: one struct with its name, its shape rule, its value, one pullback per input, its
// kinks, its domain and its examples. Formulas are generic lambdas, and the same formula is read
// with numbers, with SIMD lanes, with whole tensors (Value) and with handles on a tape (Var).
// ../README.md derives one from its mathematics.
#pragma once

#include <autodiff/kernels/lanes.hpp>
#include <autodiff/values/error.hpp>
#include <autodiff/values/shape.hpp>
#include <autodiff/values/tensor.hpp>

#include <array>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

namespace ramp {

template <class T> class Var;        // a node of a tape (tape.hpp)
template <class T> struct Value;     // a tensor that a formula computes with (value.hpp)
template <class T> struct Deferred;  // the last step of a tensor formula, not yet run (value.hpp)

struct About {
  const char* name;
  const char* formula;
  const char* doc;
  const char* at_kink = "";  // where its kinks lie and what it gives there; c: the tape's at_zero
};

// Where an input may lie: an open interval, perhaps without 0.
struct Domain {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool nonzero = false;
};
inline constexpr Domain positive{.low = 0};
inline constexpr Domain nonzero{.nonzero = true};

// Inputs of an example: a number, or a tensor of a shape.
struct Literal : Tensor<double> {
  Literal(double x) : Tensor(Shape{}, {x}) {}
  Literal(const Shape& shape, std::initializer_list<double> values) : Tensor(shape, values) {}
};
template <class Attr> struct Example {
  std::vector<Literal> inputs;
  Literal output;
  Attr attr = {};
};

struct NoAttr {};

// What a formula may ask about besides its operands: the op's attributes and the kink convention.
template <class Attr> struct At : Attr {
  double at_zero;  // c, a kink's share of the slope
  double tie;      // of `maximum` and its like
};
// Where two operands tie, each gets half of the slope if both vary; against a constant the variable
// stands at a kink of its own.
constexpr double share_at_tie(double at_zero, bool both_vary) { return both_vary ? 0.5 : at_zero; }

inline constexpr int variadic = -1;  // the arity of an op with any number of inputs

// Built-in ops have their examples in a template, `template <class E = Examples> static E
// examples()`: every file reads the blocks, and only the registry makes their examples. An op of
// your own says `static Examples examples()`.
template <int Arity, class A> struct Op {
  using Attr = A;
  using Examples = std::vector<Example<A>>;
  static constexpr int arity = Arity;
  static constexpr bool aliases = false;           // the value lies in the first input's memory
  static constexpr bool reads_transposed = false;  // its loops heed Value::transposed
  static constexpr bool commutes = false;          // its two operands: drawings don't number them
  static constexpr bool linear = false;  // in g, and by finite factors: no NaN begins in a pullback
  static constexpr bool has_slopes = true;  // each pullback is g times a number that g isn't in
  static constexpr std::array<Domain, (Arity == variadic ? 1u : static_cast<unsigned>(Arity))>
      domain{};
  static constexpr std::nullptr_t kink = nullptr;
  static constexpr std::nullptr_t adopt = nullptr;
  static constexpr std::nullptr_t check = nullptr;  // throws for attributes that make no sense
};

// Of an attribute that says how often something is differentiated.
inline void check_order(const char* op, double order) {
  constexpr double most = 1000;  // each step of a loop
  if (!(order >= 0 && order <= most && order == static_cast<int>(order)))
    throw ValueError("[" + std::string(op) + "] order " + std::to_string(order) +
                     ": it must be a whole number from 0 to 1000");
}

template <class O> inline constexpr bool has_kink =
    !std::is_null_pointer_v<std::remove_const_t<decltype(O::kink)>>;

/// An op that works on each element by itself. Operands broadcast, its formulas see numbers, and
/// its attributes are numbers (double).
template <int Arity, class Attr = NoAttr> struct Elementwise : Op<Arity, Attr> {
  static constexpr bool elementwise = true;
};
/// An op on whole tensors. It states the shape of its value; its formulas see tensors.
template <int Arity, class Attr = NoAttr> struct Structural : Op<Arity, Attr> {
  static constexpr bool elementwise = false;
};

// Pullbacks that the engine knows to be free.
inline constexpr auto pass_on = [](auto g, const auto&...) { return g; };
struct NoGradient {};
inline constexpr NoGradient no_gradient;

// Which inputs have a pullback, a bit each: only through them does a value vary.
template <class O>
inline constexpr unsigned differentiable_inputs = []<std::size_t... K>(std::index_sequence<K...>) {
  using Pullbacks = std::remove_cvref_t<decltype(O::pullbacks)>;
  return (0u | ... |
          (std::is_same_v<std::tuple_element_t<K, Pullbacks>, NoGradient> ? 0u : 1u << K));
}
(std::make_index_sequence<std::tuple_size_v<std::remove_cvref_t<decltype(O::pullbacks)>>>{});

// An op of one or two numbers that is recorded as its value and its slopes.
template <class O>
inline constexpr bool has_partials = O::elementwise&& O::has_slopes &&
                                     (O::arity == 1 ||
                                      (O::arity == 2 && std::is_empty_v<typename O::Attr>)) &&
                                     differentiable_inputs<O> == (1u << O::arity) - 1;

// Calls a formula with as many of the arguments, from the first, as it takes: formulas name only
// what they use.
template <class F, class... X>
[[gnu::always_inline]] inline constexpr decltype(auto) call(const F& f, const X&... x) {
  if constexpr (std::is_invocable_v<const F&, const X&...>) {
    return f(x...);
  } else {
    return [&]<std::size_t... I>(std::index_sequence<I...>, auto&& all)
        __attribute__((always_inline))
            ->decltype(auto) {
      return call(f, std::get<I>(all)...);
    }
    (std::make_index_sequence<sizeof...(X) - 1>{}, std::forward_as_tuple(x...));
  }
}

// What a structural op's value formula may return instead of a tensor: f(y, add) writes y.
template <class F> struct Writes {
  F f;
  template <class T> void into(const View<T>& y, bool add) const { f(y, add); }
};
template <class F> Writes(F) -> Writes<F>;

// --- Operands: what the public functions take ----------------------------------------------

template <class X> inline constexpr bool is_traced = false;
template <class T> inline constexpr bool is_traced<Var<T>> = true;
template <class T> inline constexpr bool is_traced<Value<T>> = true;
template <class T> inline constexpr bool is_traced<Deferred<T>> = true;

template <class X>
concept Traced = is_traced<X>;

template <class Relation, class... X>
struct Comparison;  // a > b, or isnan(x), not yet recorded (ops/selection.hpp)
template <class X> inline constexpr bool is_comparison = false;
template <class Relation, class... X>
inline constexpr bool is_comparison<Comparison<Relation, X...>> = true;

template <class X>
concept Operand = Traced<X> || is_comparison<X> || std::is_arithmetic_v<X>;

// At least one operand is on a tape, and the others can be put there.
template <class... X>
concept AnyTraced = (Operand<X> && ...) && ((Traced<X> || is_comparison<X>) || ...);

template <class... X> struct Recording;  // the type that recording an op on these operands gives
template <class X, class... More> struct Recording<X, More...> : Recording<More...> {};
template <class T, class... More> struct Recording<Var<T>, More...> { using type = Var<T>; };
template <class T, class... More> struct Recording<Value<T>, More...> { using type = Deferred<T>; };
template <class T, class... More> struct Recording<Deferred<T>, More...> {
  using type = Deferred<T>;
};
template <class Relation, class... X, class... More>
struct Recording<Comparison<Relation, X...>, More...> : Recording<X...> {};

/// Records Op on its operands: a node where they are handles, a computation where they are values.
/// Inline, as the operators are: a handle whose address a call takes can't stay in a register.
template <class Op, class... X>
requires AnyTraced<X...>
[[gnu::always_inline]] inline auto record(const typename Op::Attr& attr, const X&... x) {
  return Recording<X...>::type::template record<Op>(attr, x...);
}

// The public function of an op without attributes.
#define RAMP_UNARY(f, O) \
  template <Traced X> [[gnu::always_inline]] inline auto f(const X& x) { return record<O>({}, x); }
#define RAMP_BINARY(f, O)     \
  template <class A, class B> \
  requires AnyTraced<A, B>    \
  [[gnu::always_inline]] inline auto f(const A& a, const B& b) { return record<O>({}, a, b); }

template <class... Ops> struct OpList {};
template <class... Lists> struct Joined;
template <class... A> struct Joined<OpList<A...>> { using type = OpList<A...>; };
template <class... A, class... B, class... More> struct Joined<OpList<A...>, OpList<B...>, More...>
    : Joined<OpList<A..., B...>, More...> {};

}  // namespace ramp

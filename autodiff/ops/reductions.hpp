// Reductions: of the whole tensor, or along one axis, which goes or stays with size 1.
#pragma once

#include <autodiff/ops/kinked.hpp>
#include <autodiff/ops/op.hpp>
#include <autodiff/ops/selection.hpp>
#include <autodiff/ops/shaping.hpp>
#include <autodiff/ops/transcendental.hpp>

#include <concepts>
#include <limits>

namespace ramp {

/// Which axis; negative ones count from the end. `sum(x, 1)` will do, but not `max(x, 1)`, which is
/// the larger of the two, nor `norm(x, 1)`, which elsewhere is a sum of absolute values.
struct Axis {
  int index;
  constexpr Axis(int i) : index(i) {}
};

struct Along {
  bool whole = true;
  int axis = 0;
  bool keepdims = false;

  std::string label(const char* op) const {
    return whole ? op : std::string(op) + " axis " + std::to_string(axis);
  }
};
// The shape with the reduced axis of size 1, which broadcasts against the operand's ...
inline Shape kept(const Shape& x, const Along& at) {
  if (!at.whole) return x.with(at.axis, 1);
  Shape y = x;
  for (int i = 0; i < x.rank(); ++i) y = y.with(i, 1);
  return y;
}
// ... and the shape of the result.
inline Shape reduced(const Shape& x, const Along& at) {
  if (at.keepdims) return kept(x, at);
  return at.whole ? Shape{} : x.without(at.axis);
}

template <class O> struct Reducing : Structural<1, Along> {
  static Shape shape(const Shape& x, const Attr& at) {
    if (!at.whole) shaping::check_axis(O::about.name, at.axis, x);
    return reduced(x, at);
  }
};

struct Sum : Reducing<Sum> {
  static constexpr bool linear = true;
  static constexpr About about{"sum", "sum of x", "Sum."};
  static constexpr auto value = [](auto x, auto at) {
    return reshape(sum_to(x, kept(shape_of(x), at)), reduced(shape_of(x), at));
  };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x, auto, auto at) {
    return broadcast_to(reshape(g, kept(shape_of(x), at)), shape_of(x));
  }};
  static std::string label(const Attr& at) { return at.label("sum"); }
  template <class E = Examples> static E examples() {
    return {{{{Shape{2, 2}, {1, 2, 3, 4}}}, 10},
            {{{Shape{2, 2}, {1, 2, 3, 4}}}, {Shape{2}, {4, 6}}, {false, 0}}};
  }
};

struct Mean : Reducing<Mean> {
  static constexpr bool linear = true;
  static constexpr About about{"mean", "sum of x / n", "Arithmetic mean."};
  static double count(const Shape& x, const Attr& at) {
    return static_cast<double>(at.whole ? x.size() : x[at.axis]);
  }
  static constexpr auto value = [](auto x, auto at) {
    return record<Sum>(at, x) / count(x.shape, at);
  };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x, auto, auto at) {
    return broadcast_to(reshape(g / count(shape_of(x), at), kept(shape_of(x), at)), shape_of(x));
  }};
  static std::string label(const Attr& at) { return at.label("mean"); }
  template <class E = Examples> static E examples() {
    return {{{{Shape{2, 2}, {1, 2, 3, 4}}}, 2.5},
            {{{Shape{2, 2}, {1, 2, 3, 4}}}, {Shape{2, 1}, {1.5, 3.5}}, {false, 1, true}}};
  }
};

// The part of max and min that is no formula: a loop of comparisons, `largest` or `smallest`.
inline constexpr auto loop_along = [](auto x, const Along& at, auto loop) {
  return by_way_of_scratch(x, [x, at, loop](auto* to) {
    std::size_t outer = 1, inner = 1;
    for (int i = 0; i < x.shape.rank(); ++i)
      if (!at.whole && i != at.axis) (i < at.axis ? outer : inner) *= x.shape[i];
    loop(x.data, outer, at.whole ? x.shape.size() : x.shape[at.axis], inner, to);
  });
};

struct Max : Reducing<Max> {
  static constexpr About about{"max", "max of x",
                               "Largest element; NaN if one is NaN, of none -inf.",
                               "ties share the gradient equally"};
  static constexpr auto value = [](auto x, auto at) {
    return loop_along(x, at, [](auto... a) { largest(a...); });
  };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x, auto y, auto at) {
    const Shape k = kept(shape_of(x), at);
    const auto top = reshape(y, k);
    const auto ties = sum_to(gate(x, top, 1, 1), k);
    return gate(x, top, reshape(g, k) / ties, 1);
  }};
  static std::string label(const Attr& at) { return at.label("max"); }
  template <class E = Examples> static E examples() {
    return {{{{Shape{2, 2}, {1, 5, 3, 4}}}, 5},
            {{{Shape{2, 2}, {1, 5, 3, 4}}}, {Shape{2}, {3, 5}}, {false, 0}}};
  }
};

struct Min : Reducing<Min> {
  static constexpr About about{"min", "min of x",
                               "Smallest element; NaN if one is NaN, of none inf.",
                               "ties share the gradient equally"};
  static constexpr auto value = [](auto x, auto at) {
    return loop_along(x, at, [](auto... a) { smallest(a...); });
  };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x, auto y, auto at) {
    const Shape k = kept(shape_of(x), at);
    const auto bottom = reshape(y, k);
    const auto ties = sum_to(gate(bottom, x, 1, 1), k);
    return gate(bottom, x, reshape(g, k) / ties, 1);
  }};
  static std::string label(const Attr& at) { return at.label("min"); }
  template <class E = Examples> static E examples() {
    return {{{{Shape{2, 2}, {1, 5, 3, 4}}}, 1},
            {{{Shape{2, 2}, {1, 5, 3, 4}}}, {Shape{2}, {1, 3}}, {false, 1}}};
  }
};

// exp(x - top) along an axis, with the largest element as top: all lie in 0 .. 1, whatever x is.
// The top may be any number, so it has no gradient.
inline constexpr auto exp_from_top = [](auto x, Along at) {
  at.keepdims = true;
  return exp(above(x, detach(record<Max>(at, x))));
};

struct LogSumExp : Reducing<LogSumExp> {
  static constexpr About about{
      "logsumexp", "log(sum of exp(x))",
      "From the largest element down, so it can't overflow; all -inf give -inf, of slope 0."};
  static constexpr auto value = [](auto x, auto at) {
    const decltype(x) e = exp_from_top(x, at);
    return log(record<Sum>(at, e)) + record<Max>(at, x);
  };
  // Softmax. It isn't exp(x - y): y is rounded at the size of x. A row of -inf is a sum of nothing,
  // and stays it whatever is added to its elements.
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x, auto y, auto at) {
    const Shape k = kept(shape_of(x), at);
    const decltype(x) e = exp_from_top(x, at);
    const auto open =
        gate(reshape(y, k), -std::numeric_limits<double>::infinity(), reshape(g, k), 0);
    return open / sum_to(e, k) * e;
  }};
  static std::string label(const Attr& at) { return at.label("logsumexp"); }
  template <class E = Examples> static E examples() {
    return {
        {{{Shape{2}, {0, 0}}}, 0.6931471805599453},
        {{{Shape{2, 2}, {1000, 1000, 0, -1000}}}, {Shape{2}, {1000.6931471805599, 0}}, {false, 1}}};
  }
};

struct Norm : Reducing<Norm> {
  static constexpr About about{"norm", "sqrt(sum of x * x)",
                               "Euclidean length; no square overflows or underflows.",
                               "x = 0, all of it: 0"};
  static constexpr auto value = [](auto x, Along at) {
    using T = std::numeric_limits<std::remove_pointer_t<decltype(x.data)>>;
    at.keepdims = true;
    const decltype(x) size = clamp(record<Max>(at, abs(x)), T::min(), T::max());
    return reshape(size * sqrt(record<Sum>(at, square(x / size))), reduced(x.shape, at));
  };
  // x over its length, both measured by the largest element, since the length itself may overflow
  // or have few digits. That element's size has no gradient: it cancels.
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x, auto y, auto at) {
    const Shape k = kept(shape_of(x), at);
    at.keepdims = true;
    const decltype(x) part = x / detach(record<Max>(at, abs(x)));
    return gate(reshape(y, k), 0, reshape(g, k) * (part / record<Norm>(at, part)), 0);
  }};
  static std::string label(const Attr& at) { return at.label("norm"); }
  template <class E = Examples> static E examples() {
    return {{{{Shape{2, 2}, {1, 2, 2, 4}}}, 5},
            {{{Shape{2, 2}, {3, 4, 5, 12}}}, {Shape{2}, {5, 13}}, {false, 1}}};
  }
};

// What the largest of nothing may be depends on what it is for: in a formula -inf, for a user none.
template <Traced X> void check_any(const char* op, const X& x, const Along& at) {
  const Shape shape = shape_of(x, op);
  if ((at.whole ? shape.size() : shape[at.axis]) == 0)
    shaping::fail(op, shape, "there is nothing to reduce");
}

// sum(x), sum(x, 1), sum(x, Axis{1}, true): ShapeError if there is no such axis.
#define RAMP_REDUCTION(name, O, check)                                                   \
  template <Traced X> auto name(const X& x) {                                            \
    check(#name, x, Along{});                                                            \
    return record<O>({}, x);                                                             \
  }                                                                                      \
  template <Traced X> auto name(const X& x, Axis axis, bool keepdims = false) {          \
    const Along at{false, normal_axis(#name, axis.index, shape_of(x, #name)), keepdims}; \
    check(#name, x, at);                                                                 \
    return record<O>(at, x);                                                             \
  }
#define RAMP_ANY(...) void(0)
RAMP_REDUCTION(sum, Sum, RAMP_ANY)
RAMP_REDUCTION(mean, Mean, RAMP_ANY)
RAMP_REDUCTION(max, Max, check_any)
RAMP_REDUCTION(min, Min, check_any)
RAMP_REDUCTION(logsumexp, LogSumExp, RAMP_ANY)
RAMP_REDUCTION(norm, Norm, RAMP_ANY)
#undef RAMP_REDUCTION
#undef RAMP_ANY
template <Traced X> void norm(const X& x, std::integral auto) = delete;  // norm(x, Axis{1})

/// norm(a - b): the distance of two points, with slope 0 where they meet.
template <class A, class B, class... Along>
requires AnyTraced<A, B>
auto distance(const A& a, const B& b, Along... along) { return norm(a - b, along...); }

using Reductions = OpList<Sum, Mean, Max, Min, LogSumExp, Norm>;

}  // namespace ramp

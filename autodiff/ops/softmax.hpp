// Probabilities from scores, and the loss on integer labels.
#pragma once

#include <autodiff/ops/indexing.hpp>
#include <autodiff/ops/reductions.hpp>

namespace ramp {

template <class O> struct Rowwise : Structural<1, AlongAxis> {
  static Shape shape(const Shape& x, const Attr& at) {
    shaping::check_axis(O::about.name, at.axis, x);
    return x;
  }
  static Along keep(const Attr& at) { return {false, at.axis, true}; }
};

struct LogSoftmax : Rowwise<LogSoftmax> {
  static constexpr About about{"log_softmax", "x - logsumexp(x)", "Logarithms of softmax."};
  static constexpr auto value = [](auto x, auto at) {
    const decltype(x) below = above(x, record<Max>(keep(at), x));
    return below - log(record<Sum>(keep(at), exp(below)));
  };
  static constexpr auto pullbacks = std::tuple{
      [](auto g, auto, auto y, auto at) { return g - exp(y) * record<Sum>(keep(at), g); }};
  template <class E = Examples> static E examples() {
    return {{{{Shape{2}, {0, 0}}}, {Shape{2}, {-0.6931471805599453, -0.6931471805599453}}}};
  }
};

struct Softmax : Rowwise<Softmax> {
  static constexpr About about{"softmax", "exp(x) / sum of exp(x)", "Each row sums to 1."};
  static constexpr auto value = [](auto x, auto at) {
    const decltype(x) e = exp_from_top(x, keep(at));
    return e / record<Sum>(keep(at), e);
  };
  static constexpr auto pullbacks = std::tuple{
      [](auto g, auto, auto y, auto at) { return y * (g - record<Sum>(keep(at), g * y)); }};
  template <class E = Examples> static E examples() {
    return {{{{Shape{2}, {0, 1.0986122886681098}}}, {Shape{2}, {0.25, 0.75}}}};
  }
};
/// Along an axis, by default the last. ShapeError if there is no such axis.
template <Traced X> auto log_softmax(const X& x, Axis axis = Axis{-1}) {
  return record<LogSoftmax>({normal_axis("log_softmax", axis.index, shape_of(x, "log_softmax"))},
                            x);
}
template <Traced X> auto softmax(const X& x, Axis axis = Axis{-1}) {
  return record<Softmax>({normal_axis("softmax", axis.index, shape_of(x, "softmax"))}, x);
}

struct CrossEntropy : ByIndex {
  static constexpr About about{"cross_entropy", "logsumexp(x) - x[label]",
                               "Loss of each row of scores (n, k) against its label."};
  static constexpr Along row{false, 1};
  static Shape shape(const Shape& x, const Attr& at) {
    if (x.rank() != 2 || x[0] != at.count || x[1] == 0)
      shaping::fail("cross_entropy", x, "it needs scores (n, k) and a label for each row");
    at.check("cross_entropy", "label", x, x[1]);
    return Shape::of({at.count}, 1);
  }
  // e without its element at each row's label.
  static constexpr auto others = [](const auto& e, const auto& chosen, const Attr& at) {
    return e - unpick(chosen, at.span(), shape_of(e)[1]);
  };
  // Scores are measured from the row's largest, and the label's own part is never added to the
  // others' to be taken away again: a score of 1e9 beside small ones, or a loss of 1e-9, would be
  // lost so.
  //     log(sum of e) - s[label] = log1p(e of the others + expm1(s[label])) - s[label]
  static constexpr auto value = [](auto x, auto at) {
    using V = decltype(x);
    const V s = above(x, record<Max>(Along{false, 1, true}, x)), e = exp(s);
    const V chosen = pick(s, at.span()), rest = others(e, pick(e, at.span()), at);
    return log1p(record<Sum>(row, rest) + expm1(chosen)) - chosen;
  };
  // softmax(x) - one_hot(label): (others - one_hot * sum of others) / sum of e, by row.
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x, auto, auto at) {
    using V = decltype(x);
    const Shape k = kept(shape_of(x), row);
    const V e = exp_from_top(x, row), chosen = pick(e, at.span()), rest = others(e, chosen, at);
    const V sum = record<Sum>(row, rest);
    return reshape(g / (sum + chosen), k) * (rest - unpick(sum, at.span(), shape_of(x)[1]));
  }};
  template <class E = Examples> static E examples() {
    static constexpr std::array<std::int32_t, 2> labels{1, 0};
    return {{{{Shape{2, 2}, {0, 0, 3, 3}}},
             {Shape{2}, {0.6931471805599453, 0.6931471805599453}},
             Indices::of(labels)}};
  }
};
/// The loss -log softmax(x)[label] of each row: x (n, k), labels in 0 .. k - 1, as (n).
/// ShapeError for other shapes, IndexError for other labels.
template <Traced X> auto cross_entropy(const X& x, std::span<const std::int32_t> labels) {
  return record<CrossEntropy>(Indices::of(labels), x);
}

using Probabilities = OpList<LogSoftmax, Softmax, CrossEntropy>;

}  // namespace ramp

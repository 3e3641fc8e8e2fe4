// Sums of products of numbers, as the tape records them: one node that grows with each term.
#pragma once

#include <autodiff/ops/arithmetic.hpp>

namespace ramp {

/// c + a1 * b1 + a2 * b2 + ..., for Plus_ and Term_ in place of the sum and the product: operands
/// a1, b1, a2, b2, ..., c, all of rank 0. A tape records what is written as a sum of such terms as
/// one node that grows.
template <class Plus_, class Term_> struct SumOf : Structural<variadic> {
  using Plus = Plus_;
  using Term = Term_;
  static Shape shape(std::span<const Shape> in) {
    bool numbers = in.size() % 2 == 1;
    for (const Shape& x : in) numbers &= x.rank() == 0;
    if (!numbers)
      throw ShapeError("[sum_of_products] it takes pairs of numbers, and what they are added to");
    return {};
  }
  static constexpr auto value = [](auto in) {
    return Writes{[in](const auto& y, bool add) {
      auto sum = in.back().data[0];
      for (std::size_t k = 0; k + 1 < in.size(); k += 2)
        sum = Plus::value(sum, Term::value(in[k].data[0], in[k + 1].data[0]));
      y[0] = add ? y[0] + sum : sum;
    }};
  };
  template <class G, class X> static auto of_term(const G& g, const X& a, const X& b, bool second) {
    return second ? call(std::get<1>(Term::pullbacks), g, a, b)
                  : call(std::get<0>(Term::pullbacks), g, a, b);
  }
  static constexpr auto pullbacks = std::tuple{[](auto g, auto in, auto, auto, int input) {
    const auto k = static_cast<std::size_t>(input), pair = k / 2 * 2;
    if constexpr (requires { typename decltype(g)::Number; }) {  // handles
      return k + 1 == in.size() ? g : of_term(g, in[pair], in[pair + 1], k > pair);
    } else {
      return Writes{[=](const auto& y, bool add) {
        const auto d = k + 1 == in.size()
                           ? *g.data
                           : of_term(*g.data, *in[pair].data, *in[pair + 1].data, k > pair);
        y[0] = add ? y[0] + d : d;
      }};
    }
  }};
};

struct SumOfProducts : SumOf<Add, Mul> {
  static constexpr About about{
      "sum_of_products", "c + a1 * b1 + a2 * b2 + ..",
      "What is recorded for a sum of products of numbers: one node, 8 bytes a term."};
  static Examples examples() { return {{{2, 3, 4}, 10}, {{2, 3, -1, 5, 0.5}, 1.5}, {{7}, 7}}; }
};

using Grown = SumOfProducts;  // what a tape folds terms into as they are recorded

using Sums = OpList<SumOfProducts>;

}  // namespace ramp

// Broadcasting, matrix products and repetition in all small cases: each pair of shapes is taken or
// refused as a rule written down once more says, and the numbers are those of loops.
#include "support/small.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace ramp;
using namespace small;

TEST_CASE("the shape rules of broadcasting, reshape and products in all small cases") {
  const auto shapes = all_sizes(3);
  for (const Sizes& a : shapes)
    for (const Sizes& b : shapes) {
      const Shape p = shape_of(a), q = shape_of(b);
      const Answer both = broadcast_sizes(a, b);
      Shape out;
      SAME((broadcast(p, q, out) ? Answer(sizes_of(out)) : Answer()), both);
      const Answer to = both == Answer(b) ? Answer(b) : Answer();
      SAME(answer("broadcast_to", [&] { return BroadcastTo::shape(p, {q}); }), to);
      SAME(answer("sum_to", [&] { return SumTo::shape(q, {p}); }), (to ? Answer(a) : Answer()));
      SAME(answer("reshape", [&] { return Reshape::shape(p, {q}); }),
           (p.size() == q.size() ? Answer(b) : Answer()));
      const Answer product = matmul_sizes(a, b);
      SAME(answer("matmul", [&] { return Matmul::shape(p, q); }), product);
      if (!product) continue;
      for (const Sizes& bias : all_sizes(2, 2)) {
        const bool fits = broadcast_sizes(bias, *product) == product;
        SAME(answer("affine", [&] { return Affine::shape(p, q, shape_of(bias)); }),
             (fits ? product : Answer()));
      }
    }
}

TEST_CASE("all small batches of matrices multiply as loops do") {
  for (const Sizes& a : all_sizes(4, 2))
    for (const Sizes& b : all_sizes(4, 2)) {
      const Answer c = matmul_sizes(a, b);
      // Rank 4 takes long and shows nothing new unless both sides have two leading axes.
      if (!c || a.size() + b.size() < 5 || (c->size() == 4 && a.size() + b.size() < 7)) continue;
      Tape tape;
      const auto x = tape.leaf(whole_numbers(a, 1)), y = tape.leaf(whole_numbers(b, 2));
      const Var<double> z = matmul(x, y);
      Tensor<double> value(z.shape()), of_x(x.shape()), of_y(y.shape());
      const Tensor<double> seed = whole_numbers(*c, 3);
      each(*c, [&](const Sizes& at, std::size_t i) {
        for (std::int64_t k = 0; k < a.back(); ++k) {
          const auto element = [&](const Sizes& of, std::int64_t row, std::int64_t column) {
            Sizes from(at.end() - static_cast<std::ptrdiff_t>(of.size()), at.end());
            for (std::size_t d = 0; d + 2 < of.size(); ++d)
              if (of[d] == 1) from[d] = 0;
            from[of.size() - 2] = row;
            from[of.size() - 1] = column;
            return place(of, from);
          };
          const std::size_t p = element(a, at[at.size() - 2], k), q = element(b, k, at.back());
          value[i] += x.view()[p] * y.view()[q];
          of_x[p] += seed[i] * y.view()[q];
          of_y[q] += seed[i] * x.view()[p];
        }
      });
      tape.backward(z, seed);
      for (std::size_t i = 0; i < value.size(); ++i) SAME(z.view()[i], value[i]);
      for (std::size_t i = 0; i < of_x.size(); ++i) SAME(tape.gradient(x)[i], of_x[i]);
      for (std::size_t i = 0; i < of_y.size(); ++i) SAME(tape.gradient(y)[i], of_y[i]);
    }
}

TEST_CASE("affine is the product and the bias, for all small batches and all that broadcasts") {
  for (const Sizes& a : all_sizes(3, 2))
    for (const Sizes& b : all_sizes(3, 2)) {
      const Answer c = matmul_sizes(a, b);
      if (!c) continue;
      for (const Sizes& bias : all_sizes(3, 2)) {
        if (broadcast_sizes(bias, *c) != c) continue;
        Tape tape;
        const auto x = tape.leaf(whole_numbers(a, 1)), w = tape.leaf(whole_numbers(b, 2)),
                   v = tape.leaf(whole_numbers(bias, 3));
        const Tensor<double> seed = whole_numbers(*c, 4);
        const auto same = [&](const Tensor<double>& p, const Tensor<double>& q) {
          SAME(sizes_of(p.shape()), Answer(sizes_of(q.shape())));
          for (std::size_t i = 0; i < p.size(); ++i) SAME(p[i], q[i]);
        };
        const Var<double> one = affine(x, w, v), other = matmul(x, w) + v;
        same(one.value(), other.value());
        tape.backward(one, seed);
        const std::vector gradients{tape.gradient(x), tape.gradient(w), tape.gradient(v)};
        tape.backward(other, seed);
        same(gradients[0], tape.gradient(x));
        same(gradients[1], tape.gradient(w));
        same(gradients[2], tape.gradient(v));
      }
    }
}

TEST_CASE_TEMPLATE("all small shapes repeat and sum down as loops do", T, float, double) {
  for (const Sizes& small : all_sizes(3))
    for (const Sizes& large : all_sizes(3)) {
      if (broadcast_sizes(small, large) != Answer(large)) continue;
      Moves out, in;
      each(large, [&](const Sizes& at, std::size_t i) {
        Sizes from(at.end() - static_cast<std::ptrdiff_t>(small.size()), at.end());
        for (std::size_t d = 0; d < small.size(); ++d)
          if (small[d] == 1) from[d] = 0;
        out.emplace_back(place(small, from), i);
        in.emplace_back(i, place(small, from));
      });
      Tape<T> tape;
      const auto x = tape.leaf(whole_numbers<T>(small, 1));
      const auto y = tape.leaf(whole_numbers<T>(large, 2));
      check_moves(x, broadcast_to(x, shape_of(large)), out);
      check_moves(y, sum_to(y, shape_of(small)), in);
    }
}

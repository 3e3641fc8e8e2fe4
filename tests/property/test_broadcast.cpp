// Element-wise ops, broadcast_to and sum_to, and their gradients, against loops over coordinates.
#include <autodiff/autodiff.hpp>

#include "support/broadcasting.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>

using namespace ramp;
using namespace support;

TEST_CASE("element-wise ops and their gradients broadcast like a loop over coordinates") {
  Tape tape;
  std::mt19937 random(5);
  for (const auto& [from, to] : broadcasting_pairs()) {
    // Against a whole operand, and against one that broadcasts, too, where `to` lets it.
    Shape narrow = to;
    for (int i = 0; i < to.rank(); ++i)
      if (from.rank() - to.rank() + i >= 0 && from[from.rank() - to.rank() + i] == to[i] && i % 2)
        narrow = narrow.with(i, 1);
    for (const Shape& other : {to, narrow}) {
      const std::string text = to_string(from) + " and " + to_string(other);
      CAPTURE(text);
      Shape whole;
      REQUIRE(broadcast(from, other, whole));
      const auto of_a = sources(from, whole), of_b = sources(other, whole);
      const Tensor<double> a = whole_numbers(from, 1), b = whole_numbers(other, 2),
                           seed = whole_numbers(whole, 3);
      Tensor<double> y(whole), da(from), db(other);
      for (std::size_t i = 0; i < y.size(); ++i) {
        y[i] = a[of_a[i]] * b[of_b[i]] - a[of_a[i]];
        da[of_a[i]] += seed[i] * (b[of_b[i]] - 1);
        db[of_b[i]] += seed[i] * a[of_a[i]];
      }
      tape.clear();
      const auto p = tape.leaf(a), q = tape.leaf(b);
      const auto product = p * q, root = product - p;
      REQUIRE(equal(root.view(), y.view()));
      tape.backward(root, seed);
      REQUIRE(equal(tape.gradient(p).view(), da.view()));
      REQUIRE(equal(tape.gradient(q).view(), db.view()));
      // Select by a third operand: its own broadcasting, and no gradient.
      const auto selected = where(p > q, q, p);
      for (std::size_t i = 0; i < y.size(); ++i)
        REQUIRE(selected.view()[i] == std::min(a[of_a[i]], b[of_b[i]]));
    }
  }
}

TEST_CASE("broadcast_to and sum_to are each other's transpose") {
  Tape tape;
  for (const auto& [from, to] : broadcasting_pairs()) {
    const std::string text = to_string(from) + " to " + to_string(to);
    CAPTURE(text);
    tape.clear();
    const auto source = sources(from, to);
    const Tensor<double> x = whole_numbers(from, 1), y = whole_numbers(to, 2);
    Tensor<double> wide(to), sums(from);
    for (std::size_t i = 0; i < source.size(); ++i) {
      wide[i] = x[source[i]];
      sums[source[i]] += y[i];
    }
    const auto a = tape.leaf(x), b = tape.leaf(y);
    const auto up = broadcast_to(a, to), down = sum_to(b, from);
    REQUIRE(equal(up.view(), wide.view()));
    REQUIRE(equal(down.view(), sums.view()));
    tape.backward(up, y);
    REQUIRE(equal(tape.gradient(a).view(), sums.view()));
    tape.backward(down, x);
    REQUIRE(equal(tape.gradient(b).view(), wide.view()));
  }
}

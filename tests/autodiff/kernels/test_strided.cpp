// Spread and fold, which the loops over broadcast operands are made of, against loops over
// coordinates.
#include <autodiff/kernels/reduce.hpp>
#include <autodiff/kernels/strided.hpp>

#include "support/broadcasting.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

using namespace ramp;
using namespace support;

TEST_CASE("spread and fold walk like a loop over coordinates, from any place") {
  std::mt19937 random(3);
  Arena scratch;
  for (const auto& [from, to] : broadcasting_pairs()) {
    const std::string text = to_string(from) + " to " + to_string(to);
    CAPTURE(text);
    const auto source = sources(from, to);
    const Tensor<double> x = whole_numbers(from, 1), y = whole_numbers(to, 2);
    const Broadcasting how(from, to);
    for (int part = 0; part < 3; ++part) {
      const std::size_t first =
          part && !source.empty()
              ? std::uniform_int_distribution<std::size_t>(0, source.size() - 1)(random)
              : 0;
      const std::size_t n = part == 1 ? (source.size() - first) / 2 : source.size() - first;
      std::vector<double> out(n, 100), expected(n);
      for (std::size_t i = 0; i < n; ++i) expected[i] = x[source[first + i]];
      spread(how, x.data(), first, n, out.data());
      REQUIRE(out == expected);
      for (double& e : expected) e *= 2;
      spread(how, x.data(), first, n, out.data(), true);
      REQUIRE(out == expected);

      Tensor<double> sum(from, 5), naive(from, 5);
      for (std::size_t i = 0; i < n; ++i) naive[source[first + i]] += y[first + i];
      Folded(sum.view(), scratch).add(how, y.data() + first, first, n);
      REQUIRE(equal(sum.view(), naive.view()));
    }
  }
}

TEST_CASE("an operand that needs no broadcasting is known as whole, and no other is") {
  CHECK(Broadcasting({2, 3}, {2, 3}).whole);
  CHECK(Broadcasting({3}, {1, 1, 3}).whole);
  CHECK(Broadcasting({2, 1, 3}, {2, 1, 3}).rank == 1);
  CHECK_FALSE(Broadcasting({3}, {2, 3}).whole);
  CHECK_FALSE(Broadcasting({2, 1}, {2, 3}).whole);
  CHECK_FALSE(Broadcasting({}, {2}).whole);
  CHECK(Broadcasting({}, {1, 1}).whole);
}

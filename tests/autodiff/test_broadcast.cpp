// Broadcasting, spread and fold against loops over coordinates: ranks 0 to 4, sizes 0 and 1, and
// tensors larger than a block of 1024. Element-wise ops and their gradients go the same way.
#include <autodiff/autodiff.hpp>

#include <doctest/doctest.h>

#include <random>

using namespace ramp;

namespace {

// For each element of `to`, row by row: which element of `from` broadcasts to it.
std::vector<std::size_t> sources(const Shape& from, const Shape& to) {
  std::vector<std::size_t> all(to.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::size_t rest = i, at = 0, run = 1;
    for (int k = 1; k <= to.rank(); ++k) {
      const std::size_t n = to[to.rank() - k], m = k <= from.rank() ? from[from.rank() - k] : 1;
      at += (m == 1 ? 0 : rest % n) * run;
      rest /= n;
      run *= m;
    }
    all[i] = at;
  }
  return all;
}

// A shape and one that broadcasts to it.
std::pair<Shape, Shape> random_pair(std::mt19937& random) {
  const auto draw = [&](int n) { return std::uniform_int_distribution(0, n - 1)(random); };
  constexpr std::array<std::uint32_t, 8> sizes{1, 1, 2, 3, 5, 17, 40, 0};
  std::array<std::uint32_t, max_rank> to{}, from{};
  const int rank = draw(max_rank + 1), dropped = draw(rank + 1);
  for (int i = 0; i < rank; ++i) {
    const auto k = static_cast<std::size_t>(i);
    to[k] = sizes[static_cast<std::size_t>(draw(draw(3) ? 7 : 8))];
    if (i >= dropped) from[static_cast<std::size_t>(i - dropped)] = draw(2) ? to[k] : 1;
  }
  return {Shape::of(from, rank - dropped), Shape::of(to, rank)};
}

std::vector<std::pair<Shape, Shape>> pairs() {
  std::vector<std::pair<Shape, Shape>> all{{{3, 1, 2000}, {3, 4, 2000}},
                                           {{2000}, {3, 2000}},
                                           {{3, 1}, {3, 2000}},
                                           {{1, 1, 2000}, {3, 2, 2000}},
                                           {{3, 1, 2000}, {3, 1, 2000}},
                                           {{1}, {5000}},
                                           {{7, 1, 5, 1}, {7, 11, 5, 13}},
                                           {{1, 11, 1, 13}, {7, 11, 5, 13}},
                                           {{}, {1025}},
                                           {{2, 1}, {2, 0}},
                                           {{1}, {0}},
                                           {{0}, {3, 0}},
                                           {{0, 3}, {0, 3}},
                                           {{1, 3}, {0, 3}},
                                           {{3, 1}, {3, 1024}},
                                           {{1300, 1}, {1300, 3}},
                                           {{}, {}},
                                           {{1, 1}, {1, 1}}};
  std::mt19937 random(7);
  for (int i = 0; i < 300; ++i) all.push_back(random_pair(random));
  return all;
}

// Whole numbers of moderate size: sums are exact in any order.
Tensor<double> whole_numbers(const Shape& shape, unsigned seed) {
  std::mt19937 random(seed);
  Tensor<double> x(shape);
  for (double& e : x) e = std::uniform_int_distribution(-9, 9)(random);
  return x;
}

bool equal(View<const double> a, View<const double> b) {
  return a.shape == b.shape && std::equal(a.begin(), a.end(), b.begin());
}

}  // namespace

TEST_CASE("spread and fold walk like a loop over coordinates, from any place") {
  std::mt19937 random(3);
  Arena scratch;
  for (const auto& [from, to] : pairs()) {
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

TEST_CASE("a whole run is known as one, and only that") {
  CHECK(Broadcasting({2, 3}, {2, 3}).whole);
  CHECK(Broadcasting({3}, {1, 1, 3}).whole);
  CHECK(Broadcasting({2, 1, 3}, {2, 1, 3}).rank == 1);
  CHECK_FALSE(Broadcasting({3}, {2, 3}).whole);
  CHECK_FALSE(Broadcasting({2, 1}, {2, 3}).whole);
  CHECK_FALSE(Broadcasting({}, {2}).whole);
  CHECK(Broadcasting({}, {1, 1}).whole);
}

TEST_CASE("broadcast gives NumPy's shapes") {
  Shape y;
  CHECK((broadcast({2, 1}, {3}, y) && y == Shape{2, 3}));
  CHECK((broadcast({}, {2, 0}, y) && y == Shape{2, 0}));
  CHECK((broadcast({1}, {0}, y) && y == Shape{0}));
  CHECK((broadcast({5, 1, 4, 1}, {6, 1, 2}, y) && y == Shape{5, 6, 4, 2}));
  CHECK_FALSE(broadcast({2}, {3}, y));
  CHECK_FALSE(broadcast({2}, {0}, y));
  CHECK_FALSE(broadcast({2, 1}, {3, 1}, y));
}

TEST_CASE("element-wise ops and their gradients broadcast like a loop over coordinates") {
  Tape tape;
  std::mt19937 random(5);
  for (const auto& [from, to] : pairs()) {
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
  for (const auto& [from, to] : pairs()) {
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

TEST_CASE("empty tensors sum to 0 and have empty gradients") {
  Tape tape;
  const auto x = tape.leaf(Tensor<double>({2, 0}));
  tape.backward(sum(exp(x)) + 1);
  CHECK(sum(x).item() == 0);
  CHECK(tape.gradient(x).shape() == Shape{2, 0});
  CHECK(sum(x, Axis{1}).value().size() == 2);
  CHECK(sum(x, Axis{1}).value()[1] == 0);
  CHECK(sum(x, Axis{0}).shape() == Shape{0});
  CHECK_THROWS_WITH_AS((void)mean(x), "[mean] (2, 0): there is nothing to reduce", ShapeError);
  CHECK_THROWS_WITH_AS((void)max(x, Axis{1}), "[max] (2, 0): there is nothing to reduce",
                       ShapeError);
  CHECK(max(x, Axis{0}).shape() == Shape{0});
}

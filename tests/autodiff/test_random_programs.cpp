// Random programs of numbers, as people write them: copies, moves, swaps, containers, sums that go
// on in two variables. A checked tape is the oracle: it sweeps by the ops' own pullbacks, not by
// the partials that were recorded.
#include <autodiff/autodiff.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <utility>
#include <vector>

using namespace ramp;

namespace {

template <class T> struct Run { std::vector<T> values, gradients, second; };

// Bounded.
template <class T> Var<T> squashed(const Var<T>& x) { return x / (1 + abs(x)); }

template <class T> Run<T> run(unsigned seed, bool checked) {
  std::mt19937 random(seed);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  Tape<T> tape({.checked = checked});
  std::vector<Var<T>> leaves, all;
  for (int i = 0; i < 5; ++i)
    leaves.push_back(tape.leaf(static_cast<T>(0.25 * (static_cast<int>(below(9)) - 4))));
  all = leaves;
  const auto any = [&]() -> Var<T>& { return all[below(all.size())]; };
  const auto some = [&] { return any(); };  // a copy, as a function gives it
  for (int step = 0; step < 60; ++step) {
    switch (below(18)) {
      case 0:
        all.push_back(any() * any());
        break;
      case 1:
        all.push_back(any() + any() * leaves[0]);
        break;
      case 2:
        any() += leaves[1] * any();
        break;
      case 3: {
        Var<T> s = any();
        for (std::size_t k = below(150); k-- > 0;) s = s + leaves[k % 5] * leaves[(k + 2) % 5];
        all.push_back(s);
        break;
      }
      case 4: {  // sums that are looked at while they grow
        Var<T> s = leaves[2];
        for (int k = 0; k < 5; ++k) all.push_back(s = s + leaves[3] * leaves[4]);
        break;
      }
      case 5: {  // a product that is used again
        const Var<T> p = any() * leaves[1];
        all.push_back(any() + p);
        all.push_back(p + p);
        all.push_back(relu(p));
        break;
      }
      case 6: {  // one that was copied before it was given away
        Var<T> p = leaves[0] * any();
        const Var<T> q = p;
        all.push_back(any() + std::move(p));
        all.push_back(q * leaves[1]);
        break;
      }
      case 7:
        all.push_back(some() + some());
        break;
      case 8: {
        Var<T> s = any();
        s = s + s * leaves[3];
        s = s * leaves[4] + s;
        all.push_back(s);
        break;
      }
      case 9:
        all.push_back(1 - T(0.5) * any());
        all.push_back(0.5 * any() + 0.25);
        break;
      case 10: {  // two that are pending at once
        all.push_back(any() * leaves[0] + any() * leaves[1]);
        break;
      }
      case 11: {
        const auto silent = tape.no_grad();
        all.push_back(any() + any() * leaves[2]);
        break;
      }
      case 12: {
        const auto inner = tape.scope("inner");
        all.push_back(leaves[1] * leaves[2] + squashed(any()));
        break;
      }
      case 13: {  // a trajectory, whose every point is kept
        std::vector<Var<T>> path{any()};
        for (int k = 0; k < 4; ++k) path.push_back(path.back() + leaves[3] * leaves[4]);
        all.insert(all.end(), path.begin(), path.end());
        break;
      }
      case 14: {
        std::vector<Var<T>> two{any(), any()};
        std::swap(two[0], two[1]);
        two[0] = two[1] + leaves[0] * two[0];
        two[1] = two[1] + leaves[1] * leaves[1];
        Var<T> kept = two[1], moved = std::move(two[0]);
        moved = moved + leaves[2] * kept;
        moved = moved + moved * leaves[2];
        all.push_back(moved), all.push_back(kept);
        break;
      }
      case 16: {  // long formulas, none of whose parts has a name
        all.push_back(any() + any() * leaves[0] + any());
        all.push_back(any() * leaves[1] + any() + any() * any() + leaves[2]);
        all.push_back(any() +
                      (leaves[3] * any() + any() * leaves[4]) * (any() + leaves[0] * any()));
        Var<T> s = any();
        s = s + leaves[0] * leaves[1];
        s = s + leaves[2] * leaves[3] + any();
        s = any() + (s + leaves[4] * any());
        s = s - leaves[0] * leaves[2] + leaves[1] * s;
        all.push_back(-(s + leaves[1] * leaves[1]));
        all.push_back(s + leaves[2] * any() + s);
        break;
      }
      case 15: {  // a sum that goes on in two variables
        Var<T> s = any(), t = any();
        for (int k = 0; k < 3; ++k) {
          s = s + leaves[0] * leaves[1];
          t = s + leaves[2] * leaves[3];
          if (below(2)) t = t + leaves[1] * leaves[1];
        }
        all.push_back(s), all.push_back(t);
        break;
      }
      default: {
        Var<T> p = leaves[1] * leaves[2];
        all.push_back(leaves[0] + std::move(p));
      }
    }
    for (Var<T>& x : all)
      if (std::abs(x.item()) > 4 && below(2)) x = squashed(x);
  }
  Var<T> total = leaves[0];
  for (const Var<T>& x : all) total = total + T(0.125) * x;
  tape.backward(total);
  Run<T> result;
  for (const Var<T>& x : all) result.values.push_back(x.item());
  result.values.push_back(total.item());
  for (const Var<T>& x : all)  // of what lies between as well
    if (x.varies()) result.gradients.push_back(tape.derivative(x));
  for (const Var<T>& x : leaves) result.gradients.push_back(tape.gradient(x)[0]);
  const std::vector<Var<T>> slopes = tape.grad_on_tape(total, leaves);
  for (std::size_t i = 0; i < leaves.size(); ++i)
    CHECK(slopes[i].item() == doctest::Approx(tape.derivative(leaves[i])).epsilon(1e-3));
  for (const Tensor<T>& h : tape.grad(slopes[0] * slopes[1], leaves)) result.second.push_back(h[0]);
  return result;
}

}  // namespace

TEST_CASE_TEMPLATE("random programs have the gradients that their ops' pullbacks give", T, float,
                   double) {
  const auto agree = [](const std::vector<T>& ours, const std::vector<T>& expected) {
    REQUIRE(ours.size() == expected.size());
    for (std::size_t i = 0; i < ours.size(); ++i)
      REQUIRE(std::abs(ours[i] - expected[i]) <=
              1000 * std::numeric_limits<T>::epsilon() * std::max<T>(1, std::abs(expected[i])));
  };
  for (unsigned seed = 0; seed < 400; ++seed) {
    CAPTURE(seed);
    const Run<T> ours = run<T>(seed, false), expected = run<T>(seed, true);
    REQUIRE(ours.values == expected.values);
    agree(ours.gradients, expected.gradients);
    agree(ours.second, expected.second);
  }
}

TEST_CASE("what was dropped is refused, also within a sum") {
  Tape<double> tape;
  const Var<double> a = tape.leaf(2);
  const auto mark = tape.mark();
  const Var<double> s = a + a * a, grown = s + a * a;
  Var<double> p = a * a;
  tape.rewind(mark);
  for (const Var<double>* x : {&s, &grown, &std::as_const(p)}) {
    CHECK_THROWS_AS((void)x->item(), HandleError);
    CHECK_THROWS_AS((void)(*x + a * a), HandleError);
  }
  const Var<double> again = a + a * a;  // takes the places of the old ones
  CHECK(again.item() == 6);
  for (const Var<double>* x : {&s, &grown, &std::as_const(p)})
    CHECK_THROWS_AS((void)x->item(), HandleError);
  Tape<double> other;
  const Var<double> b = other.leaf(1);
  CHECK_THROWS_AS((void)(b + a * a), HandleError);
  CHECK_THROWS_AS((void)(a + b * b), HandleError);
}

TEST_CASE("terms of what stands before a mark, round by round") {
  Tape<double> tape;
  const Var<double> a = tape.leaf(2), b = tape.leaf(3), base = tape.leaf(1);
  const auto mark = tape.mark();
  for (int round = 0; round < 3; ++round) {
    Var<double> s = base;
    for (int i = 0; i < 4; ++i) s = i % 2 ? a * b + s : s + a * b;  // either order
    CHECK(s.item() == 25);
    tape.backward(s);
    CHECK(tape.gradient(a)[0] == 12);
    const Var<double> dropped = a * b;
    CHECK(dropped.item() == 6);
    tape.rewind(mark);
    CHECK_THROWS_AS((void)(a * dropped), HandleError);
    CHECK_THROWS_AS((void)(dropped + a * b), HandleError);
    CHECK_THROWS_AS((void)exp(s), HandleError);
    tape.rewind(mark);  // of the product in the middle one
  }
}

TEST_CASE("infinities are not lost in a sum") {
  Tape<double> tape;
  const Var<double> a = tape.leaf(0), b = tape.leaf(INFINITY);
  const Var<double> s = tape.leaf(1) + a * b;
  CHECK(std::isnan(s.item()));
  tape.backward(0 * s);
  CHECK(std::isnan(tape.gradient(a)[0]));  // 0 * infinity
  CHECK(tape.gradient(b)[0] == 0);
}

TEST_CASE("a budget holds for numbers as well") {
  Tape<double> tape({.memory_budget = 1 << 20});
  const Var<double> a = tape.leaf(1);
  Var<double> s = a;
  CHECK_THROWS_AS(
      [&] {
        for (int i = 0; i < 10'000'000; ++i) s = s + a * a;
      }(),
      BudgetError);
  CHECK(tape.bytes() <= 1 << 20);
  CHECK(a.item() == 1);
  CHECK(s.item() > 1000);  // up to there it is good
  tape.backward(s);
  tape.clear();
  CHECK(tape.leaf(4).item() == 4);
}

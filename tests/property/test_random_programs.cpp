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

// A handle whose operators are calls: inline, as the tape's are, the hundred of them below are most
// of what there is to compile in all tests.
template <class T> struct Number : Var<T> {
  Number(const Var<T>& x) : Var<T>(x) {}
  const Var<T>& var() const { return *this; }
};
#define CALLED(op)                                                                           \
  template <class T>                                                                         \
  [[gnu::noinline]] Number<T> operator op(const Number<T>& a, const Number<T>& b) {          \
    return a.var() op b.var();                                                               \
  }                                                                                          \
  template <class T> [[gnu::noinline]] Number<T> operator op(const Number<T>& a, double b) { \
    return a.var() op b;                                                                     \
  }                                                                                          \
  template <class T> [[gnu::noinline]] Number<T> operator op(double a, const Number<T>& b) { \
    return a op b.var();                                                                     \
  }
CALLED(+)
CALLED(-)
CALLED(*)
CALLED(/)
template <class T> [[gnu::noinline]] Number<T> operator-(const Number<T>& x) { return -x.var(); }
template <class T> [[gnu::noinline]] Number<T> relu(const Number<T>& x) { return relu(x.var()); }
template <class T> Number<T>& operator+=(Number<T>& a, const Number<T>& b) { return a = a + b; }

// Bounded.
template <class T> Number<T> squashed(const Number<T>& x) {
  return x / (1 + Number<T>(abs(x.var())));
}

template <class T> Run<T> run(unsigned seed, bool checked) {
  std::mt19937 random(seed);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  Tape<T> tape({.checked = checked});
  std::vector<Number<T>> leaves, all;
  for (int i = 0; i < 5; ++i)
    leaves.push_back(tape.leaf(static_cast<T>(0.25 * (static_cast<int>(below(9)) - 4))));
  all = leaves;
  const auto any = [&]() -> Number<T>& { return all[below(all.size())]; };
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
        Number<T> s = any();
        for (std::size_t k = below(150); k-- > 0;) s = s + leaves[k % 5] * leaves[(k + 2) % 5];
        all.push_back(s);
        break;
      }
      case 4: {  // sums that are looked at while they grow
        Number<T> s = leaves[2];
        for (int k = 0; k < 5; ++k) all.push_back(s = s + leaves[3] * leaves[4]);
        break;
      }
      case 5: {  // a product that is used again
        const Number<T> p = any() * leaves[1];
        all.push_back(any() + p);
        all.push_back(p + p);
        all.push_back(relu(p));
        break;
      }
      case 6: {  // one that was copied before it was given away
        Number<T> p = leaves[0] * any();
        const Number<T> q = p;
        all.push_back(any() + std::move(p));
        all.push_back(q * leaves[1]);
        break;
      }
      case 7:
        all.push_back(some() + some());
        break;
      case 8: {
        Number<T> s = any();
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
        std::vector<Number<T>> path{any()};
        for (int k = 0; k < 4; ++k) path.push_back(path.back() + leaves[3] * leaves[4]);
        all.insert(all.end(), path.begin(), path.end());
        break;
      }
      case 14: {
        std::vector<Number<T>> two{any(), any()};
        std::swap(two[0], two[1]);
        two[0] = two[1] + leaves[0] * two[0];
        two[1] = two[1] + leaves[1] * leaves[1];
        Number<T> kept = two[1], moved = std::move(two[0]);
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
        Number<T> s = any();
        s = s + leaves[0] * leaves[1];
        s = s + leaves[2] * leaves[3] + any();
        s = any() + (s + leaves[4] * any());
        s = s - leaves[0] * leaves[2] + leaves[1] * s;
        all.push_back(-(s + leaves[1] * leaves[1]));
        all.push_back(s + leaves[2] * any() + s);
        break;
      }
      case 15: {  // a sum that goes on in two variables
        Number<T> s = any(), t = any();
        for (int k = 0; k < 3; ++k) {
          s = s + leaves[0] * leaves[1];
          t = s + leaves[2] * leaves[3];
          if (below(2)) t = t + leaves[1] * leaves[1];
        }
        all.push_back(s), all.push_back(t);
        break;
      }
      default: {
        Number<T> p = leaves[1] * leaves[2];
        all.push_back(leaves[0] + std::move(p));
      }
    }
    for (Number<T>& x : all)
      if (std::abs(x.item()) > 4 && below(2)) x = squashed(x);
  }
  Number<T> total = leaves[0];
  for (const Number<T>& x : all) total = total + T(0.125) * x;
  tape.backward(total);
  Run<T> result;
  for (const Number<T>& x : all) result.values.push_back(x.item());
  result.values.push_back(total.item());
  for (const Number<T>& x : all)  // of what lies between as well
    if (x.varies()) result.gradients.push_back(tape.derivative(x));
  for (const Number<T>& x : leaves) result.gradients.push_back(tape.gradient(x)[0]);
  const std::vector<Var<T>> inputs(leaves.begin(), leaves.end());
  const std::vector<Var<T>> slopes = tape.grad_on_tape(total, inputs);
  for (std::size_t i = 0; i < leaves.size(); ++i)
    CHECK(slopes[i].item() == doctest::Approx(tape.derivative(leaves[i])).epsilon(1e-3));
  for (const Tensor<T>& h : tape.grad(slopes[0] * slopes[1], inputs)) result.second.push_back(h[0]);
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

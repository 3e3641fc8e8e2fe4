// What backward(), grad() and gradient() give, and what they refuse.
#include <autodiff/autodiff.hpp>

#include "support/refused.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>

using namespace ramp;
using support::equal;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("a node that is used twice gets both gradients") {
  Tape tape;
  const auto x = tape.leaf(3);
  const auto v = tape.leaf({1, 2});
  const auto m = tape.leaf(Shape{2, 2}, {1, 2, 3, 4});
  const auto d = [&](const Var<double>& root, const Var<double>& in) {
    return tape.grad(sum(root), {in})[0];
  };
  CHECK(d(x * x, x).item() == 6);
  CHECK(d(x / x, x).item() == 0);
  CHECK(d(x - x, x).item() == 0);
  CHECK(d(maximum(x, x), x).item() == 1);
  CHECK(d(where(x > 0, x, x), x).item() == 1);
  CHECK(equal(d(v * v, v), {2.0, 4.0}));
  CHECK(equal(d(v - v, v), {0.0, 0.0}));
  CHECK(equal(d(v + v, v), {2.0, 2.0}));
  CHECK(equal(d(maximum(v, v), v), {1.0, 1.0}));
  CHECK(equal(d(concat({v, v * 3, v}, 0), v), {5.0, 5.0}));
  CHECK(equal(d(matmul(m, m), m), {7.0, 11.0, 9.0, 13.0}));
  CHECK(equal(d(x * v * v, v), {6.0, 12.0}));
}

TEST_CASE("gradients flow along every way of a diamond") {
  const auto f = [](std::span<const Var<double>> in) {
    const auto a = sin(in[0]), b = a * in[0], c = a + b;
    return sum(b * c + a / (square(c) + 1) - c);
  };
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{7}, Shape{2, 1, 3}}) {
    const auto report = check_gradients(f, {Tensor<double>(shape, 0.7)});
    CHECK_MESSAGE(report.ok(), to_string(report));
  }
}

TEST_CASE_TEMPLATE("gradients are fresh after each backward", T, float, double) {
  Tape<T> tape;
  Parameter<T> p("p", Tensor<T>({2}, {1, 2}));
  const auto x = tape.leaf(2), v = tape.leaf({3, 4});
  const auto w = tape.parameter(p);
  const auto a = sum(x * v * w), b = x * x;
  for (int twice = 0; twice < 2; ++twice) {
    tape.backward(a);
    CHECK(tape.gradient(x).item() == T(11));
    CHECK(equal<T>(tape.gradient(v), {2, 4}));
    CHECK(equal<T>(p.gradient(), {6, 8}));
  }
  tape.backward(b);
  CHECK(tape.gradient(x).item() == T(4));
  CHECK(equal<T>(p.gradient(), {0, 0}));
  CHECK(equal<T>(tape.gradient(v), {0, 0}));
}

TEST_CASE("accumulate adds to leaves and parameters alike") {
  Tape tape;
  Parameter<double> p("p", Tensor<double>({2}, {1, 2})), s("s", Tensor<double>({}, {5}));
  const auto x = tape.leaf(2), v = tape.leaf({3, 4});
  const auto w = tape.parameter(p), r = tape.parameter(s);
  const auto a = sum(x * v * w) + 7 * r, b = x * x + r;
  const auto late = tape.leaf(1);
  const auto c = late * x;
  tape.backward(a);
  tape.backward(b, {.accumulate = true});
  CHECK(tape.gradient(x).item() == 11 + 4);
  CHECK(equal(tape.gradient(v), {2.0, 4.0}));
  CHECK(equal(p.gradient(), {6.0, 8.0}));
  CHECK(s.gradient().item() == 8);
  CHECK(tape.gradient(r).item() == 8);

  SUBCASE("grad() in between changes nothing") {
    tape.grad(x * 1000, {x});
    tape.backward(b, {.accumulate = true});
    CHECK(tape.gradient(x).item() == 11 + 4 + 4);
  }
  SUBCASE("a leaf recorded after the root keeps what it had") {
    tape.backward(c);
    tape.backward(b, {.accumulate = true});
    CHECK(tape.gradient(late).item() == 2);
    CHECK(tape.gradient(x).item() == 1 + 4);
  }
  SUBCASE("parameters accumulate over recordings") {
    tape.clear();
    tape.backward(3 * tape.parameter(s), {.accumulate = true});
    CHECK(s.gradient().item() == 11);
  }
}

TEST_CASE("an accumulation that fails leaves what leaves had") {
  Tape tape({.checked = true});
  const auto x = tape.leaf(2), v = tape.leaf({0, 1});
  const auto good = sum(v) + x, bad = sum(sqrt(v)) + x;  // sqrt'(0) is infinite
  tape.backward(good);
  for (int twice = 0; twice < 2; ++twice) {
    CHECK_THROWS_AS(tape.backward(bad, {.accumulate = true}), NonFiniteError);
    CHECK(tape.gradient(x).item() == 1);
    CHECK(equal(tape.gradient(v), {1.0, 1.0}));
  }
  tape.backward(good, {.accumulate = true});
  CHECK(tape.gradient(x).item() == 2);
  CHECK(equal(tape.gradient(v), {2.0, 2.0}));
}

TEST_CASE("retain keeps the gradients of interior nodes") {
  Tape tape;
  const auto v = tape.leaf({3, 4});
  const auto a = v * v, b = exp(a * 0), c = a + b, root = sum(c * c);
  tape.backward(root, {.retain = true});
  CHECK(equal(tape.gradient(c), {20.0, 34.0}));
  CHECK(equal(tape.gradient(b), {20.0, 34.0}));
  CHECK(equal(tape.gradient(a), {20.0, 34.0}));
  CHECK(equal(tape.gradient(v), {120.0, 272.0}));
  tape.backward(root);
  CHECK(equal(tape.gradient(v), {120.0, 272.0}));
  REFUSED(tape.gradient(c), GradientError, "retain = true");
  CHECK(tape.gradient(root).item() == 1);  // of rank 0: always there
}

TEST_CASE("a gradient that doesn't exist is refused, and the error says why") {
  Tape tape;
  const auto x = tape.leaf(1), k = tape.constant(2);
  const auto v = tape.leaf({1, 2});
  REFUSED(tape.gradient(x), GradientError, "no backward() has run");
  REFUSED(tape.backward(v), GradientError, "the root, leaf (2), is no scalar");
  const auto none = tape.leaf(Tensor<double>(Shape{0}));
  REFUSED(tape.backward(none), GradientError, "[backward]");
  REFUSED(tape.grad(none, {none}), GradientError, "[grad]");
  REFUSED(tape.grad_on_tape(none, {none}), GradientError, "[grad_on_tape]");
  REFUSED(tape.backward(k * 2), GradientError, "the root, mul, depends on no variable");
  REFUSED(tape.backward(detach(x)), GradientError, "depends on no variable");
  REFUSED(tape.backward(v, Tensor<double>({3})), ShapeError,
          "the seed (3) must have the root's shape (2)");
  REFUSED(tape.backward(v, Tensor<double>({2, 1})), ShapeError, "must have the root's shape (2)");
  REFUSED(tape.grad(v, {x}), GradientError, "[grad]");
  REFUSED(tape.grad_on_tape(v, {x}), GradientError, "[grad_on_tape]");
  const auto y = x * k;
  const auto w = tape.named(v * 2, "hidden");
  tape.backward(sum(w) * y);
  REFUSED(tape.gradient(k), GradientError, "it doesn't vary");
  REFUSED(tape.gradient(w), GradientError,
          "[gradient] mul 'hidden' (2): the gradients of interior");
  REFUSED(tape.grad(y, {tape.constant(1, "fixed")}), GradientError,
          "[grad] constant 'fixed' doesn't vary");
  REFUSED(tape.backward(tape.named(k * 3, "loss")), GradientError,
          "[backward] the root, mul 'loss', depends on no variable");
  CHECK_THROWS_AS(Tape<double>({.at_zero = inf}), ValueError);
  CHECK_THROWS_AS(Tape<double>({.at_zero = -std::nan("")}), ValueError);
}

TEST_CASE("seeds weigh the elements of a root that is no scalar") {
  Tape tape;
  const auto v = tape.leaf({1, 2});
  const auto m = tape.leaf(Shape{2, 1}, {3, 4});
  tape.backward(v * m, Tensor<double>({2, 2}, {1, 10, 100, 1000}));
  CHECK(equal(tape.gradient(v), {403.0, 4030.0}));
  CHECK(equal(tape.gradient(m), {21.0, 2100.0}));
  tape.backward(v, Tensor<double>({2}, {5, -0.0}));  // the root itself
  CHECK(equal(tape.gradient(v), {5.0, 0.0}));
  const auto g = tape.grad_on_tape(v * v, {v}, tape.constant({1, 10}));
  CHECK(equal(g[0].value(), {2.0, 40.0}));
  const auto one = tape.leaf(Shape{1, 1}, {3});  // one element is as good as a scalar
  tape.backward(one * one);
  CHECK(tape.gradient(one).item() == 6);
}

TEST_CASE("grad() gives values and leaves the parameters' gradients alone") {
  Tape tape;
  Parameter<double> p("p", Tensor<double>({2}, {1, 2})), s("s", Tensor<double>({}, {5}));
  const auto w = tape.parameter(p), r = tape.parameter(s);
  const auto y = w * r, root = sum(y * y);
  p.edit_gradient()[0] = s.edit_gradient()[0] = 77;
  const auto g = tape.grad(root, {w, r, y, w});
  CHECK(equal(g[0], {50.0, 100.0}));
  CHECK(g[1].item() == 50);
  CHECK(equal(g[2], {10.0, 20.0}));  // of an interior node
  CHECK(equal(g[3], {50.0, 100.0}));
  CHECK(p.gradient()[0] == 77);
  CHECK(s.gradient()[0] == 77);
  CHECK(
      equal(tape.grad(sum(w), {y})[0], {0.0, 0.0}));  // recorded later than the root, or beside it
}

TEST_CASE("what the root doesn't depend on has zeros, wherever it was recorded") {
  for (const bool checked : {false, true}) {
    Tape<double> tape({.checked = checked});
    const auto a = tape.leaf(2, "a"), b = tape.leaf(1, "b");
    const auto v = tape.leaf({1, 2});
    // A function may return one of its inputs, before which or after which the others lie.
    const auto larger = a > b ? a : b;
    const auto beside = exp(v);
    tape.backward(larger);
    CHECK(tape.gradient(a).item() == 1);
    CHECK(tape.gradient(b).item() == 0);
    CHECK(equal(tape.gradient(v), {0.0, 0.0}));
    CHECK(equal(tape.gradient(beside), {0.0, 0.0}));
    const auto later = tape.leaf({3, 4}, "later");
    CHECK(equal(tape.gradient(later), {0.0, 0.0}));
    CHECK(equal(tape.grad(a, {later})[0], {0.0, 0.0}));
    CHECK(equal(tape.grad_on_tape(a, {later})[0].value(), {0.0, 0.0}));
  }
}

TEST_CASE(
    "a root that doesn't vary has zeros as its gradients; backward() takes it for a mistake") {
  for (const bool checked : {false, true}) {
    Tape<double> tape({.checked = checked});
    const auto x = tape.leaf(3);
    const auto v = tape.leaf({1, 2});
    for (const auto& root : {tape.constant(5), x.tape().constant({7}), detach(x) * 2,
                             (x > 1).recorded(), sum(detach(v))}) {
      CHECK_FALSE(root.varies());
      const auto g = tape.grad(root, {x, v});
      CHECK(g[0].item() == 0);
      CHECK(equal(g[1], {0.0, 0.0}));
      const auto h = tape.grad_on_tape(root, {x, v});
      CHECK(h[0].item() == 0);
      CHECK(equal(h[1].value(), {0.0, 0.0}));
      REFUSED(tape.backward(root), GradientError, "grad() gives zeros");
    }
    REFUSED(tape.grad(detach(v), {v}), GradientError, "is no scalar");
    REFUSED(tape.grad_on_tape(detach(v), {v}), GradientError, "is no scalar");
    REFUSED(tape.grad_on_tape(detach(v), {v}, x), ShapeError, "must have the root's shape (2)");
    // The Hessian of what is linear in one input.
    const auto first = tape.grad_on_tape(x * 2 + sum(v * v), {x, v});
    CHECK(tape.grad(first[0], {x, v})[0].item() == 0);
    CHECK(equal(tape.grad(sum(first[1]), {x, v})[1], {2.0, 2.0}));
    CHECK(tape.grad(sum(first[1]), {x})[0].item() == 0);
  }
}

TEST_CASE("gradients outlive what was recorded after their leaves") {
  for (const bool retain : {false, true}) {
    Tape tape;
    Parameter<double> p("p", Tensor<double>({2}, {5, 6}));
    const auto x = tape.leaf(3);
    const auto v = tape.leaf({1, 2});
    const auto w = tape.parameter(p), inner = v * w;
    const auto start = tape.mark();
    const auto dropped = inner * x;
    tape.backward(sum(dropped), {.retain = retain});
    tape.rewind(start);
    const auto holds = [&](double times) {
      CHECK(tape.gradient(x).item() == 17 * times);
      CHECK(equal(tape.gradient(v), {15 * times, 18 * times}));
      CHECK(equal(tape.gradient(w), {3 * times, 6 * times}));
      CHECK(equal(p.gradient(), {3 * times, 6 * times}));
    };
    holds(1);
    if (retain)
      CHECK(equal(tape.gradient(inner), {3.0, 3.0}));
    else
      REFUSED(tape.gradient(inner), GradientError, "retain");
    REFUSED(tape.gradient(dropped), HandleError, "[gradient]");
    // What takes the dropped nodes' places is none of the root's.
    const auto other = exp(inner);
    const auto late = tape.leaf({8, 9});
    holds(1);
    CHECK(equal(tape.gradient(other), {0.0, 0.0}));
    CHECK(equal(tape.gradient(late), {0.0, 0.0}));
    tape.backward(sum(inner * x), {.accumulate = true});
    holds(2);
    tape.rewind(start);
    holds(2);
    tape.clear();
    REFUSED(tape.gradient(tape.leaf(1)), GradientError, "no backward() has run");
  }
}

TEST_CASE("a derivative is a gradient as a number, 0 of what came after the root") {
  Tape tape;
  const auto x = tape.leaf(3), y = x * x, later = tape.leaf(5);
  tape.backward(y);
  CHECK(tape.derivative(x) == 6);
  CHECK(tape.derivative(y) == 1);
  CHECK(tape.derivative(later) == 0);
  CHECK(tape.derivative(later * x) == 0);
  CHECK_THROWS_AS((void)tape.derivative(tape.leaf({1, 2})), ShapeError);
}

// Whichever lane of a register meets the infinite slope, it is the careful sweep's to decide.
TEST_CASE_TEMPLATE("an infinite slope is seen in every lane", T, float, double) {
  for (std::size_t at = 0; at < 33; ++at) {
    Tape<T> tape;
    Tensor<T> start(Shape{33}, T(4));
    start[at] = 0;
    const auto x = tape.leaf(start);
    tape.backward(sum(where(x > 0, sqrt(x), x)));
    const Tensor<T> g = tape.gradient(x);
    for (std::size_t i = 0; i < 33; ++i) CHECK(g[i] == (i == at ? T(1) : T(0.25)));
  }
}

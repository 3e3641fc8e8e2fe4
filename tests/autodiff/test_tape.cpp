// The tape: what is recorded, what backward gives, which handles hold, what is refused, and that
// the steady state calls no allocator. Single ops are test_registry.cpp's.
#include "../../tools/bench/allocations.hpp"

#include <autodiff/autodiff.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <thread>

using namespace ramp;
using doctest::Approx;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

template <class T> bool equal(const Tensor<T>& a, std::initializer_list<T> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

// Refused by this type of error, with this in its text.
#define REFUSED(expression, Type, text) \
  CHECK_THROWS_WITH_AS((void)(expression), doctest::Contains(text), Type)

}  // namespace

// --- Gradients -------------------------------------------------------------------------------

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
  REFUSED(tape.backward(k * 2), GradientError, "the root, mul, depends on no variable");
  REFUSED(tape.backward(detach(x)), GradientError, "depends on no variable");
  REFUSED(tape.backward(v, Tensor<double>({3})), ShapeError,
          "the seed (3) must have the root's shape (2)");
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

TEST_CASE("a handle says whether it varies") {
  Tape tape;
  Parameter<double> p("p", Tensor<double>({2}, {1, 2}));
  const auto x = tape.leaf(3), k = tape.constant(2);
  const auto v = tape.leaf({1, 2});
  for (const auto& y : {x, v, x * k, sum(v), where(k > 1, x, k), tape.parameter(p)})
    CHECK(y.varies());
  for (const auto& y : {k, detach(x), detach(v), k * 2, (v > x).recorded(), where(v > 1, k, 2)})
    CHECK_FALSE(y.varies());
  const auto guard = tape.no_grad();
  CHECK_FALSE((x * x).varies());
  CHECK(x.varies());
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

TEST_CASE("detach and no_grad make constants") {
  Tape tape;
  const auto x = tape.leaf(3);
  const auto v = tape.leaf({1, 2});
  CHECK(tape.grad(x * detach(x), {x})[0].item() == 3);
  CHECK(equal(tape.grad(sum(v * detach(v)), {v})[0], {1.0, 2.0}));
  const auto held = [&] {
    const auto guard = tape.no_grad();
    { const auto inner = tape.no_grad(); }
    return std::array{x * x, sum(v * v)};
  }();
  CHECK(held[0].item() == 9);
  for (const auto& y : held) REFUSED(tape.backward(y), GradientError, "no_grad");
  CHECK(tape.grad(x * held[0], {x})[0].item() == 9);
  CHECK(equal(tape.grad(sum(v * held[1]), {v})[0], {5.0, 5.0}));
}

// --- Higher order ----------------------------------------------------------------------------

TEST_CASE("third derivatives") {
  for (const Shape& shape : {Shape{}, Shape{3}}) {
    Tape tape;
    const auto x = tape.leaf(Tensor<double>(shape, 0.7));
    const auto third = [&](Var<double> y) {
      for (int i = 0; i < 3; ++i) y = tape.grad_on_tape(sum(y), {x})[0];
      return y.value()[0];
    };
    CHECK(third(x * x * x * x) == Approx(24 * 0.7));
    CHECK(third(pow(x, 4)) == Approx(24 * 0.7));
    CHECK(third(square(square(x))) == Approx(24 * 0.7));
    CHECK(third(sin(x)) == Approx(-std::cos(0.7)));
    CHECK(third(exp(2 * x)) == Approx(8 * std::exp(1.4)));
    CHECK(third(1 / x) == Approx(-6 / std::pow(0.7, 4)));
  }
}

TEST_CASE("the Hessian-vector product of a network's loss agrees with differences") {
  std::mt19937 random(1);
  const auto noise = [&](const Shape& shape) {
    Tensor<double> t(shape);
    for (double& e : t) e = std::normal_distribution<double>()(random);
    return t;
  };
  const Tensor<double> x = noise({5, 3}), target = noise({5, 2});
  std::vector<Tensor<double>> at{noise({3, 4}), noise({4}), noise({4, 2}), noise({2})}, along;
  for (const auto& p : at) along.push_back(noise(p.shape()));

  Tape tape;
  std::vector<Var<double>> w;
  const auto loss = [&](const std::vector<Tensor<double>>& values) {
    tape.clear();
    w.clear();
    for (const auto& p : values) w.push_back(tape.leaf(p));
    const auto hidden = tanh(matmul(tape.constant(x), w[0]) + w[1]);
    return mean(square(matmul(hidden, w[2]) + w[3] - tape.constant(target)));
  };
  const auto gradient = [&](double step) {
    auto moved = at;
    for (std::size_t k = 0; k < at.size(); ++k)
      for (std::size_t i = 0; i < at[k].size(); ++i) moved[k][i] += step * along[k][i];
    const auto root = loss(moved);
    return tape.grad(root, w);
  };
  const double h = 1e-3;
  const auto p = gradient(h), m = gradient(-h), pp = gradient(2 * h), mm = gradient(-2 * h);

  const auto root = loss(at);
  const auto g = tape.grad_on_tape(root, w);
  Var<double> slope = tape.constant(0);
  for (std::size_t k = 0; k < g.size(); ++k) slope += sum(g[k] * tape.constant(along[k]));
  tape.backward(slope);
  for (std::size_t k = 0; k < w.size(); ++k)
    for (std::size_t i = 0; i < at[k].size(); ++i) {
      const double expected = (8 * (p[k][i] - m[k][i]) - (pp[k][i] - mm[k][i])) / (12 * h);
      CHECK(tape.gradient(w[k])[i] == Approx(expected).epsilon(1e-6));
    }
}

// --- Zeros -----------------------------------------------------------------------------------

TEST_CASE("0 times infinity is NaN on a path that was reached, and only there") {
  for (const Shape& shape : {Shape{}, Shape{3}}) {
    Tape tape;
    const auto x = tape.leaf(Tensor<double>(shape, 0.0)), k = tape.leaf(Tensor<double>(shape, 1.0));
    const auto root = [&](double factor) { return sum(sqrt(x) * factor + k); };  // sqrt'(0) = inf
    const auto beside = sqrt(x);                                                 // nobody uses it
    CHECK(tape.grad(sum(k), {x})[0][0] == 0);
    CHECK(tape.grad(sum(k * 2 + x), {x})[0][0] == 1);
    CHECK(tape.grad(root(1), {x})[0][0] == inf);
    for (const double zero : {0.0, -0.0}) {
      CHECK(std::isnan(tape.grad(root(zero), {x})[0][0]));
      CHECK(std::isnan(tape.grad_on_tape(root(zero), {x})[0].value()[0]));
      CHECK(std::isnan(tape.grad(sum(sqrt(x)) * zero, {x})[0][0]));
    }
    CHECK(beside.value()[0] == 0);
  }
}

// --- Handles, marks, scopes ------------------------------------------------------------------

TEST_CASE("a handle of a dropped node or of another tape is refused") {
  Tape tape, other;
  const auto x = tape.leaf(1);
  const auto v = tape.leaf({1, 2});
  const auto foreign = other.leaf(1);
  REFUSED(x + foreign, HandleError, "[add] the handle is on another tape");
  REFUSED(concat({v, other.leaf({1})}, 0), HandleError, "[concat]");
  REFUSED(tape.backward(foreign), HandleError, "another tape");
  REFUSED(tape.gradient(foreign), HandleError, "another tape");
  CHECK(tape.size() == 2);  // nothing half recorded

  const auto mark = tape.mark();
  const auto y = x * 2;
  const auto z = exp(v);
  tape.rewind(mark);
  REFUSED(y + 1, HandleError, "[add] the handle's node was dropped");
  const auto again = x * 3;
  const auto more = v * 3;
  for (const auto& stale : {y, z}) {
    REFUSED(stale + 1, HandleError, "dropped");
    REFUSED(stale.value(), HandleError, "dropped");
    REFUSED(stale.shape(), HandleError, "dropped");
    REFUSED(stale.item(), HandleError, "dropped");
    REFUSED(tape.backward(stale), HandleError, "dropped");
    REFUSED(tape.gradient(stale), HandleError, "dropped");
    REFUSED(tape.grad_on_tape(again, {stale}), HandleError, "dropped");
    REFUSED(tape.named(stale, "n"), HandleError, "dropped");
    REFUSED(to_dot(stale), HandleError, "dropped");
    REFUSED(bool(stale > 0), HandleError, "dropped");
  }
  CHECK((x + again).item() == 4);  // handles older than the mark still hold
  CHECK(more.value()[1] == 6);
  tape.clear();
  REFUSED(x + 1, HandleError, "dropped");
  tape.leaf(1);
  REFUSED(x + 1, HandleError, "dropped");
}

TEST_CASE("marks nest, and one that was dropped itself is refused") {
  Tape tape;
  const auto x = tape.leaf({2, 3});
  const auto outer = tape.mark();
  const auto a = x * x;
  const auto inner = tape.mark();
  for (int round = 0; round < 3; ++round) {
    const auto root = sum(a * pow(x, 2));
    tape.backward(root);
    CHECK(equal(tape.gradient(x), {32.0, 108.0}));
    tape.rewind(inner);
    CHECK(equal(a.value(), {4.0, 9.0}));
  }
  tape.rewind(inner);  // nothing to drop
  tape.rewind(outer);
  REFUSED(tape.rewind(inner), HandleError, "[rewind]");
  const auto b = x + 1;
  const auto c = concat({x, b, x}, 0);
  REFUSED(tape.rewind(inner), HandleError, "[rewind]");  // other nodes lie there now
  CHECK(equal(b.value(), {3.0, 4.0}));
  CHECK(c.value()[5] == 3);
  Tape other;
  other.leaf({1, 2});
  other.leaf({1, 2});
  REFUSED(other.rewind(tape.mark()), HandleError, "[rewind]");
}

TEST_CASE("rewind takes parameters, scopes and names back") {
  Tape tape;
  Parameter<double> p("p", Tensor<double>({2}, {1, 2})), q("q", Tensor<double>({2}, {5, 5}));
  const auto outer = tape.scope("outer");
  const auto w = tape.parameter(p);
  const auto mark = tape.mark();
  {
    const auto inner = tape.scope("inner");
    const auto y = tape.named(tape.parameter(q) * w, "y");
    CHECK(tape.scope_path(tape.scope_of(y.index())) == "outer/inner");
    CHECK(tape.name_of(y.index()) == "y");
    tape.rewind(mark);
    CHECK(tape.scope_path(tape.scope_of((w * 2).index())) == "outer/inner");
  }
  const auto after = w * 2;
  CHECK(tape.scope_path(tape.scope_of(after.index())) == "outer");
  CHECK(tape.name_of(after.index()).empty());
  q.edit()[0] = 6;  // nobody has read q any more
  tape.backward(sum(w * 3));
  CHECK(equal(p.gradient(), {3.0, 3.0}));
  CHECK(tape.parameter(p).index() == w.index());
  tape.backward(sum(tape.parameter(q) * w));
  CHECK(equal(p.gradient(), {6.0, 5.0}));
}

// --- Parameters and leaves -------------------------------------------------------------------

TEST_CASE("a parameter changed after it was read is refused") {
  Tape tape;
  for (const Shape& shape : {Shape{}, Shape{2}}) {
    Parameter<double> p("theta", Tensor<double>(shape, 1.0));
    tape.clear();
    const auto root = sum(tape.parameter(p) * 2);
    tape.backward(root);
    p.edit_gradient()[0] *= 0.5;  // that is the optimizer's right
    p.edit()[0] = 3;
    REFUSED(tape.backward(root), GradientError, "parameter 'theta' was changed");
    REFUSED(tape.grad(root, {root}), GradientError, "parameter 'theta' was changed");
    REFUSED(tape.parameter(p), GradientError, "parameter 'theta' was changed");
    tape.clear();
    CHECK(tape.parameter(p).value()[0] == 3);
  }
}

TEST_CASE("a parameter used twice is one leaf, of any rank") {
  Tape tape;
  Parameter<double> scalar("s", Tensor<double>({}, {3})), m("m", Tensor<double>({2, 2}, 2.0));
  const auto s = tape.parameter(scalar);
  CHECK(tape.parameter(scalar).index() == s.index());
  CHECK(s.shape().rank() == 0);
  tape.backward(sum(tape.parameter(scalar) * tape.parameter(m) * tape.parameter(m)) + s * s);
  CHECK(scalar.gradient().item() == 16 + 6);
  CHECK(equal(m.gradient(), {12.0, 12.0, 12.0, 12.0}));
}

TEST_CASE("scalar and shaped leaves keep an op's attributes alike") {
  Tape tape;
  const auto x = tape.leaf(-2), v = tape.leaf({-2, -2, -2});
  for (const auto& f : {+[](const Var<double>& a) { return pow(a, 3); },
                        +[](const Var<double>& a) { return leaky_relu(a, 0.25); },
                        +[](const Var<double>& a) { return elu(a, 2); },
                        +[](const Var<double>& a) { return clamp(a, -3, 5); },
                        +[](const Var<double>& a) { return clamp(a, -1, 5); }}) {
    const auto y = f(x), w = f(v);
    CHECK(y.item() == Approx(w.value()[2]));
    CHECK(tape.grad(y, {x})[0].item() == Approx(tape.grad(sum(w), {v})[0][2]));
  }
}

TEST_CASE("leaves say their shape by their braces") {
  Tape tape;
  CHECK(tape.leaf(5).shape() == Shape{});
  CHECK(tape.leaf({5}).shape() == Shape{1});
  CHECK(tape.leaf({5, 6}).shape() == Shape{2});
  CHECK(tape.leaf(Shape{1, 2}, {5, 6}).shape() == Shape{1, 2});
  CHECK(tape.leaf(Shape{2}, {0, 1}, "zero first").shape() == Shape{2});
  CHECK(tape.constant({5}).shape() == Shape{1});
  CHECK(tape.name_of(tape.leaf({5}, "five").index()) == "five");
  REFUSED(tape.leaf(Shape{2}, {1, 2, 3}), ShapeError, "(2) holds 2 values, but 3 were given");
  const Tensor<double> owned({2}, {1, 2});
  CHECK(tape.borrow(owned.view()).view().data == owned.data());
  CHECK(tape.leaf(owned).view().data != owned.data());
}

TEST_CASE("numbers of any type mix with handles and round as the tape does") {
  Tape<double> d;
  Tape<float> f;
  auto x = d.leaf(3);
  auto y = f.leaf(3);
  CHECK((1 - x).item() == -2);
  CHECK((x / 2).item() == 1.5);
  CHECK((2 * x).item() == 6);
  CHECK((x + 0.1f).item() == 3 + static_cast<double>(0.1f));
  CHECK((x + 10000000000).item() == 10000000003);
  CHECK((y + 0.1).item() == 3 + 0.1f);
  CHECK((1 / (y + 1u)).item() == 0.25f);
  CHECK(pow(2, x).item() == 8);
  CHECK(bool(x > 2));
  CHECK_FALSE(bool(2.5f > x));
  const auto before = x;
  x += 1;
  x *= x;
  x -= 6;
  x /= 2;
  CHECK(x.item() == 5);
  CHECK(before.item() == 3);
  CHECK(d.grad(x, {before})[0].item() == 4);
}

// --- Size ------------------------------------------------------------------------------------

TEST_CASE("a chain of a million nodes needs no stack") {
  Tape tape;
  const auto x = tape.leaf(1);
  auto y = x;
  for (int i = 0; i < 1'000'000; ++i) y = y + x;
  tape.backward(y);
  CHECK(tape.gradient(x).item() == 1'000'001);
  CHECK(to_dot(y).size() < 2000);
  CHECK(tape.grad_on_tape(y, {x})[0].item() == 1'000'001);
}

TEST_CASE("a tape over its budget says which scope used what") {
  Tape<double> tape({.memory_budget = 100'000});
  const auto x = tape.leaf(Tensor<double>({100}));
  const auto mark = tape.mark();
  for (int round = 0; round < 2; ++round) {
    std::string text;
    try {
      const auto outer = tape.scope("net");
      const auto inner = tape.scope("layer7");
      for (int i = 0; i < 200; ++i) (void)exp(x);
    } catch (const BudgetError& e) {
      text = e.what();
    }
    CHECK(text.find("over the budget of 100000") != std::string::npos);
    CHECK(text.find("net/layer7") != std::string::npos);
    CHECK(text.find("outside of any scope ") != std::string::npos);
    CHECK(tape.bytes() <= 100'000);
    CHECK(x.value()[99] == 0);  // what was recorded still holds
    tape.rewind(mark);
  }
  const auto s = tape.leaf(1);
  const auto endless = [&] {
    for (auto y = s;;) y = y + s;
  };
  CHECK_THROWS_AS(endless(), BudgetError);
  tape.clear();
  CHECK_THROWS_AS(tape.leaf(Tensor<double>({20'000})), BudgetError);
  CHECK(tape.size() == 0);
}

TEST_CASE("what fits the budget once fits it again") {
  Tape<double> tape({.memory_budget = 1'000'000});
  for (int i = 0; i < 300; ++i) tape.leaf(Tensor<double>({200}));
  tape.clear();
  tape.leaf(Tensor<double>({110'000}));
  CHECK_NOTHROW(tape.leaf(Tensor<double>({10'000})));
}

TEST_CASE("tapes in different threads share nothing") {
  std::array<double, 2> result{};
  const auto work = [&result](std::size_t k) {
    Tape tape;
    for (int round = 0; round < 200; ++round) {
      tape.clear();
      const auto v = tape.leaf(Tensor<double>({50}, static_cast<double>(k) + 1));
      tape.backward(sum(square(v) * sigmoid(v - v)));
      result[k] += tape.gradient(v)[49];
    }
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  CHECK(result[0] == Approx(200 * 1.0));
  CHECK(result[1] == Approx(200 * 2.0));
}

TEST_CASE_TEMPLATE("in the steady state nothing calls the allocator", T, float, double) {
  if (bench::own_allocations() == 0) return;  // a sanitizer's own
  Tape<T> tape;
  Parameter<T> w("weight", Tensor<T>({20, 10}, T(0.01))), b("bias", Tensor<T>({10}, T(0.5))),
      s("scale", Tensor<T>({}, {2}));
  const Tensor<T> x({30, 20}, T(0.25));
  const std::vector<std::int32_t> labels(30, 3);
  const auto round = [&] {
    tape.clear();
    Var<T> total = tape.leaf(1, "start");
    for (int i = 0; i < 3; ++i) {
      const auto mark = tape.mark();
      const auto scope = tape.scope("layer");
      const auto y = relu(matmul(tape.borrow(x.view()), tape.parameter(w)) + tape.parameter(b));
      const auto z = concat({slice(y, 1, 0, 5), slice(y, 1, 5, 10)}, 1) * tape.parameter(s);
      const auto loss = mean(cross_entropy(log_softmax(z), labels)) + where(z > 1, z, 0).shape()[0];
      tape.backward(loss, {.retain = i == 1});
      if (i < 2) {
        tape.rewind(mark);
      } else {
        const auto guard = tape.no_grad();
        total = total * tanh(loss) + pow(total, 3);
      }
    }
    for (int i = 0; i < 100; ++i) total = total * 0.5 + sin(total) * maximum(total, 0.1);
    tape.backward(total + tape.parameter(s));
  };
  const std::size_t fresh = bench::own_allocations();
  round();
  CHECK(bench::own_allocations() > fresh);  // it does count: the tape was new
  round();
  const std::size_t before = bench::own_allocations();
  for (int i = 0; i < 5; ++i) round();
  CHECK(bench::own_allocations() == before);
}

// What is recorded: leaves, parameters, numbers beside handles, constants, and what varies.
#include <autodiff/autodiff.hpp>

#include "support/refused.hpp"

#include <doctest/doctest.h>

#include <array>

using namespace ramp;
using doctest::Approx;
using support::equal;

TEST_CASE("the braces of a leaf's values say its shape") {
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

TEST_CASE("an op that isn't there isn't recorded") {
  Tape<double> tape;
  const Var<double> x = tape.leaf(1);
  REFUSED_WITH(tape.record(60'000, std::array{x}, nullptr), ValueError,
               "[record] there is no op number 60000");
}

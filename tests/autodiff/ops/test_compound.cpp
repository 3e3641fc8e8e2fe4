// Functions made of ops: what they give, and that their gradients are those of differences.
#include <autodiff/autodiff.hpp>
#include <autodiff/own_op.hpp>

#include "support/refused.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

using namespace ramp;
using support::equal;
using V = Var<double>;

namespace {

const Tensor<double> matrix(Shape{2, 3}, {1, -2, 3, 0.5, 5, -6});

struct Length : Structural<1> {
  static constexpr About about{"test_length", "sqrt(5 x² + 1)", "A formula of tensors."};
  static Shape shape(const Shape& x) { return x; }
  static constexpr auto value = [](auto x) { return hypot(x, 2 * x, 1); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto x) { return g * (5 * x / hypot(x, 2 * x, 1)); }};
  static Examples examples() { return {{{{Shape{1}, {0}}}, {Shape{1}, {1}}}}; }
};

}  // namespace

TEST_CASE("shapes") {
  Tape<double> tape;
  const V x = tape.leaf(matrix);
  CHECK(unsqueeze(x, 1).shape() == Shape{2, 1, 3});
  CHECK(unsqueeze(x, -1).shape() == Shape{2, 3, 1});
  CHECK(squeeze(unsqueeze(x, 1), 1).shape() == Shape{2, 3});
  CHECK(squeeze(tape.leaf(Tensor<double>({1, 3, 1}))).shape() == Shape{3});
  REFUSED(squeeze(x, 0), ShapeError, "[squeeze] (2, 3)");
  REFUSED(unsqueeze(x, 4), ShapeError, "[unsqueeze] (2, 3)");
  CHECK(flatten(x).shape() == Shape{6});
  CHECK(stack({x, 2 * x}).shape() == Shape{2, 2, 3});
  CHECK(stack(std::vector{x, x, x}, -1).shape() == Shape{2, 3, 3});
  CHECK(equal(stack({x(0, 0), V(7), x(1, 2)}).value(), {1.0, 7.0, -6.0}));
  const auto parts = split(x, 2, 1);
  REQUIRE(parts.size() == 2);
  CHECK(equal(parts[0].value(), {1.0, -2.0, 0.5, 5.0}));
  CHECK(equal(parts[1].value(), {3.0, -6.0}));
  REFUSED(split(x, 0), ShapeError, "[split]");
  CHECK(equal(roll(x, 1).value(), {3.0, 1.0, -2.0, -6.0, 0.5, 5.0}));
  CHECK(equal(roll(x, -4).value(), {-2.0, 3.0, 1.0, 5.0, -6.0, 0.5}));
  CHECK(equal(roll(x, 1, 0).value(), {0.5, 5.0, -6.0, 1.0, -2.0, 3.0}));
  CHECK(tile(x, 3).shape() == Shape{6, 3});
}

TEST_CASE("flip: an axis backwards, or all") {
  Tape<double> tape;
  const V x = tape.leaf(matrix), cube = tape.leaf(Shape{2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(equal(flip(x, 1).value(), {3.0, -2.0, 1.0, -6.0, 5.0, 0.5}));
  CHECK(equal(flip(x, 0).value(), {0.5, 5.0, -6.0, 1.0, -2.0, 3.0}));
  CHECK(equal(flip(x).value(), {-6.0, 5.0, 0.5, 3.0, -2.0, 1.0}));
  CHECK(equal(flip(cube, -2).value(), {3.0, 4.0, 1.0, 2.0, 7.0, 8.0, 5.0, 6.0}));
  CHECK(equal(flip(flip(cube, 0), 0).value(), {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0}));
  CHECK(flip(x(0, 0)).item() == 1);
  CHECK(flip(tape.leaf(Tensor<double>({2, 0})), 1).shape() == Shape{2, 0});
  const V weights = tape.constant({{1, 2, 3}, {4, 5, 6}});
  CHECK(equal(tape.grad(sum(flip(x, 1) * weights), {x})[0], {3.0, 2.0, 1.0, 6.0, 5.0, 4.0}));
  REFUSED(flip(x, 2), ShapeError, "[flip] axis 2 of (2, 3)");
  REFUSED(flip(x(0, 0), 0), ShapeError, "[flip] axis 0 of a scalar");
}

TEST_CASE("places") {
  Tape<double> tape;
  const V x = tape.leaf(matrix);
  CHECK(x(1, 0).item() == 0.5);
  CHECK(x(-1, -1).item() == -6);
  CHECK(equal(x(1).value(), {0.5, 5.0, -6.0}));
  CHECK(x().shape() == Shape{2, 3});
  CHECK(equal(tape.grad(x(1, 0) * x(0, 2), {x})[0], {0.0, 0.0, 0.5, 3.0, 0.0, 0.0}));
  REFUSED(x(2), IndexError, "[element] place 2 lies outside axis 0 of (2, 3)");
  REFUSED(x(0, -4), IndexError, "[element] place -4 lies outside axis 1");
  REFUSED(x(0, 0, 0), IndexError, "[element] (2, 3) has no 3 axes");
}

TEST_CASE("sums and products") {
  Tape<double> tape;
  const V x = tape.leaf(matrix);
  CHECK(dot(x(0), x(1)).item() == doctest::Approx(0.5 - 10 - 18));
  CHECK(outer(x(0), x(1)).shape() == Shape{3, 3});
  CHECK(outer(x(0), x(1))(1, 2).item() == 12);
  CHECK(equal(prod(x, 1).value(), {-6.0, -15.0}));
  CHECK(prod(x, 0, true).shape() == Shape{1, 3});
  CHECK(prod(x).item() == 90);
  CHECK(prod(tape.leaf(Tensor<double>(Shape{0}))).item() == 1);
  CHECK(equal(cumsum(x).value(), {1.0, -1.0, 2.0, 0.5, 5.5, -0.5}));
  CHECK(equal(cumsum(x, 0).value(), {1.0, -2.0, 3.0, 1.5, 3.0, -3.0}));
  CHECK(var(x).item() == doctest::Approx(12.4791666666667));
  CHECK(var(x, 1, false, 1).value()[0] == doctest::Approx(6.3333333333333));
  CHECK(stddev(x, 0, true).shape() == Shape{1, 3});
  CHECK(var(x, 1).shape() == Shape{2});  // an axis, as in sum(x, 1)
  REFUSED(dot(x, x(0)), ShapeError, "[dot] (2, 3) and (3): it needs two vectors of one length");
  CHECK(trace(matmul(x, transpose(x))).item() == doctest::Approx(75.25));
  CHECK(equal(tril(x).value(), {1.0, 0.0, 0.0, 0.5, 5.0, 0.0}));
  CHECK(equal(triu(x, 1).value(), {0.0, -2.0, 3.0, 0.0, 0.0, -6.0}));
  CHECK(equal(diagonal(x).value(), {1.0, 5.0}));
  CHECK(equal(sum(x, 1).value(), {2.0, -0.5}));
  CHECK(equal(mean(x, -2).value(), {0.75, 1.5, -1.5}));
}

TEST_CASE("the slope of a product with zeros in it") {
  Tape<double> tape;
  const V one = tape.leaf({2, 0, 3}), two = tape.leaf({0, 5, 0});
  CHECK(equal(tape.grad(prod(one), {one})[0], {0.0, 6.0, 0.0}));
  CHECK(equal(tape.grad(prod(two), {two})[0], {0.0, 0.0, 0.0}));
}

TEST_CASE("integers") {
  Tape<double> tape;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(argmax(tape.leaf(matrix)) == std::vector<std::int32_t>{2, 1});
  CHECK(argmin(tape.leaf(matrix)) == std::vector<std::int32_t>{1, 2});
  CHECK(argmax(tape.leaf({3, 7, 7, nan, 9})) == std::vector<std::int32_t>{3});
  CHECK(argmin(tape.leaf({3, nan, -7, nan})) == std::vector<std::int32_t>{1});
  const std::uint32_t size = tape.size();
  (void)argmin(tape.handle(1));
  CHECK(tape.size() == size);  // it looks, and records nothing
  CHECK_THROWS_AS((void)argmax(tape.leaf(1.0)), ShapeError);
  const std::vector<std::int32_t> labels{1, 0};
  CHECK(equal(one_hot<double>(labels, 3), {0.0, 1.0, 0.0, 1.0, 0.0, 0.0}));
  CHECK_THROWS_AS((void)one_hot<double>(labels, 1), IndexError);
}

TEST_CASE("activations and losses") {
  const auto number = [](double x) { return V(x); };
  CHECK(log_sigmoid(number(-800)).item() == -800);
  CHECK(log_sigmoid(number(0)).item() == doctest::Approx(-std::log(2)));
  CHECK(hardtanh(number(3)).item() == 1);
  CHECK(relu6(number(7)).item() == 6);
  CHECK(mish(number(1)).item() == doctest::Approx(0.8650983882673103));
  CHECK(selu(number(-1)).item() == doctest::Approx(-1.1113307378125625));
  CHECK(selu(number(2)).item() == doctest::Approx(2.101401974710836));
  CHECK(huber(number(3), 1, 0.5).item() == 0.875);
  CHECK(huber(1.25, number(1), 0.5).item() == 0.03125);
}

TEST_CASE("their gradients agree with differences") {
  const std::vector<std::function<V(const V&)>> all{
      [](const V& x) { return squeeze(unsqueeze(x, 0), 0); },
      [](const V& x) {
        return stack({x, x * x}, 1);
      },
      [](const V& x) { return split(x, 2, 1)[1]; },
      [](const V& x) { return roll(x, 2); },
      [](const V& x) { return tile(x, 2, 1); },
      [](const V& x) { return outer(x(0), x(1)); },
      [](const V& x) { return prod(x, 1); },
      [](const V& x) { return cumsum(x); },
      [](const V& x) { return var(x, 1); },
      [](const V& x) { return stddev(x); },
      [](const V& x) { return tril(x); },
      [](const V& x) { return triu(x); },
      [](const V& x) { return diagonal(x); },
      [](const V& x) { return log_sigmoid(x); },
      [](const V& x) { return mish(x); },
      [](const V& x) { return selu(x); },
      [](const V& x) { return huber(x, 0.25, 2); },
      [](const V& x) { return x(1, 2) * x(0); },
  };
  for (std::size_t i = 0; i < all.size(); ++i) {
    CAPTURE(i);
    const auto report = check_gradients(
        [&](std::span<const V> x) { return sum(square(all[i](x[0])) + all[i](x[0])); }, {matrix});
    CHECK_MESSAGE(report.ok(), to_string(report));
  }
}

TEST_CASE("nothing to reduce: what NumPy gives") {
  Tape<double> tape;
  const double inf = std::numeric_limits<double>::infinity();
  const V none = tape.leaf(Tensor<double>({2, 0}));
  CHECK(equal(logsumexp(none, 1).value(), {-inf, -inf}));
  CHECK(softmax(none).shape() == Shape{2, 0});
  CHECK(log_softmax(none).shape() == Shape{2, 0});
  CHECK(isnan(mean(none)));
  CHECK(equal(norm(none, Axis{1}).value(), {0.0, 0.0}));
  REFUSED(max(none), ShapeError, "[max] (2, 0): there is nothing to reduce");
  REFUSED(min(none, Axis{1}), ShapeError, "[min] (2, 0): there is nothing to reduce");
  for (const V& y : {sum(logsumexp(none, 1)), sum(softmax(none)), norm(none), mean(none)})
    CHECK(tape.grad(y, {none})[0].shape() == Shape{2, 0});
}

TEST_CASE("a formula of tensors takes a length of three") {
  const auto report =
      check_gradients([](std::span<const V> x) { return sum(record<Length>({}, x[0])); }, {matrix});
  CHECK_MESSAGE(report.ok(), to_string(report));
}

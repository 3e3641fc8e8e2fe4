// Gradients, Jacobians and Hessians of functions.
#include <autodiff/autodiff.hpp>

#include "support/refused.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <vector>

using namespace ramp;

namespace {

const auto rosenbrock = [](const auto& x) {
  const auto a = x[1] - x[0] * x[0];
  return 100 * a * a + (1 - x[0]) * (1 - x[0]);
};
const std::vector<double> at{-1.2, 1};

}  // namespace

TEST_CASE("a gradient has the form of its point") {
  const auto [value, slope] = value_and_grad([](const auto& x) { return x * x * x; }, 2.0);
  CHECK(value == 8);
  CHECK(slope == 12);
  static_assert(std::is_same_v<decltype(slope), const double>);
  CHECK(gradient([](const auto& x) { return exp(x); }, 0.0f) == 1.0f);

  const auto of_vector = value_and_grad(rosenbrock, at);
  CHECK(of_vector.value == doctest::Approx(24.2));
  CHECK(of_vector.gradient[0] == doctest::Approx(-215.6));
  CHECK(of_vector.gradient[1] == doctest::Approx(-88));
  CHECK(gradient(rosenbrock, std::array{-1.2, 1.0})[1] == of_vector.gradient[1]);

  const Tensor<double> m(Shape{2, 2}, {1, 2, 3, 4});
  const Tensor<double> g = gradient([](const auto& x) { return sum(square(x)); }, m);
  CHECK(g.shape() == m.shape());
  CHECK(support::equal(g, {2.0, 4.0, 6.0, 8.0}));
  CHECK_THROWS_AS((void)gradient([](const auto& x) { return exp(x); }, m), ShapeError);
}

TEST_CASE("what doesn't depend on the point has zeros") {
  const auto five = [](const auto&) -> Var<double> { return 5; };
  CHECK(value_and_grad(five, 2.0).value == 5);
  CHECK(value_and_grad(five, 2.0).gradient == 0);
  CHECK(hessian(five, at).view()[3] == 0);
  CHECK(hvp(five, at, at)[1] == 0);
  CHECK(gradient([](const auto& x) { return relu(x); }, 0.0, {.at_zero = 0.5}) == 0.5);
}

TEST_CASE("a Jacobian has a row for each value and a column for each input") {
  const Tensor<double> j = jacobian(
      [](const auto& x) {
        return std::vector{x[0] * x[1], sin(x[0]), x[1]};
      },
      at);
  CHECK(j.shape() == Shape{3, 2});
  CHECK(support::equal(j, {1.0, -1.2, std::cos(-1.2), 0.0, 0.0, 1.0}));
  const Tensor<double> x(std::vector<double>{1, 2});
  const Tensor<double> of_tensor = jacobian([](const auto& v) { return v * sum(v); }, x);
  CHECK(support::equal(of_tensor, {4.0, 1.0, 2.0, 5.0}));
  const Tensor<double> of_parts = jacobian(
      [](const auto& v) {
        return std::array{v * sum(v), sum(v)};
      },
      x);
  CHECK(of_parts.shape() == Shape{3, 2});
  CHECK(support::equal(of_parts, {4.0, 1.0, 2.0, 5.0, 1.0, 1.0}));
  const Tensor<double> row = jacobian([](const auto& v) { return v[0] * v[1]; }, at);
  CHECK(row.shape() == Shape{1, 2});
  CHECK(jacobian([](const auto& v) { return 3 * v; }, 1.0)[0] == 3);
}

TEST_CASE("a Hessian, and its product with a vector") {
  const Tensor<double> h = hessian(rosenbrock, at);
  CHECK(h.shape() == Shape{2, 2});
  CHECK(h[0] == doctest::Approx(1330));
  CHECK(h[1] == doctest::Approx(480));
  CHECK(h[2] == doctest::Approx(480));
  CHECK(h[3] == doctest::Approx(200));
  const std::vector<double> v{0.5, -2}, hv = hvp(rosenbrock, at, v);
  CHECK(hv[0] == doctest::Approx(1330 * 0.5 - 480 * 2));
  CHECK(hv[1] == doctest::Approx(480 * 0.5 - 200 * 2));
  const Tensor<double> x(Shape{2, 1}, {1, 2});
  const Tensor<double> of_tensor = hessian([](const auto& m) { return sum(m * m * m); }, x);
  CHECK(support::equal(of_tensor, {6.0, 0.0, 0.0, 12.0}));
  CHECK(hessian([](const auto& y) { return y * y * y; }, 2.0)[0] == 12);
  CHECK_THROWS_AS((void)hvp(rosenbrock, at, std::vector<double>{1}), ShapeError);
  const auto cubes = [](const auto& m) { return sum(m * m * m); };
  CHECK(support::equal(hvp(cubes, x, Tensor<double>(Shape{2, 1}, {1, -1})), {6.0, -12.0}));
  CHECK_THROWS_AS((void)hvp(cubes, x, Tensor<double>(Shape{1}, {1})), ShapeError);  // no broadcast
}

// Where the exponent is 0 the slope in the base is 0, and still has a slope of its own.
TEST_CASE("the Hessian of a power at exponent 0 is symmetric") {
  const auto power = [](const auto& x) { return pow(x[0], x[1]); };
  const Tensor<double> h = hessian(power, std::vector<double>{5, 0});
  CHECK(h[0] == 0);
  CHECK(h[1] == doctest::Approx(0.2));
  CHECK(h[2] == doctest::Approx(0.2));
  CHECK(h[3] == doctest::Approx(std::log(5) * std::log(5)));
}

TEST_CASE("a length of three is smooth on the axes, and at 0 alone it has a kink") {
  const auto length = [](const auto& x) { return hypot(x[0], x[1], x[2]); };
  for (std::size_t axis = 0; axis < 3; ++axis) {
    std::vector<double> on_axis(3);
    on_axis[axis] = -2;
    CHECK(gradient(length, on_axis)[axis] == -1);
    const auto second = hessian(length, on_axis);  // (1 - x x^T / |x|^2) / |x|
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = 0; j < 3; ++j)
        CHECK(second[3 * i + j] == doctest::Approx(i == j && i != axis ? 0.5 : 0));
  }
  CHECK(gradient(length, std::vector<double>(3)) == std::vector<double>(3));

  // The points of all axes at once, and a third part that is one for all.
  const Tensor<double> all(Shape{3, 3}, {-2, 0, 0, 0, -2, 0, 0, 0, -2});
  const auto lengths = [](const auto& x) { return sum(hypot(x(0), x(1), x(2))); };
  const auto second = hessian(lengths, all);
  for (std::size_t i = 0; i < 9; ++i)
    CHECK(second[10 * i] == doctest::Approx(all[i] == 0 ? 0.5 : 0));
  const auto above = [](const auto& x) { return sum(hypot(x, 0.0, 2)); };
  CHECK(hessian(above, Tensor<double>(Shape{2}))[0] == doctest::Approx(0.5));
}

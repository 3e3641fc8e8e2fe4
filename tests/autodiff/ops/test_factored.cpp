// Linear algebra of small matrices: what the walk over the registry doesn't see.
#include <autodiff/autodiff.hpp>

#include "support/refused.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace ramp;
using V = Var<double>;

namespace {

// Far from singular.
Tensor<double> well_conditioned(std::int64_t n) {
  Tensor<double> a(Shape{n, n});
  for (std::size_t e = 0; e < a.size(); ++e)
    a[e] = std::sin(static_cast<double>(e * e + 1)) / 2 +
           (e % static_cast<std::size_t>(n + 1) == 0 ? 3 : 0);
  return a;
}

void check(const std::function<V(const V&)>& f, const Tensor<double>& at) {
  const auto report =
      check_gradients([&](std::span<const V> x) { return sum(square(f(x[0])) + f(x[0])); }, {at});
  CHECK_MESSAGE(report.ok(), to_string(report));
}

}  // namespace

TEST_CASE("solve, inverse and det agree with each other, and their gradients with differences") {
  for (const std::int64_t n : {1, 2, 5}) {
    Tape<double> tape;
    const Tensor<double> at = well_conditioned(n);
    const V a = tape.leaf(at), b = tape.leaf(Tensor<double>(Shape{n, 2}, 0.5));
    const V x = solve(a, b), rest = matmul(a, x) - b;
    for (const double e : rest.view()) CHECK(std::abs(e) < 1e-14);
    const V other = matmul(inverse(a), b);
    for (std::size_t i = 0; i < other.view().size(); ++i)
      CHECK(other.view()[i] == doctest::Approx(x.view()[i]).epsilon(1e-13));
    CHECK((det(a) * det(inverse(a))).item() == doctest::Approx(1).epsilon(1e-13));
    check([&](const V& m) { return solve(m, m * 2 + 1); }, at);
    check([](const V& m) { return inverse(m); }, at);
    check([](const V& m) { return det(m); }, at);
    check([](const V& m) { return cholesky(matmul(m, transpose(m))); }, at);
    check([](const V& m) { return tril(m, -1) * triu(m, 1) + tril(m) * 2; }, at);
  }
}

TEST_CASE("tril and triu of batches of matrices that aren't square, and their names in a drawing") {
  for (const auto& [n, m] : {std::pair{2, 3}, {3, 2}})
    for (int k = -3; k <= 3; ++k) {
      Tape<double> tape;
      Tensor<double> at(Shape{2, n, m});
      for (std::size_t e = 0; e < at.size(); ++e) at[e] = static_cast<double>(e + 1);
      const V x = tape.leaf(at), low = tril(x, k), high = triu(x, k);
      tape.backward(sum(low) * 2 + sum(high));
      const Tensor<double> slope = tape.gradient(x);
      std::size_t e = 0;
      for (int matrix = 0; matrix < 2; ++matrix)
        for (int i = 0; i < n; ++i)
          for (int j = 0; j < m; ++j, ++e) {
            CHECK(low.view()[e] == (j <= i + k ? at[e] : 0));
            CHECK(high.view()[e] == (j >= i + k ? at[e] : 0));
            CHECK(slope[e] == (j <= i + k ? 2 : 0) + (j >= i + k ? 1 : 0));
          }
      CHECK(to_dot(low).find("tril") != std::string::npos);
      CHECK(to_dot(low).find("triu") == std::string::npos);
      CHECK(to_dot(high).find("triu") != std::string::npos);
    }
}

TEST_CASE("matrices along leading axes are factored one by one, and b broadcasts as in NumPy") {
  Tensor<double> many(Shape{2, 1, 3, 3});
  for (std::size_t k = 0; k < 2; ++k)
    for (std::size_t e = 0; e < 9; ++e)
      many[9 * k + e] = well_conditioned(3)[e] * (k == 0 ? 1 : -2) + static_cast<double>(k * e) / 8;
  Tape<double> tape;
  const V a = tape.leaf(many), b = tape.leaf(Tensor<double>(Shape{4, 3, 2}, 0.5));
  const V x = solve(a, b), squares = matmul(a, transpose(a));
  CHECK(x.shape() == Shape{2, 4, 3, 2});
  for (const double e : (matmul(a, x) - b).view()) CHECK(std::abs(e) < 1e-14);
  CHECK(solve(a, tape.leaf({1, 2, 3})).shape() == Shape{2, 1, 3});
  CHECK(det(a).shape() == Shape{2, 1});
  for (int k = 0; k < 2; ++k) {
    CHECK(det(a)(k, 0).item() == doctest::Approx(det(a(k, 0)).item()).epsilon(1e-14));
    const V one = inverse(a)(k, 0) - inverse(a(k, 0)),
            other = cholesky(squares)(k, 0) - cholesky(squares(k, 0));
    for (const double e : one.view()) CHECK(std::abs(e) < 1e-15);
    for (const double e : other.view()) CHECK(std::abs(e) < 1e-15);
  }
  CHECK(inverse(tape.leaf(Tensor<double>(Shape{0, 2, 2}))).shape() == Shape{0, 2, 2});
  CHECK(det(tape.leaf(Tensor<double>(Shape{3, 0, 0}))).value()[2] == 1);
  const Tensor<double> right(Shape{4, 3, 2}, 0.5);
  const auto report = check_gradients(
      [](std::span<const V> in) { return sum(square(solve(in[0], in[1]))); }, {many, right});
  CHECK_MESSAGE(report.ok(), to_string(report));
  check([](const V& m) { return inverse(m); }, many);
  check([](const V& m) { return det(m); }, many);
  Tensor<double> six(Shape{2, 3, 1, 1});
  for (std::size_t e = 0; e < 6; ++e) six[e] = static_cast<double>(e + 1);
  check([](const V& m) { return det(m); }, six);
  check([](const V& m) { return cholesky(matmul(m, transpose(m))); }, many);
  REFUSED(solve(a, tape.leaf(Tensor<double>(Shape{3, 4, 3, 2}))), ShapeError,
          "[solve] (2, 1, 3, 3) and (3, 4, 3, 2): the leading axes don't broadcast");
}

TEST_CASE("second derivatives of a factored matrix") {
  const auto f = [](const V& m) { return log(det(m)) + sum(cholesky(matmul(m, transpose(m)))); };
  const Tensor<double> at = well_conditioned(2), h = hessian(f, at);
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 4; ++j) {
      const double step = 1e-5;
      Tensor<double> up = at, down = at;
      up[j] += step, down[j] -= step;
      const double slope = (gradient(f, up)[i] - gradient(f, down)[i]) / (2 * step);
      CHECK(h[i * 4 + j] == doctest::Approx(slope).epsilon(1e-6).scale(1e-2));
    }
}

TEST_CASE("a vector on the right, and what has no answer") {
  Tape<double> tape;
  const V a = tape.leaf({{2, 1}, {1, 3}}), b = tape.leaf({3, 5});
  CHECK(solve(a, b).shape() == Shape{2});
  CHECK(solve(a, b).value()[0] == doctest::Approx(0.8));
  CHECK(isnan(cholesky(tape.leaf({{1, 2}, {2, 1}}))(0, 0)));
  CHECK_FALSE(isfinite(solve(tape.leaf({{1, 2}, {2, 4}}), b)(0)));
  CHECK(det(tape.leaf({{1, 2}, {2, 4}})).item() == 0);
  CHECK(det(tape.leaf(Tensor<double>(Shape{0, 0}))).item() == 1);
  REFUSED(solve(b, a), ShapeError, "[solve] (2): it needs a square matrix");
  REFUSED(solve(a, tape.leaf({1, 2, 3})), ShapeError, "[solve] (2, 2) and (3, 1)");
  REFUSED(record<Solve>({}, a, b), ShapeError, "[solve] (2, 2) and (2)");
  REFUSED(inverse(b), ShapeError, "[inverse] (2): it needs a square matrix");
  REFUSED(det(tape.leaf(Tensor<double>({2, 3}))), ShapeError, "[det] (2, 3)");
  REFUSED(cholesky(b), ShapeError, "[cholesky] (2)");
  REFUSED(tril(b), ShapeError, "[tril] (2): it needs a matrix");
}

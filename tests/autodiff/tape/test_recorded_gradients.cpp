// Gradients as nodes of the tape, and theirs in turn.
#include <autodiff/autodiff.hpp>

#include "support/refused.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

using namespace ramp;
using doctest::Approx;

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

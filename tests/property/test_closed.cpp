// What is closed passes nothing back: numbers and elements of tensors agree on it in random
// programs. Particular ones: autodiff/tape/test_closed.cpp.
#include <autodiff/autodiff.hpp>

#include "support/ops.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace ramp;

// Random programs of element-wise ops on numbers that like to make 0 and infinity: each element of
// a tensor has the gradient that the number has, by each way to it.
TEST_CASE("numbers and elements of tensors agree on what is closed: random programs") {
  std::vector<std::pair<const OpInfo*, Trial>> ops;
  for (const OpInfo* op : support::library_ops())
    if (op->elementwise)
      for (const Trial& trial : op->examples()) ops.emplace_back(op, trial);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> numbers{0, 0, 1, 1, -1, 4, 0.5, -2, 2, 1e-200, -1e200, infinity};
  std::mt19937 random(7);
  const auto below = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  std::size_t not_finite = 0;
  for (int program = 0; program < 2000; ++program) {
    struct Step {
      const std::pair<const OpInfo*, Trial>* op;
      std::vector<std::size_t> in;
    };
    std::vector<Step> steps;
    for (std::size_t k = 0; k < 2 + below(6); ++k) {
      Step step{&ops[below(ops.size())], {}};
      for (int i = 0; i < step.op->first->arity; ++i)
        step.in.push_back(below(3) == 0 ? below(2 + k) : 1 + k);  // mostly what came last
      steps.push_back(step);
    }
    constexpr std::size_t n = 9;
    std::vector<Tensor<double>> x(2, Tensor<double>(Shape{n}));
    for (auto& t : x)
      for (double& e : t) e = numbers[below(numbers.size())];
    // Gradients of both inputs, by backward() and recorded, after one another.
    const auto run = [&](Tape<double>& tape, std::vector<Var<double>> v) {
      const std::vector<Var<double>> leaves = v;
      for (const Step& step : steps) {
        std::vector<Var<double>> in;
        for (const std::size_t i : step.in) in.push_back(v[i]);
        v.push_back(tape.record(step.op->first->id, in, step.op->second.attr.bytes.data()));
      }
      std::vector<Tensor<double>> all;
      if (!v.back().varies()) return all;
      const Tensor<double> ones(v.back().shape(), 1);
      const auto recorded = tape.grad_on_tape(v.back(), leaves, tape.constant(ones));
      tape.backward(v.back(), ones);
      for (std::size_t k = 0; k < 2; ++k) {
        all.push_back(tape.gradient(leaves[k]));
        all.push_back(recorded[k].value());
      }
      return all;
    };
    Tape<double> tape;
    const auto whole = run(tape, {tape.leaf(x[0]), tape.leaf(x[1])});
    if (whole.empty()) continue;
    for (std::size_t e = 0; e < n; ++e) {
      Tape<double> alone;
      const auto part = run(alone, {alone.leaf(x[0][e]), alone.leaf(x[1][e])});
      for (std::size_t k = 0; k < whole.size(); ++k) {
        const double a = whole[k][e], b = part[k][0];
        not_finite += !std::isfinite(a);
        if ((std::isnan(a) && std::isnan(b)) || a == b ||
            std::abs(a - b) <= 1e-9 * std::max({1e-4, std::abs(a), std::abs(b)}))  // or rounding
          continue;
        std::string text;
        for (const Step& step : steps) {
          text += std::string(step.op->first->about.name) + "(";
          for (const std::size_t i : step.in) text += std::to_string(i) + " ";
          text += ") ";
        }
        CAPTURE(text);
        CAPTURE(x[0][e]);
        CAPTURE(x[1][e]);
        CAPTURE(k);
        CHECK(a == b);
      }
    }
  }
  CHECK(not_finite > 1000);
}

// What only shows in more than one block of elements, or where an adjoint is added to: a walk over
// the registry against the same op on numbers, and against the sum of its parts.
#include <autodiff/autodiff.hpp>

#include "support/broadcasting.hpp"
#include "support/ops.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

using namespace ramp;
using doctest::Approx;

namespace {

double inside(const Domain& domain, std::mt19937& random) {
  for (;;) {
    const double x = std::uniform_real_distribution(-2.0, 2.0)(random);
    if (x > domain.low + 0.1 && x < domain.high - 0.1 && !(domain.nonzero && std::abs(x) < 0.1))
      return x;
  }
}

// Shapes have names here: of braces within braces within braces the compiler tries all meanings.
std::vector<std::vector<Shape>> shapes(int arity) {
  using Some = std::vector<Shape>;
  const Shape one, many{3000}, row{1025}, rows{3, 1025}, column{1300, 1}, three{3};
  if (arity == 1) return {Some{many}, Some{rows}};
  if (arity == 2)
    return {Some{many, one},
            Some{one, many},
            Some{rows, row},
            Some{row, rows},
            Some{column, Shape{1, 3}},
            Some{many, many},
            Some{Shape{2, 700, 2}, Shape{700, 1}}};
  return {Some{many, one, one}, Some{one, many, many}, Some{one, one, many},
          Some{column, three, Shape{1300, 3}}, Some{many, many, one}};
}

}  // namespace

TEST_CASE("every element-wise op broadcasts over many blocks as it computes number by number") {
  std::mt19937 random(1);
  for (const OpInfo* op : support::library_ops()) {
    if (!op->elementwise) continue;
    const std::string name = op->about.name;
    CAPTURE(name);
    const Trial trial = op->examples().at(0);
    const void* const attr = trial.attr.bytes.data();
    for (const auto& all : shapes(op->arity)) {
      Tape<double> tape, scalars;
      Shape whole;
      std::vector<Var<double>> x;
      for (std::size_t k = 0; k < all.size(); ++k) {
        REQUIRE(broadcast(whole, all[k], whole));
        Tensor<double> value(all[k]);
        for (double& e : value) e = inside(op->domain[k], random);
        x.push_back(tape.leaf(value));
      }
      Tensor<double> seed(whole);
      for (double& e : seed) e = inside({}, random);
      const auto y = tape.record(op->id, x, attr);
      const bool varies = y.varies();
      if (varies) tape.backward(y, seed);

      std::vector<Tensor<double>> expected;
      std::vector<std::vector<std::size_t>> source;
      for (const Shape& s : all) {
        expected.emplace_back(s);
        source.push_back(support::sources(s, whole));
      }
      for (std::size_t i = 0; i < whole.size(); ++i) {
        scalars.clear();
        std::vector<Var<double>> in;
        for (std::size_t k = 0; k < all.size(); ++k)
          in.push_back(scalars.leaf(x[k].view()[source[k][i]]));
        const auto one = scalars.record(op->id, in, attr);
        REQUIRE(y.view()[i] == Approx(one.item()).epsilon(1e-12).scale(1e-9));
        if (!varies) continue;
        scalars.backward(one, Tensor<double>({}, {seed[i]}));
        for (std::size_t k = 0; k < all.size(); ++k)
          expected[k][source[k][i]] += scalars.gradient(in[k]).item();
      }
      for (std::size_t k = 0; k < all.size() && varies; ++k) {
        const Tensor<double> g = tape.gradient(x[k]);
        for (std::size_t i = 0; i < g.size(); ++i)
          REQUIRE(g[i] == Approx(expected[k][i]).epsilon(1e-9).scale(1e-6));
      }
    }
  }
}

TEST_CASE("every op adds to an adjoint that is there already") {
  std::mt19937 random(2);
  for (const OpInfo* op : support::library_ops()) {
    if (op->differentiable == 0) continue;
    const std::string name = op->about.name;
    CAPTURE(name);
    for (const Trial& trial : op->examples()) {
      Tape<double> tape;
      std::vector<Var<double>> x;
      for (const auto& value : trial.inputs) x.push_back(tape.leaf(value));
      const auto weights = [&](const Shape& shape) {
        Tensor<double> w(shape);
        for (double& e : w) e = inside({}, random);
        return tape.constant(w);
      };
      const auto y = tape.record(op->id, x, trial.attr.bytes.data());
      const auto first = sum(y * weights(y.shape()));
      const auto again = tape.record(op->id, x, trial.attr.bytes.data());
      const auto second = sum(again * weights(y.shape()));
      Var<double> others = first + second;  // swept before, between and after the two
      for (const auto& e : x) others = others + sum(e * e);
      const auto a = tape.grad(first, x), b = tape.grad(second, x), all = tape.grad(others, x);
      for (std::size_t k = 0; k < x.size(); ++k)
        for (std::size_t i = 0; i < all[k].size(); ++i) {
          const double expected = a[k][i] + b[k][i] + 2 * x[k].view()[i];
          if (std::isfinite(expected))
            CHECK(all[k][i] == Approx(expected).epsilon(1e-12).scale(1e-9));
        }
      // Into memory that a parameter's gradient has, too.
      tape.backward(others);
      for (std::size_t k = 0; k < x.size(); ++k)
        for (std::size_t i = 0; i < all[k].size(); ++i)
          if (std::isfinite(all[k][i])) CHECK(tape.gradient(x[k])[i] == all[k][i]);
    }
  }
}

// Second derivatives at the points that random numbers never meet, where formulas branch: zeros,
// equal and opposite operands. Beside the difference of two gradients, where these are smooth.
#include <autodiff/autodiff.hpp>

#include "support/ops.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <string>
#include <vector>

using namespace ramp;

namespace {

using Point = std::vector<double>;

bool inside(const OpInfo& op, const Point& x) {
  for (std::size_t k = 0; k < x.size(); ++k) {
    const Domain& d = op.domain[k];
    if (x[k] - 0.01 < d.low || x[k] + 0.01 > d.high || (d.nonzero && x[k] == 0)) return false;
  }
  return true;
}

std::vector<Var<double>> leaves(Tape<double>& tape, const Point& x) {
  std::vector<Var<double>> in;
  for (const double e : x) in.push_back(tape.leaf(e));
  return in;
}

Point gradient_of(const OpInfo& op, const AnyAttr& attr, const Point& x) {
  Tape<double> tape;
  const auto in = leaves(tape, x);
  const Var<double> y = tape.record(op.id, in, attr.bytes.data());
  Point slopes;
  for (const auto& g : tape.grad(y, in)) slopes.push_back(g.item());
  return slopes;
}

// d²y / dx_i dx_j by a central difference of step h; NaN where the two sides differ.
double difference(const OpInfo& op, const AnyAttr& attr, Point x, std::size_t i, std::size_t j,
                  double h) {
  const double here = gradient_of(op, attr, x)[i];
  x[j] += h;
  const double right = (gradient_of(op, attr, x)[i] - here) / h;
  x[j] -= 2 * h;
  const double left = (here - gradient_of(op, attr, x)[i]) / h;
  return std::abs(right - left) < 0.1 * (1 + std::abs(right)) ? (left + right) / 2 : std::nan("");
}

// How many second derivatives could be compared.
int compare(const OpInfo& op, const AnyAttr& attr, const Point& x) {
  Tape<double> tape;
  const auto in = leaves(tape, x);
  const auto slopes = tape.grad_on_tape(tape.record(op.id, in, attr.bytes.data()), in);
  int compared = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto rows = tape.grad(slopes[i], in);
    for (std::size_t j = 0; j < x.size(); ++j) {
      const double wide = difference(op, attr, x, i, j, 1e-4),
                   narrow = difference(op, attr, x, i, j, 1e-5);
      const double scale = 1 + std::abs(narrow);
      if (!(std::abs(wide - narrow) < 1e-4 * scale)) continue;  // a kink, or a pole
      CAPTURE(i);
      CAPTURE(j);
      CHECK(rows[j].item() == doctest::Approx(narrow).epsilon(1e-4).scale(scale));
      ++compared;
    }
  }
  return compared;
}

}  // namespace

TEST_CASE("second derivatives are right where operands are 0, equal or opposite") {
  constexpr std::array grid{-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0};
  for (const OpInfo* op : support::library_ops()) {
    if (!op->elementwise || op->differentiable == 0 || op->arity > 2) continue;
    const std::string name = op->about.name;
    if (name == "detach") continue;
    CAPTURE(name);
    const AnyAttr attr = op->examples().front().attr;
    int compared = 0;
    for (const double a : grid)
      for (const double b : grid) {
        if (op->arity == 1 && b != 0) continue;
        const Point x = op->arity == 1 ? Point{a} : Point{a, b};
        if (!inside(*op, x)) continue;
        CAPTURE(a);
        CAPTURE(b);
        compared += compare(*op, attr, x);
      }
    CHECK(compared > 0);
  }
}

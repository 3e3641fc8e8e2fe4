// GRUCell against its formulas written out, alone and over a sequence.
#include <nn/model/recurrent.hpp>

#include <support/module_gradients.hpp>
#include <support/refused.hpp>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

using namespace ramp::nn;
using doctest::Approx;
using ramp::Shape, ramp::ShapeError, ramp::Tape, ramp::Tensor, ramp::ValueError, ramp::Var;

namespace {

constexpr std::size_t rows = 3, in = 2, size = 4;

template <class T> Tensor<T> values(const Shape& shape, double phase) {
  Tensor<T> x(shape);
  const Tensor<double> from = support::scattered(shape, phase);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(from[i]);
  return x;
}

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

// One number of the next state.
template <class T> double expected(GRUCell<T>& cell, const Tensor<T>& x, const Tensor<T>& h,
                                   std::size_t row, std::size_t unit) {
  // What the input, "ih", or the state, "hh", gives to a gate.
  const auto part = [&](const std::string& from, const Tensor<T>& in_rows, std::size_t gate) {
    const auto& weight = cell.parameter("weight_" + from).value();
    const std::size_t width = in_rows.shape()[1], column = gate * size + unit;
    double sum = double(cell.parameter("bias_" + from).value()[column]);
    for (std::size_t k = 0; k < width; ++k)
      sum += double(in_rows[row * width + k]) * double(weight[k * 3 * size + column]);
    return sum;
  };
  const auto by_x = [&](std::size_t gate) { return part("ih", x, gate); };
  const auto by_h = [&](std::size_t gate) { return part("hh", h, gate); };
  const double reset = logistic(by_x(0) + by_h(0)), update = logistic(by_x(1) + by_h(1));
  const double candidate = std::tanh(by_x(2) + reset * by_h(2));
  return (1 - update) * candidate + update * double(h[row * size + unit]);
}

// Three steps from zeros, of x (rows, 3 in).
struct Sequence : Module<double> {
  explicit Sequence(Random random) : cell(in, size, random) {}
  void members(Members<double>& m) override { m("cell", cell); }
  Var<double> forward(const Var<double>& x) override {
    Var<double> h = cell(slice(x, 1, 0, in));
    for (std::int64_t t = 1; t < 3; ++t)
      h = call(cell, slice(x, 1, t * std::int64_t{in}, (t + 1) * std::int64_t{in}), h);
    return h;
  }

  GRUCell<double> cell;
};

}  // namespace

TEST_CASE_TEMPLATE("GRUCell is its formula", T, float, double) {
  GRUCell<T> cell(in, size, Random(7));
  const Tensor<T> x = values<T>(Shape{rows, in}, 0), h = values<T>(Shape{rows, size}, 1),
                  zeros(Shape{rows, size});
  Tape<T> tape;
  const Var<T> next = call(cell, tape.constant(x), tape.constant(h));
  const Var<T> first = cell(tape.constant(x));
  REQUIRE(next.shape() == Shape{rows, size});
  const double eps = std::is_same_v<T, float> ? 1e-6 : 1e-14;
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t unit = 0; unit < size; ++unit) {
      const std::size_t e = row * size + unit;
      CHECK(double(next.view()[e]) == Approx(expected(cell, x, h, row, unit)).epsilon(eps));
      CHECK(double(first.view()[e]) == Approx(expected(cell, x, zeros, row, unit)).epsilon(eps));
    }
  CHECK(tape.scope_path(tape.scope_of(next.index())) == "gru");
}

TEST_CASE("GRUCell's gradients, of both inputs and of its parameters over a sequence") {
  GRUCell<double> cell(in, size, Random(7));
  const auto report = ramp::check_gradients(
      [&](auto v) { return support::mixed(call(cell, v[0], v[1])); },
      {values<double>(Shape{rows, in}, 0), values<double>(Shape{rows, size}, 1)});
  CHECK_MESSAGE(report.ok(), to_string(report));
  Sequence sequence(Random(3));
  support::check_gradients_of(sequence, values<double>(Shape{rows, 3 * in}, 2));
}

TEST_CASE(
    "GRUCell names its parameters and lays them out as PyTorch does, and says what it takes") {
  GRUCell<double> cell(in, size, Random(7));
  std::vector<std::string> names;
  for (const auto& entry : cell.contents().parameters) {
    names.push_back(entry.name);
    CHECK((entry.layout == Layout::transposed) == (entry.parameter->shape().rank() == 2));
    for (const double w : entry.parameter->value()) CHECK(std::abs(w) <= 0.5);  // 1 / sqrt(size)
  }
  CHECK(names == std::vector<std::string>{"weight_ih", "weight_hh", "bias_ih", "bias_hh"});
  CHECK(cell.in() == in);
  CHECK(cell.size() == size);
  Tape<double> tape;
  const auto of = [&](const Shape& shape) { return tape.constant(Tensor<double>(shape)); };
  REFUSED_WITH(call(cell, of({3, 3}), of({3, 4})), ShapeError,
               "[gru] x (3, 3), h (3, 4): the layer takes (n, 2) and (n, 4)");
  REFUSED_WITH(call(cell, of({3, 2}), of({2, 4})), ShapeError,
               "[gru] x (3, 2), h (2, 4): the layer takes (n, 2) and (n, 4)");
  REFUSED_WITH(call(cell, of({2}), of({4})), ShapeError,
               "[gru] x (2), h (4): the layer takes (n, 2) and (n, 4)");
  REFUSED_WITH(cell(tape.constant(1)), ShapeError, "[gru] (): it takes a batch, (n, in)");
  REFUSED_WITH(GRUCell<double>(0, 4, Random(1)), ValueError,
               "[gru] 0 inputs, a state of 4: both sizes must be positive");
  REFUSED_WITH(GRUCell<double>(2, 0, Random(1)), ValueError,
               "[gru] 2 inputs, a state of 0: both sizes must be positive");
  REFUSED_WITH(GRUCell<double>(2, -1, Random(1)), ValueError,
               "[gru] 2 inputs, a state of -1: both sizes must be positive");
}

// What only shows in more than one block of elements, or where an adjoint is added to: a walk over
// the registry against the same op on numbers, and against the sum of its parts.
#include <autodiff/autodiff.hpp>

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

bool made_up(const OpInfo& op) { return std::string_view(op.about.name).starts_with("test_"); }

// The element of a tensor of shape `from` that element i of `to` reads, by NumPy's rules.
std::size_t source(const Shape& from, const Shape& to, std::size_t i) {
  std::size_t at = 0, run = 1;
  for (int k = 1; k <= to.rank(); ++k) {
    const std::size_t n = to[to.rank() - k], m = k <= from.rank() ? from[from.rank() - k] : 1;
    at += (m == 1 ? 0 : i % n) * run;
    i /= n;
    run *= m;
  }
  return at;
}

// Named shapes: of braces in braces in braces the compiler tries all meanings.
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
  for (const OpInfo* op : all_ops()) {
    if (!op->elementwise || made_up(*op)) continue;
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
      for (const Shape& s : all) expected.emplace_back(s);
      for (std::size_t i = 0; i < whole.size(); ++i) {
        scalars.clear();
        std::vector<Var<double>> in;
        for (std::size_t k = 0; k < all.size(); ++k)
          in.push_back(scalars.leaf(x[k].view()[source(all[k], whole, i)]));
        const auto one = scalars.record(op->id, in, attr);
        REQUIRE(y.view()[i] == Approx(one.item()).epsilon(1e-12).scale(1e-9));
        if (!varies) continue;
        scalars.backward(one, Tensor<double>({}, {seed[i]}));
        for (std::size_t k = 0; k < all.size(); ++k)
          expected[k][source(all[k], whole, i)] += scalars.gradient(in[k]).item();
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
  for (const OpInfo* op : all_ops()) {
    if (op->differentiable == 0 || made_up(*op)) continue;
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

TEST_CASE("a computed -0 is no adjoint that nothing reached") {
  const double inf = std::numeric_limits<double>::infinity();
  Tape tape;
  const auto x = tape.leaf(0);
  const auto v = tape.leaf({0, 0}), minus = tape.constant({-0.0, -0.0});
  tape.backward(log(x), Tensor<double>({}, {-0.0}));
  CHECK(std::isnan(tape.gradient(x).item()));
  tape.backward(log(v), Tensor<double>({2}, {-0.0, 1}));
  CHECK(std::isnan(tape.gradient(v)[0]));
  CHECK(tape.gradient(v)[1] == inf);
  tape.backward(sum(log(x) * minus));  // a number below a tensor
  CHECK(std::isnan(tape.gradient(x).item()));
  Parameter<double> p("p", Tensor<double>({}, {3}));
  const auto w = tape.parameter(p);
  tape.backward(w, Tensor<double>({}, {-0.0}));
  CHECK_FALSE(std::signbit(p.gradient().item()));
}

TEST_CASE("what can't be done is refused: shapes, axes, indices and roots") {
  Tape tape;
  const auto v = tape.leaf({1, 2, 3});
  const auto row = tape.leaf(Shape{2, 3}, {1, 2, 3, 4, 5, 6});
  const auto none = tape.leaf(Tensor<double>(Shape{0}));
  const std::vector<std::int32_t> low{-1, 0, 1}, high{0, 1, 5}, good{0, 1, 2};
  const std::uint32_t size = tape.size();
  CHECK_THROWS_AS(tape.backward(none), GradientError);
  CHECK_THROWS_AS((void)tape.grad(none, {none}), GradientError);
  CHECK_THROWS_AS((void)tape.grad_on_tape(none, {none}), GradientError);
  CHECK_THROWS_AS(tape.backward(v, Tensor<double>({2})), ShapeError);
  CHECK_THROWS_AS(tape.backward(v, Tensor<double>({3, 1})), ShapeError);
  CHECK_THROWS_AS((void)tape.grad_on_tape(v, {v}, row), ShapeError);
  CHECK_THROWS_AS((void)broadcast_to(v, Shape{1}), ShapeError);
  CHECK_THROWS_AS((void)broadcast_to(v, Shape{}), ShapeError);
  CHECK_THROWS_AS((void)broadcast_to(row, Shape{3}), ShapeError);
  CHECK_THROWS_AS((void)sum_to(v, Shape{2, 3}), ShapeError);
  for (const auto& rows : {low, high}) {
    CHECK_THROWS_AS((void)scatter(v, rows, 5), IndexError);
    CHECK_THROWS_AS((void)unpick(v, rows, 5), IndexError);
    CHECK_THROWS_AS((void)gather(v, rows), IndexError);
    CHECK_THROWS_AS((void)pick(broadcast_to(v, Shape{3, 3}), rows), IndexError);
  }
  CHECK(scatter(v, good, 3).value()[2] == 3);
  CHECK(unpick(v, good, 3).value()[8] == 3);
  const auto a = tape.leaf(Tensor<double>({2, 1, 1})), b = tape.leaf(Tensor<double>({3, 1, 1}));
  CHECK_THROWS_AS((void)(a + b), ShapeError);
  const auto wide = tape.leaf(Tensor<double>({std::int64_t{1} << 31, 0}));
  CHECK_THROWS_WITH_AS((void)concat({wide, wide}, 0), doctest::Contains("outgrows"), ShapeError);
  CHECK(concat({wide, wide}, 1).shape() == Shape{std::int64_t{1} << 31, 0});
  CHECK(size == 3);
}

TEST_CASE("reductions of infinities") {
  const double inf = std::numeric_limits<double>::infinity();
  Tape tape;
  CHECK(logsumexp(tape.leaf({inf, 0})).item() == inf);
  CHECK(logsumexp(tape.leaf({-inf, -inf})).item() == -inf);
  CHECK(logsumexp(tape.leaf({-inf, 2})).item() == 2);
  CHECK(max(tape.leaf({-inf, -inf})).item() == -inf);
  CHECK(softmax(tape.leaf({1000, 0}), Axis{0}).value()[0] == 1);
  CHECK(softmax(tape.leaf({1000, 0}), Axis{0}).value()[1] == 0);
  CHECK(log_softmax(tape.leaf({1000, 0}), Axis{0}).value()[1] == -1000);
}

// What is closed, by a selection or by a kink's convention, passes nothing back, whatever slope
// lies behind it; a zero that was computed is a number, and times infinity NaN. Alike for numbers
// and for each element of a tensor, in backward(), grad(), grad_on_tape() and on checked tapes.
#include <autodiff/autodiff.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

using namespace ramp;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// A program of one input whose path is closed at `at`, and open with that slope elsewhere.
struct Closing {
  std::string name;
  std::function<Var<double>(const Var<double>&)> f;
  double at, slope;     // what the gradient is there, ...
  double other, there;  // ... and at another place
};

std::vector<Closing> closings() {
  const auto sq = [](const auto& x) { return sqrt(x); };
  return {
      {"where(x > 0, sqrt(x), x)", [=](auto x) { return where(x > 0, sq(x), x); }, 0, 1, 4, 0.25},
      {"at -1", [=](auto x) { return where(x > 0, sq(x), x); }, -1, 1, 4, 0.25},
      {"where(x <= 0, x, sqrt(x))", [=](auto x) { return where(x <= 0, x, sq(x)); }, 0, 1, 4, 0.25},
      {"a factor between, negative", [=](auto x) { return where(x > 0, -2 * sq(x), x); }, 0, 1, 4,
       -0.5},
      {"a sum between", [=](auto x) { return where(x > 0, 1 - sq(x) - x, 3 * x); }, 0, 3, 4, -1.25},
      {"a product between", [=](auto x) { return where(x > 0, sq(x) * (x - 1), x); }, 0, 1, 4,
       0.75 + 2},
      {"log", [](auto x) { return where(x > 0, log(x), 2 * x); }, 0, 2, 4, 0.25},
      {"1 / x", [](auto x) { return where(x != 0, 1 / x, x); }, 0, 1, 2, -0.25},
      {"x / x", [](auto x) { return where(x == 0, 1 + x, x / x); }, 0, 1, 2, 0},
      {"pow(x, -1)", [](auto x) { return where(x > 0, pow(x, -1), x); }, 0, 1, 2, -0.25},
      {"pow(x, x)", [](auto x) { return where(x > 0, pow(x, x), x); }, -1, 1, 1, 1},
      {"log1p", [](auto x) { return where(x > -1, log1p(x), x); }, -1, 1, 0, 1},
      {"exp that overflows", [](auto x) { return where(x < 100, exp(x * x), x); }, 1e3, 1, 1,
       2 * std::exp(1.0)},
      {"relu(sqrt(x))", [=](auto x) { return relu(sq(x)) + x; }, 0, 1, 4, 1.25},
      {"relu(-sqrt(x))", [=](auto x) { return relu(-sq(x)) + x; }, 0, 1, 4, 1},
      {"sqrt(relu(x))", [=](auto x) { return sq(relu(x)) + x; }, -1, 1, 4, 1.25},
      {"sqrt(abs(x))", [=](auto x) { return sq(abs(x)) + x; }, 0, 1, 4, 1.25},
      {"abs(sqrt(x))", [=](auto x) { return abs(sq(x)) + x; }, 0, 1, 4, 1.25},
      {"max(sqrt(x), 1)", [=](auto x) { return max(sq(x), 1) + x; }, 0, 1, 4, 1.25},
      {"min(1 / x, 1)", [](auto x) { return min(1 / x, 1) + x; }, 0, 1, 2, 0.75},
      {"clamp(log(x), -1, 1)", [](auto x) { return clamp(log(x), -1, 1) + x; }, 0, 1, 1, 2},
      {"where in where", [=](auto x) { return where(x > 0, where(x > 1, sq(x - 1), log(x)), x); },
       1, 1, 5, 0.25},
  };
}

double value_of(const Tensor<double>& g) { return g[0]; }

// The gradient, each way there is.
template <class Run> void each_way(const Closing& c, double x, double expected, Run run) {
  for (const bool checked : {false, true}) {
    Tape<double> tape({.checked = checked});
    CAPTURE(checked);
    CAPTURE(c.name);
    CAPTURE(x);
    try {
      run(tape, x, expected);
    } catch (const NonFiniteError&) {  // the branch's own value, which checked tapes refuse
      CHECK(checked);
    }
  }
}

}  // namespace

TEST_CASE("a closed path passes nothing on: numbers") {
  for (const Closing& c : closings())
    for (const auto& [at, slope] : {std::pair{c.at, c.slope}, {c.other, c.there}})
      each_way(c, at, slope, [&](Tape<double>& tape, double x, double expected) {
        const auto v = tape.leaf(x, "x");
        const auto y = c.f(v);
        tape.backward(y);
        CHECK(value_of(tape.gradient(v)) == doctest::Approx(expected));
        CHECK(value_of(tape.grad(y, {v})[0]) == doctest::Approx(expected));
        CHECK(tape.grad_on_tape(y, {v})[0].item() == doctest::Approx(expected));
      });
}

TEST_CASE("a closed path passes nothing on: each element of a tensor, beside open ones") {
  for (const Closing& c : closings())
    each_way(c, c.at, c.slope, [&](Tape<double>& tape, double, double) {
      constexpr std::size_t n = 37;  // several registers, and a rest
      Tensor<double> x(Shape{n});
      for (std::size_t i = 0; i < n; ++i) x[i] = i % 3 ? c.at : c.other;
      const auto v = tape.leaf(x, "x");
      const auto y = sum(c.f(v));
      tape.backward(y);
      const auto back = tape.gradient(v), grad = tape.grad(y, {v})[0],
                 recorded = tape.grad_on_tape(y, {v})[0].value();
      for (std::size_t i = 0; i < n; ++i) {
        const double expected = i % 3 ? c.slope : c.there;
        CHECK(back[i] == doctest::Approx(expected));
        CHECK(grad[i] == doctest::Approx(expected));
        CHECK(recorded[i] == doctest::Approx(expected));
      }
    });
}

TEST_CASE("a closed path passes nothing on: a number that is spread over a tensor") {
  for (const bool all : {false, true}) {
    Tape<double> tape;
    const auto s = tape.leaf(0, "s");
    const auto x = tape.leaf({1, 2, 3}, "x");
    const auto y = sum(where(x > (all ? 5 : 2), sqrt(s) * x, x));
    tape.backward(y);
    CHECK(tape.gradient(s)[0] == (all ? 0 : infinity));
    CHECK(tape.gradient(x)[0] == 1);
    CHECK(tape.grad_on_tape(y, {s})[0].item() == (all ? 0 : infinity));
  }
}

TEST_CASE("what nothing reached passes nothing on, through ops that move elements") {
  Tape<double> tape;
  const auto x = tape.leaf({2, 2}, {0, 4, 0, 16}, "x");
  const auto root = sqrt(x);
  const std::array<std::int32_t, 2> ones{1, 1}, second{1};
  const std::vector<std::pair<const char*, Var<double>>> readers{
      {"slice", sum(slice(root, 1, 1, 2))},
      {"pick", sum(pick(root, ones))},
      {"gather", sum(slice(gather(transpose(root), std::span(second).first(1)), 0, 0, 1))},
      {"permute", sum(slice(permute(root, {1, 0}), 0, 1, 2))},
      {"reshape", sum(slice(reshape(root, Shape{4}), 0, 1, 4, 2))},
      {"concat", sum(slice(concat({root, root}, 0), 1, 1, 2)) / 2},
      {"broadcast_to", sum(slice(broadcast_to(root, Shape{3, 2, 2}), 2, 1, 2)) / 3},
      {"max", sum(max(root, Axis{1}))},
      {"min", -sum(min(-root, Axis{1}))},
      {"sum", sum(slice(sum(root, Axis{0}), 0, 1, 2))},
      {"mean", 2 * sum(slice(mean(root, Axis{0}), 0, 1, 2))},
  };
  for (const auto& reader : readers) {
    const std::string name = reader.first;
    const Var<double> y = reader.second;
    CAPTURE(name);
    tape.backward(y);
    const auto g = tape.gradient(x), recorded = tape.grad_on_tape(y, {x})[0].value();
    for (const auto* all : {&g, &recorded}) {
      CHECK((*all)[0] == 0);
      CHECK(!std::signbit((*all)[0]));
      CHECK((*all)[1] == doctest::Approx(0.25));
      CHECK((*all)[2] == 0);
      CHECK((*all)[3] == doctest::Approx(0.125));
    }
  }
}

TEST_CASE("a zero that was computed keeps 0 times infinity NaN") {
  for (const bool tensor : {false, true}) {
    CAPTURE(tensor);
    Tape<double> tape;
    const auto x = tensor ? tape.leaf({0, 4}, "x") : tape.leaf(0, "x");
    const auto zero = tensor ? tape.leaf({0, 0}, "zero") : tape.leaf(0, "zero");
    for (const auto& y : {sum(sqrt(x) * zero), sum(-sqrt(x) * zero), sum(log(x) * (0 * zero)),
                          sum(where(x >= 0, sqrt(x) * zero, x))}) {
      tape.backward(y);
      CHECK(std::isnan(tape.gradient(x)[0]));
      CHECK(std::isnan(tape.grad(y, {x})[0][0]));
      CHECK(std::isnan(tape.grad_on_tape(y, {x})[0].value()[0]));
    }
  }
}

TEST_CASE("second derivatives don't see what was closed, either") {
  Tape<double> tape;
  const auto x = tape.leaf({0, 4, -1}, "x");
  const auto y = sum(where(x > 0, x * sqrt(x), x * x));
  const auto first = tape.grad_on_tape(y, {x})[0];
  CHECK(first.value()[1] == doctest::Approx(3));
  tape.backward(sum(first));
  const auto g = tape.gradient(x);
  CHECK(g[0] == doctest::Approx(2));
  CHECK(g[1] == doctest::Approx(0.375));
  CHECK(g[2] == doctest::Approx(2));
}

TEST_CASE("the careful way accumulates, fills parameters and retains as the quick one does") {
  Parameter<double> w("w", Tensor<double>(Shape{3}, {0, 4, 9})),
      s("s", Tensor<double>(Shape{}, {0}));
  Tape<double> tape;
  const auto make = [&] {
    const auto p = tape.parameter(w);
    return sum(where(p > 0, sqrt(p), 2 * p)) +
           where(tape.parameter(s) > 0, sqrt(tape.parameter(s)), 5);
  };
  const auto y = make();
  tape.backward(y, {.retain = true});
  CHECK(w.gradient()[0] == 2);
  CHECK(w.gradient()[1] == doctest::Approx(0.25));
  CHECK(s.gradient()[0] == 0);
  tape.backward(y, {.accumulate = true});
  CHECK(w.gradient()[0] == 4);
  CHECK(w.gradient()[2] == doctest::Approx(1.0 / 3));
  CHECK(s.gradient()[0] == 0);
}

TEST_CASE("0 times infinity is NaN on a path that was reached, and only there") {
  for (const Shape& shape : {Shape{}, Shape{3}}) {
    Tape tape;
    const auto x = tape.leaf(Tensor<double>(shape, 0.0)), k = tape.leaf(Tensor<double>(shape, 1.0));
    const auto root = [&](double factor) { return sum(sqrt(x) * factor + k); };  // sqrt'(0) = inf
    const auto beside = sqrt(x);                                                 // nobody uses it
    CHECK(tape.grad(sum(k), {x})[0][0] == 0);
    CHECK(tape.grad(sum(k * 2 + x), {x})[0][0] == 1);
    CHECK(tape.grad(root(1), {x})[0][0] == infinity);
    for (const double zero : {0.0, -0.0}) {
      CHECK(std::isnan(tape.grad(root(zero), {x})[0][0]));
      CHECK(std::isnan(tape.grad_on_tape(root(zero), {x})[0].value()[0]));
      CHECK(std::isnan(tape.grad(sum(sqrt(x)) * zero, {x})[0][0]));
    }
    CHECK(beside.value()[0] == 0);
  }
}

TEST_CASE("0 times infinity stays NaN within a sum") {
  Tape<double> tape;
  const Var<double> a = tape.leaf(0), b = tape.leaf(infinity);
  const Var<double> s = tape.leaf(1) + a * b;
  CHECK(std::isnan(s.item()));
  tape.backward(0 * s);
  CHECK(std::isnan(tape.gradient(a)[0]));  // 0 * infinity
  CHECK(tape.gradient(b)[0] == 0);
}

TEST_CASE("an adjoint that was computed as -0 isn't taken for one that nothing reached") {
  Tape tape;
  const auto x = tape.leaf(0);
  const auto v = tape.leaf({0, 0}), minus = tape.constant({-0.0, -0.0});
  tape.backward(log(x), Tensor<double>({}, {-0.0}));
  CHECK(std::isnan(tape.gradient(x).item()));
  tape.backward(log(v), Tensor<double>({2}, {-0.0, 1}));
  CHECK(std::isnan(tape.gradient(v)[0]));
  CHECK(tape.gradient(v)[1] == infinity);
  tape.backward(sum(log(x) * minus));  // a number below a tensor
  CHECK(std::isnan(tape.gradient(x).item()));
  Parameter<double> p("p", Tensor<double>({}, {3}));
  const auto w = tape.parameter(p);
  tape.backward(w, Tensor<double>({}, {-0.0}));
  CHECK_FALSE(std::signbit(p.gradient().item()));
}

// Functions made of ops, and <cmath>'s other names, where a number is infinite, 0 or huge: what the
// function of double gives, and no NaN of infinity - infinity.
#include <autodiff/autodiff.hpp>

#include "support/refused.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

using namespace ramp;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

}  // namespace

TEST_CASE("what moves numbers keeps the sign of a zero") {
  Tape<double> tape;
  const auto x = tape.leaf({-0.0, -0.0});
  const Tensor<double> y = embed(x, Shape{5}, {0, 1, 5, 2}).value();
  for (std::size_t i = 0; i < 5; ++i) CHECK(std::signbit(y[i]) == (i % 2 == 1));
  const Tensor<double> all = concat({x, slice(x, 0, 0, 1), reshape(x, Shape{2})}, 0).value();
  for (const double e : all) CHECK(std::signbit(e));
  CHECK(sum_to(x, Shape{2}).index() == x.index());  // nothing is to be summed
  CHECK(concat({x}, 0).shape() == Shape{2});
  CHECK(std::signbit(concat({x}, 0).value()[1]));
}

TEST_CASE("fdim, modf, nextafter and ldexp at the ends") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double ends[] = {0.0,     -0.0,    1.0,      -2,  -2.5, 5e-324,
                         -5e-324, 1.7e308, -1.7e308, inf, -inf, nan};
  Tape<double> tape;
  for (const double a : ends) {
    CAPTURE(a);
    const Var<double> x = tape.leaf(a);
    for (const double b : ends) {
      CAPTURE(b);
      CHECK(same(fdim(x, tape.leaf(b)).item(), std::fdim(a, b)));
      CHECK(same(nextafter(x, tape.leaf(b)).item(), std::nextafter(a, b)));
    }
    double whole = 0;
    const double part = std::modf(a, &whole);
    Var<double> its_whole;
    const double its_part = modf(x, &its_whole).item();
    CHECK(same(its_part, part));
    CHECK(same(its_whole.item(), whole));
    if (!std::isnan(a)) CHECK(std::signbit(its_part) == std::signbit(part));
    if (!std::isnan(a)) CHECK(std::signbit(its_whole.item()) == std::signbit(whole));
    for (const int e : {0, 1, -1, 1000, 2097, -2097, 5000, -5000, INT32_MAX, INT32_MIN})
      CHECK(same(ldexp(x, e).item(), std::ldexp(a, e)));
  }
  for (int i = 1; i < 200; ++i)  // numbers that come out denormal are rounded once
    for (const int e : {-1022, -1023, -1030, -1050, -1070}) {
      const double a = 0.5 + i * 0.00251;
      CHECK(ldexp(tape.leaf(a), e).item() == std::ldexp(a, e));
    }
}

TEST_CASE("triangles keep what they keep, whatever lies on the other side") {
  Tape<double> tape;
  const Var<double> x = tape.leaf({{1, 2}, {3, 4}}), minus = tape.leaf({{-inf, -inf}, {-inf, inf}});
  const auto is = [](const Var<double>& y, std::initializer_list<double> right) {
    return support::equal(y.value(), right);
  };
  CHECK(is(triu(minus, 1), {0, -inf, 0, 0}));
  CHECK(is(triu(minus), {-inf, -inf, 0, inf}));
  CHECK(is(tril(minus, -1), {0, 0, -inf, 0}));
  for (const std::int64_t far : {std::int64_t{2}, INT64_MAX}) {
    CHECK(is(tril(x, far), {1, 2, 3, 4}));
    CHECK(is(triu(x, far), {0, 0, 0, 0}));
  }
  for (const std::int64_t far : {std::int64_t{-2}, INT64_MIN}) {
    CHECK(is(tril(x, far), {0, 0, 0, 0}));
    CHECK(is(triu(x, far), {1, 2, 3, 4}));
  }
  const Var<double> y = sum(triu(x, 1) * 3 + triu(x, -1));
  CHECK(support::equal(tape.grad(y, {x})[0], {1.0, 4.0, 1.0, 1.0}));
}

TEST_CASE("a fifth axis, and a huber that is none, are refused") {
  REFUSED(Shape({1, 2, 3, 4}).inserted(4, 5), ShapeError, "no room for another axis");
  Tape<double> tape;
  REFUSED(huber(tape.leaf(3), 0, -1), ValueError, "delta must be above 0");
  CHECK(huber(tape.leaf(3), 0, inf).item() == 4.5);
}

TEST_CASE("an axis that isn't there is refused under the op's own name, by record() too") {
  Tape<double> tape;
  const std::vector<Var<double>> x{tape.leaf({{1, 2}, {3, 4}})};
  for (const char* name : {"sum", "mean", "max", "logsumexp", "norm", "softmax", "log_softmax"}) {
    CAPTURE(name);
    AnyAttr attr;
    const Along reduction{false, 7, false};
    const AlongAxis row{7};
    if (std::string_view(name).ends_with("softmax"))
      std::memcpy(attr.bytes.data(), &row, sizeof row);
    else
      std::memcpy(attr.bytes.data(), &reduction, sizeof reduction);
    REFUSED_WITH(tape.record(find_op(name)->id, x, attr.bytes.data()), ShapeError,
                 (std::string("[") + name + "] (2, 2): there is no such axis").c_str());
  }
}

TEST_CASE("activations have their limits at the ends") {
  using Row = std::vector<double>;
  const auto ends = [](auto f, Row values, Row slopes) {
    Tape<double> tape;
    const Var<double> x = tape.leaf({-inf, -1e300, 1e300, inf}), y = f(x);
    CHECK(std::ranges::equal(y.value(), values));
    CHECK(std::ranges::equal(tape.grad(sum(y), {x})[0], slopes));
  };
  ends([](const Var<double>& x) { return log_sigmoid(x); }, {-inf, -1e300, 0, 0}, {1, 1, 0, 0});
  ends([](const Var<double>& x) { return hardtanh(x); }, {-1, -1, 1, 1}, {0, 0, 0, 0});
  ends([](const Var<double>& x) { return relu6(x); }, {0, 0, 6, 6}, {0, 0, 0, 0});
  ends([](const Var<double>& x) { return mish(x); }, {0, 0, 1e300, inf}, {0, 0, 1, 1});
  const double scale = 1.0507009873554805, least = scale * -1.6732632423543772;
  ends([](const Var<double>& x) { return selu(x); }, {least, least, scale * 1e300, inf},
       {0, 0, scale, scale});
  ends([](const Var<double>& x) { return huber(x, 0); }, {inf, 1e300, 1e300, inf}, {-1, -1, 1, 1});
}

TEST_CASE("a norm's slope is right where the length overflows or has few digits, and the second") {
  for (const double size : {1.5e308, 1e200, 1.0, 1e-200, 5e-324}) {
    CAPTURE(size);
    Tape<double> tape;
    const auto x = tape.leaf({size, -size}), rows = tape.leaf({{size, -size}, {0, 0}});
    tape.backward(norm(x) + sum(norm(rows, Axis{1})));
    const Tensor<double> one = tape.gradient(x), all = tape.gradient(rows);
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(one[i] == doctest::Approx(i == 0 ? std::sqrt(0.5) : -std::sqrt(0.5)).epsilon(1e-15));
      CHECK(all[i] == one[i]);
      CHECK(all[2 + i] == 0);
    }
  }
  Tape<double> tape;
  const auto x = tape.leaf({3, 4});
  const auto slope = tape.grad_on_tape(norm(x), {x})[0];
  CHECK(same(slope.value()[0], 0.6));
  const auto first = tape.grad(slope(0), {x})[0], second = tape.grad(slope(1), {x})[0];
  CHECK(first[0] == doctest::Approx(16.0 / 125));
  CHECK(first[1] == doctest::Approx(-12.0 / 125));
  CHECK(second[0] == doctest::Approx(-12.0 / 125));
  CHECK(second[1] == doctest::Approx(9.0 / 125));
}

TEST_CASE("what is smooth has its second derivative, and what is constant no slope") {
  Tape<double> tape({.at_zero = 1});
  for (const double at : {0.0, 0.5, -0.5}) {  // huber is a parabola within delta
    const auto x = tape.leaf(at);
    const auto slope = tape.grad_on_tape(huber(x, 0.0), {x})[0];
    CHECK(slope.item() == at);
    CHECK(tape.grad(slope, {x})[0].item() == 1);
  }
  const auto x = tape.leaf(2), v = tape.leaf({2, 3});
  tape.backward(clamp(x, 2, 2) + sum(clamp(v, 2, 2)) + sum(clamp(v, 1, 2)));
  CHECK(tape.derivative(x) == 0);
  CHECK(tape.gradient(v)[0] == 1);  // of the last alone
  CHECK(tape.gradient(v)[1] == 0);
}

TEST_CASE("modf into its own argument, and a variance of fewer than are taken off") {
  Tape<double> tape;
  const auto x = tape.leaf(2.75);
  Var<double> y = x;
  const Var<double> fraction = modf(y, &y);
  CHECK(fraction.item() == 0.75);
  CHECK(y.item() == 2);
  tape.backward(fraction);
  CHECK(tape.derivative(x) == 1);
  CHECK(same(var(tape.leaf({1, 2}), 0, false, 3).item(), inf));
  CHECK(same(var(tape.leaf({1, 2}), 0, false, 2).item(), inf));
}

// Data in, and numbers out.
#include <autodiff/autodiff.hpp>
#include <autodiff/fmt.hpp>

#include <fmt/ranges.h>

#include "support/refused.hpp"

#include <doctest/doctest.h>

#include <array>
#include <iomanip>
#include <limits>
#include <list>
#include <span>
#include <sstream>
#include <vector>

using namespace ramp;
using support::equal;

TEST_CASE("leaves and constants of whatever holds numbers") {
  Tape<double> tape;
  const std::vector<double> v{1, 2, 3};
  const std::vector<std::vector<float>> rows{{1, 2}, {3, 4}, {5, 6}};
  const double plain[] = {1, 2};
  const std::size_t n = v.size();
  CHECK(equal(tape.leaf(v).value(), {1.0, 2.0, 3.0}));
  CHECK(tape.leaf(v).varies());
  CHECK_FALSE(tape.constant(v).varies());
  CHECK(tape.leaf(Shape{n, 1}, v).shape() == Shape{3, 1});
  CHECK(tape.leaf({n, 1}, v, "column").shape() == Shape{3, 1});
  CHECK(tape.leaf(std::array{1, 2, 3}).shape() == Shape{3});
  CHECK(tape.leaf(std::span(v).first(2)).shape() == Shape{2});
  CHECK(tape.leaf(std::list<int>{1, 2}).value()[1] == 2);
  CHECK(tape.leaf(std::vector<bool>{true, false}).value()[0] == 1);
  CHECK(tape.leaf(plain).shape() == Shape{2});
  CHECK(tape.leaf(rows).shape() == Shape{3, 2});
  CHECK(equal(tape.constant(rows).value(), {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}));
  CHECK(tape.leaf({{1, 2, 3}, {4, 5, 6}}).shape() == Shape{2, 3});
  CHECK(tape.constant({{1, 2}, {3, 4}}, "m").value()[2] == 3);
  CHECK(tape.leaf({{1}, {2}}).shape() == Shape{2, 1});  // a column, whatever else the braces mean
  CHECK(tape.constant({{1.5}}, "m").shape() == Shape{1, 1});
  CHECK(tape.leaf({5}).shape() == Shape{1});
  CHECK(equal(tape.leaf({5, 1.5, n}).value(), {5.0, 1.5, 3.0}));
  CHECK(tape.leaf(std::vector<double>{}).shape() == Shape{0});
  CHECK(Tensor<float>(v)[2] == 3);
  CHECK(tape.leaf(Tensor<float>({2, 1}, {1, 2})).shape() == Shape{2, 1});
  CHECK(Tape<float>().leaf(tape.leaf(rows).value()).shape() == Shape{3, 2});
  CHECK(tape.name_of(tape.leaf(v, "v").index()) == "v");
  REFUSED(tape.leaf(Shape{2, 2}, v), ShapeError,
          "[tensor] (2, 2) holds 4 values, but 3 were given");
  REFUSED(tape.leaf(std::vector<std::vector<int>>{{1, 2}, {3}}), ShapeError,
          "[tensor] rows of 2 and of 1 numbers: all must be as long");
  CHECK_THROWS_AS((Shape{SIZE_MAX, 1}), ShapeError);
  CHECK_THROWS_AS((Shape{-1}), ShapeError);
}

TEST_CASE("numbers are read as numbers") {
  std::istringstream in("0.5 -3 x");
  Var<double> a = 7, b;
  in >> a >> b;
  CHECK(a.item() == 0.5);
  CHECK(b.item() == -3);
  in >> a;
  CHECK(in.fail());
  constexpr Var<float> half = 0.5, none;
  CHECK((half + none).item() == 0.5f);
}

TEST_CASE("values are printed as NumPy prints them") {
  Tape<double> tape;
  const auto printed = [](const auto& x) {
    std::ostringstream out;
    out << x;
    CHECK(fmt::format("{}", x) == out.str());
    return out.str();
  };
  CHECK(printed(Shape{2, 3}) == "(2, 3)");
  CHECK(printed(tape.leaf(0.5)) == "0.5");
  CHECK(printed(Var<float>(3)) == "3");
  CHECK(printed(tape.leaf({1, 2.5, -3e20})) == "[1 2.5 -3e+20]");
  CHECK(printed(tape.leaf({{1, 2}, {3, 4}})) == "[[1 2]\n [3 4]]");
  CHECK(printed(tape.leaf({{1, 2}, {3, 4}}).view()) == "[[1 2]\n [3 4]]");
  CHECK(printed(Tensor<float>({2, 1, 2}, {1, 2, 3, 4})) == "[[[1 2]]\n [[3 4]]]");
  CHECK(printed(Tensor<double>(Shape{0})) == "[]");
  std::vector<int> many(1000);
  for (int i = 0; i < 1000; ++i) many[static_cast<std::size_t>(i)] = i;
  CHECK(printed(tape.leaf(many)) == "[0 1 2 3 4 .. 995 996 997 998 999]");
}

TEST_CASE("a stream's precision counts, and a number is printed as a number") {
  Tape<double> tape;
  const auto text = [](const auto& x, bool fixed = false) {
    std::ostringstream out;
    out << std::setprecision(fixed ? 2 : 12);
    if (fixed) out << std::fixed;
    out << x;
    return out.str();
  };
  CHECK(text(tape.leaf(3.14159265358979)) == "3.14159265359");
  CHECK(text(tape.leaf(3.14159265358979), true) == "3.14");
  CHECK(text(tape.leaf({0.123456789, 2})) == "[0.123456789 2]");
  CHECK(text(-std::numeric_limits<double>::quiet_NaN() * tape.leaf({1})) == "[nan]");
  CHECK(text(-std::numeric_limits<double>::quiet_NaN() * tape.leaf(1)) == "nan");
  CHECK(fmt::format("{}", tape.leaf({0.123456789, 2})) == "[0.123457 2]");
}

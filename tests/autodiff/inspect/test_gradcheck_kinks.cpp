// What the gradient checker says next to a kink, at the ends of a domain, and where difference
// quotients are worth nothing.
#include <autodiff/autodiff.hpp>

#include "support/wrong_rules.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <string>

using namespace ramp;
using namespace wrong_rules;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr std::array conventions{0.0, 0.5, 1.0};

using Inputs = std::span<const Var<double>>;

GradientElement element(const Function& f, double x, double at_zero = 0) {
  return check_gradients(f, {Tensor<double>({}, {x})}, {.at_zero = at_zero}).elements.at(0);
}

}  // namespace

TEST_CASE("a tie given twice is right for each operand alone, and wrong for both") {
  const auto f = [](Inputs x) { return record<TieTwice>({}, x[0], x[1]); };
  const Tensor<double> one({}, {1});
  const auto report = check_gradients(f, {one, one});
  CHECK(report.elements[0].verdict == Verdict::kink);
  CHECK(report.elements[1].verdict == Verdict::wrong);
  CHECK(report.elements[1].partner == 0);
  CHECK(to_string(report).find("together with number 0") != std::string::npos);
  // Beside the tie, where no step tells it from one, an honest maximum passes.
  for (const double d : {0.0, 1e-12, -1e-12})
    for (const double c : conventions)
      CHECK(check_gradients([](Inputs x) { return maximum(x[0] * 3, x[1]) * x[1]; },
                            {one, Tensor<double>({}, {3 + d})}, {.at_zero = c})
                .ok());
}

TEST_CASE("a point is at a kink where the smallest step can't tell it from one") {
  const Function ramp = [](Inputs x) { return relu(x[0] - 1); };
  for (const double d : {1e-6, -1e-6, 1e-2, -1e-2}) {
    CAPTURE(d);
    CHECK(element(ramp, 1 + d, 0.5).verdict == Verdict::ok);
  }
  for (const double d : {0.0, 1e-12, -1e-12}) {
    CAPTURE(d);
    const auto e = element(ramp, 1 + d, 0.5);
    CHECK(e.verdict == Verdict::kink);
    CHECK(e.left == doctest::Approx(0).scale(1));
    CHECK(e.right == doctest::Approx(1));
  }
  // Near 0 numbers lie denser, and so do the steps.
  for (const double x : {1e-12, -1e-12})
    CHECK(element([](Inputs in) { return relu(in[0]); }, x, 0.5).verdict == Verdict::ok);
}

TEST_CASE(
    "at a kink, what lies between the one-sided derivatives is right, and what the convention "
    "leads to") {
  const auto at_zero = [](double c) { return Function([c](Inputs x) { return relu(x[0]) * c; }); };
  for (const double c : {-1.0, 0.0, 0.25, 0.5, 1.0, 2.0, 7.0}) {
    CAPTURE(c);
    CHECK(element(at_zero(3), 0, c).verdict == Verdict::kink);
    CHECK(element(at_zero(3), 0, c).gradient == 3 * c);
    CHECK(element([](Inputs x) { return minimum(x[0], 0) * -2; }, 0, c).verdict == Verdict::kink);
    CHECK(element([](Inputs x) { return leaky_relu(x[0], 0.1); }, 0, c).verdict == Verdict::kink);
  }
  // What a nonsmooth calculus gets wrong: relu(x) - relu(-x) is x, whose derivative 2c isn't.
  const Function identity = [](Inputs x) { return relu(x[0]) - relu(-x[0]); };
  CHECK(element(identity, 0, 0).verdict == Verdict::wrong);
  CHECK(element(identity, 0, 0.5).verdict == Verdict::ok);
  CHECK(element(identity, 0, 1).verdict == Verdict::wrong);
}

TEST_CASE("the ends of a domain, jumps, NaN and infinity") {
  CHECK(element([](Inputs x) { return log(x[0]); }, 1e-3).verdict == Verdict::ok);
  CHECK(element([](Inputs x) { return log(x[0]); }, 1e-11).verdict == Verdict::ok);
  CHECK(element([](Inputs x) { return pow(x[0], 2.5); }, 0).verdict == Verdict::ok);
  CHECK(element([](Inputs x) { return where(x[0] > 0, x[0] + 1, 0); }, 0).verdict == Verdict::kink);
  // The value is 0 everywhere, the gradient 0 * infinity.
  const auto e = element([](Inputs x) { return sqrt(relu(x[0]) * 0) * x[0]; }, 1);
  CHECK(e.verdict == Verdict::wrong);
  CHECK(std::isnan(e.gradient));
  CHECK(element([](Inputs x) { return sqrt(x[0]); }, 0).verdict == Verdict::unsure);
  CHECK(element([](Inputs x) { return log(x[0]); }, 0).verdict == Verdict::unsure);
  CHECK(element([](Inputs x) { return x[0] * 2; }, infinity).verdict == Verdict::unsure);
  CHECK(element([](Inputs x) { return x[0] * 2; }, not_a_number).verdict == Verdict::unsure);
}

TEST_CASE("rounding makes a verdict unsure, but excuses no wrong rule") {
  // 1e9 + x holds x to 1e-7 only. Near 1e15 sin oscillates faster than the steps go.
  const Function cancels = [](Inputs x) { return (x[0] * 0.7 + 1e9) - 1e9; };
  CHECK(element(cancels, 0.3).verdict == Verdict::unsure);
  CHECK(element([](Inputs x) { return sin(x[0]); }, 1e15).verdict == Verdict::unsure);
  CHECK(element([](Inputs x) { return (record<WrongSign>({}, x[0] * 0, x[0]) + 1e9) - 1e9; }, 0.3)
            .verdict == Verdict::wrong);
  const auto report = check_gradients(cancels, {Tensor<double>({}, {0.3})});
  CHECK(!report.ok());
  CHECK(to_string(report).find("can't tell") != std::string::npos);
  // Terms that cancel round as they are large; their sum, near 0, doesn't show it.
  const auto dot = check_gradients(
      [](Inputs x) { return sum(x[0] * x[1]); },
      {Tensor<double>({3}, {1.1e3, 1, -1.1e3}), Tensor<double>({3}, {1.1, 1.7e-12, 1.1})});
  CHECK_MESSAGE(dot.ok(), to_string(dot));
  // A small gradient is compared with its own size.
  CHECK(element([](Inputs x) { return record<OffByLittle>({}, x[0]) * 1e-9; }, 0.3).verdict ==
        Verdict::wrong);
  CHECK(element([](Inputs x) { return exp(x[0] * 1e4); }, 1e-3).verdict == Verdict::ok);
}

TEST_CASE("the report says which element, both numbers and how good they are") {
  const auto report = check_gradients([](Inputs x) { return record<WrongSign>({}, x[0], x[1]); },
                                      {Tensor<double>({2}, {1, 2}), Tensor<double>({2}, {3, 4})});
  REQUIRE(report.elements.size() == 4);
  const GradientElement& last = report.elements[3];
  CHECK(last.input == 1);
  CHECK(last.element == 1);
  CHECK(last.verdict == Verdict::wrong);
  CHECK(last.left == doctest::Approx(-last.gradient));
  CHECK(last.right == doctest::Approx(-last.gradient));
  CHECK(report.count(Verdict::ok) == 2);
  CHECK(report.count(Verdict::wrong) == 2);
  const std::string text = to_string(report);
  CHECK(text.rfind("2 ok, 0 at a kink, 2 wrong, 0 unsure\n"
                   "input 1 element 0: gradient 1, differences -1",
                   0) == 0);
  CHECK(text.find("(right): the formula, off by 2.0e+00 where they are good to ") !=
        std::string::npos);
}

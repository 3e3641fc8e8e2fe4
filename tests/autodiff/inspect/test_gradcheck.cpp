// The gradient checker finds rules that are wrong: made up here as a user makes his own ops. Names
// that begin with "test_" are left out where tests walk over all ops.
#include <autodiff/autodiff.hpp>
#include <autodiff/own_op.hpp>

#include "support/child.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

using namespace ramp;

namespace {

// x^3 with a slope that is: right, of the wrong sign, off by a millionth part, wrong below 0 only,
// NaN, or missing.
enum class Flaw { none, sign, slight, one_side, not_a_number, missing };
template <Flaw flaw> struct Cube : Elementwise<1> {
  static constexpr std::array names{"test_cube",      "test_cube_sign", "test_cube_slight",
                                    "test_cube_side", "test_cube_nan",  "test_cube_missing"};
  static constexpr About about{names[static_cast<std::size_t>(flaw)], "x^3", "The cube."};
  static constexpr auto value = [](auto x) { return x * x * x; };
  static constexpr auto slope = [](auto g, auto x) {
    if constexpr (flaw == Flaw::sign)
      return -3 * g * x * x;
    else if constexpr (flaw == Flaw::slight)
      return 3.000006 * g * x * x;
    else if constexpr (flaw == Flaw::one_side)
      return where(x < 0, 0, 3 * g * x * x);
    else if constexpr (flaw == Flaw::not_a_number)
      return g * x * std::nan("");
    else
      return 3 * g * x * x;
  };
  static constexpr auto pullbacks = [] {
    if constexpr (flaw == Flaw::missing)
      return std::tuple{no_gradient};
    else
      return std::tuple{slope};
  }();
  static auto examples() { return std::vector<Example<Attr>>{{{2}, 8}}; }
};
template <Flaw flaw>
GradientReport checked(const Tensor<double>& x, const GradientCheckOptions& options = {}) {
  return check_gradients(
      [](std::span<const Var<double>> in) { return record<Cube<flaw>>({}, in[0]); }, {x}, options);
}

// a x b, each pullback with the operands in the wrong order.
struct Swapped : Structural<2> {
  static constexpr About about{"test_matmul_swapped", "a b", "A product with swapped pullbacks."};
  static Shape shape(const Shape& a, const Shape& b) { return Matmul::shape(a, b); }
  static constexpr auto value = [](auto a, auto b) { return record<Matmul>({}, a, b); };
  static constexpr auto pullbacks = std::tuple{
      [](auto g, auto, auto b) { return matmul(g, b); },
      [](auto g, auto a, auto) { return matmul(a, g); },
  };
  static auto examples() { return std::vector<Example<Attr>>{}; }
};

// x + x^T: symmetric, so that its value shows whether a transposed operand is read as such.
struct Symmetric : Structural<1> {
  static constexpr About about{"test_symmetric", "x + x^T", "Symmetric part, doubled."};
  static Shape shape(const Shape& x) { return x; }
  static constexpr auto value = [](auto x) { return x + transpose(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g) { return g + transpose(g); }};
  static auto examples() { return std::vector<Example<Attr>>{}; }
};

struct Twice : Cube<Flaw::none> {
  static constexpr About about{"relu", "x^3", "Not relu."};
};

}  // namespace

TEST_CASE("right rules pass, and the report says how well") {
  for (const Shape& shape : {Shape{}, Shape{5}, Shape{2, 3}}) {
    const auto report = checked<Flaw::none>(Tensor<double>(shape, -1.5));
    CHECK(report.ok());
    CHECK(report.elements.size() == shape.size());
    CHECK(report.count(Verdict::ok) == shape.size());
    CHECK(to_string(report) ==
          std::to_string(shape.size()) + " ok, 0 at a kink, 0 wrong, 0 unsure");
  }
}

TEST_CASE("wrong rules are found") {
  for (const Shape& shape : {Shape{}, Shape{40}}) {
    const Tensor<double> x(shape, 1.5), minus(shape, -1.5);
    CHECK(checked<Flaw::sign>(x).count(Verdict::wrong) == shape.size());
    CHECK_FALSE(checked<Flaw::slight>(x).ok());
    CHECK(checked<Flaw::slight>(x, {.tolerance = 1e-4}).ok());
    CHECK(checked<Flaw::one_side>(x).ok());
    CHECK_FALSE(checked<Flaw::one_side>(minus).ok());
    CHECK_FALSE(checked<Flaw::not_a_number>(x).ok());
    CHECK_FALSE(checked<Flaw::missing>(x).ok());
  }
}

TEST_CASE("structural rules are checked the same way") {
  const Tensor<double> a({2, 2}, {1, 2, 3, 4}), b({2, 2}, {0.5, -1, 2, 7});
  const auto report = check_gradients(
      [](std::span<const Var<double>> in) { return record<Swapped>({}, in[0], in[1]); }, {a, b});
  CHECK(report.count(Verdict::wrong) == 8);
  Tape tape;
  const auto y = record<Symmetric>({}, tape.leaf(a));
  CHECK(y.view()[0] == 2);
  CHECK(y.view()[1] == 5);
  CHECK(y.view()[2] == 5);
  const auto right = check_gradients(
      [](std::span<const Var<double>> in) { return record<Symmetric>({}, in[0]); }, {b});
  CHECK_MESSAGE(right.ok(), to_string(right));
}

TEST_CASE("a second op of the same name is refused") {
  CHECK_THROWS_WITH_AS(register_op<Twice>(), "[relu] there is an op of this name already",
                       ValueError);
  OpInfo leaf;
  leaf.about.name = "leaf";
  CHECK_THROWS_WITH_AS(add_op(leaf), "[leaf] there is an op of this name already", ValueError);
  CHECK(register_op<Cube<Flaw::none>>() == op_id<Cube<Flaw::none>>());
  CHECK(find_op("test_cube") == &op_info(op_id<Cube<Flaw::none>>()));
  CHECK(find_op("no such op") == nullptr);
}

TEST_CASE("4096 ops are most, and one more is refused") {
  CHECK(support::in_a_child([] {           // so that this process keeps its room
          std::vector<std::string> names;  // of ops that live as long
          for (int i = 0; i <= 4096; ++i) names.push_back("test_one_of_many_" + std::to_string(i));
          std::size_t added = all_ops().size();
          try {
            for (const std::string& name : names) {
              OpInfo op;
              op.about.name = name.c_str();
              add_op(op);
              ++added;
            }
          } catch (const ValueError& e) {
            const std::string_view text =
                e.what();  // beside them there is what no op made, the leaf
            return text.ends_with("no room for more than 4096 ops") && added == 4095 ? 0 : 1;
          }
          return 2;
        }) == 0);
}

TEST_CASE("check_gradients refuses a function whose shape depends on the values") {
  const auto f = [](std::span<const Var<double>> x) {
    return x[0].view()[0] > 1 ? x[0] : sum(x[0]);
  };
  CHECK_THROWS_WITH_AS(check_gradients(f, {Tensor<double>({2}, {1, 1})}),
                       doctest::Contains("[check_gradients] f gave () at first and now (2)"),
                       ShapeError);
}

TEST_CASE("a report is ok if nothing in it is wrong or unsure") {
  GradientReport report;
  CHECK(report.ok());
  for (const Verdict v : {Verdict::ok, Verdict::kink, Verdict::wrong, Verdict::unsure}) {
    report.elements.push_back({});
    report.elements.back().verdict = v;
    CHECK(report.ok() == (v == Verdict::ok || v == Verdict::kink));
  }
}

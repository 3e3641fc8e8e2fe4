// The short form of a node: a value and its partial derivatives, which the way back multiplies by.
#include <autodiff/own_op.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>

using namespace ramp;

namespace {

struct Clipped : Elementwise<1> {  // no gradient: the pullback isn't linear in g
  static constexpr About about{"test_clipped", "x", "A pullback that clips g."};
  static constexpr bool has_slopes = false;
  static constexpr auto value = [](auto x) { return 1 * x; };
  static constexpr auto pullbacks = std::tuple{[](auto g) { return where(g < 0.5, g, 0.5); }};
  static Examples examples() { return {{{1}, 1}}; }
};

#ifndef NDEBUG
struct Cut : Clipped {
  static constexpr About about{"test_cut", "x", "A pullback that clips g, and doesn't say so."};
  static constexpr bool has_slopes = true;
};
#endif

}  // namespace

TEST_CASE("an op that is not linear in g says so, and is swept by its pullback") {
  register_op<Clipped>();
  Tape tape;
  const auto x = tape.leaf(2.0), y = record<Clipped>({}, x);
  tape.backward(3 * y);
  CHECK(tape.derivative(x) == 0.5);
  tape.backward(0.25 * y);
  CHECK(tape.derivative(x) == 0.25);
}

TEST_CASE("an op that says it is linear in g, and is not, is found by its examples") {
  CHECK_NOTHROW(check_slopes<Tanh>());
  CHECK_THROWS_WITH_AS(check_slopes<Clipped>(),
                       doctest::Contains("[test_clipped] its pullback gives"), ValueError);
#ifndef NDEBUG
  CHECK_THROWS_AS(register_op<Cut>(), ValueError);
#endif
}

TEST_CASE("an operand that is a number costs no node, and readers see it") {
  Tape tape;
  const auto x = tape.leaf(3, "x");
  const std::uint32_t before = tape.size();
  const auto y = 2 * x, z = x - 2, q = 6 / x, p = pow(x, 2), c = clamp(x, 0, 5);
  CHECK(tape.size() == before + 5);
  const auto first = tape.operands(y.index()), second = tape.operands(z.index());
  CHECK(first[0].node == 0);
  CHECK(first[0].number == 2);
  CHECK(first[1].node == x.index());
  CHECK(second[0].node == x.index());
  CHECK(second[1].number == 2);
  CHECK(tape.operands(p.index()).size() == 1);
  CHECK(tape.describe(p.index()) == "pow_constant 2");
  CHECK(tape.describe(c.index()) == "clamp 0 5");
  CHECK(to_dot(q).find("[label=\"6\"") != std::string::npos);
  CHECK(tape.grad(y + z + q + p + c, {x})[0][0] == doctest::Approx(2 + 1 - 6.0 / 9 + 6 + 1));
  const auto again = tape.grad_on_tape(q, {x});
  CHECK(again[0].item() == doctest::Approx(-6.0 / 9));
  CHECK(tape.grad(again[0], {x})[0][0] == doctest::Approx(12.0 / 27));
}

TEST_CASE("what no_grad recorded and constants are barriers, whatever their slopes") {
  Tape tape;
  const auto x = tape.leaf(0);
  const auto silent = [&] {
    const auto none = tape.no_grad();
    return log(x);  // -infinity, with an infinite slope
  }();
  CHECK(std::isinf(silent.item()));
  CHECK(tape.operands(silent.index())[0].node == x.index());
  CHECK(tape.grad(x + exp(silent), {x})[0][0] == 1);
  const auto infinite = tape.constant(std::numeric_limits<double>::infinity());
  CHECK(tape.grad(x + 1 / infinite, {x})[0][0] == 1);
}

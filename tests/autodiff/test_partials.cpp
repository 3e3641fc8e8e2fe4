// The short form of a node: a value and its partial derivatives, which the way back multiplies by.
#include <autodiff/own_op.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace ramp;

namespace {

// Op by op, the way back by partials and by the op's pullbacks must agree, and be linear in g.
template <class T>
void compare(const OpInfo& op, const Trial& trial, T g, bool number_first, bool number_last) {
  std::array<Tensor<T>, 2> gradients[2];
  for (const bool by_pullbacks : {false, true}) {
    Tape<T> tape({.at_zero = 0.25, .checked = by_pullbacks});
    std::vector<Var<T>> in, leaves;
    for (std::size_t k = 0; k < trial.inputs.size(); ++k) {
      const auto x = static_cast<T>(trial.inputs[k][0]);
      const bool constant =
          (k == 0 && number_first) || (k + 1 == trial.inputs.size() && number_last);
      in.push_back(constant ? tape.constant(x) : tape.leaf(x));
      if (!constant) leaves.push_back(in.back());
    }
    const Var<T> y = tape.record(op.id, in, trial.attr.bytes.data());
    if (!y.varies()) return;
    tape.backward(y, Tensor<T>(Shape{}, {g}));
    for (std::size_t k = 0; k < leaves.size() && k < 2; ++k)
      gradients[by_pullbacks][k] = tape.gradient(leaves[k]);
  }
  for (std::size_t k = 0; k < 2; ++k) {
    if (gradients[0][k].size() == 0) continue;
    const T ours = gradients[0][k][0], expected = gradients[1][k][0];
    CAPTURE(k);
    CHECK(std::abs(ours - expected) <= 4 * std::numeric_limits<T>::epsilon() * std::abs(expected));
  }
}

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

TEST_CASE_TEMPLATE("each op's pullbacks are linear in g, so that partials can stand for them", T,
                   float, double) {
  for (const OpInfo* op : all_ops()) {
    if (!op->has_partials || std::string_view(op->about.name).starts_with("test_")) continue;
    CAPTURE(op->about.name);
    for (const Trial& trial : op->examples()) {
      for (const double g : {1.0, -1.0, 0.0, 3.7, -0.001, 1e20, 1e-20})
        for (const int constant : {0, 1, 2})
          if (constant == 0 || op->arity == 2)
            compare<T>(*op, trial, static_cast<T>(g), constant == 1, constant == 2);
    }
  }
}

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

TEST_CASE("a call and record() by number give the same node") {
  for (const OpInfo* op : all_ops()) {
    if (!op->elementwise || op->arity != 1) continue;
    CAPTURE(op->about.name);
    const Trial trial = op->examples()[0];
    Tape tape;
    const auto x = tape.leaf(trial.inputs[0][0]);
    const auto y = tape.record(op->id, std::array{x}, trial.attr.bytes.data());
    CHECK(tape.operands(y.index())[0].node == x.index());
    const AnyAttr attr = tape.attr_of(y.index());
    CHECK(std::memcmp(attr.bytes.data(), trial.attr.bytes.data(), op->attr_bytes) == 0);
  }
  Tape tape;
  const auto x = tape.leaf(0.5), w = tape.leaf(2);
  const auto a = x * w, b = tape.record(op_id<Mul>(), std::array{x, w}, nullptr);
  CHECK(a.item() == b.item());
  CHECK(tape.describe(a.index()) == tape.describe(b.index()));
  const std::size_t bytes = tape.bytes();
  (void)(x * w);
  const std::size_t typed = tape.bytes() - bytes;
  tape.record(op_id<Mul>(), std::array{x, w}, nullptr);
  CHECK(tape.bytes() == bytes + 2 * typed);
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

TEST_CASE("an infinite partial behind a zero is looked at with care") {
  Tape tape;
  const auto x = tape.leaf(0), r = sqrt(x);
  CHECK(std::isnan(tape.grad(0 * r, {x})[0][0]));              // computed: 0 * infinity
  CHECK(tape.grad(where(x > 0, r, 0.0) + x, {x})[0][0] == 1);  // closed: nothing passes
  CHECK(tape.grad(sqrt(relu(x - 1)) + x, {x})[0][0] == 1);
  CHECK(tape.grad(x * 5, {x})[0][0] == 5);  // it lies beside the root
}

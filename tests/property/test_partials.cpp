// That partial derivatives, recorded with a number, can stand for its op's pullbacks; and that an
// op is the same node whether it is called or recorded by its number.
#include <autodiff/own_op.hpp>

#include "support/ops.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

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

}  // namespace

TEST_CASE_TEMPLATE("each op's pullbacks are linear in g, so that partials can stand for them", T,
                   float, double) {
  for (const OpInfo* op : support::library_ops()) {
    if (!op->has_partials) continue;
    CAPTURE(op->about.name);
    for (const Trial& trial : op->examples()) {
      for (const double g : {1.0, -1.0, 0.0, 3.7, -0.001, 1e20, 1e-20})
        for (const int constant : {0, 1, 2})
          if (constant == 0 || op->arity == 2)
            compare<T>(*op, trial, static_cast<T>(g), constant == 1, constant == 2);
    }
  }
}

TEST_CASE("a call and record() by number give the same node") {
  for (const OpInfo* op : support::library_ops()) {
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
  // And takes as much room.
  const std::size_t start = tape.bytes();
  (void)(x * w);
  const std::size_t called = tape.bytes();
  tape.record(op_id<Mul>(), std::array{x, w}, nullptr);
  CHECK(tape.bytes() - called == called - start);
}

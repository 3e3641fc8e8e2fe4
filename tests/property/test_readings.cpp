// One op, one answer: recorded inline, by its number, on a checked tape or as a tensor of one
// element, a node varies alike and has the same value, gradients and kinks.
#include <autodiff/autodiff.hpp>

#include "support/inlined.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace ramp;
using doctest::Approx;

namespace {

// What an operand is: only the first varies.
enum Kind { leaf, constant, compared, kinds };

struct Answer {
  bool varies = false;
  double value = 0;
  std::vector<double> swept, recorded;  // gradients of the operands that are leaves
  KinkCount kinks;
};

enum Reading { inlined, by_number, checked, tensor, readings };

template <class T> Answer answer(Reading reading, const support::Inlined<T>& op, const void* attr,
                                 const std::vector<double>& at, const std::vector<Kind>& kind,
                                 double c) {
  Tape<T> tape({.at_zero = c, .checked = reading == checked});
  const Shape shape = reading == tensor ? Shape{1} : Shape{};
  const auto number = [&](double x) { return Tensor<T>(shape, static_cast<T>(x)); };
  const auto w = tape.leaf(number(2));
  std::vector<Var<T>> in, leaves;
  for (std::size_t k = 0; k < at.size(); ++k) {
    // (w > 1) has no slope, so neither has its product with a constant.
    in.push_back(kind[k] == leaf       ? tape.leaf(number(at[k]))
                 : kind[k] == constant ? tape.constant(number(at[k]))
                                       : tape.constant(number(at[k])) * (w > 1));
    CHECK(in[k].varies() == (kind[k] == leaf));
    if (kind[k] == leaf) leaves.push_back(in[k]);
  }
  const Var<T> y = reading == by_number ? tape.record(op.op->id, in, attr) : op.record(attr, in);
  Answer a{y.varies(), static_cast<double>(y.item()), {}, {}, {}};
  for (const Tensor<T>& g : tape.grad(y, leaves)) a.swept.push_back(static_cast<double>(g[0]));
  a.kinks = census(y, {.within = 1e-3}).total;
  for (const Var<T>& g : tape.grad_on_tape(y, leaves))
    a.recorded.push_back(static_cast<double>(g.item()));
  return a;
}

// An op's examples, and the same with the first operand moved to the kink.
struct Point {
  std::vector<double> at;
  AnyAttr attr;
};
std::vector<Point> points(const OpInfo& op) {
  std::vector<Point> all;
  for (const Trial& example : op.examples()) {
    std::vector<double> x;
    for (const auto& in : example.inputs) x.push_back(in.item());
    all.push_back({x, example.attr});
    if (!op.kink) continue;
    for (int again = 0; again < 3; ++again) x[0] -= op.kink(x.data(), example.attr.bytes.data());
    all.push_back({x, example.attr});
  }
  return all;
}

template <class T> void check_agreement(const support::Inlined<T>& inlined_op) {
  const OpInfo& op = *inlined_op.op;
  const std::string name = op.about.name;
  CAPTURE(name);
  for (const Point& point : points(op)) {
    const std::vector<double>& at = point.at;
    const void* const attr = point.attr.bytes.data();
    for (const double c : {0.0, 0.5, 1.0}) {
      std::vector<Kind> kind(at.size(), leaf);
      for (bool more = true; more;) {
        bool varies = false;
        for (std::size_t k = 0; k < at.size(); ++k)
          varies |= kind[k] == leaf && op.differentiable_in(static_cast<int>(k));
        const Answer first = answer<T>(inlined, inlined_op, attr, at, kind, c);
        for (int reading = 0; reading < readings; ++reading) {
          CAPTURE(reading);
          const Answer a = answer<T>(static_cast<Reading>(reading), inlined_op, attr, at, kind, c);
          const double precision = sizeof(T) == 4 ? 1e-5 : 1e-13;
          const auto near = [&](double x) { return Approx(x).epsilon(precision).scale(1); };
          REQUIRE(a.varies == varies);
          REQUIRE(a.value == near(first.value));
          for (std::size_t k = 0; k < a.swept.size(); ++k) {
            REQUIRE(a.swept[k] == near(first.swept[k]));
            REQUIRE(a.recorded[k] == near(first.swept[k]));
          }
          REQUIRE(a.kinks.elements == first.kinks.elements);
          REQUIRE(a.kinks.at_kink == first.kinks.at_kink);
          REQUIRE(a.kinks.near == first.kinks.near);
        }
        more = false;  // the next of all kinds of operands
        for (std::size_t k = 0; k < kind.size() && !more; ++k) {
          more = kind[k] + 1 < kinds;
          kind[k] = more ? static_cast<Kind>(kind[k] + 1) : leaf;
        }
      }
    }
  }
}

}  // namespace

TEST_CASE_TEMPLATE("every element-wise op gives one answer, however it is recorded", T, float,
                   double) {
  for (const auto& op : support::inlined_ops<T>()) check_agreement(op);
}

TEST_CASE("a comparison doesn't vary, so a tie with it is one with a constant") {
  for (const double c : {0.0, 0.25, 1.0})
    for (const Shape& shape : {Shape{}, Shape{1}})
      for (const bool checked : {false, true}) {
        Tape<double> tape({.at_zero = c, .checked = checked});
        const auto x = tape.leaf(Tensor<double>(shape, 1.0)),
                   w = tape.leaf(Tensor<double>(shape, 2.0));
        const auto y = max(x, w > 0), z = min(w > 0, x);
        CHECK(tape.grad(y, {x})[0][0] == c);
        CHECK(tape.grad(z, {x})[0][0] == c);
        CHECK(tape.grad(y, {w})[0][0] == 0);
        for (const auto& flat :
             {where(x, 1, 0) + detach(w), gate(x, w, 1, 0.5), where(w > x, 1, 0)})
          CHECK_FALSE(flat.varies());
        CHECK_FALSE((detach(x) * 2).varies());
        CHECK(gate(x, w, w, 0.5).varies());
        CHECK(where(x > 0, w, 0).varies());
      }
}

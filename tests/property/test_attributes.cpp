// Attributes that are given to record() itself are checked as the functions check theirs: what an
// op takes gives a value and a gradient, and all else is refused by name, whatever the bytes.
#include <autodiff/autodiff.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

using namespace ramp;

namespace {

// Puts each of these numbers into each place of the attributes, as one of its type.
template <class Number, class F> void each_change(const OpInfo& op, const AnyAttr& attr,
                                                  std::initializer_list<Number> numbers, F f) {
  for (std::size_t at = 0; at + sizeof(Number) <= op.attr_bytes; at += sizeof(Number))
    for (const Number x : numbers) {
      AnyAttr changed = attr;
      std::memcpy(changed.bytes.data() + at, &x, sizeof x);
      f(changed);
    }
}

// Not so for bytes that are no object of their type: nobody can make a Shape of more axes, or a
// bool that is neither true nor false.
bool is_no_object(const OpInfo& info, const AnyAttr& attr) {
  const std::string op = info.about.name;
  if (info.attr_bytes == sizeof(Along))
    for (const std::size_t at : {offsetof(Along, whole), offsetof(Along, keepdims)})
      if (std::to_integer<int>(attr.bytes[at]) > 1) return true;
  const bool place = op == "embed";
  if (!place && op != "reshape" && op != "broadcast_to" && op != "sum_to") return false;
  Place as_place;
  ToShape as_shape;
  std::memcpy(static_cast<void*>(&as_place), attr.bytes.data(), sizeof as_place);
  std::memcpy(static_cast<void*>(&as_shape), attr.bytes.data(), sizeof as_shape);
  const int rank = place ? as_place.whole.rank() : as_shape.to.rank();
  return rank < 0 || rank > static_cast<int>(max_rank);
}

}  // namespace

TEST_CASE("no attribute does harm, whatever its bytes") {
  int refused = 0, taken = 0;
  for (const OpInfo* const op : all_ops()) {
    if (op->attr_bytes == 0 || op->adopt) continue;  // what points elsewhere: below
    const std::string name = op->about.name;
    CAPTURE(name);
    for (const Trial& trial : op->examples()) {
      const auto attempt = [&](const AnyAttr& attr) {
        if (is_no_object(*op, attr)) return;
        Tape<double> tape({.memory_budget = 1 << 20});
        std::vector<Var<double>> in;
        for (const Tensor<double>& x : trial.inputs) in.push_back(tape.leaf(x));
        const std::uint32_t before = tape.size();
        Var<double> y;
        try {
          y = tape.record(op->id, in, attr.bytes.data());
          ++taken;
        } catch (const Error& e) {
          CHECK(std::string(e.what()).substr(0, 1) == "[");
          CHECK(tape.size() == before);
          ++refused;
          return;
        }
        (void)to_dot(y);
        if (!y.varies()) return;
        try {
          tape.backward(y, Tensor<double>(y.shape(), 1.0));
        } catch (const BudgetError&) {  // a value may just fit
        }
      };
      if (op->elementwise) {  // its attributes are numbers
        constexpr double inf = std::numeric_limits<double>::infinity();
        each_change<double>(*op, trial.attr,
                            {0, -0.0, 1, -1, 0.5, 7, 1e300, inf, -inf, std::nan("")}, attempt);
      } else {
        each_change<std::int32_t>(*op, trial.attr,
                                  {-1, 0, 1, 2, 3, 4, 5, 1000, INT32_MAX, INT32_MIN}, attempt);
        each_change<std::int8_t>(*op, trial.attr, {-1, 0, 1, 2, 3, 4, 5, 100, -128}, attempt);
      }
    }
  }
  CHECK(refused > 100);
  CHECK(taken > 100);
}

TEST_CASE("indices are checked, too") {
  for (const OpInfo* const op : all_ops()) {
    if (!op->adopt) continue;
    CAPTURE(std::string(op->about.name));
    Tape<double> tape;
    const std::vector<std::int32_t> bad{0, -1}, beyond{99, 0};
    for (const auto* rows : {&bad, &beyond}) {
      const Indices at = Indices::of(*rows, 3);
      for (const Shape& shape : {Shape{2, 3}, Shape{2}}) {
        const std::vector<Var<double>> in(static_cast<std::size_t>(op->arity),
                                          tape.leaf(Tensor<double>(shape)));
        CHECK_THROWS_AS((void)tape.record(op->id, in, &at), Error);
      }
    }
  }
}

TEST_CASE("clamp and polygamma refuse what makes no sense, by each way") {
  Tape<double> tape;
  const Var<double> x = tape.leaf(1.0);
  const Bounds crossed{2, 1};
  const Order half{0.5};
  CHECK_THROWS_AS((void)clamp(x, 2, 1), ValueError);
  CHECK_THROWS_AS((void)tape.record(op_id<Clamp>(), std::vector{x}, &crossed), ValueError);
  CHECK_THROWS_AS((void)polygamma(x, 0.5), ValueError);
  CHECK_THROWS_AS((void)polygamma(-1, x), ValueError);
  CHECK_THROWS_AS((void)tape.record(op_id<Polygamma>(), std::vector{x}, &half), ValueError);
}

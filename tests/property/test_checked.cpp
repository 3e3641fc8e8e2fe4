// A checked tape throws where a value or an adjoint isn't finite, and nowhere else: every op at the
// ends of the range.
#include <autodiff/autodiff.hpp>

#include "support/ops.hpp"
#include "support/refused.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

using namespace ramp;

namespace {

// Value and gradients of an op by each way there is; nothing if one of them isn't finite.
template <class T> std::optional<std::vector<T>> all_of(const OpInfo& op, const void* attr,
                                                        const std::vector<Tensor<T>>& in,
                                                        bool checked) {
  Tape<T> tape({.checked = checked});
  std::vector<Var<T>> x;
  for (const Tensor<T>& t : in) x.push_back(tape.leaf(t));
  const Var<T> root = tape.record(op.id, x, attr);
  std::vector<T> all{root.view()[0]};
  const auto add = [&](View<const T> g) { all.insert(all.end(), g.begin(), g.end()); };
  if (root.varies()) {
    for (const Var<T>& g : tape.grad_on_tape(root, x)) add(g.view());
    tape.backward(root);
    for (const Var<T>& v : x) {
      const Tensor<T> g = tape.gradient(v);
      add(g.view());
    }
  }
  for (const T e : all)
    if (!std::isfinite(e)) return {};
  return all;
}

}  // namespace

TEST_CASE_TEMPLATE(
    "a checked tape is silent where value and gradients are finite: every op at the ends of the "
    "range",
    T, float, double) {
  using Limits = std::numeric_limits<T>;
  const std::vector<T> ends{
      0, -T(0),    Limits::denorm_min(),         -Limits::min(), T(-4.57),
      1, T(-1e10), std::sqrt(Limits::max()) * 2, Limits::max(),  Limits::lowest()};
  std::size_t finite = 0;
  for (const OpInfo* op : support::library_ops()) {
    if (!op->elementwise) continue;
    for (const Trial& trial : op->examples()) {
      const std::string name = op->about.name;
      CAPTURE(name);
      std::size_t count = 1;
      for (int k = 0; k < op->arity; ++k) count *= ends.size();
      for (std::size_t n = 0; n < count; ++n)
        for (const Shape& shape : {Shape{}, Shape{1}}) {
          std::vector<Tensor<T>> in;
          for (std::size_t k = 0, rest = n; k < static_cast<std::size_t>(op->arity); ++k) {
            in.emplace_back(k == 0 ? shape : Shape{}, ends[rest % ends.size()]);
            rest /= ends.size();
          }
          CAPTURE(n);
          if (!all_of<T>(*op, trial.attr.bytes.data(), in, false)) continue;
          ++finite;
          const std::string text = support::message_of<NonFiniteError>(
              [&] { CHECK(all_of<T>(*op, trial.attr.bytes.data(), in, true).has_value()); });
          CHECK(text == "nothing was thrown");
        }
    }
  }
  CHECK(finite > 1000);
}

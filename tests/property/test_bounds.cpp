// An op writes its result and nothing beside it, and what lies beside its operands makes no
// difference: each array stands between numbers of which none may change, and which then are
// others.
#include <autodiff/tape/node.hpp>
#include <autodiff/tape/value.hpp>

#include "support/ops.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

using namespace ramp;

namespace {

constexpr std::size_t margin = 64;  // the widest that lanes or a small matrix could go beyond

// An array of this shape between two margins that hold `beside`.
template <class T> struct Fenced {
  Fenced(const Shape& s, T beside) : shape(s), all(s.size() + 2 * margin, beside) {}
  Fenced(const Tensor<double>& x, T beside) : Fenced(x.shape(), beside) {
    std::transform(x.begin(), x.end(), data(), [](double e) { return static_cast<T>(e); });
  }
  T* data() { return all.data() + margin; }
  View<T> view() { return {data(), shape}; }
  std::vector<T> inside() { return {data(), data() + shape.size()}; }
  bool intact(T beside) {
    const auto same = [beside](T x) {
      return std::bit_cast<Bits<T>>(x) == std::bit_cast<Bits<T>>(beside);
    };
    return std::all_of(all.begin(), all.begin() + margin, same) &&
           std::all_of(all.end() - margin, all.end(), same);
  }

  Shape shape;
  std::vector<T> all;
};

template <class T>
bool same_bits(const std::vector<std::vector<T>>& a, const std::vector<std::vector<T>>& b) {
  const auto same = [](T x, T y) {
    return std::bit_cast<Bits<T>>(x) == std::bit_cast<Bits<T>>(y) || (x != x && y != y);
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](const auto& p, const auto& q) {
    return std::equal(p.begin(), p.end(), q.begin(), q.end(), same);
  });
}

// The value and all pullbacks of an op, one after the other; with `add`, to what was there: ones.
template <class T>
std::vector<std::vector<T>> results(const OpInfo& op, const Trial& trial, bool add, T beside) {
  Arena scratch;
  std::vector<Fenced<T>> x;
  for (const Tensor<double>& input : trial.inputs) x.emplace_back(input, beside);
  std::vector<Value<T>> in;
  for (Fenced<T>& operand : x) in.push_back(Value<T>::of(operand.view(), &scratch));
  std::vector<std::vector<T>> found;
  const auto run = [&](const Shape& shape, bool adds, auto f) {
    Fenced<T> to(shape, beside);
    std::fill_n(to.data(), shape.size(), T(1));
    f(to.view(), adds);
    CHECK(to.intact(beside));
    for (Fenced<T>& operand : x) CHECK(operand.intact(beside));
    return to;
  };

  const void* attr = trial.attr.bytes.data();
  const auto value = [&](const View<T>& to, bool adds) { evaluate<T>(op, in, attr, to, adds); };
  Fenced<T> y = run(trial.output.shape(), false, value);
  found.push_back(run(y.shape, add, value).inside());
  Fenced<T> g(y.shape, beside);
  std::fill_n(g.data(), y.shape.size(), T(1));
  const Call<T> call{in, Value<T>::of(y.view(), &scratch), attr, {}};
  for (std::size_t k = 0; k < in.size(); ++k) {
    const int input = static_cast<int>(k);
    if (!op.differentiable_in(input)) continue;
    const auto pull = [&](const View<T>& to, bool adds) {
      pull_back<T>(op, call, input, Value<T>::of(g.view(), &scratch), to, adds);
    };
    found.push_back(run(x[k].shape, add, pull).inside());
    CHECK(g.intact(beside));
  }
  return found;
}

// An op's examples; of an element-wise one also their elements over and over, in arrays that fill
// no number of lanes.
std::vector<Trial> trials_of(const OpInfo& op) {
  std::vector<Trial> trials = op.examples();
  if (!op.elementwise) return trials;
  const std::size_t examples = trials.size();
  for (const std::int64_t size : {1, 5, 19, 35})
    for (std::size_t e = 0; e < examples; ++e) {
      Trial longer = trials[e];
      const auto repeat = [size](Tensor<double>& x) {
        Tensor<double> all(Shape{size});
        for (std::size_t i = 0; i < all.size(); ++i) all[i] = x[i % x.size()];
        x = all;
      };
      for (Tensor<double>& x : longer.inputs) repeat(x);
      repeat(longer.output);
      trials.push_back(longer);
    }
  return trials;
}

}  // namespace

TEST_CASE_TEMPLATE("no op writes beside its result, or reads beside its operands, and all add", T,
                   float, double) {
  constexpr T huge = std::numeric_limits<T>::max(), none = std::numeric_limits<T>::quiet_NaN();
  for (const OpInfo* op : support::library_ops()) {
    const std::string name = op->about.name;
    CAPTURE(name);
    for (const Trial& trial : trials_of(*op)) {
      const auto set = results<T>(*op, trial, false, huge),
                 added = results<T>(*op, trial, true, huge);
      CHECK(same_bits(set, results<T>(*op, trial, false, none)));
      CHECK(same_bits(added, results<T>(*op, trial, true, none)));
      for (std::size_t i = 0; i < set.size(); ++i)
        for (std::size_t e = 0; e < set[i].size(); ++e)
          if (std::isfinite(set[i][e]))
            CHECK(added[i][e] == doctest::Approx(set[i][e] + 1).epsilon(1e-6));
    }
  }
}

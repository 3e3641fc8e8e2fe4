// Reductions in all small cases: each shape, whole and along each axis, kept or not, ties and zeros
// among the elements, against one row written out by hand.
#include "support/small.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace ramp;
using namespace small;

namespace {

using Row = std::vector<double>;

// What a reduction gives for one row, and the slope in each of its elements.
struct ByHand {
  const char* name;
  Var<double> (*whole)(const Var<double>&);
  Var<double> (*along)(const Var<double>&, Axis, bool);
  double (*value)(const Row&);
  double (*slope)(const Row&, double y, double x);
  bool empty = false;  // whether there may be nothing to reduce
};

double total(const Row& row) {
  double sum = 0;
  for (const double x : row) sum += x;
  return sum;
}
double most(const Row& row) { return *std::max_element(row.begin(), row.end()); }
double least(const Row& row) { return *std::min_element(row.begin(), row.end()); }
double share(const Row& row, double y, double x) {
  return x == y ? 1.0 / static_cast<double>(std::count(row.begin(), row.end(), y)) : 0;
}

#define PUBLIC(name)                                                                      \
#name, [](const Var <double>& x) { return name(x); },                                   \
                                                     [](const Var <double>& x, Axis axis, \
                                                        bool keep) { return name(x, axis, keep); }

const std::vector<ByHand>& reductions() {
  static const std::vector<ByHand> all{
      {PUBLIC(sum), total, [](const Row&, double, double) { return 1.0; }, true},
      {PUBLIC(mean), [](const Row& row) { return total(row) / static_cast<double>(row.size()); },
       [](const Row& row, double, double) { return 1 / static_cast<double>(row.size()); }, true},
      {PUBLIC(max), most, share},
      {PUBLIC(min), least, share},
      {PUBLIC(logsumexp),
       [](const Row& row) {
         double sum = 0;
         for (const double x : row) sum += std::exp(x);
         return std::log(sum);
       },
       [](const Row&, double y, double x) { return std::exp(x - y); }, true},
      {PUBLIC(norm),
       [](const Row& row) {
         double sum = 0;
         for (const double x : row) sum += x * x;
         return std::sqrt(sum);
       },
       [](const Row&, double y, double x) { return y == 0 ? 0 : x / y; }, true}};
  return all;
}

// The place of each row's elements, by the place of its result.
std::vector<std::vector<std::size_t>> rows_of(const Sizes& x, std::optional<std::size_t> axis) {
  Sizes to = x;
  if (axis) to[*axis] = 1;
  std::vector<std::vector<std::size_t>> rows(axis ? shape_of(to).size() : 1);
  each(x, [&](Sizes at, std::size_t i) {
    if (axis) at[*axis] = 0;
    rows[axis ? place(to, at) : 0].push_back(i);
  });
  return rows;
}

// Small whole numbers, so that rows have ties and zeros, and some are zero throughout.
Tensor<double> with_ties(const Sizes& sizes, unsigned seed) {
  Tensor<double> x = whole_numbers(sizes, seed);
  for (double& e : x) e = std::round(e / 5);
  return x;
}

// Gradients: swept, swept where something was before, and recorded.
void check_gradient(const Var<double>& x, const Var<double>& y, const Tensor<double>& seed,
                    const Tensor<double>& expected) {
  Tape<double>& tape = x.tape();
  const auto root = sum(y * tape.constant(seed));
  const auto once = tape.grad(root, {x})[0], twice = tape.grad(root + root, {x})[0];
  const auto recorded = tape.grad_on_tape(root, {x})[0];
  for (std::size_t i = 0; i < expected.size(); ++i) {
    SAME(once[i], doctest::Approx(expected[i]).epsilon(1e-12).scale(1));
    SAME(twice[i], doctest::Approx(2 * expected[i]).epsilon(1e-12).scale(1));
    SAME(recorded.view()[i], doctest::Approx(expected[i]).epsilon(1e-12).scale(1));
  }
}

}  // namespace

TEST_CASE("all small shapes are reduced as rows by hand are") {
  for (const ByHand& f : reductions())
    for (const Sizes& sizes : all_sizes(3))
      for (int axis = -4; axis <= 4; ++axis)
        for (const bool keep : {false, true}) {
          const std::string name = f.name;
          CAPTURE(name);
          const auto rank = static_cast<int>(sizes.size());
          const bool whole = axis == 4;
          if (whole && keep) continue;
          std::optional<std::size_t> k;
          if (!whole && axis >= -rank && axis < rank)
            k = static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
          Tape tape;
          const auto x = tape.leaf(with_ties(sizes, 1));
          const auto reduced = [&] { return whole ? f.whole(x) : f.along(x, Axis{axis}, keep); };
          Answer to;
          if (whole || k) {
            to.emplace();
            if (k) to = sizes;
            if (k) (*to)[*k] = 1;
            if (k && !keep) to = without(*to, *k);
            if (!f.empty && (whole ? x.shape().size() == 0 : sizes[*k] == 0)) to.reset();
          }
          SAME(answer(f.name, [&] { return reduced().shape(); }), to);
          if (!to) continue;
          const Var<double> y = reduced();
          const Tensor<double> seed = whole_numbers(*to, 2);
          Tensor<double> gradient(x.shape());
          const auto rows = rows_of(sizes, k);
          for (std::size_t r = 0; r < rows.size(); ++r) {
            Row row;
            for (const std::size_t i : rows[r]) row.push_back(x.view()[i]);
            const double value = f.value(row);
            if (std::isfinite(value))
              SAME(y.view()[r], doctest::Approx(value).epsilon(1e-14).scale(1));
            else
              SAME(isnan(y.view()[r]) ? 0 : y.view()[r], isnan(value) ? 0 : value);
            for (const std::size_t i : rows[r])
              gradient[i] = seed[r] * f.slope(row, value, x.view()[i]);
          }
          check_gradient(x, y, seed, gradient);
        }
}

TEST_CASE("softmax and log_softmax along each axis of all small shapes") {
  for (const Sizes& sizes : all_sizes(3))
    for (int axis = -4; axis <= 3; ++axis)
      for (const bool log : {false, true}) {
        const auto rank = static_cast<int>(sizes.size());
        std::optional<std::size_t> k;
        if (axis >= -rank && axis < rank)
          k = static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
        Tape tape;
        const auto x = tape.leaf(with_ties(sizes, 1));
        const auto op = [&] { return log ? log_softmax(x, Axis{axis}) : softmax(x, Axis{axis}); };
        const Answer to = k ? Answer(sizes) : Answer();
        SAME(answer(log ? "log_softmax" : "softmax", [&] { return op().shape(); }), to);
        if (!to) continue;
        const Var<double> y = op();
        const Tensor<double> seed = whole_numbers(sizes, 2);
        Tensor<double> gradient(x.shape());
        for (const auto& row : rows_of(sizes, k)) {
          double sum = 0, mean = 0, seeds = 0;
          for (const std::size_t i : row) sum += std::exp(x.view()[i]);
          const auto p = [&](std::size_t i) { return std::exp(x.view()[i]) / sum; };
          for (const std::size_t i : row) mean += seed[i] * p(i);
          for (const std::size_t i : row) seeds += seed[i];
          for (const std::size_t i : row) {
            SAME(y.view()[i], doctest::Approx(log ? std::log(p(i)) : p(i)).epsilon(1e-14).scale(1));
            gradient[i] = log ? seed[i] - p(i) * seeds : p(i) * (seed[i] - mean);
          }
        }
        check_gradient(x, y, seed, gradient);
      }
  Tape tape;
  const auto x = tape.leaf(with_ties({2, 3}, 1));
  CHECK(softmax(x).view()[4] == softmax(x, Axis{1}).view()[4]);
  CHECK(log_softmax(x).view()[4] == log_softmax(x, Axis{1}).view()[4]);
}

TEST_CASE("cross_entropy of all small scores and labels") {
  for (const Sizes& sizes : all_sizes(2, 4)) {
    if (sizes.size() != 2 || sizes[1] == 0) continue;
    for (int shift = 0; shift < sizes[1]; ++shift) {
      std::vector<std::int32_t> labels;
      for (int i = 0; i < sizes[0]; ++i)
        labels.push_back(static_cast<std::int32_t>((i + shift) % sizes[1]));
      Tape tape;
      const auto x = tape.leaf(with_ties(sizes, 1));
      const Var<double> y = cross_entropy(x, labels);
      const Tensor<double> seed = whole_numbers({sizes[0]}, 2);
      Tensor<double> gradient(x.shape());
      const auto rows = rows_of(sizes, std::size_t{1});
      for (std::size_t r = 0; r < rows.size(); ++r) {
        double sum = 0;
        for (const std::size_t i : rows[r]) sum += std::exp(x.view()[i]);
        const std::size_t chosen = rows[r][static_cast<std::size_t>(labels[r])];
        const double loss = std::log(sum) - x.view()[chosen];
        SAME(y.view()[r], doctest::Approx(loss).epsilon(1e-14).scale(1));
        for (const std::size_t i : rows[r])
          gradient[i] = seed[r] * (std::exp(x.view()[i]) / sum - (i == chosen ? 1 : 0));
      }
      check_gradient(x, y, seed, gradient);
    }
  }
}

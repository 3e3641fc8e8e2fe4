// Metrics against their definitions, counted out by brute force.
#include <nn/data/dataset.hpp>
#include <nn/random.hpp>
#include <nn/train/metric.hpp>

#include <doctest/doctest.h>
#include <support/refused.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <numeric>
#include <string_view>
#include <vector>

using namespace ramp::nn;
using doctest::Approx;
using ramp::Shape, ramp::Tensor, ramp::View;

namespace {

using Labels = std::vector<std::int32_t>;

// A few values only, so that there are many ties.
template <class T> Tensor<T> scores(std::int64_t n, std::int64_t k, Random& random) {
  Tensor<T> y({n, k});
  for (T& x : y) x = static_cast<T>(static_cast<double>(random.below(5)) - 2);
  return y;
}

Labels labels(std::size_t n, std::uint64_t classes, Random& random) {
  Labels all(n);
  for (auto& label : all) label = static_cast<std::int32_t>(random.below(classes));
  return all;
}

// The columns of a row from the largest down, of equals the first first.
template <class T> std::vector<std::size_t> ranking(const Tensor<T>& y, std::size_t i) {
  const std::size_t k = y.shape()[1];
  std::vector<std::size_t> order(k);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return y[i * k + a] > y[i * k + b]; });
  return order;
}

template <class T> constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();
template <class T> constexpr T infinity = std::numeric_limits<T>::infinity();

}  // namespace

TEST_CASE_TEMPLATE("accuracy, top_k and answers are those of the sorted row", T, float, double) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const std::size_t n = 1 + random.below(20), k = 2 + random.below(6);
    const auto y = scores<T>(static_cast<std::int64_t>(n), static_cast<std::int64_t>(k), random);
    const Labels truth = labels(n, k, random);
    const Labels said = answers(y);
    double right = 0;
    for (std::size_t i = 0; i < n; ++i) {
      CHECK(static_cast<std::size_t>(said[i]) == ranking(y, i)[0]);
      right += said[i] == truth[i];
    }
    CHECK(accuracy(y, truth) == right / static_cast<double>(n));
    for (std::size_t m = 1; m <= k + 1; ++m) {
      double among = 0;
      for (std::size_t i = 0; i < n; ++i) {
        const auto order = ranking(y, i);
        const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::min(m, k));
        among += std::find(order.begin(), end, static_cast<std::size_t>(truth[i])) != end;
      }
      CHECK(top_k(y, truth, m) == among / static_cast<double>(n));
    }
  }
}

TEST_CASE("a row with NaN is never right, and an answer is a class all the same") {
  const double no = not_a_number<double>;
  const Tensor<double> y({4, 3}, {no, 2, 1, 5, no, 1, 1, 2, no, no, no, no});
  CHECK(answers(y) == Labels{1, 0, 1, 0});
  CHECK(accuracy(y, Labels{1, 0, 1, 0}) == 0);
  CHECK(top_k(y, Labels{1, 0, 1, 0}, 3) == 0);
  REFUSED_WITH(confusion_matrix(y, Labels{1, 0, 1, 0}), DataError,
               "[confusion_matrix] row 0 has a NaN, which is no answer");
  const Tensor<double> one({3, 1}, {no, no, 1});
  CHECK(answers(one) == Labels{0, 0, 1});
  CHECK(accuracy(one, Labels{0, 1, 1}) == 1.0 / 3);
  CHECK(std::isnan(auc(one, Labels{0, 1, 1})));
  CHECK(std::isnan(Metric<double>("f1")(one.view(), {{}, {}, Labels{0, 1, 1}, {}, 2})));
  CHECK(std::isnan(mean_absolute_error(one, Tensor<double>({3, 1}, 1))));
}

TEST_CASE_TEMPLATE("one output answers 1 above the threshold", T, float, double) {
  const Tensor<T> y({4, 1}, {T(-1), T(0), T(0.5), T(2)});
  CHECK(answers(y) == Labels{0, 0, 1, 1});
  CHECK(answers(y, 0.5) == Labels{0, 0, 0, 1});
  CHECK(accuracy(y, Labels{0, 1, 1, 1}) == 0.75);
  CHECK(accuracy(y, Labels{0, 1, 0, 1}, 0.5) == 0.75);
  CHECK(support::equal(confusion_matrix(y, Labels{0, 1, 0, 1}), {1.0, 1.0, 1.0, 1.0}));
  CHECK(support::equal(confusion_matrix(y, Labels{0, 1, 0, 1}, 0.5), {2.0, 0.0, 1.0, 1.0}));
}

TEST_CASE("the confusion matrix counts pairs, and precision, recall and F1 follow from it") {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const std::size_t n = 1 + random.below(12), k = 2 + random.below(4);  // some are missing
    const auto y =
        scores<float>(static_cast<std::int64_t>(n), static_cast<std::int64_t>(k), random);
    const Labels truth = labels(n, k, random), said = answers(y);
    const Tensor<double> counts = confusion_matrix(y, truth);
    REQUIRE(counts.shape() == Shape{k, k});
    const ClassScores each = class_scores(counts);
    double sum = 0, occur = 0;
    for (std::size_t c = 0; c < k; ++c) {
      const auto count = [&](auto holds) {
        double number = 0;
        for (std::size_t i = 0; i < n; ++i)
          number += holds(static_cast<std::size_t>(truth[i]), static_cast<std::size_t>(said[i]));
        return number;
      };
      for (std::size_t j = 0; j < k; ++j)
        CHECK(counts[c * k + j] ==
              count([&](auto is, auto answer) { return is == c && answer == j; }));
      const double right = count([&](auto is, auto answer) { return is == c && answer == c; });
      const double samples = count([&](auto is, auto) { return is == c; });
      const double answered = count([&](auto, auto answer) { return answer == c; });
      const auto same = [](double a, double b) {
        return std::isnan(a) ? std::isnan(b) : std::abs(a - b) < 1e-15;
      };
      const double precision = right / answered, recall = right / samples;
      CHECK(same(precision, each.precision[c]));
      CHECK(same(recall, each.recall[c]));
      CHECK(std::isnan(precision) == (answered == 0));
      if (right > 0)  // the harmonic mean
        CHECK(same(2 / (1 / precision + 1 / recall), each.f1[c]));
      else
        CHECK(same(samples + answered > 0 ? 0 : not_a_number<double>, each.f1[c]));
      if (samples + answered > 0) sum += each.f1[c], ++occur;
    }
    CHECK(macro_f1(counts) == Approx(sum / occur));
  }
  REFUSED(class_scores(Tensor<double>({2, 3})), ramp::ShapeError, "(2, 3): it must be square");
}

TEST_CASE_TEMPLATE("AUC is the share of pairs in order, ties half", T, float, double) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const std::size_t n = 1 + random.below(25), width = 1 + random.below(2);
    const auto y =
        scores<T>(static_cast<std::int64_t>(n), static_cast<std::int64_t>(width), random);
    const Labels truth = labels(n, 2, random);
    double pairs = 0, in_order = 0;
    const auto score = [&](std::size_t i) { return width == 1 ? y[i] : y[2 * i + 1] - y[2 * i]; };
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        if (truth[i] == 1 && truth[j] == 0) {
          ++pairs;
          in_order += score(i) > score(j) ? 1 : score(i) == score(j) ? 0.5 : 0;
        }
    if (pairs > 0)
      CHECK(auc(y, truth) == Approx(in_order / pairs).epsilon(1e-14));
    else
      CHECK(std::isnan(auc(y, truth)));
  }
  const Tensor<T> far({2, 1}, {-infinity<T>, infinity<T>});
  CHECK(auc(far, Labels{0, 1}) == 1);
}

TEST_CASE_TEMPLATE("mean absolute error and R²", T, float, double) {
  const Tensor<T> y({2, 2}, {1, 2, 3, 4}), target({2, 2}, {2, 2, 1, 7});
  CHECK(mean_absolute_error(y, target) == (1 + 0 + 2 + 3) / 4.0);
  // The mean of the targets is 3: 1 + 1 + 4 + 16.
  CHECK(r2(y, target) == Approx(1 - (1 + 0 + 4 + 9) / 22.0));
  CHECK(r2(target, target) == 1);
  const Tensor<T> mean({2, 2}, 3), level({3, 1}, T(0.1)), any({3, 1}, {1, 2, 3});
  CHECK(r2(mean, target) == Approx(0).epsilon(1e-15));
  CHECK(std::isnan(r2(any, level)));
  CHECK(std::isnan(r2(level, level)));
  CHECK(std::isnan(r2(Tensor<T>({3, 1}, not_a_number<T>), any)));
}

TEST_CASE("R² of numbers whose squares are no double") {
  const Tensor<double> y({2, 2}, {1, 2, 3, 4}), target({2, 2}, {2, 2, 1, 7});
  for (const int exponent : {-1070, -600, 600, 1020}) {
    CAPTURE(exponent);
    Tensor<double> far = y, far_target = target;
    for (double& x : far) x = std::ldexp(x, exponent);
    for (double& x : far_target) x = std::ldexp(x, exponent);
    CHECK(r2(far, far_target) == Approx(r2(y, target)).epsilon(1e-14));
    CHECK(r2(far_target, far_target) == 1);
  }
  const Tensor<double> huge({2, 2}, 1e200);  // far from ordinary targets
  CHECK(r2(huge, target) == -infinity<double>);
}

TEST_CASE("operands that don't go together") {
  const Tensor<float> y({2, 3}, 1), column({2, 1}, 1), row({2}, 1), targets({3, 2}, 1);
  const View<const float> none{nullptr, Shape{0, 0}};
  const Labels two{0, 1}, three{0, 1, 2}, high{0, 3}, low{-1, 0}, nothing;
  using ramp::ShapeError;
  const auto all = [&](auto metric) {
    REFUSED(metric(y.view(), three), ShapeError, "outputs (2, 3), labels (3)");
    REFUSED(metric(y.view(), high), ShapeError, "label 3");
    REFUSED(metric(y.view(), low), ShapeError, "label -1");
    REFUSED(metric(row.view(), two), ShapeError, "outputs (2)");
    REFUSED(metric(y.view(), nothing), DataError, "no labels");
  };
  all([](auto outputs, auto& of) { return accuracy(outputs, of); });
  all([](auto outputs, auto& of) { return top_k(outputs, of, 2); });
  all([](auto outputs, auto& of) { return confusion_matrix(outputs, of); });
  all([](auto outputs, auto& of) { return auc(outputs, of); });
  REFUSED(accuracy(column, Labels{0, 2}), ShapeError, "label 2");
  REFUSED(top_k(column, two, 1), ShapeError, "one column");
  REFUSED(top_k(y, two, 0), ramp::ValueError, "k 0");
  REFUSED(auc(y, two), ShapeError, "two classes");
  REFUSED(answers(row), ShapeError, "outputs (2)");
  REFUSED(r2(y, targets), ShapeError, "outputs (2, 3), targets (3, 2)");
  REFUSED(mean_absolute_error(y.view(), none), DataError, "no targets");
}

TEST_CASE("a metric by name, or your own") {
  Random random(1);
  const auto y = scores<double>(30, 2, random), targets = scores<double>(30, 2, random);
  const Labels truth = labels(30, 2, random);
  const Batch<double> all{targets.view(), targets.view(), truth, {}, 2};
  double squares = 0;
  for (std::size_t i = 0; i < 60; ++i) squares += (y[i] - targets[i]) * (y[i] - targets[i]);
  const std::map<std::string_view, double> expected{{"accuracy", accuracy(y, truth)},
                                                    {"top_5", 1},
                                                    {"f1", macro_f1(confusion_matrix(y, truth))},
                                                    {"auc", auc(y, truth)},
                                                    {"mae", mean_absolute_error(y, targets)},
                                                    {"mse", squares / 60},
                                                    {"r2", r2(y, targets)}};
  CHECK(expected.size() == metric_names().size());
  for (const std::string_view name : metric_names()) {
    CAPTURE(name);
    const Metric<double> metric(name);
    CHECK(metric.name() == name);
    CHECK(metric(y.view(), all) == Approx(expected.at(name)).epsilon(1e-14));
    CHECK(metric.larger_is_better() == (name != "mae" && name != "mse"));
  }
  REFUSED_WITH(
      Metric<double>("precision"), ramp::ValueError,
      "[metric] no metric \"precision\": there are accuracy, top_5, f1, auc, mae, mse, r2");
  const Metric<double> own([](View<const double> outputs, const Batch<double>& batch) {
    return static_cast<double>(outputs.size() + batch.size());
  });
  CHECK(own(y.view(), all) == 90);
  CHECK(own.name() == "metric");
  CHECK(own.larger_is_better());
  const Metric<double> error([](auto, auto&) { return 0.5; }, "error", false);
  CHECK(error.name() == "error");
  CHECK_FALSE(error.larger_is_better());
}

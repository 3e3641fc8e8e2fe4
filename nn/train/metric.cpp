#include <nn/data/dataset.hpp>
#include <nn/named.hpp>
#include <nn/train/metric.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace ramp::nn {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

template <class T> std::size_t width_of(View<const T> outputs) {
  if (outputs.shape.rank() != 2 || outputs.shape[1] == 0)
    throw ShapeError(fmt::format("[metric] outputs {}: it needs a row for each sample",
                                 to_string(outputs.shape)));
  return outputs.shape[1];
}

// How many classes the outputs tell apart.
template <class T>
std::size_t classes_of(View<const T> outputs, std::span<const std::int32_t> labels) {
  const std::size_t width = width_of(outputs), classes = std::max<std::size_t>(2, width);
  if (labels.empty()) throw DataError("[metric] the set has no labels, which this metric looks at");
  if (labels.size() != outputs.shape[0])
    throw ShapeError(fmt::format("[metric] outputs {}, labels ({}): there must be a label a row",
                                 to_string(outputs.shape), labels.size()));
  for (const std::int32_t label : labels)
    if (label < 0 || std::cmp_greater_equal(label, classes))
      throw ShapeError(
          fmt::format("[metric] outputs {} tell {} classes apart, and there is label {}",
                      to_string(outputs.shape), classes, label));
  return classes;
}

// How many outputs of the row come before this one, if they are sorted: those that are larger, and
// equal ones to its left.
template <class T> std::size_t rank_of(std::span<const T> row, std::size_t k) {
  std::size_t before = 0;
  for (std::size_t j = 0; j < row.size(); ++j) before += j < k ? row[j] >= row[k] : row[j] > row[k];
  return before;
}

// No branch in the loop: that of accuracy runs after each step of a training.
template <class T> bool any_nan(std::span<const T> row) {
  bool any = false;
  for (const T y : row) any |= y != y;
  return any;
}

// Larger by this much are the scores of class 1.
template <class T> double score(View<const T> outputs, std::size_t width, std::size_t i) {
  const auto at = [&](std::size_t k) { return static_cast<double>(outputs[i * width + k]); };
  return width == 1 ? at(0) : at(1) - at(0);
}

template <class T> void check_targets(View<const T> outputs, View<const T> targets) {
  if (targets.size() == 0)
    throw DataError("[metric] the set has no targets, which this metric looks at");
  if (outputs.shape != targets.shape)
    throw ShapeError(fmt::format("[metric] outputs {}, targets {}: give both the same shape",
                                 to_string(outputs.shape), to_string(targets.shape)));
}

// A power of two that brings the largest finite number to about 1: squares of 1e200 have no place
// in a double, and those of 1e-200 are 0. It changes no digit.
template <class T> double unit_of(View<const T> outputs, View<const T> targets) {
  double largest = 0;
  for (const View<const T>& all : {outputs, targets})
    for (const T y : all)
      if (std::isfinite(y)) largest = std::max(largest, std::abs(static_cast<double>(y)));
  return std::ldexp(1.0, largest > 0 ? std::clamp(-std::ilogb(largest), -1000, 1000) : 0);
}

template <class T, class F> double mean_of(View<const T> outputs, View<const T> targets, F f) {
  check_targets(outputs, targets);
  double sum = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    sum += f(static_cast<double>(outputs[i]) - static_cast<double>(targets[i]));
  return sum / static_cast<double>(outputs.size());
}

}  // namespace

template <class T>
double top_k(View<const T> outputs, std::span<const std::int32_t> labels, std::size_t k) {
  const std::size_t width = width_of(outputs);
  classes_of(outputs, labels);
  if (width == 1)
    throw ShapeError("[top_k] outputs of one column: there is nothing to choose from");
  if (k == 0) throw ValueError("[top_k] k 0: give one from 1 up");
  std::size_t right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::span row(outputs.data + i * width, width);
    right += !any_nan(row) && rank_of(row, static_cast<std::size_t>(labels[i])) < k;
  }
  return static_cast<double>(right) / static_cast<double>(labels.size());
}

template <class T>
double accuracy(View<const T> outputs, std::span<const std::int32_t> labels, double threshold) {
  if (width_of(outputs) > 1) return top_k(outputs, labels, 1);
  classes_of(outputs, labels);
  std::size_t right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto y = static_cast<double>(outputs[i]);
    right += labels[i] == 0 ? y <= threshold : y > threshold;
  }
  return static_cast<double>(right) / static_cast<double>(labels.size());
}

template <class T> std::vector<std::int32_t> answers(View<const T> outputs, double threshold) {
  const std::size_t width = width_of(outputs);
  std::vector<std::int32_t> all(outputs.shape[0]);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const T* const row = outputs.data + i * width;
    std::size_t best = 0;
    for (std::size_t k = 1; k < width; ++k)
      if (row[k] > row[best] || (row[best] != row[best] && row[k] == row[k])) best = k;
    all[i] = width == 1 ? static_cast<double>(*row) > threshold : static_cast<std::int32_t>(best);
  }
  return all;
}

template <class T> Tensor<double> confusion_matrix(View<const T> outputs,
                                                   std::span<const std::int32_t> labels,
                                                   double threshold) {
  const std::size_t classes = classes_of(outputs, labels);
  Tensor<double> counts(Shape{classes, classes});
  const std::vector<std::int32_t> said = answers(outputs, threshold);
  const std::size_t width = outputs.shape[1];
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (any_nan(std::span(outputs.data + i * width, width)))
      throw DataError(fmt::format("[confusion_matrix] row {} has a NaN, which is no answer", i));
  for (std::size_t i = 0; i < labels.size(); ++i)
    counts[static_cast<std::size_t>(labels[i]) * classes + static_cast<std::size_t>(said[i])] += 1;
  return counts;
}

ClassScores class_scores(const Tensor<double>& confusion) {
  const Shape& shape = confusion.shape();
  if (shape.rank() != 2 || shape[0] != shape[1])
    throw ShapeError(
        fmt::format("[class_scores] confusion matrix {}: it must be square", to_string(shape)));
  const std::size_t n = shape[0];
  ClassScores scores;
  for (std::size_t k = 0; k < n; ++k) {
    double of_class = 0, said = 0;
    for (std::size_t j = 0; j < n; ++j) {
      of_class += confusion[k * n + j];
      said += confusion[j * n + k];
    }
    const double right = confusion[k * n + k];
    scores.precision.push_back(right / said);
    scores.recall.push_back(right / of_class);
    scores.f1.push_back(2 * right / (of_class + said));  // 0 / 0 is NaN in each
  }
  return scores;
}

double macro_f1(const Tensor<double>& confusion) {
  double sum = 0, n = 0;
  for (const double f1 : class_scores(confusion).f1)
    if (!std::isnan(f1)) sum += f1, ++n;
  return sum / n;
}

template <class T> double auc(View<const T> outputs, std::span<const std::int32_t> labels) {
  const std::size_t width = width_of(outputs);
  if (classes_of(outputs, labels) != 2 || width > 2)
    throw ShapeError(
        fmt::format("[auc] outputs {}: it is for two classes", to_string(outputs.shape)));
  std::vector<std::size_t> order(labels.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto s = [&](std::size_t i) { return score(outputs, width, i); };
  for (const std::size_t i : order)
    if (std::isnan(s(i))) return nan;
  std::ranges::sort(order, {}, s);
  double pairs = 0, negatives = 0, positives = 0;  // Mann and Whitney's count of pairs in order
  for (std::size_t i = 0; i < order.size();) {
    double equal[2] = {0, 0};
    for (const double here = s(order[i]); i < order.size() && s(order[i]) == here; ++i)
      ++equal[labels[order[i]]];
    pairs += equal[1] * (negatives + equal[0] / 2);
    negatives += equal[0];
    positives += equal[1];
  }
  return pairs / (negatives * positives);
}

template <class T> double mean_absolute_error(View<const T> outputs, View<const T> targets) {
  return mean_of(outputs, targets, [](double e) { return std::abs(e); });
}

template <class T> double r2(View<const T> outputs, View<const T> targets) {
  check_targets(outputs, targets);
  // Not by the squares below: rounding makes the mean of equal numbers another one.
  if (std::ranges::all_of(targets, [&](T y) { return y == targets[0]; })) return nan;
  const double unit = unit_of(outputs, targets);
  double mean = 0, errors = 0, squares = 0;
  const auto n = static_cast<double>(targets.size());
  for (const T y : targets) mean += static_cast<double>(y) * unit / n;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const double y = static_cast<double>(targets[i]) * unit;
    const double error = static_cast<double>(outputs[i]) * unit - y;
    errors += error * error;
    squares += (y - mean) * (y - mean);
  }
  return 1 - errors / squares;
}

// --- By name

namespace {

template <class T> struct Entry {
  std::string_view label;
  bool larger_is_better, is_mean;
  double (*function)(View<const T> outputs, const Batch<T>& all);

  std::string_view name() const { return label; }
};

template <class T> constexpr std::array table{
    Entry<T>{"accuracy", true, true, [](auto y, auto& all) { return accuracy(y, all.labels); }},
    Entry<T>{"top_5", true, true, [](auto y, auto& all) { return top_k(y, all.labels, 5); }},
    Entry<T>{"f1", true, false,
             [](auto y, auto& all) {
               return any_nan(std::span<const T>(y)) ? nan
                                                     : macro_f1(confusion_matrix(y, all.labels));
             }},
    Entry<T>{"auc", true, false, [](auto y, auto& all) { return auc(y, all.labels); }},
    Entry<T>{"mae", false, true,
             [](auto y, auto& all) { return mean_absolute_error(y, all.targets); }},
    Entry<T>{
        "mse", false, true,
        [](auto y, auto& all) { return mean_of(y, all.targets, [](double e) { return e * e; }); }},
    Entry<T>{"r2", true, false, [](auto y, auto& all) { return r2(y, all.targets); }}};

constexpr auto names_of_table = [] {
  std::array<std::string_view, table<float>.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = table<float>[i].label;
  return names;
}();

}  // namespace

std::span<const std::string_view> metric_names() { return names_of_table; }

template <class T> Metric<T>::Metric(std::string_view name) : name_(name) {
  const auto& entry = named(name, "metric", std::span<const Entry<T>>(table<T>));
  function_ = entry.function;
  larger_is_better_ = entry.larger_is_better;
  is_mean_ = entry.is_mean;
}

#define RAMP_METRICS(T)                                                                           \
  template double accuracy(View<const T>, std::span<const std::int32_t>, double);                 \
  template double top_k(View<const T>, std::span<const std::int32_t>, std::size_t);               \
  template std::vector<std::int32_t> answers(View<const T>, double);                              \
  template Tensor<double> confusion_matrix(View<const T>, std::span<const std::int32_t>, double); \
  template double auc(View<const T>, std::span<const std::int32_t>);                              \
  template double mean_absolute_error(View<const T>, View<const T>);                              \
  template double r2(View<const T>, View<const T>);                                               \
  template class Metric<T>;
RAMP_METRICS(float)
RAMP_METRICS(double)
#undef RAMP_METRICS

}  // namespace ramp::nn

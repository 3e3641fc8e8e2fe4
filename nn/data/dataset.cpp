#include <nn/data/dataset.hpp>
#include <nn/data/strata.hpp>
#include <nn/random.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace ramp::nn {

namespace {

template <class T>
Tensor<T> select_rows(const Tensor<T>& from, std::span<const std::uint32_t> rows) {
  Tensor<T> to(Shape{static_cast<std::int64_t>(rows.size()), from.shape()[1]});
  gather_rows(from, rows, to.data());
  return to;
}

}  // namespace

template <class T> void Dataset<T>::check() const {
  const auto fail = [&](const std::string& problem) {
    throw DataError(fmt::format("[dataset] {}: {}", name, problem));
  };
  for (const Tensor<T>* tensor : {&inputs, &targets})
    if (tensor->shape().rank() != 2)
      fail(fmt::format("{} are {}: expected two axes, one row a sample",
                       tensor == &inputs ? "inputs" : "targets", to_string(tensor->shape())));
  if (sample_shape.rank() > 0 && sample_shape.size() != features())
    fail(fmt::format("a sample of shape {} has {} features, but inputs are {}",
                     to_string(sample_shape), sample_shape.size(), to_string(inputs.shape())));
  if (targets.shape() != Shape{0, 0} && targets.shape()[0] != size())
    fail(fmt::format("{} rows of inputs, but {} of targets", size(), targets.shape()[0]));
  const auto named = [&](const std::vector<std::string>& names, std::size_t n, const char* what) {
    if (!names.empty() && names.size() != n)
      fail(fmt::format("{} names for {} {}", names.size(), n, what));
  };
  named(feature_names, features(), "features");
  named(class_names, static_cast<std::size_t>(classes), "classes");
  if (labels.empty() && classes == 0) return;
  if (classes < 2) fail(fmt::format("{} labels with classes = {}", labels.size(), classes));
  if (labels.size() != size())
    fail(fmt::format("{} rows of inputs, but {} labels", size(), labels.size()));
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] < 0 || labels[i] >= classes)
      fail(fmt::format("label {} in row {}: with {} classes, labels run from 0 to {}", labels[i], i,
                       classes, classes - 1));
}

template <class T> Dataset<T> Dataset<T>::select(std::span<const std::uint32_t> rows) const {
  check();
  for (const std::uint32_t row : rows)
    if (row >= size())
      throw IndexError(fmt::format("[dataset] {}: row {} of {}", name, row, size()));
  Dataset part;
  part.name = name;
  part.inputs = select_rows(inputs, rows);
  if (targets.shape() != Shape{0, 0}) part.targets = select_rows(targets, rows);
  if (!labels.empty())
    for (const std::uint32_t row : rows) part.labels.push_back(labels[row]);
  part.classes = classes;
  part.first_label = first_label;
  part.sample_shape = sample_shape;
  part.class_names = class_names;
  part.feature_names = feature_names;
  return part;
}

template <class T> Dataset<T> Dataset<T>::take(std::size_t n) const {
  if (n > size())
    throw IndexError(fmt::format("[dataset] {}: take({}) of {} rows", name, n, size()));
  std::vector<std::uint32_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0u);
  return select(rows);
}

template <class T> Split<T> Dataset<T>::split(double fraction, std::uint64_t seed) const {
  if (!(fraction > 0 && fraction < 1))
    throw ValueError(
        fmt::format("[dataset] {}: split({}): a fraction lies between 0 and 1", name, fraction));
  std::vector<std::uint32_t> rows(size());
  std::iota(rows.begin(), rows.end(), 0u);
  Random(seed).shuffle(rows);
  const auto cut = static_cast<std::size_t>(std::round(fraction * static_cast<double>(size())));
  if (cut == 0 || cut == size())
    throw DataError(fmt::format("[dataset] {}: split({}) of {} rows leaves a side empty", name,
                                fraction, size()));
  return {select(std::span(rows).first(cut)), select(std::span(rows).subspan(cut))};
}

template <class T> void Dataset<T>::split_into(std::span<const double> fractions,
                                               std::span<Dataset> parts,
                                               SplitOptions options) const {
  check();
  double sum = 0;
  for (const double f : fractions) {
    if (!(f > 0 && f <= 1))
      throw ValueError(fmt::format("[dataset] {}: split: a fraction of {}", name, f));
    sum += f;
  }
  if (sum > 1 + 1e-9)
    throw ValueError(fmt::format("[dataset] {}: split: the fractions add up to {}", name, sum));
  if (options.stratified && labels.empty())
    throw DataError(
        fmt::format("[dataset] {}: there are no labels to stratify the parts by", name));
  std::vector<std::vector<std::uint32_t>> strata(
      options.stratified ? static_cast<std::size_t>(classes) : 1);
  for (std::uint32_t row = 0; row < size(); ++row)
    strata[options.stratified ? static_cast<std::size_t>(labels[row]) : 0].push_back(row);
  Random random(options.seed);
  std::vector<std::size_t> sizes;
  for (auto& stratum : strata) random.shuffle(stratum), sizes.push_back(stratum.size());
  Strata shares(fractions, sizes);
  if (shares.uneven()) shares.even_out(random);
  std::vector<std::vector<std::uint32_t>> rows(fractions.size());
  for (std::size_t label = 0; label < strata.size(); ++label) {
    auto from = strata[label].begin();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto to = from + static_cast<std::ptrdiff_t>(shares.of_class(label)[i]);
      rows[i].insert(rows[i].end(), std::exchange(from, to), to);
    }
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].empty())
      throw DataError(fmt::format(
          "[dataset] {}: a part of {} of {} rows is empty: its share is {:.3g} rows, less than one",
          name, fractions[i], size(), fractions[i] * static_cast<double>(size())));
    if (options.stratified) random.shuffle(rows[i]);  // not class by class
    parts[i] = select(rows[i]);
  }
}

template <class T> void Dataset<T>::set_targets(T for_label_0, T for_label_1) {
  check();
  if (classes != 2)
    throw DataError(
        fmt::format("[dataset] {}: set_targets is for two classes, not {}", name, classes));
  targets = Tensor<T>(Shape{static_cast<std::int64_t>(size()), 1});
  std::transform(labels.begin(), labels.end(), targets.begin(),
                 [&](std::int32_t label) { return label == 0 ? for_label_0 : for_label_1; });
}

template <class T> Dataset<T> make_dataset(Tensor<T> inputs, Tensor<T> targets,
                                           const std::vector<std::int64_t>* labels, int classes) {
  Dataset<T> data;
  data.name = "dataset";
  data.inputs = std::move(inputs);
  if (labels) {
    data.classes = 2;
    constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max() - 1;
    for (const std::int64_t label : *labels) {
      if (label < 0 || label > most)
        throw DataError(fmt::format("[dataset] label {}: they are counted from 0", label));
      data.labels.push_back(static_cast<std::int32_t>(label));
      data.classes = std::max(data.classes, data.labels.back() + 1);
    }
    if (classes > 0) data.classes = classes;
  }
  const Shape shape = targets.shape();
  if (shape.rank() == 1)
    data.targets =
        Tensor<T>(Shape{shape[0], 1u}, std::span<const T>(targets.data(), targets.size()));
  else
    data.targets = std::move(targets);
  data.check();
  return data;
}

template <class T> ColumnStatistics<T> column_statistics(const Tensor<T>& inputs) {
  const Shape shape = inputs.shape();
  if (shape.rank() != 2 || shape[0] == 0)
    throw ShapeError(
        fmt::format("[column_statistics] {}: it takes rows and columns, and at least one "
                    "row",
                    to_string(shape)));
  const std::size_t n = shape[0], width = shape[1];
  ColumnStatistics<T> result{Tensor<T>(Shape{width}), Tensor<T>(Shape{width})};
  for (std::size_t k = 0; k < width; ++k) {
    double largest = 0, mean = 0, squares = 0;
    bool varies = false;  // of equal numbers, rounding may leave a deviation
    for (std::size_t i = 0; i < n; ++i) {
      largest = std::max(largest, std::abs(static_cast<double>(inputs[i * width + k])));
      varies |= inputs[i * width + k] != inputs[k];
    }
    // Scaled by a power of 2, which is exact, so that no sum and no square over- or underflows.
    int exponent = 0;
    if (std::isfinite(largest)) std::frexp(largest, &exponent);
    exponent = std::max(exponent, -1000);  // so that the scale is finite
    const double scale = std::ldexp(1.0, -exponent);
    const auto scaled = [&](std::size_t i) {
      return static_cast<double>(inputs[i * width + k]) * scale;
    };
    for (std::size_t i = 0; i < n; ++i) mean += scaled(i);
    mean /= static_cast<double>(n);  // in two passes: what is far from 0 keeps its digits
    for (std::size_t i = 0; i < n; ++i) {
      const double d = scaled(i) - mean;
      squares += d * d;
    }
    const double deviation = std::sqrt(squares / static_cast<double>(n));
    result.mean[k] = static_cast<T>(std::ldexp(mean, exponent));
    result.deviation[k] = static_cast<T>(std::ldexp(deviation, exponent));
    if (!varies || result.deviation[k] == 0) result.deviation[k] = 1;
  }
  return result;
}

#define RAMP_DATASET(T)                                                                          \
  template struct Dataset<T>;                                                                    \
  template Dataset<T> make_dataset(Tensor<T>, Tensor<T>, const std::vector<std::int64_t>*, int); \
  template ColumnStatistics<T> column_statistics(const Tensor<T>&);
RAMP_DATASET(float)
RAMP_DATASET(double)
#undef RAMP_DATASET

}  // namespace ramp::nn

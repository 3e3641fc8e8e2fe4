#include <nn/data/dataset.hpp>
#include <nn/random.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
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

template <class T> void Dataset<T>::set_targets(T for_label_0, T for_label_1) {
  check();
  if (classes != 2)
    throw DataError(
        fmt::format("[dataset] {}: set_targets is for two classes, not {}", name, classes));
  targets = Tensor<T>(Shape{static_cast<std::int64_t>(size()), 1});
  std::transform(labels.begin(), labels.end(), targets.begin(),
                 [&](std::int32_t label) { return label == 0 ? for_label_0 : for_label_1; });
}

template struct Dataset<float>;
template struct Dataset<double>;

}  // namespace ramp::nn

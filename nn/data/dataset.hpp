// Samples in memory: one row of inputs each, with a class label, with numbers to fit, or with both.
#pragma once

#include <autodiff/values/error.hpp>
#include <autodiff/values/tensor.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace ramp::nn {

struct DataError : Error {  // data that is missing, damaged or doesn't go together
  using Error::Error;
};

template <class T> struct Split;

struct SplitOptions {
  std::uint64_t seed = 0;
  // Each class in the same shares, up to one row, and parts within one row of those without it.
  bool stratified = false;
};

/// T is float or double. A set for classification has `labels` and `classes`; one for regression
/// has `targets`; a two-class set may have both, so that it serves cross_entropy (labels) as well
/// as hinge or squared error (targets). Make one of numbers with dataset(), or fill the members in
/// any order and call check().
template <class T> struct Dataset {
  std::string name;
  Tensor<T> inputs = Tensor<T>(Shape{0, 0});   // (n, features)
  Tensor<T> targets = Tensor<T>(Shape{0, 0});  // (n, outputs); (0, 0): none
  std::vector<std::int32_t> labels;            // n numbers from 0 to classes - 1; empty: none
  int classes = 0;                             // at least 2 with labels, 0 without
  int first_label =
      0;  // what label 0 is called where the set comes from: EMNIST's letters begin at 1
  Shape sample_shape;  // of a row before it was flattened, e.g. (28, 28); (): never was
  std::vector<std::string> class_names, feature_names;  // empty: they have none

  std::size_t size() const { return inputs.shape()[0]; }
  std::size_t features() const { return inputs.shape()[1]; }

  /// Throws DataError unless the members go together as described above, naming the row at fault.
  void check() const;

  /// A copy of these rows, in this order; a row may come twice. Throws IndexError.
  Dataset select(std::span<const std::uint32_t> rows) const;

  /// The first n rows. Throws IndexError when there are fewer.
  Dataset take(std::size_t n) const;

  /// Shuffles the rows; `train` gets round(fraction * n) of them, `test` the rest. Throws
  /// ValueError unless 0 < fraction < 1, DataError when a side would be empty.
  Split<T> split(double fraction, std::uint64_t seed) const;

  /// The same for several parts, whose fractions are above 0 and add up to 1 or less:
  ///
  ///     const auto [train, valid, test] = data.split({0.7, 0.15, 0.15}, {.stratified = true});
  ///
  /// ValueError for other fractions; DataError for an empty part, or to stratify without labels.
  template <std::size_t N>
  std::array<Dataset, N> split(const double (&fractions)[N], SplitOptions options = {}) const {
    std::array<Dataset, N> parts;
    split_into(fractions, parts, options);
    return parts;
  }

  /// Makes targets (n, 1) from the labels of a two-class set: -1 and +1 for hinge, 0 and 1 for
  /// binary cross-entropy. Throws DataError unless classes = 2.
  void set_targets(T for_label_0, T for_label_1);

 private:
  void split_into(std::span<const double> fractions, std::span<Dataset> parts,
                  SplitOptions options) const;
};

template <class T> struct Split { Dataset<T> train, test; };

/// Of numbers in memory: `inputs` a Tensor (n, features) or rows (vectors, arrays, lists);
/// `answers` whole numbers, which are labels, or others, which are targets: (n), (n, outputs) or
/// rows. There are as many classes as the largest label says, unless `classes` does. DataError for
/// what doesn't go together.
///
///     const auto data = dataset<float>(std::vector<std::vector<double>>{{1, 2}, {3, 4}},
///                                      std::vector{0, 1});
template <class T = float, class Inputs, class Answers>
Dataset<T> dataset(const Inputs& inputs, const Answers& answers, int classes = 0);

/// Mean and standard deviation (divided by n) of each column; 1 for a column that doesn't vary. For
/// the layer Standardize: learn them on the training part only.
template <class T> struct ColumnStatistics { Tensor<T> mean, deviation; };
template <class T> ColumnStatistics<T> column_statistics(const Tensor<T>& inputs);

/// Copies rows of `from` (n, width) one after the other to `to`, which has room for them all. It
/// checks nothing.
template <class T>
void gather_rows(const Tensor<T>& from, std::span<const std::uint32_t> rows, T* to) {
  const std::size_t width = from.shape()[1];
  for (const std::uint32_t row : rows) to = std::copy_n(from.data() + row * width, width, to);
}

template <class T> Dataset<T> make_dataset(Tensor<T> inputs, Tensor<T> targets,
                                           const std::vector<std::int64_t>* labels, int classes);

template <class T, class Inputs, class Answers>
Dataset<T> dataset(const Inputs& inputs, const Answers& answers, int classes) {
  using Answer = std::remove_cvref_t<decltype(*std::begin(answers))>;
  if constexpr (std::is_integral_v<Answer>) {
    std::vector<std::int64_t> labels;
    for (const auto label : answers) labels.push_back(static_cast<std::int64_t>(label));
    return make_dataset<T>(Tensor<T>(inputs), Tensor<T>(Shape{0, 0}), &labels, classes);
  } else {
    return make_dataset<T>(Tensor<T>(inputs), Tensor<T>(answers), nullptr, classes);
  }
}

}  // namespace ramp::nn

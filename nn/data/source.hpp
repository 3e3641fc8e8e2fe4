// Where batches come from: samples by their number, from a data set or from any function.
#pragma once

#include <autodiff/values/tensor.hpp>
#include <nn/random.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace ramp::nn {

template <class T> struct Dataset;

/// b samples; views of the loader's buffers, good until its next batch.
template <class T> struct Batch {
  View<const T> inputs;                  // (b, features)
  View<const T> targets;                 // (b, outputs); (0, 0) when the source has none
  std::span<const std::int32_t> labels;  // b of them; empty when the source has none
  std::span<const std::uint32_t> rows;   // where they stand in the source
  int classes = 0;                       // of the source

  std::size_t size() const { return inputs.shape[0]; }
};

/// Where the samples of a batch are put: as Batch, to be written.
template <class T> struct BatchBuffers {
  View<T> inputs, targets;
  std::span<std::int32_t> labels;
};

/// What a loader takes: how many samples there are, what each consists of, and a function that puts
/// some of them into a batch. A data set is one by itself, and must outlive it unchanged.
///
///     Source<float> waves("waves", 10000, 32, 1, 0,
///                         [](auto rows, const BatchBuffers<float>& to) { … });
template <class T> struct Source {
  std::string name;
  std::size_t size = 0, features = 0;
  std::size_t outputs = 0;  // width of the targets; 0: none
  int classes = 0;          // at least 2 with labels, 0 without
  /// Called from the loader's thread where it has one, for one batch at a time.
  std::function<void(std::span<const std::uint32_t> rows, const BatchBuffers<T>& to)> fill;

  Source() = default;
  Source(std::string its_name, std::size_t its_size, std::size_t its_features,
         std::size_t its_outputs, int its_classes, decltype(fill) its_fill);
  Source(const Dataset<T>& data);  // throws DataError for a set that fails Dataset::check
  Source(Dataset<T>&&) = delete;
};

/// Changes samples as they are loaded: `random` is of the epoch and the place of the batch in it,
/// so that a run that is picked up again sees the same.
template <class T> using Augment =
    std::function<void(const BatchBuffers<T>& batch, Random& random)>;

}  // namespace ramp::nn

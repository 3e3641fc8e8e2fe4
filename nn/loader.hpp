// Cuts a data set into batches, in an order that depends on nothing but a seed and the epoch's
// number.
#pragma once

#include <nn/dataset.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

namespace ramp::nn {

/// b samples; views of the loader's buffers, good until its next batch.
template <class T> struct Batch {
  View<const T> inputs;                  // (b, features)
  View<const T> targets;                 // (b, outputs); (0, 0) when the set has none
  std::span<const std::int32_t> labels;  // b of them; empty when the set has none
  std::span<const std::uint32_t> rows;   // where they stand in the set

  std::size_t size() const { return rows.size(); }
};

struct LoaderOptions {
  bool shuffle = true;     // a new order each epoch; else the set's own
  bool drop_last = false;  // leave out a last batch that would be smaller than the others
};

/// Gathers shuffled rows into its own 64-byte-aligned buffers; after the constructor nothing
/// allocates.
///
///     Loader<float> loader(data, 128, seed);
///     for (std::uint64_t e = 0; e < 10; ++e)
///       for (const Batch<float>& batch : loader.epoch(e)) …
///
/// An epoch's order depends only on (seed, e): training can stop and go on at any epoch. The loader
/// has one set of buffers, so finish one loop over it before you start another. The data set must
/// outlive it unchanged.
template <class T> class Loader {
 public:
  class Epoch;

  /// Throws ValueError for batch size 0, or when drop_last leaves no batch; DataError for a set
  /// that is empty or fails Dataset::check.
  Loader(const Dataset<T>& data, std::size_t batch_size, std::uint64_t seed = 0,
         LoaderOptions options = {});
  Loader(Dataset<T>&&, std::size_t, std::uint64_t = 0, LoaderOptions = {}) = delete;

  /// Number of batches in an epoch.
  std::size_t batches() const;
  /// The range of an epoch's batches, to be walked once.
  Epoch epoch(std::uint64_t number) { return Epoch(*this, number); }

 private:
  void start(std::uint64_t epoch);
  void load(std::size_t index);

  const Dataset<T>* data_;
  std::size_t batch_size_;
  std::uint64_t seed_;
  LoaderOptions options_;
  std::vector<std::uint32_t> order_;
  Tensor<T> inputs_, targets_;
  std::vector<std::int32_t> labels_;
  Batch<T> batch_;
};

/// An input range of Batch<T>.
template <class T> class Loader<T>::Epoch {
 public:
  class Iterator {
   public:
    using value_type = Batch<T>;
    using difference_type = std::ptrdiff_t;

    explicit Iterator(Loader& loader) : loader_(&loader) {}
    const Batch<T>& operator*() const { return loader_->batch_; }
    const Batch<T>* operator->() const { return &loader_->batch_; }
    Iterator& operator++() {
      if (++index_ < loader_->batches()) loader_->load(index_);
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return index_ == loader_->batches(); }

   private:
    Loader* loader_;
    std::size_t index_ = 0;
  };

  Iterator begin() const {
    loader_->start(number_);
    return Iterator(*loader_);
  }
  std::default_sentinel_t end() const { return {}; }

 private:
  friend Loader;
  Epoch(Loader& loader, std::uint64_t number) : loader_(&loader), number_(number) {}

  Loader* loader_;
  std::uint64_t number_;
};

}  // namespace ramp::nn

// Cuts a source of samples into batches, in an order that depends on nothing but a seed and the
// epoch's number.
#pragma once

#include <nn/data/dataset.hpp>
#include <nn/data/source.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>

namespace ramp::nn {

template <class T> struct LoaderOptions {
  bool shuffle = true;     // a new order each epoch; else the source's own
  bool drop_last = false;  // leave out a last batch that would be smaller than the others
  bool prefetch = false;   // load the next batch on a thread of its own, while this one is used
  Augment<T> augment = {};
  /// Only this part of each batch, of so many parts (nn/part.hpp); it may be empty. The first is
  /// augmented with the numbers that a whole batch is, others with their own.
  std::size_t part = 0, parts = 1;
};

/// Gathers shuffled rows into its own 64-byte-aligned buffers; after the constructor nothing
/// allocates.
///
///     Loader<float> loader(data, 128, seed);
///     for (std::uint64_t e = 0; e < 10; ++e)
///       for (const Batch<float>& batch : loader.epoch(e)) …
///
/// An epoch's order depends only on (seed, e), and what a batch is augmented with on its place in
/// it: training can stop and go on at any batch. Finish one loop over it before you start another.
/// What the source's function throws, the loop throws.
template <class T> class Loader {
 public:
  class Epoch;

  /// Throws ValueError for batch size 0, or when drop_last leaves no batch; DataError for a source
  /// that is empty.
  Loader(Source<T> source, std::size_t batch_size, std::uint64_t seed = 0,
         LoaderOptions<T> options = {});
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  const Source<T>& source() const;
  /// Number of batches in an epoch.
  std::size_t batches() const;
  /// How many samples a batch has, in all its parts together.
  std::size_t samples(std::size_t batch) const;
  /// The range of an epoch's batches from this one on, to be walked once.
  Epoch epoch(std::uint64_t number, std::size_t first_batch = 0) {
    return Epoch(*this, number, first_batch);
  }

 private:
  struct State;  // order, buffers, and the thread

  void start(std::uint64_t epoch, std::size_t first);
  void load(std::size_t index);
  const Batch<T>& current() const;

  std::unique_ptr<State> state_;
};

template <class T> Loader(const Dataset<T>&, std::size_t, std::uint64_t = 0, LoaderOptions<T> = {})
    -> Loader<T>;

/// An input range of Batch<T>.
template <class T> class Loader<T>::Epoch {
 public:
  class Iterator {
   public:
    using value_type = Batch<T>;
    using difference_type = std::ptrdiff_t;

    Iterator(Loader& loader, std::size_t index) : loader_(&loader), index_(index) {}
    const Batch<T>& operator*() const { return loader_->current(); }
    const Batch<T>* operator->() const { return &loader_->current(); }
    Iterator& operator++() {
      if (++index_ < loader_->batches()) loader_->load(index_);
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return index_ >= loader_->batches(); }

   private:
    Loader* loader_;
    std::size_t index_;
  };

  Iterator begin() const {
    if (first_ < loader_->batches()) loader_->start(number_, first_);
    return Iterator(*loader_, first_);
  }
  std::default_sentinel_t end() const { return {}; }

 private:
  friend Loader;
  Epoch(Loader& loader, std::uint64_t number, std::size_t first)
      : loader_(&loader), number_(number), first_(first) {}

  Loader* loader_;
  std::uint64_t number_;
  std::size_t first_;
};

}  // namespace ramp::nn

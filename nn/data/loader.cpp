#include <nn/data/loader.hpp>
#include <nn/part.hpp>
#include <nn/random.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <exception>
#include <limits>
#include <mutex>
#include <numeric>
#include <optional>
#include <thread>
#include <vector>

namespace ramp::nn {

template <class T> struct Loader<T>::State {
  // Room for one batch.
  struct Buffers {
    Tensor<T> inputs, targets;
    std::vector<std::int32_t> labels;
    Batch<T> batch;
  };

  State(Source<T> its_source, std::size_t its_batch_size, std::uint64_t its_seed,
        LoaderOptions<T> its_options)
      : source(std::move(its_source)),
        batch_size(std::min(its_batch_size, source.size)),
        seed(its_seed),
        options(std::move(its_options)),
        order(source.size) {
    const std::size_t room = (batch_size + options.parts - 1) / options.parts;
    for (Buffers& b : buffers) {
      b.inputs = Tensor<T>(Shape{room, source.features});
      b.targets = Tensor<T>(source.outputs > 0 ? Shape{room, source.outputs} : Shape{0, 0});
      b.labels.resize(source.classes > 0 ? room : 0);
      if (!options.prefetch) break;
    }
    if (options.prefetch) worker = std::thread([this] { work(); });
  }
  ~State() {
    if (!worker.joinable()) return;
    {
      const std::lock_guard lock(mutex);
      ended = true;
    }
    changed.notify_all();
    worker.join();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  std::size_t batches() const {
    const std::size_t full = source.size / batch_size;
    return full + (!options.drop_last && source.size % batch_size != 0);
  }

  std::size_t samples(std::size_t index) const {
    return std::min(batch_size, source.size - index * batch_size);
  }

  void fill(std::size_t index, Buffers& to) {
    const Part part_of_it = part_of(samples(index), options.part, options.parts);
    const auto rows = std::span<const std::uint32_t>(order).subspan(
        index * batch_size + part_of_it.first, part_of_it.last - part_of_it.first);
    const auto n = static_cast<std::uint32_t>(rows.size());
    const auto part = [n](Tensor<T>& x) {
      return View<T>{x.data(), x.size() == 0 ? x.shape() : x.shape().with(0, n)};
    };
    const BatchBuffers<T> room{{to.inputs.data(), to.inputs.shape().with(0, n)},
                               part(to.targets),
                               std::span(to.labels).first(to.labels.empty() ? 0 : n)};
    if (n > 0) source.fill(rows, room);
    if (options.augment && n > 0) {
      Random random = Random(seed).stream(~epoch).stream(index);  // not those of the orders
      if (options.part > 0) random = random.stream(options.part);
      options.augment(room, random);
    }
    to.batch = {room.inputs, room.targets, room.labels, rows, source.classes};
  }

  // --- On a thread of its own: it fills what `wanted` says, and then waits to be asked again.

  void work() {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [&] { return ended || wanted; });
      if (ended) return;
      const std::size_t index = *wanted;
      Buffers& to = buffers[index % 2];
      lock.unlock();
      std::exception_ptr thrown;
      try {
        fill(index, to);
      } catch (...) {
        thrown = std::current_exception();
      }
      lock.lock();
      error = thrown;
      wanted.reset();
      changed.notify_all();
    }
  }
  void ask(std::size_t index) {
    {
      const std::lock_guard lock(mutex);
      wanted = index;
    }
    changed.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return !wanted; });
  }

  void start(std::uint64_t number, std::size_t first) {
    if (options.prefetch) wait();  // for what a loop that was left early had asked for
    epoch = number;
    std::iota(order.begin(), order.end(), 0u);
    if (options.shuffle) Random(seed).stream(epoch).shuffle(order);
    if (options.prefetch) ask(first);
    load(first);
  }
  void load(std::size_t index) {
    if (!options.prefetch) return fill(index, buffers[0]);
    wait();
    if (error) std::rethrow_exception(std::exchange(error, nullptr));
    at = index % 2;
    if (index + 1 < batches()) ask(index + 1);
  }

  Source<T> source;
  std::size_t batch_size;
  std::uint64_t seed;
  LoaderOptions<T> options;
  std::vector<std::uint32_t> order;
  std::array<Buffers, 2> buffers;  // the second for prefetching only
  std::size_t at = 0;              // the one that is in use
  std::uint64_t epoch = 0;

  std::thread worker;
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<std::size_t> wanted;
  std::exception_ptr error;
  bool ended = false;
};

template <class T> Loader<T>::Loader(Source<T> source, std::size_t batch_size, std::uint64_t seed,
                                     LoaderOptions<T> options) {
  if (source.size == 0) throw DataError(fmt::format("[loader] {}: the set is empty", source.name));
  if (batch_size == 0) throw ValueError(fmt::format("[loader] {}: batch size 0", source.name));
  if (source.size > std::numeric_limits<std::uint32_t>::max())
    throw ValueError(
        fmt::format("[loader] {}: {} samples: 2^32 - 1 are most", source.name, source.size));
  if (!source.fill)
    throw ValueError(fmt::format("[loader] {}: the source has no function", source.name));
  if (options.drop_last && source.size < batch_size)
    throw ValueError(
        fmt::format("[loader] {}: {} samples make no full batch of {}, and drop_last "
                    "leaves the others out",
                    source.name, source.size, batch_size));
  if (options.part >= options.parts)
    throw ValueError(fmt::format("[loader] {}: part {} of {}: parts count from 0", source.name,
                                 options.part, options.parts));
  state_ = std::make_unique<State>(std::move(source), batch_size, seed, std::move(options));
}
template <class T> Loader<T>::~Loader() = default;

template <class T> const Source<T>& Loader<T>::source() const { return state_->source; }
template <class T> std::size_t Loader<T>::batches() const { return state_->batches(); }
template <class T> std::size_t Loader<T>::samples(std::size_t batch) const {
  return state_->samples(batch);
}
template <class T> void Loader<T>::start(std::uint64_t epoch, std::size_t first) {
  state_->start(epoch, first);
}
template <class T> void Loader<T>::load(std::size_t index) { state_->load(index); }
template <class T> const Batch<T>& Loader<T>::current() const {
  return state_->buffers[state_->at].batch;
}

template class Loader<float>;
template class Loader<double>;

}  // namespace ramp::nn

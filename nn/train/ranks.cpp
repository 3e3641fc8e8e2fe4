#include <nn/train/ranks.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace ramp::nn {

namespace {

// What the ranks of one process share. They meet; the last one to come does the work.
class Table {
 public:
  explicit Table(int size) : size_(static_cast<std::size_t>(size)), bytes_(size_) {}

  // Waits until all have laid down theirs; `work(all)` is done once, before anybody goes on.
  template <class F> void meet(std::size_t rank, std::span<std::byte> mine, F work) {
    std::unique_lock lock(mutex_);
    check_gone();
    bytes_[rank] = mine;
    const std::size_t round = round_;
    if (++here_ == size_) {
      const bool alike =
          std::ranges::all_of(bytes_, [&](const auto& x) { return x.size() == mine.size(); });
      if (alike) work(bytes_);
      failed_ |= !alike;
      here_ = 0;
      ++round_;
      changed_.notify_all();
    } else {
      changed_.wait(lock, [&] { return round_ != round || gone_ >= 0; });
      if (round_ == round) check_gone();
    }
    if (failed_)
      throw RankError("[ranks] spans of different lengths: all ranks make the same calls");
  }
  void leave(int rank) {
    const std::lock_guard lock(mutex_);
    if (gone_ < 0) gone_ = rank;
    changed_.notify_all();
  }

 private:
  void check_gone() const {
    if (gone_ >= 0)
      throw RankError(
          fmt::format("[ranks] rank {} of {} is gone: begin again, or go on from the "
                      "last checkpoint",
                      gone_, size_));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t size_, here_ = 0, round_ = 0;
  int gone_ = -1;
  bool failed_ = false;
  std::vector<std::span<std::byte>> bytes_;
};

class ThreadRanks : public Ranks {
 public:
  ThreadRanks(int rank, int size, std::shared_ptr<Table> table)
      : Ranks(rank, size), table_(std::move(table)) {}
  ~ThreadRanks() override { table_->leave(rank()); }

  void begin_sum(std::span<float> x) override { floats_.push_back(x); }
  void begin_sum(std::span<double> x) override { doubles_.push_back(x); }
  void wait() override {
    add_up(floats_);
    add_up(doubles_);
  }
  void broadcast(std::span<std::byte> x, int from) override {
    table_->meet(place(), x, [from](const auto& all) {
      const auto& source = all[static_cast<std::size_t>(from)];
      for (const auto& to : all)
        if (to.data() != source.data()) std::ranges::copy(source, to.begin());
    });
  }
  void give_up() override { table_->leave(rank()); }

 private:
  std::size_t place() const { return static_cast<std::size_t>(rank()); }

  template <class T> void add_up(std::vector<std::span<T>>& begun) {
    for (const std::span<T>& x : begun)
      table_->meet(place(), std::as_writable_bytes(x), [n = x.size()](const auto& all) {
        const auto numbers = [&](std::size_t r) { return reinterpret_cast<T*>(all[r].data()); };
        for (std::size_t i = 0; i < n; ++i) {
          T sum = 0;
          for (std::size_t r = 0; r < all.size(); ++r) sum += numbers(r)[i];
          for (std::size_t r = 0; r < all.size(); ++r) numbers(r)[i] = sum;
        }
      });
    begun.clear();
  }

  std::shared_ptr<Table> table_;
  std::vector<std::span<float>> floats_;
  std::vector<std::span<double>> doubles_;
};

}  // namespace

std::vector<std::shared_ptr<Ranks>> thread_ranks(int size) {
  if (size < 1) throw ValueError(fmt::format("[ranks] {} ranks: there must be at least 1", size));
  const auto table = std::make_shared<Table>(size);
  std::vector<std::shared_ptr<Ranks>> all;
  for (int r = 0; r < size; ++r) all.push_back(std::make_shared<ThreadRanks>(r, size, table));
  return all;
}

}  // namespace ramp::nn

// Processes, or threads, that train one model together: each has its part of every batch, and they
// add up what they found. docs/ranks.md says how to start them, and what it gives.
#pragma once

#include <autodiff/values/error.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

namespace ramp::nn {

/// What one rank has failed at, as all ranks throw it; or a rank that is gone, or differs.
struct RankError : Error {
  using Error::Error;
};

/// One of size() ranks. All of them make the same calls in the same order, with spans of the same
/// lengths. A RankError says that another one is gone; MPI ends all processes instead.
class Ranks {
 public:
  Ranks(int rank, int size) : rank_(rank), size_(size) {}
  virtual ~Ranks() = default;
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  int rank() const { return rank_; }  // from 0 up to size() - 1
  int size() const { return size_; }

  /// Each number becomes its sum over all ranks, with the same last bit on each of them. Begun, it
  /// is done after wait(), and several can be under way: `x` must stay, and isn't to be touched.
  virtual void begin_sum(std::span<float> x) = 0;
  virtual void begin_sum(std::span<double> x) = 0;
  virtual void wait() = 0;
  template <class T> void sum(std::span<T> x) {
    begin_sum(x);
    wait();
  }
  /// All have what rank `from` has, when it returns.
  virtual void broadcast(std::span<std::byte> x, int from = 0) = 0;
  /// For a rank that can't go on and hasn't told the others, as a Trainer does: they need wait no
  /// longer. MPI then ends all processes, this one included, at once.
  virtual void give_up() = 0;

 private:
  int rank_, size_;
};

/// So many ranks in one process, to be given to a thread each.
std::vector<std::shared_ptr<Ranks>> thread_ranks(int size);

/// The ranks that mpirun has started: MPI is initialized if it isn't, and ended with the last
/// pointer. To be called, and used, by one thread. ValueError where Ramp was built without MPI.
std::shared_ptr<Ranks> mpi_ranks();

}  // namespace ramp::nn

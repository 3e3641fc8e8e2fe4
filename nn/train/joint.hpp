// What ranks that train together agree on: the sum of their gradients, when to stop, who has
// failed. The trainer's own; nobody else includes it.
#pragma once

#include <nn/keep/checkpoint.hpp>
#include <nn/model/module.hpp>
#include <nn/train/optimizer.hpp>
#include <nn/train/ranks.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ramp::nn {

/// All ranks meet after each step's backward(), and a few times around an epoch. Whatever one of
/// them throws in between, it tells the others when they meet next, so that nobody waits for ever:
/// then all throw the same RankError.
template <class T> class Joint {
 public:
  /// `sums`: how many numbers are added up with a step's gradients.
  Joint(std::shared_ptr<Ranks> ranks, Module<T>& model, Optimizer<T>& optimizer, std::size_t sums);

  Ranks& ranks() { return *ranks_; }
  std::size_t rank() const { return static_cast<std::size_t>(ranks_->rank()); }
  std::size_t size() const { return static_cast<std::size_t>(ranks_->size()); }

  /// All get rank 0's checkpoint, which `pack` gives there; the others `restore` it. What is to be
  /// the same besides is in `also`.
  void share(const std::function<Checkpoint<T>()>& pack,
             const std::function<void(const Checkpoint<T>&)>& restore, const std::string& also);

  /// Rank 0 has the generators that one process has. Those of others begin each step with a stream
  /// of seed, step and rank, so that nothing of them has to be kept.
  void seed(std::uint64_t seed, std::uint64_t step);
  /// Begins to add up the gradients; what is done until finish_gradients() may overlap with it.
  void begin_gradients();
  /// Parameters then have the sum over all ranks, and so have `sums`.
  void finish_gradients(std::span<double> sums);

  /// Whether the next meeting is the one after a backward().
  void expect_step(bool is_step) { step_next_ = is_step; }
  void meet();
  /// A wish to stop: granted, for all ranks at once, where they meet next.
  void wish_to_stop() { wish_ = true; }
  bool stops() const { return stops_; }

  /// RankError, which names the first rank whose weights aren't rank 0's, by their checksums. All
  /// have rank 0's buffers then: those of BatchNorm1d are each rank's own until here.
  void compare_weights(std::uint64_t epoch);

  /// From within a catch: tells the others, and throws what they throw, with the exception nested.
  [[noreturn]] void fail();

 private:
  void agree(std::span<double> header);
  template <class X> void broadcast(X& x, int from = 0) {
    ranks_->broadcast(std::as_writable_bytes(std::span(x)), from);
  }
  void broadcast_text(std::string& text, int from);

  std::shared_ptr<Ranks> ranks_;
  Module<T>& model_;
  const std::vector<Parameter<T>*>& parameters_;
  std::size_t sums_;
  std::vector<Random*> generators_;
  std::vector<T> gradients_;    // of all parameters, one behind the other
  std::vector<double> header_;  // who failed, who wants to stop; sums; who has which gradient
  bool step_next_ = false, begun_ = false, wish_ = false, stops_ = false;
  std::optional<std::string> failure_;
};

}  // namespace ramp::nn

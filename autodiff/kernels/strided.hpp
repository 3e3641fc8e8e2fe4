// Loops over tensors whose axes are walked with steps: broadcasting, its transpose, and copies.
#pragma once

#include <autodiff/values/arena.hpp>
#include <autodiff/values/tensor.hpp>

#include <cstdint>

namespace ramp {

/// How a tensor of shape `from` is read as one of shape `to`, which it broadcasts to: a step per
/// axis of `to`, 0 where it repeats. Axes that run on are merged, so `whole` means one plain run.
struct Broadcasting {
  int rank = 0;
  std::array<std::size_t, max_rank> sizes{}, steps{};
  bool whole = true;

  Broadcasting() = default;
  Broadcasting(const Shape& from, const Shape& to);
  std::size_t inner() const { return sizes[static_cast<std::size_t>(rank - 1)]; }
  std::size_t inner_step() const { return steps[static_cast<std::size_t>(rank - 1)]; }
  bool repeats_a_row() const { return rank == 2 && steps[0] == 0 && steps[1] == 1; }
  std::size_t offset(std::size_t row) const;  // where the row-th innermost run begins
};

/// Elements first .. first + n of the broadcast tensor, into out.
template <class T> void spread(const Broadcasting& how, const T* from, std::size_t first,
                               std::size_t n, T* out, bool add = false);

/// The transpose of spread: sums that elements of the broadcast tensor are added to, where they
/// came from. However many there are, the error of a sum doesn't grow: what is rounded away is kept
/// beside it, until this dies, and added with the next.
template <class T> class Folded {
 public:
  Folded(const View<T>& to, Arena& scratch);
  Folded(const Folded&) = delete;
  Folded& operator=(const Folded&) = delete;
  /// Adds n elements, which stand at `first` of the broadcast tensor.
  void add(const Broadcasting& how, const T* in, std::size_t first, std::size_t n);

 private:
  View<T> to_;
  Arena::Temporary temporary_;
  T* lost_;
};

/// A walk over memory: from `offset`, a step per axis.
struct Walk {
  std::size_t offset = 0;
  std::array<std::size_t, max_rank> steps{};
};
Walk row_major(const Shape& shape);

/// out[walk] = (or +=) in[walk], for each element of `shape`.
template <class T> void copy(const Shape& shape, const T* in, const Walk& in_walk, T* out,
                             const Walk& out_walk, bool add = false);

/// y += x, or y = x.
template <class T> void copy(std::size_t n, const T* x, T* y, bool add);

/// The largest (or, with `smallest`, the smallest) along the middle of (outer, n, inner); NaN wins.
template <class T>
void extreme(const T* x, std::size_t outer, std::size_t n, std::size_t inner, bool smallest, T* y);

}  // namespace ramp

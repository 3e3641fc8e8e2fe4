// Loops over tensors whose axes are walked with steps: broadcasting and copies.
#pragma once

#include <autodiff/values/tensor.hpp>

#include <algorithm>
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

/// Calls f(offset in the small tensor, offset in the range, length) for each innermost run of
/// elements first .. first + n of the broadcast tensor.
template <class F> void each_run(const Broadcasting& how, std::size_t first, std::size_t n, F f) {
  const std::size_t inner = how.inner();
  std::size_t row = first / inner, column = first % inner;
  for (std::size_t done = 0; done < n; ++row, column = 0) {
    const std::size_t m = std::min(n - done, inner - column);
    f(how.offset(row) + column * how.inner_step(), done, m);
    done += m;
  }
}

/// Elements first .. first + n of the broadcast tensor, into out.
template <class T> void spread(const Broadcasting& how, const T* from, std::size_t first,
                               std::size_t n, T* out, bool add = false);

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

}  // namespace ramp

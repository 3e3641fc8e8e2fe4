#include <autodiff/kernels/lanes.hpp>
#include <autodiff/kernels/strided.hpp>

#include <algorithm>

namespace ramp {
Broadcasting::Broadcasting(const Shape& from, const Shape& to) {
  if (from == to) {
    rank = 1;
    sizes[0] = to.size();
    steps[0] = 1;
    return;
  }
  // From the last axis to the first; an axis merges with the one inside it where both repeat, or
  // where its step is what the inner one spans.
  std::array<std::size_t, max_rank> size{}, step{};
  std::size_t count = 0, run = 1;
  for (int i = 1; i <= to.rank(); ++i) {
    const std::size_t n = to[to.rank() - i];
    const std::size_t m = i <= from.rank() ? from[from.rank() - i] : 1;
    if (n == 1) continue;
    const std::size_t s = m == 1 ? 0 : run;
    run *= m;
    if (count > 0 && s == step[count - 1] * size[count - 1]) {
      size[count - 1] *= n;
    } else {
      size[count] = n;
      step[count++] = s;
    }
  }
  if (count == 0) {
    size[0] = 1;
    step[count++] = 1;
  }
  rank = static_cast<int>(count);
  std::reverse_copy(size.begin(), size.begin() + rank, sizes.begin());
  std::reverse_copy(step.begin(), step.begin() + rank, steps.begin());
  whole = rank == 1 && (steps[0] == 1 || sizes[0] == 1);
}

std::size_t Broadcasting::offset(std::size_t row) const {
  std::size_t at = 0;
  for (int i = rank - 2; i > 0; --i) {
    const auto k = static_cast<std::size_t>(i);
    at += row % sizes[k] * steps[k];
    row /= sizes[k];
  }
  return rank > 1 ? at + row * steps[0] : at;  // divisions are slow: none for the first axis
}

template <class T> void copy(std::size_t n, const T* x, T* y, bool add) {
  if (add) {
    for (std::size_t i = 0; i < n; ++i) y[i] += x[i];
  } else {
    std::copy_n(x, n, y);
  }
}

template <class T> void spread(const Broadcasting& how, const T* from, std::size_t first,
                               std::size_t n, T* out, bool add) {
  if (n == 0) return;
  const bool moves = how.inner_step() != 0;
  const std::size_t inner = how.inner();
  if (!add && how.repeats_a_row() && first % inner == 0 && n > inner) {
    std::copy_n(from, inner, out);  // what is there is copied again, so it doubles each time
    for (std::size_t done = inner; done < n; done *= 2)
      std::copy_n(out, std::min(done, n - done), out + done);
    return;
  }
  each_run(how, first, n, [&](std::size_t at, std::size_t i, std::size_t m) {
    if (moves) {
      copy(m, from + at, out + i, add);
    } else if (add) {
      for (std::size_t k = 0; k < m; ++k) out[i + k] += from[at];
    } else {  // what a register writes too far, the next piece overwrites
      const Lanes<T> all(from[at]);
      std::size_t k = 0;
      for (; k < m && i + k + all.width <= n; k += all.width) all.store(out + i + k);
      for (; k < m; ++k) out[i + k] = from[at];
    }
  });
}

Walk row_major(const Shape& shape) {
  Walk walk;
  std::size_t run = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    walk.steps[static_cast<std::size_t>(i)] = run;
    run *= shape[i];
  }
  return walk;
}

template <class T> void copy(const Shape& shape, const T* in, const Walk& in_walk, T* out,
                             const Walk& out_walk, bool add) {
  // Ranks below four are filled up with axes of one element at the front.
  std::array<std::size_t, max_rank> n{1, 1, 1, 1}, p{}, q{};
  for (int i = 0; i < shape.rank(); ++i) {
    const auto to = static_cast<std::size_t>(max_rank - shape.rank() + i);
    n[to] = shape[i];
    p[to] = in_walk.steps[static_cast<std::size_t>(i)];
    q[to] = out_walk.steps[static_cast<std::size_t>(i)];
  }
  for (std::size_t a = 0; a < n[0]; ++a)
    for (std::size_t b = 0; b < n[1]; ++b)
      for (std::size_t c = 0; c < n[2]; ++c) {
        const T* x = in + in_walk.offset + a * p[0] + b * p[1] + c * p[2];
        T* y = out + out_walk.offset + a * q[0] + b * q[1] + c * q[2];
        if (p[3] == 1 && q[3] == 1) {
          copy(n[3], x, y, add);
        } else {
          for (std::size_t d = 0; d < n[3]; ++d)
            y[d * q[3]] = add ? y[d * q[3]] + x[d * p[3]] : x[d * p[3]];
        }
      }
}

#define RAMP_INSTANTIATE(T)                                                                \
  template void copy(std::size_t, const T*, T*, bool);                                     \
  template void spread(const Broadcasting&, const T*, std::size_t, std::size_t, T*, bool); \
  template void copy(const Shape&, const T*, const Walk&, T*, const Walk&, bool);
RAMP_INSTANTIATE(float)
RAMP_INSTANTIATE(double)
#undef RAMP_INSTANTIATE

}  // namespace ramp

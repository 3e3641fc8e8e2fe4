#include <autodiff/kernels/lanes.hpp>
#include <autodiff/kernels/strided.hpp>

#include <algorithm>

namespace ramp {
namespace {

// sum += x. What is rounded away, exactly (Knuth's two-sum), is added with the next one (Kahan
// 1965): so the error of a sum of blocks doesn't grow with their number.
template <class X> [[gnu::always_inline]] inline void add_keeping(X x, X& sum, X& lost) {
  const X more = x + lost, before = sum;
  sum = before + more;
  const X added = sum - before, rest = (before - (sum - added)) + (more - added);
  lost = where(rest == rest, rest, 0);  // an infinite sum has lost nothing
}

constexpr std::size_t sum_block = 1024, row_block = 64;  // summed plainly

// Of at most sum_block numbers. Four sums at a time: one would wait for itself.
template <class T> T block_sum(const T* x, std::size_t n) {
  using L = Lanes<T>;
  T total = 0;
  std::size_t i = 0;
  if (n >= L::width) {
    L a(0), b(0), c(0), d(0);
    for (; i + 4 * L::width <= n; i += 4 * L::width) {
      a = a + L::load(x + i);
      b = b + L::load(x + i + L::width);
      c = c + L::load(x + i + 2 * L::width);
      d = d + L::load(x + i + 3 * L::width);
    }
    for (; i + L::width <= n; i += L::width) a = a + L::load(x + i);
    a = (a + b) + (c + d);
    for (std::size_t k = 0; k < L::width; ++k) total += a.v[k];
  }
  for (; i < n; ++i) total += x[i];
  return total;
}
template <class T> void add_sum(const T* x, std::size_t n, T& sum, T& lost) {
  for (std::size_t i = 0; i < n; i += sum_block)
    add_keeping(block_sum(x + i, std::min(sum_block, n - i)), sum, lost);
}

// to[k] += the sum of column k. A register goes down a block of rows before it is added.
template <class T> void sum_columns(const T* __restrict in, std::size_t rows, std::size_t cols,
                                    T* __restrict to, T* __restrict lost) {
  using L = Lanes<T>;
  std::size_t k = 0;
  const auto down = [&](auto registers) {
    constexpr std::size_t n = registers, turns = 4 / n;  // four sums: one would wait for itself
    for (; k + n * L::width <= cols; k += n * L::width)
      for (std::size_t first = 0; first < rows; first += row_block) {
        const std::size_t end = std::min(rows, first + row_block);
        L sums[turns][n];
        for (auto& turn : sums) std::fill_n(turn, n, L(0));
        for (std::size_t i = first; i < end; i += turns)
          for (std::size_t t = 0; t < turns && i + t < end; ++t)
            for (std::size_t r = 0; r < n; ++r)
              sums[t][r] = sums[t][r] + L::load(in + (i + t) * cols + k + r * L::width);
        for (std::size_t r = 0; r < n; ++r) {
          const std::size_t at = k + r * L::width;
          for (std::size_t t = 1; t < turns; ++t) sums[0][r] = sums[0][r] + sums[t][r];
          L sum = L::load(to + at), rounded = L::load(lost + at);
          add_keeping(sums[0][r], sum, rounded);
          sum.store(to + at);
          rounded.store(lost + at);
        }
      }
  };
  down(std::integral_constant<std::size_t, 4>{});
  down(std::integral_constant<std::size_t, 1>{});
  if (k == cols) return;
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t c = k; c < cols; ++c) add_keeping(in[i * cols + c], to[c], lost[c]);
}

}  // namespace

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

namespace {

// Calls f(offset in the small tensor, offset in the run, length) for each innermost piece.
template <class F> void pieces(const Broadcasting& how, std::size_t first, std::size_t n, F f) {
  const std::size_t inner = how.inner();
  std::size_t row = first / inner, column = first % inner;
  for (std::size_t done = 0; done < n; ++row, column = 0) {
    const std::size_t m = std::min(n - done, inner - column);
    f(how.offset(row) + column * how.inner_step(), done, m);
    done += m;
  }
}

}  // namespace

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
  pieces(how, first, n, [&](std::size_t at, std::size_t i, std::size_t m) {
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

template <class T>
void Folded<T>::add(const Broadcasting& how, const T* in, std::size_t first, std::size_t n) {
  T* const to = to_.data;
  T* const lost = lost_;
  if (n == 0) return;
  const bool moves = how.inner_step() != 0;
  const std::size_t inner = how.inner();
  if (how.repeats_a_row() && first % inner == 0 && n % inner == 0)
    return sum_columns(in, n / inner, inner, to, lost);
  pieces(how, first, n, [&](std::size_t at, std::size_t i, std::size_t m) {
    if (moves)
      for (std::size_t k = 0; k < m; ++k) add_keeping(in[i + k], to[at + k], lost[at + k]);
    else
      add_sum(in + i, m, to[at], lost[at]);
  });
}

template <class T> Folded<T>::Folded(const View<T>& to, Arena& scratch)
    : to_(to), temporary_(scratch), lost_(scratch.take_array<T>(to.size())) {
  std::fill_n(lost_, to.size(), T(0));
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

template <class T>
void extreme(const T* x, std::size_t outer, std::size_t n, std::size_t inner, bool smallest, T* y) {
  const auto better = [smallest](T a, T b) {  // a instead of b
    return (smallest ? a < b : a > b) || a != a;
  };
  if (inner == 1) {  // in a register, without branches
    for (std::size_t o = 0; o < outer; ++o, x += n) {
      T best = x[0];
      for (std::size_t k = 1; k < n; ++k) best = better(x[k], best) ? x[k] : best;
      y[o] = best;
    }
    return;
  }
  for (std::size_t o = 0; o < outer; ++o, x += n * inner, y += inner) {
    std::copy_n(x, inner, y);
    for (std::size_t k = 1; k < n; ++k)
      for (std::size_t i = 0; i < inner; ++i)
        if (better(x[k * inner + i], y[i])) y[i] = x[k * inner + i];
  }
}

#define RAMP_INSTANTIATE(T)                                                                \
  template void copy(std::size_t, const T*, T*, bool);                                     \
  template void spread(const Broadcasting&, const T*, std::size_t, std::size_t, T*, bool); \
  template class Folded<T>;                                                                \
  template void copy(const Shape&, const T*, const Walk&, T*, const Walk&, bool);          \
  template void extreme(const T*, std::size_t, std::size_t, std::size_t, bool, T*);
RAMP_INSTANTIATE(float)
RAMP_INSTANTIATE(double)
#undef RAMP_INSTANTIATE

}  // namespace ramp

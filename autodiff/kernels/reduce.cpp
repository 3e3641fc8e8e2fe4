#include <autodiff/kernels/lanes.hpp>
#include <autodiff/kernels/reduce.hpp>

#include <algorithm>
#include <functional>

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

// b replaces a where better(b, a); NaN is better than a number.
template <class T, class Better> void best_along(const T* x, std::size_t outer, std::size_t n,
                                                 std::size_t inner, T* y, Better better) {
  const auto wins = [better](T b, T a) { return better(b, a) || b != b; };
  if (n == 0) {  // what any number beats
    const T last = std::numeric_limits<T>::infinity();
    std::fill_n(y, outer * inner, better(last, T(0)) ? -last : last);
    return;
  }
  for (std::size_t o = 0; o < outer; ++o, x += n * inner, y += inner) {
    if (inner == 1) {  // in a register, without branches
      T best = x[0];
      for (std::size_t k = 1; k < n; ++k) best = wins(x[k], best) ? x[k] : best;
      y[0] = best;
      continue;
    }
    std::copy_n(x, inner, y);
    for (std::size_t k = 1; k < n; ++k)
      for (std::size_t i = 0; i < inner; ++i)
        if (wins(x[k * inner + i], y[i])) y[i] = x[k * inner + i];
  }
}

}  // namespace

template <class T>
void Folded<T>::add(const Broadcasting& how, const T* in, std::size_t first, std::size_t n) {
  T* const to = to_.data;
  T* const lost = lost_;
  if (n == 0) return;
  const bool moves = how.inner_step() != 0;
  const std::size_t inner = how.inner();
  if (how.repeats_a_row() && first % inner == 0 && n % inner == 0)
    return sum_columns(in, n / inner, inner, to, lost);
  each_run(how, first, n, [&](std::size_t at, std::size_t i, std::size_t m) {
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

template <class T>
void largest(const T* x, std::size_t outer, std::size_t n, std::size_t inner, T* y) {
  best_along(x, outer, n, inner, y, std::greater());
}
template <class T>
void smallest(const T* x, std::size_t outer, std::size_t n, std::size_t inner, T* y) {
  best_along(x, outer, n, inner, y, std::less());
}

#define RAMP_INSTANTIATE(T)                                                   \
  template class Folded<T>;                                                   \
  template void largest(const T*, std::size_t, std::size_t, std::size_t, T*); \
  template void smallest(const T*, std::size_t, std::size_t, std::size_t, T*);
RAMP_INSTANTIATE(float)
RAMP_INSTANTIATE(double)
#undef RAMP_INSTANTIATE

}  // namespace ramp

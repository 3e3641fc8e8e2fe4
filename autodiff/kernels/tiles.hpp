// Small matrix products, a tile of y in registers at a time. A BLAS spends longer on choosing and
// packing than such a product takes.
#pragma once

#include <autodiff/kernels/gemm.hpp>
#include <autodiff/kernels/lanes.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace ramp::tiles {

// n < 2 P numbers in pieces of constant size: calls of memcpy would cost more than the product.
template <std::size_t P, class T>
[[gnu::always_inline]] inline void copy_few(const T* from, std::size_t n, T* to) {
  const std::size_t piece = n & P;
  if (piece) std::memcpy(to, from, P * sizeof(T));
  if constexpr (P > 1) copy_few<P / 2>(from + piece, n, to + piece);
}

// The first n numbers from p on, of an array that ends at `end`; what the others are is nobody's
// business.
template <class T>
[[gnu::always_inline]] inline Lanes<T> load(const T* p, std::size_t n, const T* end) {
  constexpr std::size_t width = Lanes<T>::width;
  if (static_cast<std::size_t>(end - p) >= width) return Lanes<T>::load(p);
  T few[width]{};
  copy_few<width>(p, std::min(n, width), few);
  return Lanes<T>::load(few);
}

// The lower or the upper halves of a and b, number by number in turn.
template <bool upper, class L, std::size_t... I>
[[gnu::always_inline]] inline L interleaved(L a, L b, std::index_sequence<I...>) {
  constexpr std::size_t first = upper ? L::width / 2 : 0;
  return L(__builtin_shufflevector(a.v, b.v, (first + I / 2 + I % 2 * L::width)...));
}
// A square of registers: interleaving row i with row i + width / 2, log2(width) times over.
template <class L> [[gnu::always_inline]] inline void transpose(std::array<L, L::width>& rows) {
  constexpr auto all = std::make_index_sequence<L::width>{};
#pragma GCC unroll 8
  for (std::size_t n = 1; n < L::width; n *= 2) {
    const auto old = rows;
#pragma GCC unroll 16
    for (std::size_t i = 0; i < L::width / 2; ++i) {
      rows[2 * i] = interleaved<false>(old[i], old[i + L::width / 2], all);
      rows[2 * i + 1] = interleaved<true>(old[i], old[i + L::width / 2], all);
    }
  }
}

// Element (i, l) of a is at data[i * down + l * along]; b's rows and y's begin `step` apart.
template <class T> struct A {
  const T* data;
  std::size_t down, along;
};
template <class T> struct Rows {
  T* data;
  std::size_t step;
};

// y (R, n) = or += a (R, k) b (k, n), n in C registers at most.
template <std::size_t R, std::size_t C, class T>
[[gnu::always_inline]] inline void tile(A<T> a, Rows<const T> b, Rows<T> y, std::size_t k,
                                        std::size_t n, bool add) {
  using L = Lanes<T>;
  // Eight sums or more: fewer would wait for themselves, so small tiles have several of each.
  constexpr std::size_t turns = R * C >= 8 ? 1 : 8 / (R * C);
  L sums[turns][R][C];
  for (auto& turn : sums)
    for (auto& row : turn) std::fill_n(row, C, L(0));
  const auto step = [&](L(&to)[R][C]) __attribute__((always_inline)) {
    L row[C];
    for (std::size_t c = 0; c < C; ++c) row[c] = L::load(b.data + c * L::width);
#pragma GCC unroll 16
    for (std::size_t r = 0; r < R; ++r) {
      const L factor(a.data[r * a.down]);
      for (std::size_t c = 0; c < C; ++c) to[r][c].v += factor.v * row[c].v;
    }
    a.data += a.along;
    b.data += b.step;
  };
  std::size_t l = 0;
  for (; l + turns <= k; l += turns)
    for (std::size_t t = 0; t < turns; ++t) step(sums[t]);
  for (; l < k; ++l) step(sums[0]);
  for (std::size_t i = 1; i < turns; ++i)
    for (std::size_t r = 0; r < R; ++r)
      for (std::size_t c = 0; c < C; ++c) sums[0][r][c].v += sums[i][r][c].v;
  constexpr std::size_t most = C * L::width;
  T few[R * most];
  const bool whole = n == most;
  const Rows<T> to = whole ? y : Rows<T>{few, most};
#pragma GCC unroll 16
  for (std::size_t r = 0; r < R; ++r)
    for (std::size_t c = 0; c < C; ++c) {
      T* const at = to.data + r * to.step + c * L::width;
      if (add && whole) sums[0][r][c].v += L::load(at).v;
      sums[0][r][c].store(at);
    }
  if (whole) return;
  for (std::size_t r = 0; r < R; ++r, y.data += y.step) {
    for (std::size_t j = 0; add && j < n; ++j) few[r * most + j] += y.data[j];
    copy_few<most / 2>(few + r * most, n, y.data);
  }
}
// The same for any number of rows m.
template <std::size_t R, std::size_t C, class T> void strip(A<T> a, Rows<const T> b, Rows<T> y,
                                                            std::size_t m, std::size_t k,
                                                            std::size_t n, bool add) {
  for (; m >= R; m -= R, a.data += R * a.down, y.data += R * y.step) tile<R, C>(a, b, y, k, n, add);
  if constexpr (R > 1)
    if (m > 0) strip<R / 2, C>(a, b, y, m, k, n, add);
}

/// y = a x, or y += a x: the rows of a (m, k) lie one after the other. A register of dot products
/// at a time; interleaving halves what is left to add up, and leaves them in order.
template <class T> void dots(const T* a, const T* x, T* y, std::size_t m, std::size_t k, bool add) {
  using L = Lanes<T>;
  constexpr auto all = std::make_index_sequence<L::width>{};
  for (std::size_t i = 0; i < m; i += L::width) {
    const std::size_t rows = std::min(L::width, m - i);
    std::array<L, L::width> sums;
    sums.fill(L(0));
    for (std::size_t d = 0; d < k; d += L::width) {
      const L factor = load(x + d, k - d, x + k);
#pragma GCC unroll 16
      for (std::size_t r = 0; r < L::width; ++r) {
        const T* const row = a + (i + std::min(r, rows - 1)) * k;
        sums[r].v += factor.v * load(row + d, k - d, row + k).v;
      }
    }
#pragma GCC unroll 8
    for (std::size_t half = L::width / 2; half > 0; half /= 2)
#pragma GCC unroll 16
      for (std::size_t r = 0; r < half; ++r)
        sums[r] = interleaved<false>(sums[r], sums[r + half], all) +
                  interleaved<true>(sums[r], sums[r + half], all);
    T few[L::width];
    sums[0].store(few);
    for (std::size_t r = 0; r < rows; ++r) y[i + r] = add ? y[i + r] + few[r] : few[r];
  }
}

// Rows of a tile of two registers: AVX-512 has 32 of them, others 16.
inline constexpr std::size_t tall = register_bytes == 64 ? 8 : 4;

/// y = a b, or y += a b.
template <class T> void gemm(const Matrix<T>& a, const Matrix<T>& b, T* y, bool add) {
  using L = Lanes<T>;
  constexpr std::size_t width = L::width, depth = 128;  // of b, what stays in the nearest cache
  alignas(64) T panel[depth * 2 * width];
  const std::size_t m = a.height(), n = b.width(), k = a.width();
  const T* const end = b.data + b.rows * b.cols;
  for (std::size_t l = 0; l < k; l += depth, add = true) {
    const std::size_t deep = std::min(depth, k - l);
    for (std::size_t j = 0, cols; j < n; j += cols) {
      // Of a single row all registers: its sums would wait for one another.
      const bool wide = m == 1 && !b.transposed && n - j >= 8 * width;
      const std::size_t step = wide ? 8 * width : n - j > width ? 2 * width : width;
      cols = std::min(step, n - j);
      Rows<const T> from{b.data + l * b.cols + j, b.cols};
      if (b.transposed) {
        for (std::size_t c = 0; c < cols; c += width)
          for (std::size_t d = 0; d < deep; d += width) {
            std::array<L, width> x;
            for (std::size_t i = 0; i < width; ++i) {
              const T* const row = b.data + std::min(j + c + i, n - 1) * b.cols;
              x[i] = load(row + l + d, deep - d, end);
            }
            transpose(x);
            for (std::size_t i = 0; i < width && d + i < deep; ++i)
              x[i].store(panel + (d + i) * step + c);
          }
        from = {panel, step};
      } else if (cols % width) {
        for (std::size_t d = 0; d < deep; ++d)
          for (std::size_t c = 0; c < cols; c += width)
            load(from.data + d * from.step + c, cols - c, end).store(panel + d * step + c);
        from = {panel, step};
      }
      const A<T> factors{a.data + l * (a.transposed ? a.cols : 1), a.transposed ? 1 : a.cols,
                         a.transposed ? a.cols : 1};
      if (wide)
        strip<1, 8>(factors, from, {y + j, n}, m, deep, cols, add);
      else if (step > width)
        strip<tall, 2>(factors, from, {y + j, n}, m, deep, cols, add);
      else
        strip<tall, 1>(factors, from, {y + j, n}, m, deep, cols, add);
    }
  }
}

}  // namespace ramp::tiles

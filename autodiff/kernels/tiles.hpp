// Small matrix products, a tile of y in registers at a time. A BLAS spends longer on choosing and
// packing than such a product takes.
#pragma once

#include <autodiff/kernels/gemm.hpp>
#include <autodiff/kernels/lanes.hpp>

#include <algorithm>

namespace ramp::tiles {

// y (R, n) = or += a (R, k) b (k, n), n in C registers at most. Element (r, l) of a is at
// a[r * down + l * along]; rows of b begin `step` apart, those of y `y_step`.
template <std::size_t R, std::size_t C, class T>
[[gnu::always_inline]] inline void tile(const T* a, std::size_t down, std::size_t along, const T* b,
                                        std::size_t step, std::size_t k, T* y, std::size_t y_step,
                                        std::size_t n, bool add) {
  using L = Lanes<T>;
  constexpr std::size_t most = C * L::width;
  L sums[R][C];
  for (auto& row : sums) std::fill_n(row, C, L(0));
  for (std::size_t l = 0; l < k; ++l, a += along, b += step) {
    L row[C];
    for (std::size_t c = 0; c < C; ++c) row[c] = L::load(b + c * L::width);
#pragma GCC unroll 16
    for (std::size_t r = 0; r < R; ++r) {
      const L factor(a[r * down]);
      for (std::size_t c = 0; c < C; ++c) sums[r][c].v += factor.v * row[c].v;
    }
  }
  T few[most];
#pragma GCC unroll 16
  for (std::size_t r = 0; r < R; ++r, y += y_step) {
    T* const to = n == most ? y : few;
    for (std::size_t c = 0; c < C; ++c) {
      if (add && n == most) sums[r][c].v += L::load(y + c * L::width).v;
      sums[r][c].store(to + c * L::width);
    }
    if (n < most)
      for (std::size_t j = 0; j < n; ++j) y[j] = add ? y[j] + few[j] : few[j];
  }
}
// The same for any number of rows m.
template <std::size_t R, std::size_t C, class T>
void strip(const T* a, std::size_t down, std::size_t along, const T* b, std::size_t step,
           std::size_t m, std::size_t k, T* y, std::size_t y_step, std::size_t n, bool add) {
  for (; m >= R; m -= R, a += R * down, y += R * y_step)
    tile<R, C>(a, down, along, b, step, k, y, y_step, n, add);
  if constexpr (R > 1)
    if (m > 0) strip<R / 2, C>(a, down, along, b, step, m, k, y, y_step, n, add);
}

// Rows of a tile: AVX-512 has 32 registers, others 16.
inline constexpr std::size_t tall = register_bytes == 64 ? 8 : 6;

/// y = a b, or y += a b.
template <class T> void gemm(const Matrix<T>& a, const Matrix<T>& b, T* y, bool add) {
  constexpr std::size_t width = Lanes<T>::width, depth = 128;  // of b, what stays in nearest cache
  T panel[depth * 2 * width];
  const std::size_t m = a.height(), n = b.width(), k = a.width();
  // How far apart two elements lie, one below and one beside the other.
  const std::size_t a_down = a.transposed ? 1 : a.cols, a_along = a.transposed ? a.cols : 1,
                    b_down = b.transposed ? 1 : b.cols, b_along = b.transposed ? b.cols : 1;
  const T* const end = b.data + b.rows * b.cols;
  for (std::size_t l = 0; l < k; l += depth, add = true) {
    const std::size_t deep = std::min(depth, k - l);
    for (std::size_t j = 0; j < n; j += 2 * width) {
      const std::size_t cols = std::min(2 * width, n - j), wide = cols > width ? 2 * width : width;
      const T* from = b.data + l * b_down + j * b_along;
      std::size_t step = b.cols;
      if (b.transposed || cols < wide) {  // put in order, and filled up
        if (cols < wide) std::fill_n(panel, deep * wide, T(0));
        for (std::size_t d = 0; d < deep && !b.transposed; ++d) {
          const T* const row = from + d * b.cols;
          if (row + wide <= end)  // with what follows: a register costs less than its elements
            for (std::size_t c = 0; c < wide; c += width)
              Lanes<T>::load(row + c).store(panel + d * wide + c);
          else
            std::copy_n(row, cols, panel + d * wide);
        }
        for (std::size_t c = 0; c < cols && b.transposed; ++c)
          for (std::size_t d = 0; d < deep; ++d) panel[d * wide + c] = from[d + c * b.cols];
        from = panel;
        step = wide;
      }
      const T* const factors = a.data + l * a_along;
      if (wide == width)
        strip<tall, 1>(factors, a_down, a_along, from, step, m, deep, y + j, n, cols, add);
      else
        strip<tall, 2>(factors, a_down, a_along, from, step, m, deep, y + j, n, cols, add);
    }
  }
}

}  // namespace ramp::tiles

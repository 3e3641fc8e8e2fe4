// The one door to a BLAS, and past it for small products (tiles.hpp).
#pragma once

#include <cstddef>

namespace ramp {

/// A matrix (rows, cols) in row-major memory; `transposed` reads it as (cols, rows).
template <class T> struct Matrix {
  const T* data;
  std::size_t rows, cols;
  bool transposed = false;

  std::size_t height() const { return transposed ? cols : rows; }
  std::size_t width() const { return transposed ? rows : cols; }
};

/// y = a b, or y += a b; y is (a.height(), b.width()), and a.width() == b.height().
template <class T> void gemm(const Matrix<T>& a, const Matrix<T>& b, T* y, bool add);

}  // namespace ramp

// The one door to a BLAS: products with a vector go to CBLAS, small ones are computed here
// (tiles.hpp), and of the others those of floats go to oneDNN where Ramp was built with it.
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

/// How many threads a large product uses from here on, OpenBLAS's and oneDNN's alike, whichever
/// thread asks for it. Another BLAS has a way of its own.
void set_blas_threads(int n);
int blas_threads();  // as it was set

}  // namespace ramp

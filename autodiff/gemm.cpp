#include <autodiff/error.hpp>
#include <autodiff/gemm.hpp>
#include <autodiff/lanes.hpp>

#include <cblas.h>

#include <algorithm>
#include <limits>

namespace ramp {
namespace {

int blas_size(std::size_t n) {
  if (n > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw ShapeError("[matmul] a size above 2^31 - 1 is more than the BLAS can address");
  return static_cast<int>(n);
}

CBLAS_TRANSPOSE flag(bool transposed) { return transposed ? CblasTrans : CblasNoTrans; }

void blas(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, const float* a, int lda,
          const float* b, int ldb, float beta, float* y) {
  cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, 1, a, lda, b, ldb, beta, y, n);
}
void blas(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, const double* a, int lda,
          const double* b, int ldb, double beta, double* y) {
  cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, 1, a, lda, b, ldb, beta, y, n);
}
void blas(CBLAS_TRANSPOSE t, int m, int n, const float* a, const float* x, float* y) {
  cblas_sgemv(CblasRowMajor, t, m, n, 1, a, n, x, 1, 1, y, 1);
}
void blas(CBLAS_TRANSPOSE t, int m, int n, const double* a, const double* x, double* y) {
  cblas_dgemv(CblasRowMajor, t, m, n, 1, a, n, x, 1, 1, y, 1);
}

// Few columns or few rows: a BLAS would spend its time on packing. Each row of y is a sum of rows
// of b, a register at a time.
template <class T> void thin(const Matrix<T>& a, const Matrix<T>& b, T* __restrict y, bool add) {
  using L = Lanes<T>;
  const std::size_t m = a.height(), n = b.width(), k = a.width();
  const std::size_t down = a.transposed ? 1 : a.cols, along = a.transposed ? a.cols : 1;
  for (std::size_t i = 0; i < m; ++i, y += n) {
    const T* const factors = a.data + i * down;
    std::size_t j = 0;
    for (; j + L::width <= n; j += L::width) {
      L sum = add ? L::load(y + j) : L(0);
      for (std::size_t l = 0; l < k; ++l)
        sum = sum + L(factors[l * along]) * L::load(b.data + l * n + j);
      sum.store(y + j);
    }
    for (; j < n; ++j) {
      T sum = add ? y[j] : T(0);
      for (std::size_t l = 0; l < k; ++l) sum += factors[l * along] * b.data[l * n + j];
      y[j] = sum;
    }
  }
}

}  // namespace

template <class T> void gemm(const Matrix<T>& a, const Matrix<T>& b, T* y, bool add) {
  const int m = blas_size(a.height()), n = blas_size(b.width()), k = blas_size(a.width());
  if (m == 0 || n == 0) return;
  if (k == 0) {
    if (!add) std::fill_n(y, a.height() * b.width(), T(0));
    return;
  }
  const int a_cols = blas_size(a.cols), b_cols = blas_size(b.cols);
  if (n == 1 || m == 1) {  // a vector's elements lie in a row either way
    if (!add) std::fill_n(y, a.height() * b.width(), T(0));  // 0 * NaN is NaN in some gemv
    if (n == 1)
      blas(flag(a.transposed), blas_size(a.rows), a_cols, a.data, b.data, y);
    else
      blas(flag(!b.transposed), blas_size(b.rows), b_cols, b.data, a.data, y);
    return;
  }
  const bool rows_of_b = !b.transposed || k == 1;
  const std::size_t work = a.height() * b.width() * a.width();
  if (rows_of_b && (k == 1 || ((k <= 4 || m <= 4) && work <= 16384))) return thin(a, b, y, add);
  const T beta = add ? T(1) : T(0);
  blas(flag(a.transposed), flag(b.transposed), m, n, k, a.data, a_cols, b.data, b_cols, beta, y);
}

template void gemm(const Matrix<float>&, const Matrix<float>&, float*, bool);
template void gemm(const Matrix<double>&, const Matrix<double>&, double*, bool);

}  // namespace ramp

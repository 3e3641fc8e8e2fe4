#include <autodiff/kernels/gemm.hpp>
#include <autodiff/kernels/signals.hpp>
#include <autodiff/kernels/team.hpp>
#include <autodiff/kernels/tiles.hpp>
#include <autodiff/values/error.hpp>

#ifdef RAMP_BLAS
#include <cblas.h>
#else
#if defined __GNUC__ && !defined __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC bug 105593, in its own intrinsics
#endif
#include <Eigen/Core>
#endif
#ifdef RAMP_ONEDNN
#include <dnnl.h>
#endif

#include <algorithm>
#include <atomic>
#include <limits>
#include <new>
#include <optional>

// Weak: who isn't linked has no threads. oneDNN's are OpenMP's.
extern "C" {
[[gnu::weak]] void openblas_set_num_threads(int);
[[gnu::weak]] void omp_set_num_threads(int);
[[gnu::weak]] int omp_get_max_threads();
}

namespace ramp {
namespace {

int blas_size(std::size_t n) {
  if (n > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    throw ShapeError("[matmul] a size above 2^31 - 1 is more than the BLAS can address");
  return static_cast<int>(n);
}

#ifdef RAMP_BLAS
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
#else
// Eigen's products, by one thread, where no BLAS was found or none is wanted. A transposed matrix
// in row-major memory is one in column-major memory.
bool flag(bool transposed) { return transposed; }

template <class T, int order> using Dense = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, order>;

template <class T, class Use>  // with op(a), which is (rows, cols)
void mapped(bool transposed, const T* a, int rows, int cols, const Use& use) {
  if (transposed)
    use(Eigen::Map<const Dense<T, Eigen::ColMajor> >(a, rows, cols));
  else
    use(Eigen::Map<const Dense<T, Eigen::RowMajor> >(a, rows, cols));
}

template <class T>
void blas(bool ta, bool tb, int m, int n, int k, const T* a, int, const T* b, int, T beta, T* y) {
  Eigen::Map<Dense<T, Eigen::RowMajor> > product(y, m, n);
  if (beta == 0) product.setZero();
  mapped(ta, a, m, k, [&](const auto& left) {
    mapped(tb, b, k, n, [&](const auto& right) { product.noalias() += left * right; });
  });
}
template <class T> void blas(bool t, int m, int n, const T* a, const T* x, T* y) {
  using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;
  mapped(t, a, t ? n : m, t ? m : n, [&](const auto& left) {
    Eigen::Map<Vector>(y, left.rows()).noalias() += left * Eigen::Map<const Vector>(x, left.cols());
  });
}
#endif

std::atomic<int> threads = 0;  // what was asked for

#ifdef RAMP_ONEDNN
// Whether there is such a product. Each thread of the team computes a range of rows of y, or of
// columns if there are more of them.
bool onednn(const Matrix<float>& a, const Matrix<float>& b, float* y, bool add) {
  const auto m = static_cast<dnnl_dim_t>(a.height()), n = static_cast<dnnl_dim_t>(b.width()),
             k = static_cast<dnnl_dim_t>(a.width()), lda = static_cast<dnnl_dim_t>(a.cols),
             ldb = static_cast<dnnl_dim_t>(b.cols), most = std::max(m, n);
  constexpr double worth_a_thread = 1 << 21;  // multiplications: 20 us, and waking takes 5
  const int before = omp_get_max_threads ? omp_get_max_threads() : 1,
            asked = threads > 0 ? threads.load() : before;
  const double share =
      static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) / worth_a_thread;
  const int parts = std::max(1, static_cast<int>(std::min<double>(asked, share)));
  // On some CPUs, from k = 85 on, oneDNN lets the stack pointer point into a buffer in the heap
  // while it computes. A signal's handler would write below the buffer, to what isn't its own.
  std::optional<SignalsWait> signals_wait;
  if (k > 64) signals_wait.emplace();
  std::atomic<bool> failed = false;
  in_parallel(parts, [&](int part) {
    const auto from = [&](dnnl_dim_t p) { return p == parts ? most : most * p / parts / 16 * 16; };
    const dnnl_dim_t first = from(part), count = from(part + 1) - first;
    const dnnl_dim_t row = m == most ? first : 0, column = m == most ? 0 : first;
    if (omp_set_num_threads) omp_set_num_threads(1);  // of this thread's products
    if (dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', m == most ? count : m,
                   m == most ? n : count, k, 1, a.data + row * (a.transposed ? 1 : lda), lda,
                   b.data + column * (b.transposed ? ldb : 1), ldb, add ? 1.0f : 0.0f,
                   y + row * n + column, n) != dnnl_success)
      failed = true;
  });
  if (omp_set_num_threads) omp_set_num_threads(before);
  if (failed) throw std::bad_alloc();  // nothing else can go wrong
  return true;
}
bool onednn(const Matrix<double>&, const Matrix<double>&, double*, bool) { return false; }
#else
template <class T> bool onednn(const Matrix<T>&, const Matrix<T>&, T*, bool) { return false; }
#endif

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
  // Multiplications up to which tiles win, and which no BLAS spreads over threads. A BLAS looks for
  // the CPU's registers where it runs: it has wider ones than tiles compiled for any CPU.
  constexpr double small = register_bytes > 16 ? 1 << 18 : 1 << 12;
  if (static_cast<double>(m) * n * k <= small) return tiles::gemm(a, b, y, add);
  if (onednn(a, b, y, add)) return;
  const T beta = add ? T(1) : T(0);
  blas(flag(a.transposed), flag(b.transposed), m, n, k, a.data, a_cols, b.data, b_cols, beta, y);
}

void set_blas_threads(int n) {
  threads = n;
  if (openblas_set_num_threads) openblas_set_num_threads(n);
}

int blas_threads() { return threads; }

template void gemm(const Matrix<float>&, const Matrix<float>&, float*, bool);
template void gemm(const Matrix<double>&, const Matrix<double>&, double*, bool);

}  // namespace ramp

#include <autodiff/kernels/factor.hpp>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC bug 105593, in its own intrinsics
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <Eigen/Cholesky>
#include <Eigen/LU>

#include <limits>

namespace ramp {
namespace {

template <class T> using Dense = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T> Eigen::Map<const Dense<T>> square(const T* a, std::size_t n) {
  return {a, static_cast<Eigen::Index>(n), static_cast<Eigen::Index>(n)};
}

}  // namespace

template <class T> void solve(const T* a, const T* b, std::size_t n, std::size_t m, T* x) {
  if (n == 0 || m == 0) return;
  const auto rows = static_cast<Eigen::Index>(n), columns = static_cast<Eigen::Index>(m);
  Eigen::Map<Dense<T>>(x, rows, columns) =
      square(a, n).partialPivLu().solve(Eigen::Map<const Dense<T>>(b, rows, columns));
}

template <class T> T determinant(const T* a, std::size_t n) {
  return n == 0 ? T(1) : square(a, n).partialPivLu().determinant();
}

template <class T> void cholesky(const T* a, std::size_t n, T* l) {
  if (n == 0) return;
  const auto size = static_cast<Eigen::Index>(n);
  const Eigen::LLT<Dense<T>> found(square(a, n));
  Eigen::Map<Dense<T>> to(l, size, size);
  if (found.info() == Eigen::Success)
    to = found.matrixL();
  else
    to.setConstant(std::numeric_limits<T>::quiet_NaN());
}

#define RAMP_INSTANTIATE(T)                                              \
  template void solve(const T*, const T*, std::size_t, std::size_t, T*); \
  template T determinant(const T*, std::size_t);                         \
  template void cholesky(const T*, std::size_t, T*);
RAMP_INSTANTIATE(float)
RAMP_INSTANTIATE(double)
#undef RAMP_INSTANTIATE

}  // namespace ramp

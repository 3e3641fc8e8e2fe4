// Small matrices, factored: row-major, n by n. What has no answer is infinite or NaN.
#pragma once

#include <cstddef>

namespace ramp {

/// x (n, m): a x = b
template <class T> void solve(const T* a, const T* b, std::size_t n, std::size_t m, T* x);
template <class T> T determinant(const T* a, std::size_t n);
/// The lower triangle l with l l^T = a, of which the lower triangle is read; NaN unless a is
/// positive definite.
template <class T> void cholesky(const T* a, std::size_t n, T* l);

}  // namespace ramp

// gemm(), by tiles for small products and by the BLAS or oneDNN for others, against the sum that
// defines a product.
#include <autodiff/kernels/gemm.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>
#include <vector>

namespace ramp {
namespace {

template <class T> std::vector<T> numbers(std::size_t n) {
  std::vector<T> all(n);
  for (std::size_t i = 0; i < n; ++i)
    all[i] = static_cast<T>(static_cast<double>(i * 37 % 101) / 64 - 0.75);
  return all;
}

// The largest difference. What stands in y without `add` is NaN, so that reading it shows.
template <class T> double error(std::size_t m, std::size_t n, std::size_t k, int how) {
  const bool a_turned = how & 1, b_turned = how & 2, add = how & 4;
  // Vectors of exactly their size, so that a sanitizer sees a step too far.
  const std::vector<T> a = numbers<T>(m * k), b = numbers<T>(k * n);
  const auto matrix = [](const std::vector<T>& x, std::size_t rows, std::size_t cols, bool turned) {
    return Matrix<T>{x.data(), turned ? cols : rows, turned ? rows : cols, turned};
  };
  std::vector<T> y(m * n, add ? T(3) : std::numeric_limits<T>::quiet_NaN());
  gemm(matrix(a, m, k, a_turned), matrix(b, k, n, b_turned), y.data(), add);
  double worst = 0;
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      double sum = add ? 3 : 0;
      for (std::size_t l = 0; l < k; ++l)
        sum += static_cast<double>(a[a_turned ? l * m + i : i * k + l]) *
               static_cast<double>(b[b_turned ? j * k + l : l * n + j]);
      const double off = std::abs(static_cast<double>(y[i * n + j]) - sum);
      worst = std::max(worst, std::isnan(off) ? INFINITY : off);
    }
  return worst;
}

TEST_CASE_TEMPLATE("a product is its definition, whatever computes it", T, float, double) {
  const double tolerance = 40 * static_cast<double>(std::numeric_limits<T>::epsilon());
  for (const std::size_t m : {1u, 2u, 7u, 8u, 29u})
    for (const std::size_t n : {1u, 3u, 15u, 16u, 17u, 33u, 70u})
      for (const std::size_t k : {0u, 1u, 5u, 16u, 31u, 130u})
        for (int how = 0; how < 8; ++how) {
          CAPTURE(m);
          CAPTURE(n);
          CAPTURE(k);
          CAPTURE(how);
          CHECK(error<T>(m, n, k, how) <= tolerance * static_cast<double>(k + 1));
        }
}

TEST_CASE_TEMPLATE("a product too large for tiles", T, float, double) {
  const double tolerance = 40 * static_cast<double>(std::numeric_limits<T>::epsilon());
  for (int how = 0; how < 8; ++how) {
    CAPTURE(how);
    CHECK(error<T>(70, 65, 90, how) <= tolerance * 91);
    CHECK(error<T>(600, 1, 700, how) <= tolerance * 701);
    CHECK(error<T>(1, 600, 700, how) <= tolerance * 701);
  }
}

TEST_CASE("a product in several threads, also of several threads at once") {
  set_blas_threads(3);
  const auto all = [] {
    double worst = 0;
    for (int how = 0; how < 8; ++how)
      worst = std::max({worst, error<float>(300, 130, 170, how), error<float>(130, 300, 170, how)});
    return worst;
  };
  double elsewhere = 0;
  std::thread other([&] { elsewhere = all(); });
  CHECK(all() < 1e-3);
  other.join();
  CHECK(elsewhere < 1e-3);
  set_blas_threads(1);
}

}  // namespace
}  // namespace ramp

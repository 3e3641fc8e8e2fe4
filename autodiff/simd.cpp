// Transcendental functions over short arrays: Eigen's vectorised kernels, with their few departures
// from IEEE mended. The only file that sees Eigen.
#include <autodiff/lanes.hpp>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC bug 105593, in its own intrinsics
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <Eigen/Core>

#include <algorithm>

namespace ramp::simd {
namespace {

// y = mend(x, f(x)), a register at a time; the last one is filled up with ones.
template <class T, class F, class Mend> void each(const T* x, T* y, std::size_t n, F f, Mend mend) {
  using L = Lanes<T>;
  using Register = Eigen::Array<T, static_cast<int>(L::width), 1>;
  const auto one = [&](const T* from, T* to) {
    const Register in = Eigen::Map<const Register>(from), out = f(in);
    mend(L::load(in.data()), L::load(out.data())).store(to);
  };
  std::size_t i = 0;
  for (; i + L::width <= n; i += L::width) one(x + i, y + i);
  if (i == n) return;
  Register rest = Register::Ones();
  std::copy_n(x + i, n - i, rest.data());
  one(rest.data(), rest.data());
  std::copy_n(rest.data(), n - i, y + i);
}

constexpr auto as_is = [](auto, auto y) { return y; };

}  // namespace

#define RAMP_SIMD(name, formula, mend)                                     \
  void name(const float* in, float* out, std::size_t n) {                  \
    each(                                                                  \
        in, out, n, [](const auto& v) { return (formula).eval(); }, mend); \
  }                                                                        \
  void name(const double* in, double* out, std::size_t n) {                \
    each(                                                                  \
        in, out, n, [](const auto& v) { return (formula).eval(); }, mend); \
  }

// Eigen's exp of -infinity is the smallest normal number. Its float exp is 0 below -87.3 and
// infinite above 88.4, where IEEE's goes on to denormals and to 88.7.
RAMP_SIMD(exp, v.exp(), [](auto x, auto y) { return where(x < -745.2, 0, y); })
// Eigen's log of a denormal is that of the smallest normal number.
RAMP_SIMD(log, v.log(), as_is)
RAMP_SIMD(log1p, v.log1p(), as_is)
// Eigen's float expm1 overflows before exp does; above 64 the two round to the same number.
RAMP_SIMD(expm1, v.expm1(), [](auto x, auto y) {
  const auto high = where(x > 64, x, 64);
  return where(x > 64, ramp::exp(high), y);
})
// Eigen's sqrt of infinity is NaN. The compiler vectorises the loop.
RAMP_SIMD(sqrt, v.unaryExpr([](auto e) { return std::sqrt(e); }), as_is)
RAMP_SIMD(sin, v.sin(), as_is)
RAMP_SIMD(cos, v.cos(), as_is)
RAMP_SIMD(tanh, v.tanh(), [](auto x, auto y) { return where(x == x, y, x); })
RAMP_SIMD(erf, v.unaryExpr([](auto e) { return std::erf(e); }), as_is)

}  // namespace ramp::simd

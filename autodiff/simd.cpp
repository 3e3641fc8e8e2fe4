// Transcendental functions over short arrays: Eigen's vectorised kernels and, where they depart
// from IEEE, a detour that only registers with such a number take. The only file that sees Eigen.
#include <autodiff/lanes.hpp>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC bug 105593, in its own intrinsics
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <Eigen/Core>

#include <algorithm>
#include <array>
#include <cstdint>
#include <numbers>

namespace ramp {
namespace simd {
namespace {

template <class L> bool all(typename L::Mask mask) {
  std::array<std::uint64_t, sizeof(L) / 8> words;
  std::memcpy(words.data(), &mask.m, sizeof(L));
  std::uint64_t both = ~std::uint64_t{0};
  for (const std::uint64_t word : words) both &= word;
  return both == ~std::uint64_t{0};
}

// An expression of Eigen's, as a function of a register.
template <class F> auto of_eigen(F formula) {
  return [formula]<class T, std::size_t N>(Lanes<T, N> x) {
    using Register = Eigen::Array<T, static_cast<int>(N), 1>;
    Register in;
    x.store(in.data());
    const Register out = formula(in);
    return Lanes<T, N>::load(out.data());
  };
}

// y = f(x) where all of a register is ordinary, else y = detour(x, f). The last register is filled
// up with ones.
template <class T, class F, class Ordinary, class Detour>
void each(const T* x, T* y, std::size_t n, F f, Ordinary ordinary, Detour detour) {
  using L = Lanes<T>;
  const auto one = [&](const T* from, T* to) {
    const L in = L::load(from);
    (all<L>(ordinary(in)) ? f(in) : detour(in, f)).store(to);
  };
  std::size_t i = 0;
  for (; i + L::width <= n; i += L::width) one(x + i, y + i);
  if (i == n) return;
  std::array<T, L::width> rest;
  rest.fill(T(1));
  std::copy_n(x + i, n - i, rest.data());
  one(rest.data(), rest.data());
  std::copy_n(rest.data(), n - i, y + i);
}

template <class T> constexpr bool is_float = std::is_same_v<T, float>;

constexpr auto everywhere = [](auto x) { return x == x || x != x; };
constexpr auto as_it_is = [](auto x, auto f) { return f(x); };

// Eigen has a float exp of its own for AVX-512, which takes ln 2 in one piece and is 4 ulp off
// where x is large. This is the one that all other registers have.
constexpr auto eigen_exp = []<class T, std::size_t N>(Lanes<T, N> x) {
#ifdef EIGEN_VECTORIZE_AVX512
  if constexpr (is_float<T> && N == 16) {
    using Packet = Eigen::internal::Packet16f;
    Lanes<T, N> y;
    y.v = Eigen::internal::pexp_float(Packet(x.v));
    return y;
  } else
#endif
    return of_eigen([](const auto& v) { return v.exp().eval(); })(x);
};

// Eigen's exp ends early on both sides, at a normal number below and at infinity above. Away from
// them it is right: x moves by 64, and exp(64) makes up for it.
template <class T> constexpr T exp_low = is_float<T> ? T(-87.3) : T(-708);
template <class T> constexpr T exp_high = is_float<T> ? T(88) : T(709);
template <class T> constexpr T exp_end = is_float<T> ? T(120) : T(760);  // 0 or infinite for long
constexpr double exp_64 = 6.235149080811617e27;
constexpr auto within_exp = []<class T, std::size_t N>(Lanes<T, N> x) {
  return x > exp_low<T> && x < exp_high<T>;
};
constexpr auto beyond_exp = []<class T, std::size_t N>(Lanes<T, N> x, auto f) {
  const auto low = where(x < -exp_end<T>, -exp_end<T>, x),
             kept = where(low > exp_end<T>, exp_end<T>, low);
  const auto up = x <= exp_low<T>, down = x >= exp_high<T>;
  return f(where(up, kept + 64, where(down, kept - 64, kept))) *
         where(up, 1 / exp_64, where(down, exp_64, 1));
};

// Eigen's log of a denormal is that of the smallest normal number.
template <class T> constexpr T smallest = std::numeric_limits<T>::min();
constexpr auto normal = []<class T, std::size_t N>(Lanes<T, N> x) { return x >= smallest<T>; };
constexpr auto scaled_log = []<class T, std::size_t N>(Lanes<T, N> x, auto f) {
  const auto low = x < smallest<T>;
  return f(where(low, x * 0x1p64, x)) - where(low, 64 * std::numbers::ln2, 0);
};

// Eigen's expm1 ends where its exp does; above 64 the two functions round to the same number.
constexpr auto within_expm1 = [](auto x) { return x <= 64 || x != x; };
constexpr auto large_expm1 = [](auto x, auto f) {
  return where(x > 64, ramp::exp(where(x > 64, x, 64)), f(x));
};

constexpr auto is_number = [](auto x) { return x == x; };
constexpr auto keeps_nan = [](auto x, auto f) { return where(x == x, f(x), x); };

}  // namespace

#define RAMP_SIMD_OF(T, name, formula, ordinary, detour)                                          \
  void name(const T* in, T* out, std::size_t n) {                                                 \
    each(in, out, n, of_eigen([](const auto& v) { return (formula).eval(); }), ordinary, detour); \
  }
#define RAMP_SIMD(name, formula, ordinary, detour)     \
  RAMP_SIMD_OF(float, name, formula, ordinary, detour) \
  RAMP_SIMD_OF(double, name, formula, ordinary, detour)

void exp(const float* in, float* out, std::size_t n) {
  each(in, out, n, eigen_exp, within_exp, beyond_exp);
}
void exp(const double* in, double* out, std::size_t n) {
  each(in, out, n, eigen_exp, within_exp, beyond_exp);
}
RAMP_SIMD(expm1, v.expm1(), within_expm1, large_expm1)
RAMP_SIMD(log, v.log(), normal, scaled_log)
RAMP_SIMD(log1p, v.log1p(), everywhere, as_it_is)
RAMP_SIMD(sin, v.sin(), everywhere, as_it_is)
RAMP_SIMD(cos, v.cos(), everywhere, as_it_is)
RAMP_SIMD(tanh, v.tanh(), is_number, keeps_nan)
// Eigen's sqrt of infinity is NaN. The compiler vectorises the loop.
RAMP_SIMD(sqrt, v.unaryExpr([](auto e) { return std::sqrt(e); }), everywhere, as_it_is)
RAMP_SIMD(erf, v.unaryExpr([](auto e) { return std::erf(e); }), everywhere, as_it_is)
RAMP_SIMD(normal_cdf, v.unaryExpr([](auto e) { return ramp::normal_cdf(e); }), everywhere, as_it_is)

}  // namespace simd

// erfc(z) / 2 at z = -x / √2. In the tail a rounding of z would come out 2z² times as large: what
// it has changed is put back by the slope of erfc.
double normal_cdf(double x) {
  if (std::abs(x) > 40) return x > 0 ? 1 : 0;
  constexpr double r = std::numbers::sqrt2 / 2, of_r = -4.833646656726457e-17;  // √½ = r + of_r
  const double z = -x * r, of_z = std::fma(-x, r, -z) - x * of_r;
  return std::erfc(z) / 2 - of_z * std::exp(-z * z) * std::numbers::inv_sqrtpi;
}
float normal_cdf(float x) {  // in double nothing is lost
  return static_cast<float>(std::erfc(-static_cast<double>(x) / std::numbers::sqrt2) / 2);
}

}  // namespace ramp

// Transcendental functions over short arrays: Eigen's vectorised kernels and, where they depart
// from IEEE, a detour that only registers with such a number take. The only file that sees Eigen.
#include <autodiff/kernels/lanes.hpp>

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

template <class T> struct Interval {
  T low, high;  // both belong to it
};

// Whether all of a register lies there. Masks of AVX-512 are registers of their own: there,
// vectors of truth values would be made from them to no purpose.
template <class T, std::size_t N> bool all_in(Lanes<T, N> x, Interval<T> where) {
#ifdef __AVX512F__
  if constexpr (sizeof(x) == 64) {
    if constexpr (sizeof(T) == 4) {
      const __m512 v = static_cast<__m512>(x.v);
      return (_mm512_cmp_ps_mask(v, _mm512_set1_ps(where.low), _CMP_GE_OQ) &
              _mm512_cmp_ps_mask(v, _mm512_set1_ps(where.high), _CMP_LE_OQ)) == 0xffff;
    } else {
      const __m512d v = static_cast<__m512d>(x.v);
      return (_mm512_cmp_pd_mask(v, _mm512_set1_pd(where.low), _CMP_GE_OQ) &
              _mm512_cmp_pd_mask(v, _mm512_set1_pd(where.high), _CMP_LE_OQ)) == 0xff;
    }
  }
#endif
  const auto inside = x >= where.low && x <= where.high;
  std::array<std::uint64_t, sizeof(x) / 8> words;
  std::memcpy(words.data(), &inside.m, sizeof(x));
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

// y = f(x), a register at a time; the last one is filled up with ones.
template <class T, class F> void each(const T* x, T* y, std::size_t n, F f) {
  using L = Lanes<T>;
  std::size_t i = 0;
  for (; i + L::width <= n; i += L::width) f(L::load(x + i)).store(y + i);
  if (i == n) return;
  std::array<T, L::width> rest;
  rest.fill(T(1));
  std::copy_n(x + i, n - i, rest.data());
  f(L::load(rest.data())).store(rest.data());
  std::copy_n(rest.data(), n - i, y + i);
}

// f, or for a register of which some lies elsewhere detour(x, f).
template <class T, class F, class Detour> auto within(Interval<T> ordinary, F f, Detour detour) {
  return [=](auto x) {
    if (all_in(x, ordinary)) [[likely]]
      return f(x);
    return detour(x, f);
  };
}

template <class T> constexpr bool is_float = std::is_same_v<T, float>;

// For AVX-512, Eigen's float exp takes ln 2 as one float, which is 1.9e-9 too large, and subtracts
// it x / ln 2 times: 4 ulp at 88. What that takes away is put back.
constexpr auto eigen_exp = []<class T, std::size_t N>(Lanes<T, N> x) {
  const Lanes<T, N> y = of_eigen([](const auto& v) { return v.exp().eval(); })(x);
#ifdef EIGEN_VECTORIZE_AVX512
  constexpr double excess = static_cast<double>(std::numbers::ln2_v<float>) - std::numbers::ln2;
  if constexpr (is_float<T> && N == 16) return y + y * (x * (excess / std::numbers::ln2));
#endif
  return y;
};

// Eigen's exp ends early on both sides, at a normal number below and at infinity above. Away from
// them it is right: x moves by 64, and exp(64) makes up for it.
template <class T> constexpr Interval<T> of_exp =
    is_float<T> ? Interval<T>{T(-87.3), T(88)} : Interval<T>{T(-708), T(709)};
constexpr auto beyond_exp = []<class T, std::size_t N>(Lanes<T, N> x, auto f) {
  constexpr T end = is_float<T> ? T(120) : T(760);  // 0 or infinite for long
  constexpr double exp_64 = 6.235149080811617e27;
  const auto low = x<of_exp<T>.low, high = x> of_exp<T>.high;
  const auto kept = held(x, -end, end);
  return f(where(low, kept + 64, where(high, kept - 64, kept))) *
         where(low, 1 / exp_64, where(high, exp_64, 1));
};

// Eigen's log of a denormal is that of the smallest normal number.
template <class T>
constexpr Interval<T> of_log{std::numeric_limits<T>::min(), std::numeric_limits<T>::infinity()};
constexpr auto scaled_log = []<class T, std::size_t N>(Lanes<T, N> x, auto f) {
  const auto low = x < of_log<T>.low;
  return f(where(low, x * 0x1p64, x)) - where(low, 64 * std::numbers::ln2, 0);
};

// Eigen's expm1 ends where its exp does; above 64 the two functions round to the same number.
template <class T> constexpr Interval<T> of_expm1{-std::numeric_limits<T>::infinity(), T(64)};
constexpr auto large_expm1 = [](auto x, auto f) {
  return where(x > 64, ramp::exp(where(x > 64, x, 64)), f(x));
};

}  // namespace

#define RAMP_SIMD_OF(T, name, f) \
  void name(const T* in, T* out, std::size_t n) { each(in, out, n, f); }
#define RAMP_SIMD(name, ...)             \
  RAMP_SIMD_OF(float, name, __VA_ARGS__) \
  RAMP_SIMD_OF(double, name, __VA_ARGS__)
#define EIGEN(formula) of_eigen([](const auto& v) { return (formula).eval(); })
#define NUMBER std::remove_cvref_t<decltype(*in)>

RAMP_SIMD(exp, within(of_exp<NUMBER>, eigen_exp, beyond_exp))
RAMP_SIMD(expm1, within(of_expm1<NUMBER>, EIGEN(v.expm1()), large_expm1))
RAMP_SIMD(log, within(of_log<NUMBER>, EIGEN(v.log()), scaled_log))
RAMP_SIMD(log1p, EIGEN(v.log1p()))
RAMP_SIMD(sin, EIGEN(v.sin()))
RAMP_SIMD(cos, EIGEN(v.cos()))
// Eigen's tanh of NaN is a number.
RAMP_SIMD(tanh, [](auto x) { return where(x == x, EIGEN(v.tanh())(x), x); })
// Eigen's sqrt of infinity is NaN. The compiler vectorises the loop.
RAMP_SIMD(sqrt, EIGEN(v.unaryExpr([](auto e) { return std::sqrt(e); })))
RAMP_SIMD(erf, EIGEN(v.unaryExpr([](auto e) { return std::erf(e); })))
RAMP_SIMD(normal_cdf, EIGEN(v.unaryExpr([](auto e) { return ramp::normal_cdf(e); })))

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

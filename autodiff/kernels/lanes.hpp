// Lanes<T>: as many numbers as a SIMD register holds, and the mathematics that formulas are
// written in, alike for plain numbers and for lanes. The transcendental functions are a library's
// (simd.cpp).
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <limits>
#include <type_traits>

namespace ramp {

#if defined(__AVX512F__)
inline constexpr std::size_t register_bytes = 64;
#elif defined(__AVX__)
inline constexpr std::size_t register_bytes = 32;
#else
inline constexpr std::size_t register_bytes = 16;
#endif

// The width is part of the type, so files compiled for different machines never share a symbol.
template <class T, std::size_t N = register_bytes / sizeof(T)> struct Lanes {
  using Vector __attribute__((vector_size(N * sizeof(T)))) = T;
  using Truth = decltype(Vector{} < Vector{});  // all bits set where true
  struct Mask {
    using Numbers = Lanes;
    Truth m;
    [[gnu::always_inline]] friend inline Mask operator&&(Mask a, Mask b) { return {a.m & b.m}; }
    [[gnu::always_inline]] friend inline Mask operator||(Mask a, Mask b) { return {a.m | b.m}; }
    [[gnu::always_inline]] friend inline Mask operator!(Mask a) { return {~a.m}; }
  };
  static constexpr std::size_t width = N;

  Vector v;

  Lanes() = default;
  [[gnu::always_inline]] inline Lanes(Vector x) : v(x) {}
  template <class U>
  requires std::is_arithmetic_v<U>
  [[gnu::always_inline]] inline Lanes(U x) : v(static_cast<T>(x) - Vector{}) {}

  [[gnu::always_inline]] static inline Lanes load(const T* p) {
    Lanes x;
    std::memcpy(&x.v, p, sizeof(Vector));
    return x;
  }
  [[gnu::always_inline]] inline void store(T* p) const { std::memcpy(p, &v, sizeof(Vector)); }

#define RAMP_LANES_OPERATOR(op, Result)                                       \
  [[gnu::always_inline]] friend inline Result operator op(Lanes a, Lanes b) { \
    return Result{a.v op b.v};                                                \
  }
  RAMP_LANES_OPERATOR(+, Lanes)
  RAMP_LANES_OPERATOR(-, Lanes)
  RAMP_LANES_OPERATOR(*, Lanes)
  RAMP_LANES_OPERATOR(/, Lanes)
  RAMP_LANES_OPERATOR(<, Mask)
  RAMP_LANES_OPERATOR(<=, Mask)
  RAMP_LANES_OPERATOR(>, Mask)
  RAMP_LANES_OPERATOR(>=, Mask)
  RAMP_LANES_OPERATOR(==, Mask)
  RAMP_LANES_OPERATOR(!=, Mask)
#undef RAMP_LANES_OPERATOR
  [[gnu::always_inline]] friend inline Lanes operator-(Lanes a) { return {-a.v}; }
};

template <class X> inline constexpr bool is_lanes = false;
template <class T, std::size_t N> inline constexpr bool is_lanes<Lanes<T, N>> = true;

// What a formula computes with when it isn't recording: numbers and lanes of them.
template <class X>
concept Number = std::is_arithmetic_v<X> || is_lanes<X>;

// float or double: what a number is, or each of the lanes.
template <class X> struct ElementOf { using type = X; };
template <class T, std::size_t N> struct ElementOf<Lanes<T, N>> { using type = T; };
template <Number X> using Element = typename ElementOf<X>::type;

template <class... X> struct WidestNumber : std::common_type<X...> {};
template <class X, class... More>
requires(is_lanes<X>) struct WidestNumber<X, More...> {
  using type = X;
};
template <class X, class Y, class... More>
requires(!is_lanes<X> &&
         (is_lanes<Y> || (is_lanes<More> || ...))) struct WidestNumber<X, Y, More...>
    : WidestNumber<Y, More...> {
};
template <class... X> using Widest = typename WidestNumber<X...>::type;

/// a where the condition holds, b elsewhere; the other one is never looked at.
template <Number A, Number B>
requires(!is_lanes<A> && !is_lanes<B>) auto where(bool condition, A a, B b) {
  using X = Widest<A, B>;
  return condition ? static_cast<X>(a) : static_cast<X>(b);
}
template <class Mask, Number A, Number B, class X = typename Mask::Numbers>
[[gnu::always_inline]] inline X where(Mask condition, A a, B b) {
  return X{condition.m ? X(a).v : X(b).v};
}

/// The derivative of a kink, applied to g: g where a > b, 0 where a < b, and the share c of it
/// where they tie. It selects instead of multiplying, so a closed gate gives 0 whatever g is.
/// Unordered operands give NaN.
template <Number A, Number B, Number G>
[[gnu::always_inline]] inline auto gate(A a, B b, G g, double c) {
  using X = Widest<A, B, G>;
  const X p = static_cast<X>(a), q = static_cast<X>(b), zero(0);
  const X slope = static_cast<X>(g), tie = c == 0 ? zero : slope * static_cast<X>(c);
  const X nan = static_cast<X>(std::numeric_limits<double>::quiet_NaN());
  return where(p > q, slope, where(p < q, zero, where(p == q, tie, nan)));
}

/// x, held between two bounds; NaN stays. (Not `clamp`: numbers have std's.)
template <Number X> [[gnu::always_inline]] inline X held(X x, double low, double high) {
  const X a = static_cast<X>(low), b = static_cast<X>(high);
  return where(x < a, a, where(x > b, b, x));
}

using std::abs, std::sqrt, std::cbrt, std::hypot, std::pow, std::fma;
using std::copysign, std::isfinite, std::isinf, std::isnan, std::signbit;
using std::exp, std::exp2, std::expm1, std::log, std::log2, std::log10, std::log1p;
using std::floor, std::ceil, std::trunc, std::round, std::rint, std::fmod, std::remainder;
using std::sin, std::cos, std::tan, std::asin, std::acos, std::atan, std::atan2;
using std::sinh, std::cosh, std::tanh, std::asinh, std::acosh, std::atanh, std::erf, std::erfc;

/// P(Z <= x) for Z standard normal.
double normal_cdf(double x);
float normal_cdf(float x);

// y[i] = f(x[i]); x and y may be the same.
#define RAMP_SIMD_FUNCTION(f)                                                                    \
  namespace simd {                                                                               \
  void f(const float* x, float* y, std::size_t n);                                               \
  void f(const double* x, double* y, std::size_t n);                                             \
  }                                                                                              \
  template <class T, std::size_t N> [[gnu::always_inline]] inline Lanes<T, N> f(Lanes<T, N> x) { \
    alignas(sizeof(x)) T buffer[N];                                                              \
    x.store(buffer);                                                                             \
    simd::f(buffer, buffer, N);                                                                  \
    return Lanes<T, N>::load(buffer);                                                            \
  }
RAMP_SIMD_FUNCTION(exp)
RAMP_SIMD_FUNCTION(expm1)
RAMP_SIMD_FUNCTION(log)
RAMP_SIMD_FUNCTION(log1p)
RAMP_SIMD_FUNCTION(sqrt)
RAMP_SIMD_FUNCTION(sin)
RAMP_SIMD_FUNCTION(cos)
RAMP_SIMD_FUNCTION(tanh)
RAMP_SIMD_FUNCTION(erf)
RAMP_SIMD_FUNCTION(normal_cdf)
#undef RAMP_SIMD_FUNCTION

template <class T, std::size_t N> [[gnu::always_inline]] inline Lanes<T, N> abs(Lanes<T, N> x) {
  using L = Lanes<T, N>;
  using Bits = typename L::Truth;
  return L{typename L::Vector(Bits(x.v) & ~Bits(L(T(-0.0)).v))};  // all but the sign
}

// A number at a time, by the C library.
#define RAMP_LANES_FUNCTION(f)                                            \
  template <class T, std::size_t N> inline Lanes<T, N> f(Lanes<T, N> x) { \
    for (std::size_t i = 0; i < N; ++i) x.v[i] = std::f(x.v[i]);          \
    return x;                                                             \
  }
#define RAMP_LANES_FUNCTION_2(f)                                                \
  template <class A, class B, class L = Widest<A, B>>                           \
  requires is_lanes<L>                                                          \
  inline L f(A a, B b) {                                                        \
    L x(a);                                                                     \
    const L y(b);                                                               \
    for (std::size_t i = 0; i < L::width; ++i) x.v[i] = std::f(x.v[i], y.v[i]); \
    return x;                                                                   \
  }
RAMP_LANES_FUNCTION(cbrt)
RAMP_LANES_FUNCTION(exp2)
RAMP_LANES_FUNCTION(log2)
RAMP_LANES_FUNCTION(log10)
RAMP_LANES_FUNCTION(tan)
RAMP_LANES_FUNCTION(asin)
RAMP_LANES_FUNCTION(acos)
RAMP_LANES_FUNCTION(atan)
RAMP_LANES_FUNCTION(sinh)
RAMP_LANES_FUNCTION(cosh)
RAMP_LANES_FUNCTION(asinh)
RAMP_LANES_FUNCTION(acosh)
RAMP_LANES_FUNCTION(atanh)
RAMP_LANES_FUNCTION(erfc)
RAMP_LANES_FUNCTION(floor)
RAMP_LANES_FUNCTION(ceil)
RAMP_LANES_FUNCTION(trunc)
RAMP_LANES_FUNCTION(round)
RAMP_LANES_FUNCTION(rint)
RAMP_LANES_FUNCTION_2(hypot)
RAMP_LANES_FUNCTION_2(pow)
RAMP_LANES_FUNCTION_2(atan2)
RAMP_LANES_FUNCTION_2(fmod)
RAMP_LANES_FUNCTION_2(remainder)
RAMP_LANES_FUNCTION_2(copysign)
#undef RAMP_LANES_FUNCTION
#undef RAMP_LANES_FUNCTION_2
template <class T, std::size_t N>
inline Lanes<T, N> fma(Lanes<T, N> a, Lanes<T, N> b, Lanes<T, N> c) {
  for (std::size_t i = 0; i < N; ++i) a.v[i] = std::fma(a.v[i], b.v[i], c.v[i]);
  return a;
}

}  // namespace ramp

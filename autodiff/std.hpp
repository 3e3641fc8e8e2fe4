// Makes std::sqrt(x) and its like work for handles, in code that was written for double and names
// std. The standard doesn't allow to add overloads to namespace std; every implementation that we
// know of takes them, and several libraries do the same. Code of your own had better say
// `using std::sqrt; sqrt(x)`, which needs nothing of this.
#pragma once

#include <autodiff/autodiff.hpp>
#include <autodiff/complex.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

namespace std {  // NOLINT(cert-dcl58-cpp): that is what this header is for

#define RAMP_STD_UNARY(f) \
  template <class T> ramp::Var<T> f(const ramp::Var<T>& x) { return ramp::f(x); }
#define RAMP_STD_QUERY(f) \
  template <class T> bool f(const ramp::Var<T>& x) { return ramp::f(x); }
// Handles alone are taken by the first of the two, which std's templates of one type, as std::max,
// are less special than; handles beside numbers, and std::max<real>(x, 0.0), by the second.
#define RAMP_STD_BINARY(f)                                                       \
  template <class T>                                                             \
  requires ramp::is_var<T> T f(const T& a, const T& b) { return ramp::f(a, b); } \
  template <class A, class B>                                                    \
  requires ramp::AnyTraced<A, B>                                                 \
  auto f(const A& a, const B& b) { return ramp::f(a, b); }
#define RAMP_STD_TERNARY(f)                                                                     \
  template <class T>                                                                            \
  requires ramp::is_var<T> T f(const T& a, const T& b, const T& c) { return ramp::f(a, b, c); } \
  template <class A, class B, class C>                                                          \
  requires ramp::AnyTraced<A, B, C>                                                             \
  auto f(const A& a, const B& b, const C& c) { return ramp::f(a, b, c); }
RAMP_STD_UNARY(sqrt)
RAMP_STD_UNARY(cbrt)
RAMP_STD_UNARY(exp)
RAMP_STD_UNARY(exp2)
RAMP_STD_UNARY(expm1)
RAMP_STD_UNARY(log)
RAMP_STD_UNARY(log2)
RAMP_STD_UNARY(log10)
RAMP_STD_UNARY(log1p)
RAMP_STD_UNARY(sin)
RAMP_STD_UNARY(cos)
RAMP_STD_UNARY(tan)
RAMP_STD_UNARY(asin)
RAMP_STD_UNARY(acos)
RAMP_STD_UNARY(atan)
RAMP_STD_UNARY(sinh)
RAMP_STD_UNARY(cosh)
RAMP_STD_UNARY(tanh)
RAMP_STD_UNARY(asinh)
RAMP_STD_UNARY(acosh)
RAMP_STD_UNARY(atanh)
RAMP_STD_UNARY(erf)
RAMP_STD_UNARY(erfc)
RAMP_STD_UNARY(lgamma)
RAMP_STD_UNARY(tgamma)
RAMP_STD_UNARY(floor)
RAMP_STD_UNARY(ceil)
RAMP_STD_UNARY(trunc)
RAMP_STD_UNARY(round)
RAMP_STD_UNARY(rint)
RAMP_STD_UNARY(nearbyint)
RAMP_STD_UNARY(abs)
RAMP_STD_UNARY(fabs)
RAMP_STD_UNARY(logb)
RAMP_STD_QUERY(isnan)
RAMP_STD_QUERY(isinf)
RAMP_STD_QUERY(isfinite)
RAMP_STD_QUERY(isnormal)
RAMP_STD_QUERY(signbit)
RAMP_STD_BINARY(pow)
RAMP_STD_BINARY(hypot)
RAMP_STD_BINARY(atan2)
RAMP_STD_BINARY(fmod)
RAMP_STD_BINARY(remainder)
RAMP_STD_BINARY(copysign)
RAMP_STD_BINARY(fmax)
RAMP_STD_BINARY(fmin)
RAMP_STD_BINARY(fdim)
RAMP_STD_BINARY(max)
RAMP_STD_BINARY(min)
RAMP_STD_BINARY(nextafter)
RAMP_STD_TERNARY(fma)
RAMP_STD_TERNARY(clamp)
RAMP_STD_TERNARY(hypot)
RAMP_STD_TERNARY(lerp)
#undef RAMP_STD_UNARY
#undef RAMP_STD_QUERY
#undef RAMP_STD_BINARY
#undef RAMP_STD_TERNARY

template <class T> ramp::Var<T> ldexp(const ramp::Var<T>& x, int e) { return ramp::ldexp(x, e); }
template <class T> ramp::Var<T> frexp(const ramp::Var<T>& x, int* e) { return ramp::frexp(x, e); }
template <class T> ramp::Var<T> modf(const ramp::Var<T>& x, ramp::Var<T>* whole) {
  return ramp::modf(x, whole);
}
template <class T> ramp::Var<T> scalbn(const ramp::Var<T>& x, int e) { return ramp::scalbn(x, e); }
template <class T> long lround(const ramp::Var<T>& x) { return ramp::lround(x); }
template <class T> long long llround(const ramp::Var<T>& x) { return ramp::llround(x); }
template <class T> long lrint(const ramp::Var<T>& x) { return ramp::lrint(x); }
template <class T> long long llrint(const ramp::Var<T>& x) { return ramp::llrint(x); }
template <class T> int ilogb(const ramp::Var<T>& x) { return ramp::ilogb(x); }

// Sums of handles that begin with a number: accumulate(all.begin(), all.end(), 0.0).
template <class Iterator, class U>
requires is_arithmetic_v<U> && ramp::is_var<typename iterator_traits<Iterator>::value_type>
auto accumulate(Iterator first, Iterator last, U begin) {
  return std::accumulate(first, last, typename iterator_traits<Iterator>::value_type(begin));
}
template <class A, class B, class U>
requires is_arithmetic_v<U> && ramp::is_var<typename iterator_traits<A>::value_type>
auto inner_product(A first, A last, B second, U begin) {
  return std::inner_product(first, last, second, typename iterator_traits<A>::value_type(begin));
}

}  // namespace std

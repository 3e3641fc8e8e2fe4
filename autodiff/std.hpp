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

namespace ramp {
template <class... Iterator>
concept OverHandles = (is_var<typename std::iterator_traits<Iterator>::value_type> || ...);
}  // namespace ramp

namespace std {  // NOLINT(cert-dcl58-cpp): that is what this header is for

#define RAMP_STD_UNARY(f) \
  template <class T> ramp::Var<T> f(const ramp::Var<T>& x) { return ramp::f(x); }
#define RAMP_STD_QUERY(f) \
  template <class T> bool f(const ramp::Var<T>& x) { return ramp::f(x); }
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
RAMP_STD_QUERY(isnan)
RAMP_STD_QUERY(isinf)
RAMP_STD_QUERY(isfinite)
RAMP_STD_QUERY(signbit)
#undef RAMP_STD_UNARY
#undef RAMP_STD_QUERY

// Of handles and numbers in any mixture. The same functions as those that a call without std::
// finds, and no others beside them, so that `using std::pow; pow(x, 2.0)` has one to choose.
using ramp::atan2, ramp::copysign, ramp::fdim, ramp::fma, ramp::fmax, ramp::fmin, ramp::fmod,
    ramp::frexp, ramp::hypot, ramp::ilogb, ramp::isnormal, ramp::ldexp, ramp::lerp, ramp::llrint,
    ramp::llround, ramp::logb, ramp::lrint, ramp::lround, ramp::modf, ramp::nextafter, ramp::pow,
    ramp::remainder, ramp::scalbn;
using ramp::clamp, ramp::max, ramp::min;
// Of handles alone, std has templates for these, and would choose by `<`.
template <class T>
requires ramp::is_var<T> T max(const T& a, const T& b) { return ramp::max(a, b); }
template <class T>
requires ramp::is_var<T> T min(const T& a, const T& b) { return ramp::min(a, b); }
template <class T>
requires ramp::is_var<T> T clamp(const T& x, const T& low, const T& high) {
  return ramp::clamp(x, low, high);
}

// Sums of handles that begin with a number: accumulate(all.begin(), all.end(), 0.0).
template <class Iterator, class U>
requires is_arithmetic_v<U> && ramp::OverHandles<Iterator>
auto accumulate(Iterator first, Iterator last, U begin) {
  return std::accumulate(first, last, typename iterator_traits<Iterator>::value_type(begin));
}
template <class Iterator, class U, class Op>
requires is_arithmetic_v<U> && ramp::OverHandles<Iterator>
auto accumulate(Iterator first, Iterator last, U begin, Op op) {
  return std::accumulate(first, last, typename iterator_traits<Iterator>::value_type(begin), op);
}
template <class A, class B, class U>
requires is_arithmetic_v<U> && ramp::OverHandles<A, B>
auto inner_product(A first, A last, B second, U begin) {
  return std::inner_product(first, last, second, decltype (*first * *second)(begin));
}

}  // namespace std

// What else <cmath> has: other names of ops, and functions made of ops. Those that give integers,
// or take a number apart, look at its value and are for scalars.
#pragma once

#include <autodiff/tape/tape.hpp>

#include <cmath>

namespace ramp {

template <Traced X> auto fabs(const X& x) { return abs(x); }
template <Traced X> auto nearbyint(const X& x) { return rint(x); }
/// a - b, or 0 where b is larger.
template <class A, class B>
requires AnyTraced<A, B>
auto fdim(const A& a, const B& b) { return relu(a - b); }

/// x 2^exponent.
template <class T> Var<T> ldexp(const Var<T>& x, int exponent) {
  const int half = exponent / 2;  // 2^exponent alone may be too large
  return x * std::ldexp(T(1), half) * std::ldexp(T(1), exponent - half);
}
template <class T> Var<T> scalbn(const Var<T>& x, int exponent) { return ldexp(x, exponent); }
/// x = the result times 2^exponent, with 1/2 <= |result| < 1.
template <class T> Var<T> frexp(const Var<T>& x, int* exponent) {
  const T value = x.item();
  (void)std::frexp(value, exponent);
  return value == 0 || !std::isfinite(value) ? x : ldexp(x, -*exponent);
}
/// The fraction of x; what is before the point goes to `whole`.
template <class T> Var<T> modf(const Var<T>& x, Var<T>* whole) {
  *whole = trunc(x);
  return x - *whole;
}
/// The number next to x on the way to y, as far as the tape knows x plus a constant.
template <class T> Var<T> nextafter(const Var<T>& x, const Var<T>& y) {
  const T value = x.item();
  return x + (std::nextafter(value, y.item()) - value);
}
template <class T> long lround(const Var<T>& x) { return std::lround(x.item()); }
template <class T> long long llround(const Var<T>& x) { return std::llround(x.item()); }
template <class T> long lrint(const Var<T>& x) { return std::lrint(x.item()); }
template <class T> int ilogb(const Var<T>& x) { return std::ilogb(x.item()); }

}  // namespace ramp

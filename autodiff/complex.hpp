// Complex numbers of handles: std::complex<Var<T>>. libstdc++'s templates do most of it. Here is
// what they can't: numbers as operands (2.0 * z), and functions whose slopes they lose, since they
// branch to a formula that is right at this value alone (sqrt on the imaginary axis, powers on the
// real one). The overloads are in namespace std, as those of <autodiff/std.hpp>.
#pragma once

#include <autodiff/autodiff.hpp>

#include <cmath>
#include <complex>
#include <type_traits>

namespace std {  // NOLINT(cert-dcl58-cpp): that is what this header is for

#define RAMP_COMPLEX_OPERATOR(op)                                                        \
  template <class T, class U>                                                            \
  requires is_arithmetic_v<U>                                                            \
  auto operator op(const complex<ramp::Var<T>>& z, U x) { return z op ramp::Var<T>(x); } \
  template <class T, class U>                                                            \
  requires is_arithmetic_v<U>                                                            \
  auto operator op(U x, const complex<ramp::Var<T>>& z) { return ramp::Var<T>(x) op z; } \
  template <class T, class U>                                                            \
  requires is_arithmetic_v<U>                                                            \
  auto operator op(const complex<ramp::Var<T>>& z, const complex<U>& x) {                \
    return z op complex<ramp::Var<T>>(x.real(), x.imag());                               \
  }                                                                                      \
  template <class T, class U>                                                            \
  requires is_arithmetic_v<U>                                                            \
  auto operator op(const complex<U>& x, const complex<ramp::Var<T>>& z) {                \
    return complex<ramp::Var<T>>(x.real(), x.imag()) op z;                               \
  }
RAMP_COMPLEX_OPERATOR(+)
RAMP_COMPLEX_OPERATOR(-)
RAMP_COMPLEX_OPERATOR(*)
RAMP_COMPLEX_OPERATOR(/)
#undef RAMP_COMPLEX_OPERATOR

/// 0 with slope 0 at 0, as hypot.
template <class T> ramp::Var<T> abs(const complex<ramp::Var<T>>& z) {
  return hypot(z.real(), z.imag());
}
template <class T, class U>
requires is_arithmetic_v<U> complex<ramp::Var<T>> polar(U length, const ramp::Var<T>& angle) {
  return polar(ramp::Var<T>(length), angle);
}

template <class T, class U>
requires is_arithmetic_v<U> complex<ramp::Var<T>> polar(const ramp::Var<T>& length, U angle) {
  return polar(length, ramp::Var<T>(angle));
}
template <class T, class U>
requires is_arithmetic_v<U>
bool operator==(const complex<ramp::Var<T>>& z, U x) { return z.real() == x && z.imag() == 0; }

/// The root right of the imaginary axis; its slopes at 0 are infinite.
template <class T> complex<ramp::Var<T>> sqrt(const complex<ramp::Var<T>>& z) {
  const ramp::Var<T> x = z.real(), y = z.imag();
  if (x == 0 && y == 0) return {sqrt(x), sqrt(y)};
  const ramp::Var<T> u = sqrt((abs(z) + (x > 0 ? x : -x)) / 2);
  if (x > 0) return {u, y / (2 * u)};
  const bool below = signbit(y);
  return {(below ? -y : y) / (2 * u), below ? -u : u};
}

// libstdc++'s formulas, over the root above: theirs calls its own, and loses a slope where what is
// below it lies on the imaginary axis.
template <class T> complex<ramp::Var<T>> asinh(const complex<ramp::Var<T>>& z) {
  const ramp::Var<T> x = z.real(), y = z.imag();
  return log(sqrt(complex<ramp::Var<T>>((x - y) * (x + y) + 1, 2 * x * y)) + z);
}
template <class T> complex<ramp::Var<T>> asin(const complex<ramp::Var<T>>& z) {
  const complex<ramp::Var<T>> turned = asinh(complex<ramp::Var<T>>(-z.imag(), z.real()));
  return {turned.imag(), -turned.real()};
}
template <class T> complex<ramp::Var<T>> acos(const complex<ramp::Var<T>>& z) {
  const complex<ramp::Var<T>> angle = asin(z);
  return {T(1.5707963267948966192313216916397514L) - angle.real(), -angle.imag()};
}
template <class T> complex<ramp::Var<T>> acosh(const complex<ramp::Var<T>>& z) {
  return 2 * log(sqrt(T(0.5) * (z + 1)) + sqrt(T(0.5) * (z - 1)));
}

/// A product of n factors.
template <class T> complex<ramp::Var<T>> pow(const complex<ramp::Var<T>>& z, int n) {
  complex<ramp::Var<T>> power(1), square = z;
  for (unsigned rest = n < 0 ? 0u - static_cast<unsigned>(n) : static_cast<unsigned>(n); rest > 0;
       rest /= 2, square = rest > 0 ? square * square : square)
    if (rest % 2) power = power * square;
  return n < 0 ? 1 / power : power;
}
/// exp(p log(z)); at 0 a constant 0.
template <class T>
complex<ramp::Var<T>> pow(const complex<ramp::Var<T>>& z, const complex<ramp::Var<T>>& p) {
  if (z.real() == 0 && z.imag() == 0) return {};
  return exp(p * log(z));
}
template <class T>
complex<ramp::Var<T>> pow(const complex<ramp::Var<T>>& z, const ramp::Var<T>& p) {
  return pow(z, complex<ramp::Var<T>>(p));
}
template <class T>
complex<ramp::Var<T>> pow(const ramp::Var<T>& x, const complex<ramp::Var<T>>& p) {
  return pow(complex<ramp::Var<T>>(x), p);
}
template <class T, class U>
requires is_arithmetic_v<U> complex<ramp::Var<T>> pow(const complex<ramp::Var<T>>& z, U p) {
  if (p < U(1024) && (p >= U(0) || U(0) - p < U(1024)) && static_cast<U>(static_cast<int>(p)) == p)
    return pow(z, static_cast<int>(p));
  return pow(z, ramp::Var<T>(p));
}
template <class T, class U>
requires is_arithmetic_v<U> complex<ramp::Var<T>> pow(U x, const complex<ramp::Var<T>>& p) {
  return pow(ramp::Var<T>(x), p);
}

}  // namespace std

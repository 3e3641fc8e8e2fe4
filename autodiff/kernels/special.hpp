// The gamma function, its logarithm and the derivatives of that. A number at a time, those of float
// in double; the C library has no digamma, and its lgamma writes a global variable. (No `lgamma`
// and `tgamma` of numbers: <cmath> has those, and `using namespace ramp` must leave them
// unambiguous.)
#pragma once

#include <autodiff/kernels/lanes.hpp>

namespace ramp {

double gamma_function(double x);  // NaN at -1, -2, ..; ±∞ at ±0
double log_gamma(double x);       // log |Γ(x)|: ∞ at 0, -1, ..
double digamma(double x);         // its derivative: NaN at -1, -2, ..; ∓∞ at ±0
/// The order-th derivative of digamma. Of odd orders it is ∞ at 0, -1, ..; of even ones as digamma.
double polygamma(double x, double order);

#define RAMP_SPECIAL_FUNCTION(f)                                                    \
  inline float f(float x) { return static_cast<float>(f(static_cast<double>(x))); } \
  template <class T, std::size_t N> Lanes<T, N> f(Lanes<T, N> x) {                  \
    for (std::size_t i = 0; i < N; ++i) x.v[i] = f(static_cast<T>(x.v[i]));         \
    return x;                                                                       \
  }
RAMP_SPECIAL_FUNCTION(gamma_function)
RAMP_SPECIAL_FUNCTION(log_gamma)
RAMP_SPECIAL_FUNCTION(digamma)
#undef RAMP_SPECIAL_FUNCTION
inline float polygamma(float x, double order) {
  return static_cast<float>(polygamma(static_cast<double>(x), order));
}
template <class T, std::size_t N> Lanes<T, N> polygamma(Lanes<T, N> x, double order) {
  for (std::size_t i = 0; i < N; ++i) x.v[i] = polygamma(static_cast<T>(x.v[i]), order);
  return x;
}

}  // namespace ramp

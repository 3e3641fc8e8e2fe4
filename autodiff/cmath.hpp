// What else <cmath> has: other names of ops, and functions made of ops. Those that give integers,
// or take a number apart, look at its value and are for scalars.
#pragma once

#include <autodiff/tape/tape.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <type_traits>
#include <utility>

namespace ramp {

template <Traced X> auto fabs(const X& x) { return abs(x); }
template <Traced X> auto nearbyint(const X& x) { return rint(x); }
/// a - b, or 0 where b is larger.
template <class A, class B>
requires AnyTraced<A, B>
auto fdim(const A& a, const B& b) { return relu(above(a, b)); }
/// The length of (a, b, c).
template <class A, class B, class C>
requires AnyTraced<A, B, C>
auto hypot(const A& a, const B& b, const C& c) {
  using X = typename Recording<A, B, C>::type;
  using std::hypot;  // of two that are numbers
  if constexpr (!is_var<X>) {
    return hypot(a, hypot(b, c));
  } else {
    X::check_together("hypot", a, b, c);
    X first = a, last = c;
    // The inner length has a kink at 0, and the whole has none there: the larger one goes within.
    if (shape_of(first, "hypot").rank() == 0 && shape_of(last, "hypot").rank() == 0) {
      if (std::abs(last.item()) > std::abs(first.item())) std::swap(first, last);
    } else {
      const X larger = abs(last) > abs(first);
      first = where(larger, c, a);
      last = where(larger, a, c);
    }
    return hypot(hypot(first, b), last);
  }
}
/// From a, at t = 0, to b, at t = 1.
template <class A, class B, class C>
requires AnyTraced<A, B, C>
auto lerp(const A& a, const B& b, const C& t) { return (1 - t) * a + t * b; }

/// x 2^exponent.
template <class T> Var<T> ldexp(const Var<T>& x, int exponent) {
  constexpr int most = std::numeric_limits<T>::max_exponent - 2;  // of one factor
  int left = std::clamp(exponent, -3 * most, 3 * most);           // beyond, all is 0 or infinite
  // What is left over first: if it came last, a denormal number would be rounded twice.
  Var<T> y = x * std::ldexp(T(1), left % most);
  for (left /= most; left != 0; left -= left < 0 ? -1 : 1)
    y = y * std::ldexp(T(1), left < 0 ? -most : most);
  return y;
}
template <class T> Var<T> scalbn(const Var<T>& x, int exponent) { return ldexp(x, exponent); }
/// x = the result times 2^exponent, with 1/2 <= |result| < 1.
template <class T> Var<T> frexp(const Var<T>& x, int* exponent) {
  const T value = x.item();
  (void)std::frexp(value, exponent);
  return value == 0 || !std::isfinite(value) ? x : ldexp(x, -*exponent);
}
/// The fraction of x; what is before the point goes to `whole`. Both have x's sign, if they are 0.
template <class T> Var<T> modf(const Var<T>& x, Var<T>* whole) {
  const Var<T> before = trunc(x);  // the fraction of infinity is 0
  const Var<T> fraction = std::signbit(x.item()) ? -above(-x, -before) : above(x, before);
  *whole = before;  // which may be x itself
  return fraction;
}
/// The number next to x on the way to y, as far as the tape knows x plus a constant.
template <class T> Var<T> nextafter(const Var<T>& x, const std::type_identity_t<Var<T>>& y) {
  const T value = x.item(), next = std::nextafter(value, y.item());
  return std::isfinite(value) ? x + (next - value) : Var<T>(next);
}
template <class T> T nextafter(std::type_identity_t<T> x, const Var<T>& y) {
  return std::nextafter(x, y.item());
}
template <class T> long lround(const Var<T>& x) { return std::lround(x.item()); }
template <class T> long long llround(const Var<T>& x) { return std::llround(x.item()); }
template <class T> long lrint(const Var<T>& x) { return std::lrint(x.item()); }
template <class T> long long llrint(const Var<T>& x) { return std::llrint(x.item()); }
template <class T> bool isnormal(const Var<T>& x) { return std::isnormal(x.item()); }
template <class T> Var<T> logb(const Var<T>& x) { return std::logb(x.item()); }
template <class T> int ilogb(const Var<T>& x) { return std::ilogb(x.item()); }

}  // namespace ramp

// std::numbers::pi_v<T> and its like, in code that has its number type as T.
namespace std::numbers {
#define RAMP_CONSTANT(name) \
  template <class T> inline constexpr ramp::Var<T> name<ramp::Var<T>>{name<T>};
RAMP_CONSTANT(e_v)
RAMP_CONSTANT(log2e_v)
RAMP_CONSTANT(log10e_v)
RAMP_CONSTANT(pi_v)
RAMP_CONSTANT(inv_pi_v)
RAMP_CONSTANT(inv_sqrtpi_v)
RAMP_CONSTANT(ln2_v)
RAMP_CONSTANT(ln10_v)
RAMP_CONSTANT(sqrt2_v)
RAMP_CONSTANT(sqrt3_v)
RAMP_CONSTANT(inv_sqrt3_v)
RAMP_CONSTANT(egamma_v)
RAMP_CONSTANT(phi_v)
#undef RAMP_CONSTANT
}  // namespace std::numbers

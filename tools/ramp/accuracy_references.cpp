// What each element-wise op should give: closed forms in long double, none of which is the op's
// own.
#include "accuracy.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string_view>

namespace ramp::tool {
namespace {

constexpr Real nan = std::numeric_limits<Real>::quiet_NaN();

// g where a > b, the share c of it at a tie, 0 where a < b.
Real gate_of(Real a, Real b, Real g, Real c) {
  return a > b ? g : a < b ? 0 : a == b ? c * g : nan;
}

Real logistic(Real x) { return 1 / (1 + std::exp(-x)); }
Real logistic_slope(Real x) {
  const Real e = std::exp(-std::abs(x));
  return e / ((1 + e) * (1 + e));
}
Real sech_squared_of(Real x) {
  const Real e = std::exp(-2 * std::abs(x));
  return 4 * e / ((1 + e) * (1 + e));
}
// exp(-rate x²); what rounding takes from x² comes back in a second factor.
Real bell(Real x, Real rate) {
  if (std::abs(x) > 200) return 0;
  const Real s = x * x, lost = std::fma(x, x, -s);
  return std::exp(-rate * s) * (1 - rate * lost);
}
Real density(Real x) { return bell(x, 0.5L) / std::sqrt(2 * std::numbers::pi_v<Real>); }
// P(Z <= x). The argument of erfc is -x / √2, and what its rounding changes is put back.
Real below(Real x) {
  if (std::abs(x) > 200 || std::isnan(x)) return x > 0 ? 1 : x < 0 ? 0 : nan;
  const Real r = std::sqrt(0.5L), of_r = std::fma(-r, r, 0.5L) / (2 * r);
  const Real z = -x * r, of_z = std::fma(-x, r, -z) - x * of_r;
  return std::erfc(z) / 2 - bell(z, 1) * of_z / std::sqrt(std::numbers::pi_v<Real>);
}
// x f(x) for an f that vanishes faster than x grows.
Real vanishing(Real x, Real f) { return f == 0 ? 0 : x * f; }

// What a is of a length: 1 or -1 where it is all of it, 0 of no length.
Real share(Real a, Real length) {
  return length == 0 ? 0 : std::abs(a) == length ? std::copysign(1, a) : a / length;
}

// b / (a² + b²), and 0 at 0.
Real angle_slope(Real a, Real b) {
  if (a == 0 && b == 0) return 0;
  if (std::isnan(a) || std::isnan(b)) return nan;
  return share(b, std::hypot(a, b)) / std::hypot(a, b);
}

// B_2k / (2k)!
constexpr Real bernoulli[] = {1 / 12.0L,       -1 / 720.0L,     1 / 30240.0L,
                              -1 / 1209600.0L, 1 / 47900160.0L, -691 / 1307674368000.0L};
constexpr int shift = 60;  // from where on these are enough

// n! Σ 1 / (x + k)^(n + 1), up to its sign the n-th derivative of digamma, n >= 1 and x >= 0.
Real sum_of_powers(Real x, int n) {
  const auto power = [](Real y, int m) {
    Real z = 1 / y;
    while (--m > 0) z /= y;
    return z;
  };
  Real sum = 0, a = x;
  for (; a < shift; ++a) sum += power(a, n + 1);
  Real term = 1, tail = 1 + n / (2 * a);
  for (int k = 0; k < 6; ++k)
    tail += bernoulli[k] * (term *= (n + 2 * k) / a * ((n + 2 * k + 1) / a));
  return std::tgamma(Real(n + 1)) * sum + std::tgamma(Real(n)) * tail * power(a, n);
}
Real cotangent(Real x) { return 1 / std::tan(std::numbers::pi_v<Real> * (x - std::round(x))); }
bool is_pole(Real x) { return x < 0 && x == std::round(x); }
// ψ(x), as it differs from 0 at its root.
Real digamma_of(Real x) {
  if (is_pole(x)) return nan;
  if (x < 0) return digamma_of(1 - x) - std::numbers::pi_v<Real> * cotangent(x);
  if (std::isinf(x)) return x;
  constexpr Real root = 1.4616321449683623412626595423257213285L, b = root + shift;
  const Real d = x - root, a = x + shift;
  Real sum = (1 / (2 * b) + (a + b) / (12 * a * b * b)) / a;
  for (int k = shift; --k > 0;) sum += 1 / ((x + k) * (root + k));
  sum += 1 / (x * root);  // of -0, too
  const auto rest = [](Real y) {
    const Real t = 1 / y / y;
    return t * t * (1 / 120.0L - t * (1 / 252.0L - t / 240));
  };
  return d * sum + std::log1p(d / b) + (rest(a) - rest(b));
}
Real polygamma_of(Real x, int n) {
  const Real of_positive = n % 2 ? 1 : -1;
  if (x >= 0) return of_positive * sum_of_powers(x, n);
  if (is_pole(x)) return n % 2 && !std::isinf(x) ? std::numeric_limits<Real>::infinity() : nan;
  constexpr Real pi = std::numbers::pi_v<Real>;
  const Real c = cotangent(x), s = pi * pi * (1 + c * c);  // n is 1 or 2 here
  return n == 1 ? s - sum_of_powers(1 - x, 1) : -2 * pi * c * s - sum_of_powers(1 - x, 2);
}

// A formula of x, or of a, b and c, and of the point's attributes.
#define F(...)                                                                  \
  [](const Point& p) -> Real {                                                  \
    [[maybe_unused]] const Real x = p.x[0], a = p.x[0], b = p.x[1], c = p.x[2]; \
    return __VA_ARGS__;                                                         \
  }

template <int c> Real constant(const Point&) { return c; }
const Formula nothing = nullptr, zero = constant<0>, one = constant<1>, minus_one = constant<-1>;
constexpr Real two_by_root_pi = 2 * std::numbers::inv_sqrtpi_v<Real>;
constexpr Real ln2 = std::numbers::ln2_v<Real>, ln10 = std::numbers::ln10_v<Real>;

std::vector<Reference> smooth() {
  std::vector<Reference> all{
      {"exp", {}, F(std::exp(x)), {F(std::exp(x))}, F(std::exp(x))},
      {"log", {}, F(std::log(x)), {F(1 / x)}, F(-1 / x / x)},
      {"log1p", {}, F(std::log1p(x)), {F(1 / (1 + x))}, F(-1 / (1 + x) / (1 + x))},
      {"expm1", {}, F(std::expm1(x)), {F(std::exp(x))}, F(std::exp(x))},
      {"exp2", {}, F(std::exp2(x)), {F(std::exp2(x) * ln2)}, F(std::exp2(x) * ln2 * ln2)},
      {"log2", {}, F(std::log2(x)), {F(1 / (x * ln2))}, F(-1 / (x * ln2) / x)},
      {"log10", {}, F(std::log10(x)), {F(1 / (x * ln10))}, F(-1 / (x * ln10) / x)},
      {"sin", {}, F(std::sin(x)), {F(std::cos(x))}, F(-std::sin(x))},
      {"cos", {}, F(std::cos(x)), {F(-std::sin(x))}, F(-std::cos(x))},
      {"tanh",
       {},
       F(std::tanh(x)),
       {F(sech_squared_of(x))},
       F(-2 * std::tanh(x) * sech_squared_of(x))},
      {"sech_squared",
       {},
       F(sech_squared_of(x)),
       {F(-2 * std::tanh(x) * sech_squared_of(x))},
       F((4 - 6 * sech_squared_of(x)) * sech_squared_of(x))},
      {"erf",
       {},
       F(std::erf(x)),
       {F(two_by_root_pi * bell(x, 1))},
       F(vanishing(-2 * two_by_root_pi * x, bell(x, 1)))},
      {"erfc",
       {},
       F(std::erfc(x)),
       {F(-two_by_root_pi * bell(x, 1))},
       F(vanishing(2 * two_by_root_pi * x, bell(x, 1)))},
      {"normal_cdf", {}, F(below(x)), {F(density(x))}, F(vanishing(-x, density(x)))},
      {"gelu",
       {},
       F(vanishing(x, below(x))),
       {F(below(x) + vanishing(x, density(x)))},
       F(vanishing(2 - x * x, density(x))),
       F(std::max(below(x), std::abs(vanishing(x, density(x)))))},
      {"sigmoid",
       {},
       F(logistic(x)),
       {F(logistic_slope(x))},
       F(-std::tanh(x / 2) * logistic_slope(x))},
      {"silu",
       {},
       F(vanishing(x, logistic(x))),
       {F(logistic(x) + vanishing(x, logistic_slope(x)))},
       F(vanishing(2 - x * std::tanh(x / 2), logistic_slope(x))),
       F(std::max(logistic(x), std::abs(vanishing(x, logistic_slope(x)))))},
      {"softplus",
       {},
       F(std::max(x, Real(0)) + std::log1p(std::exp(-std::abs(x)))),
       {F(logistic(x))},
       F(logistic_slope(x))},
      {"square", {}, F(x * x), {F(2 * x)}, constant<2>},
      {"sqrt", {}, F(std::sqrt(x)), {F(1 / (2 * std::sqrt(x)))}, F(-1 / (4 * x * std::sqrt(x)))},
      {"cbrt", {}, F(std::cbrt(x)), {F(1 / (3 * std::cbrt(x) * std::cbrt(x)))}},
      {"neg", {}, F(-x), {minus_one}, zero},
  };
  for (const double alpha : {1.0, 1.7})
    all.push_back({"elu",
                   {alpha},
                   F(x > 0 ? x : p.attr[0] * std::expm1(x)),
                   {F(x > 0    ? 1
                      : x == 0 ? p.at_zero + (1 - p.at_zero) * p.attr[0]
                               : p.attr[0] * std::exp(x))},
                   F(x > 0 ? 0 : p.attr[0] * std::exp(x))});
  for (const double rate : {1.0, 0.5})
    all.push_back({"gaussian",
                   {rate, 0},
                   F(bell(x, p.attr[0])),
                   {F(vanishing(-2 * p.attr[0] * x, bell(x, p.attr[0])))},
                   F(vanishing(2 * p.attr[0] * (2 * p.attr[0] * x * x - 1), bell(x, p.attr[0])))});
  for (const double e : {3.0, 2.0, 1.0, 0.0, 0.5, -0.5, -1.0})
    all.push_back({"pow_constant",
                   {e},
                   F(std::pow(x, Real(p.attr[0]))),
                   {F(p.attr[0] == 0 ? 0 : p.attr[0] * std::pow(x, Real(p.attr[0]) - 1))}});
  return all;
}

std::vector<Reference> special() {
  return {
      {"polygamma", {1}, F(polygamma_of(x, 1)), {F(polygamma_of(x, 2))}, F(polygamma_of(x, 3))},
      {"polygamma",
       {2},
       F(polygamma_of(x, 2)),
       {F(polygamma_of(x, 3))},
       F(polygamma_of(x, 4)),
       nothing,
       F(x < 0 ? polygamma_of(x - std::floor(x), 2) : 0)},
      {"digamma",
       {},
       F(digamma_of(x)),
       {F(polygamma_of(x, 1))},
       F(polygamma_of(x, 2)),
       nothing,
       F(x < 0 ? 1 + std::abs(digamma_of(1 - x)) : 0)},
      {"lgamma", {}, F(std::lgamma(x)), {F(digamma_of(x))}, F(polygamma_of(x, 1))},
      {"tgamma", {}, F(std::tgamma(x)), {F(std::tgamma(x) * digamma_of(x))}},
  };
}

std::vector<Reference> trigonometric() {
  return {
      {"tan", {}, F(std::tan(x)), {F(1 + std::tan(x) * std::tan(x))}},
      {"asin", {}, F(std::asin(x)), {F(1 / std::sqrt((1 - x) * (1 + x)))}},
      {"acos", {}, F(std::acos(x)), {F(-1 / std::sqrt((1 - x) * (1 + x)))}},
      {"atan",
       {},
       F(std::atan(x)),
       {F(1 / (1 + x * x))},
       F(std::isinf(x) ? 0 : -2 * x / (1 + x * x) / (1 + x * x))},
      {"atan2", {}, F(std::atan2(a, b)), {F(angle_slope(a, b)), F(-angle_slope(b, a))}},
      {"sinh", {}, F(std::sinh(x)), {F(std::cosh(x))}, F(std::sinh(x))},
      {"cosh", {}, F(std::cosh(x)), {F(std::sinh(x))}, F(std::cosh(x))},
      {"asinh", {}, F(std::asinh(x)), {F(1 / std::hypot(Real(1), x))}},
      {"acosh", {}, F(std::acosh(x)), {F(1 / (std::sqrt(x - 1) * std::sqrt(x + 1)))}},
      {"atanh", {}, F(std::atanh(x)), {F(1 / ((1 - x) * (1 + x)))}},
  };
}

std::vector<Reference> steps() {
  return {
      {"floor", {}, F(std::floor(x)), {}},
      {"ceil", {}, F(std::ceil(x)), {}},
      {"trunc", {}, F(std::trunc(x)), {}},
      {"round", {}, F(std::round(x)), {}},
      {"rint", {}, F(std::rint(x)), {}},
      {"sign",
       {},
       F(x > 0   ? 1
         : x < 0 ? -1
                 : x),
       {}},
      {"copysign",
       {},
       F(std::copysign(a, b)),
       {F(std::isnan(a)                        ? nan
          : a == 0                             ? 0
          : std::signbit(a) == std::signbit(b) ? 1
                                               : -1),
        nothing}},
      {"fmod", {}, F(std::fmod(a, b)), {one, F(-std::round((a - std::fmod(a, b)) / b))}},
      {"remainder",
       {},
       F(std::remainder(a, b)),
       {one, F(-std::round((a - std::remainder(a, b)) / b))}},
      {"isnan", {}, F(std::isnan(x)), {}},
      {"isinf", {}, F(std::isinf(x)), {}},
      {"isfinite", {}, F(std::isfinite(x)), {}},
      {"signbit", {}, F(std::signbit(x)), {}},
  };
}

std::vector<Reference> kinked() {
  return {
      {"gate",
       {0.3},
       F(gate_of(a, b, c, p.attr[0])),
       {nothing, nothing, F(gate_of(a, b, 1, p.attr[0]))}},
      {"relu", {}, F(x <= 0 ? 0 : x), {F(gate_of(x, 0, 1, p.at_zero))}},
      {"leaky_relu",
       {0.1},
       F(x <= 0 ? p.attr[0] * x : x),
       {F(gate_of(x, 0, 1, p.at_zero) + p.attr[0] * gate_of(0, x, 1, 1 - p.at_zero))}},
      {"abs", {}, F(std::abs(x)), {F(gate_of(x, 0, 1, 0) - gate_of(0, x, 1, 0))}},
      {"maximum",
       {},
       F(a > b    ? a
         : a <= b ? b
                  : nan),
       {F(gate_of(a, b, 1, p.tie)), F(gate_of(b, a, 1, p.tie))}},
      {"minimum",
       {},
       F(a < b    ? a
         : a >= b ? b
                  : nan),
       {F(gate_of(b, a, 1, p.tie)), F(gate_of(a, b, 1, p.tie))}},
      {"fmax",
       {},
       F(std::isnan(b) || a > b ? a : b),
       {F(std::isnan(a)   ? 0
          : std::isnan(b) ? 1
                          : gate_of(a, b, 1, p.tie)),
        F(std::isnan(b)   ? 0
          : std::isnan(a) ? 1
                          : gate_of(b, a, 1, p.tie))}},
      {"fmin",
       {},
       F(std::isnan(b) || a < b ? a : b),
       {F(std::isnan(a)   ? 0
          : std::isnan(b) ? 1
                          : gate_of(b, a, 1, p.tie)),
        F(std::isnan(b)   ? 0
          : std::isnan(a) ? 1
                          : gate_of(a, b, 1, p.tie))}},
      {"clamp",
       {-1, 0.5},
       F(std::isnan(x) ? x : std::clamp(x, Real(p.attr[0]), Real(p.attr[1]))),
       {F(gate_of(p.attr[1], x, gate_of(x, p.attr[0], 1, p.at_zero), p.at_zero))}},
  };
}

std::vector<Reference> of_several() {
  return {
      {"add", {}, F(a + b), {one, one}},
      {"sub", {}, F(a - b), {one, minus_one}},
      {"mul", {}, F(a * b), {F(b), F(a)}},
      {"div", {}, F(a / b), {F(1 / b), F(-(a / b) / b)}},
      {"fma", {}, F(std::fma(a, b, c)), {F(b), F(a), one}},
      {"pow",
       {},
       F(std::pow(a, b)),
       {F(b == 0 ? 0 : b * std::pow(a, b - 1)),
        F(std::pow(a, b) == 0 || (a == 0 && b == 0) ? 0 : std::pow(std::abs(a), b) * std::log(a))}},
      {"hypot",
       {},
       F(std::hypot(a, b)),
       {F(share(a, std::hypot(a, b))), F(share(b, std::hypot(a, b)))}},
      {"above", {}, F(a == b ? 0 : a - b), {one, minus_one}},
      {"where", {}, F(a != 0 ? b : c), {nothing, F(a != 0), F(a == 0)}},
      {"greater", {}, F(a > b), {}},
      {"greater_equal", {}, F(a >= b), {}},
      {"less", {}, F(a < b), {}},
      {"less_equal", {}, F(a <= b), {}},
      {"equal", {}, F(a == b), {}},
      {"not_equal", {}, F(a != b), {}},
  };
}

#undef F

// Bounds above 4 ulp, and where they come from.
struct Exception {
  std::string_view op;
  double bound;
  const char* why;
};
constexpr Exception exceptions[] = {
    {"tanh", 7, "In float lanes, Eigen's quotient of polynomials near 5.5; all else is below 4"},
    {"erf", 5, "The slope: exp, 2/√π and three products, each rounded"},
    {"sigmoid", 5, "The slope: a product of two sigmoids, each of three roundings"},
    {"silu", 5, "The slope: a sum of such a product and a sigmoid"},
    {"gelu", 5, "The slope: a sum; the C library's erfc alone is off by 3"},
    {"erfc", 5, "The C library's, and its slope as erf's"},
    {"cbrt", 12, "The C library's is off by 4 in double, and its square is in the slope"},
    {"normal_cdf", 5, "The C library's erfc is off by 3"},
    {"sech_squared", 8, "The slope: sech² times tanh, each of several roundings"},
    {"gaussian", 8, "The slope: exp and a polynomial"},
    {"polygamma", 12, "A sum of up to 20 powers; below 0 the difference of three such sums"},
    {"digamma", 6, "The slope is such a sum"},
    {"lgamma", 7, "The C library's, below 0"},
    {"tgamma", 7, "The C library's"},
};

}  // namespace

const std::vector<Reference>& references() {
  static const std::vector<Reference> all = [] {
    std::vector<Reference> list = smooth();
    for (const auto& more : {special(), trigonometric(), steps(), kinked(), of_several()})
      list.insert(list.end(), more.begin(), more.end());
    for (Reference& r : list)
      for (const Exception& e : exceptions)
        if (e.op == r.op) r.bound = e.bound, r.why = e.why;
    return list;
  }();
  return all;
}

}  // namespace ramp::tool

// What each element-wise op should give: closed forms in long double, none of which is the op's
// own.
#include "accuracy.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace ramp::tool {
namespace {

constexpr Real infinity = std::numeric_limits<Real>::infinity();
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

#define AT [](const Point& p) -> Real
#define X p.x[0]
#define A p.x[0]
#define B p.x[1]
#define C p.x[2]

const Formula nothing = nullptr;
template <int c> Real constant(const Point&) { return c; }
const Formula zero = constant<0>, one = constant<1>, minus_one = constant<-1>;

std::vector<Reference> smooth() { std::vector<Reference> all{{"exp", {}, AT{return std::exp(X); }
, {AT{return std::exp(X);
}  // namespace
}  // namespace ramp::tool
, AT { return std::exp(X); }
}
, {"log", {}, AT{return std::log(X);
}
, {AT{return 1 / X;
}
}
, AT { return -1 / X / X; }
}
, {"log1p", {}, AT{return std::log1p(X);
}
, {AT{return 1 / (1 + X);
}
}
, AT { return -1 / (1 + X) / (1 + X); }
}
, {"expm1", {}, AT{return std::expm1(X);
}
, {AT{return std::exp(X);
}
}
, AT { return std::exp(X); }
}
, {"sin", {}, AT{return std::sin(X);
}
, {AT{return std::cos(X);
}
}
, AT { return -std::sin(X); }
}
, {"cos", {}, AT{return std::cos(X);
}
, {AT{return -std::sin(X);
}
}
, AT { return -std::cos(X); }
}
, {"tanh", {}, AT{return std::tanh(X);
}
, {AT{return sech_squared_of(X);
}
}
, AT { return -2 * std::tanh(X) * sech_squared_of(X); }
}
, {"erf", {}, AT{return std::erf(X);
}
, {AT{return 2 * std::numbers::inv_sqrtpi_v<Real> * bell(X, 1);
}
}
, AT { return vanishing(-4 * std::numbers::inv_sqrtpi_v<Real> * X, bell(X, 1)); }
}
, {"sigmoid", {}, AT{return logistic(X);
}
, {AT{return logistic_slope(X);
}
}
, AT { return -std::tanh(X / 2) * logistic_slope(X); }
}
, {"softplus", {}, AT{return std::max(X, Real(0)) + std::log1p(std::exp(-std::abs(X)));
}
, {AT{return logistic(X);
}
}
, AT { return logistic_slope(X); }
}
, {"gelu", {}, AT{return vanishing(X, below(X));
}
, {AT{return below(X) + vanishing(X, density(X));
}
}
, AT { return vanishing(2 - X * X, density(X)); }
, AT { return std::max(below(X), std::abs(vanishing(X, density(X)))); }
}
, {"silu", {}, AT{return vanishing(X, logistic(X));
}
, {AT{return logistic(X) + vanishing(X, logistic_slope(X));
}
}
, AT { return vanishing(2 - X * std::tanh(X / 2), logistic_slope(X)); }
, AT { return std::max(logistic(X), std::abs(vanishing(X, logistic_slope(X)))); }
}
, {"sech_squared", {}, AT{return sech_squared_of(X);
}
, {AT{return -2 * std::tanh(X) * sech_squared_of(X);
}
}
, AT { return (4 - 6 * sech_squared_of(X)) * sech_squared_of(X); }
}
, {"normal_cdf", {}, AT{return below(X);
}
, {AT{return density(X);
}
}
, AT { return vanishing(-X, density(X)); }
}
, {"square", {}, AT{return X * X;
}
, {AT{return 2 * X;
}
}
, constant<2>
}
, {"sqrt", {}, AT{return std::sqrt(X);
}
, {AT{return 1 / (2 * std::sqrt(X));
}
}
, AT { return -1 / (4 * X * std::sqrt(X)); }
}
, {"neg", {}, AT{return -X;
}
, {minus_one}, zero
}
,
}
;
for (const double alpha : {1.0, 1.7})
    all.push_back({"elu",
                   {alpha},
                   AT { return X > 0 ? X : p.attr[0] * std::expm1(X);
}
, {
  AT {
    return X == 0 ? p.at_zero + (1 - p.at_zero) * p.attr[0] : X > 0 ? 1 : p.attr[0] * std::exp(X);
  }
}
});
for (const double rate : {1.0, 0.5})
    all.push_back({"gaussian",
                   {rate},
                   AT { return vanishing(A, bell(B, p.attr[0]));
}
, {
  AT { return bell(B, p.attr[0]); }
  , AT { return vanishing(-2 * p.attr[0] * B * A, bell(B, p.attr[0])); }
}
});
for (const double e : {3.0, 2.0, 1.0, 0.0, 0.5, -0.5, -1.0})
    all.push_back({"pow_constant",
                   {e},
                   AT { return std::pow(X, Real(p.attr[0]));
}
, {
  AT { return p.attr[0] == 0 ? 0 : p.attr[0] * std::pow(X, Real(p.attr[0]) - 1); }
}
});
return all;
}

std::vector<Reference> of_several() { return {{"add", {}, AT{return A + B; }
, { one, one }
}
, {"sub", {}, AT{return A - B;
}
, { one, minus_one }
}
, {"mul", {}, AT{return A * B;
}
, {
  AT { return B; }
  , AT { return A; }
}
}
, {"div", {}, AT{return A / B;
}
, {
  AT { return 1 / B; }
  , AT { return -(A / B) / B; }
}
}
, {"pow", {}, AT{return std::pow(A, B);
}
, {
  AT { return B == 0 ? 0 : B * std::pow(A, B - 1); }
  , AT { return A == 0 ? 0 : std::pow(A, B) * std::log(A); }
}
}
, {"where", {}, AT{return A != 0 ? B : C;
}
, {
  nothing, AT { return A != 0; }
  , AT { return A == 0; }
}
}
, {"greater", {}, AT{return A > B;
}
, {}
}
, {"greater_equal", {}, AT{return A >= B;
}
, {}
}
, {"less", {}, AT{return A < B;
}
, {}
}
, {"less_equal", {}, AT{return A <= B;
}
, {}
}
, {"equal", {}, AT{return A == B;
}
, {}
}
, {"not_equal", {}, AT{return A != B;
}
, {}
}
,
}
;
}

std::vector<Reference> kinked() { return {{"gate", {0.3}, AT{return gate_of(A, B, C, p.attr[0]); }
, {
  nothing, nothing, AT { return gate_of(A, B, 1, p.attr[0]); }
}
}
, {"relu", {}, AT{return X <= 0 ? 0 : X;
}
, {
  AT { return gate_of(X, 0, 1, p.at_zero); }
}
}
, {"leaky_relu", {0.1}, AT{return X <= 0 ? p.attr[0] * X : X;
}
, {
  AT { return gate_of(X, 0, 1, p.at_zero) + p.attr[0] * gate_of(0, X, 1, 1 - p.at_zero); }
}
}
, {"abs", {}, AT{return std::abs(X);
}
, {
  AT { return gate_of(X, 0, 1, 0) - gate_of(0, X, 1, 0); }
}
}
, {"maximum", {}, AT{return A > B ? A : A <= B ? B : nan;
}
, {
  AT { return gate_of(A, B, 1, p.tie); }
  , AT { return gate_of(B, A, 1, p.tie); }
}
}
, {"minimum", {}, AT{return A < B ? A : A >= B ? B : nan;
}
, {
  AT { return gate_of(B, A, 1, p.tie); }
  , AT { return gate_of(A, B, 1, p.tie); }
}
}
, {"clamp", {-1, 0.5},
   AT{return std::isnan(X) ? X : std::clamp(X, Real(p.attr[0]), Real(p.attr[1]));
}
, {
  AT { return gate_of(p.attr[1], X, gate_of(X, p.attr[0], 1, p.at_zero), p.at_zero); }
}
}
,
}
;
}

#undef AT
#undef X
#undef A
#undef B
#undef C

}  // namespace

const std::vector<Reference>& references() {
  static const std::vector<Reference> all = [] {
    std::vector<Reference> list = smooth();
    for (const auto& more : {kinked(), of_several()})
      list.insert(list.end(), more.begin(), more.end());
    return list;
  }();
  return all;
}

}  // namespace ramp::tool

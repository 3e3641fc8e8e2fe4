// The bell curve, its derivatives and its integral.
#pragma once

#include <autodiff/ops/op.hpp>
#include <autodiff/ops/transcendental.hpp>

#include <cstdint>
#include <numbers>

namespace ramp {

/// The order-th derivative of exp(-rate x²), for a rate that is a power of two; one of any other
/// size costs accuracy in the tails.
template <Number X> X gaussian(X x, double rate, double order = 0) {
  using T = Element<X>;
  // Beyond ±64 it is 0: x may stop there, before ∞ · 0.
  const X b = held(x, -64, 64);
  // The rounding of x² would come out x² times as large. So x² = h² + (b - h)(b + h), where h has
  // half the digits of b and h² is exact, and `lost` is what their sum's rounding takes away.
  constexpr int digits = std::numeric_limits<T>::digits;
  constexpr T cut = T(1.5) * T(std::uint64_t{1} << (digits + 5 - digits / 2));
  const X h = (b + cut) - cut, r = static_cast<T>(rate);
  const X first = r * h * h, rest = r * (b - h) * (b + h), sum = first + rest;
  const X lost = (first - sum) + rest;
  const auto [large, small] = exp_in_parts<X>(-sum);
  // Hermite polynomials: p' - 2 rate x p, from 1 on.
  X p = 1, before = 0;
  for (int n = 0; n < order; ++n) {
    const X next = static_cast<T>(-2 * rate) * (b * p + static_cast<T>(n) * before);
    before = p;
    p = next;
  }
  return p * (large - large * lost) * small;
}

struct Bell {
  double rate = 1, order = 0;
};
struct Gaussian : Elementwise<1, Bell> {
  static void check(const Attr& at) { check_order("gaussian", at.order); }
  static constexpr About about{"gaussian", "exp(-rate x²), differentiated order times",
                               "A bell curve, as the pullbacks of erf and gelu record it."};
  static constexpr auto value = [](auto x, auto at) { return gaussian(x, at.rate, at.order); };
  static constexpr auto pullbacks = std::tuple{
      [](auto g, auto x, auto, auto at) { return g * gaussian(x, at.rate, at.order + 1); }};
  template <class E = Examples> static E examples() {
    return {
        {{0}, 1, {1, 0}}, {{1}, 0.6065306597126334, {0.5, 0}}, {{2}, -0.0732625555549367, {1, 1}}};
  }
};
template <Traced X> auto gaussian(const X& x, double rate, double order = 0) {
  return record<Gaussian>({rate, order}, x);
}

inline constexpr double normal_peak = std::numbers::inv_sqrtpi / std::numbers::sqrt2;

struct NormalCdf : Elementwise<1> {
  static constexpr About about{"normal_cdf", "P(Z <= x), Z standard normal",
                               "Distribution function of the standard normal."};
  static constexpr auto value = [](auto x) { return normal_cdf(x); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto x) { return g * (normal_peak * gaussian(x, 0.5)); }};
  template <class E = Examples> static E examples() {
    return {{{0}, 0.5}, {{1}, 0.8413447460685429}};
  }
};
RAMP_UNARY(normal_cdf, NormalCdf)

struct Erf : Elementwise<1> {
  static constexpr About about{"erf", "erf(x)", "Error function."};
  static constexpr auto value = [](auto x) { return erf(x); };
  static constexpr auto pullbacks = std::tuple{
      [](auto g, auto x) { return g * (2 * std::numbers::inv_sqrtpi * gaussian(x, 1)); }};
  template <class E = Examples> static E examples() {
    return {{{0}, 0}, {{1}, 0.8427007929497149}};
  }
};
RAMP_UNARY(erf, Erf)

struct Erfc : Elementwise<1> {
  static constexpr About about{"erfc", "1 - erf(x)", "Exact where erf is close to 1."};
  static constexpr auto value = [](auto x) { return erfc(x); };
  static constexpr auto pullbacks = std::tuple{
      [](auto g, auto x) { return -g * (2 * std::numbers::inv_sqrtpi * gaussian(x, 1)); }};
  template <class E = Examples> static E examples() {
    return {{{0}, 1}, {{2}, 0.004677734981047266}};
  }
};
RAMP_UNARY(erfc, Erfc)

// x P(Z <= x). Where P would be a denormal, its expansion at -∞ says how it differs from the bell.
template <Number X> X gelu(X x) {
  constexpr double denormal = sizeof(Element<X>) == sizeof(float) ? -12.9 : -37.5;
  const X t = 1 / (x * x);
  const X series = 1 - t * (1 - 3 * t * (1 - 5 * t * (1 - 7 * t * (1 - 9 * t * (1 - 11 * t)))));
  return static_cast<X>(
      where(x < denormal, -normal_peak * series * gaussian(x, 0.5), x * normal_cdf(x)));
}

struct Gelu : Elementwise<1> {
  static constexpr About about{"gelu", "x P(Z <= x), Z standard normal",
                               "Gaussian error linear unit, exact (Hendrycks & Gimpel 2016)."};
  static constexpr auto value = [](auto x) { return gelu(x); };
  // P(Z <= x) and x times the density, which is the opposite of the density's slope.
  static constexpr auto pullbacks = std::tuple{
      [](auto g, auto x) { return g * (normal_cdf(x) - normal_peak * gaussian(x, 0.5, 1)); }};
  template <class E = Examples> static E examples() {
    return {{{0}, 0}, {{1}, 0.8413447460685429}, {{-10}, -7.61985302416053e-23}};
  }
};
RAMP_UNARY(gelu, Gelu)

using Normal = OpList<Gaussian, NormalCdf, Erf, Erfc, Gelu>;

}  // namespace ramp

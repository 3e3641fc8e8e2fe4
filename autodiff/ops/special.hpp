// The gamma function, its logarithm and the derivatives of that. Formulas say log_gamma and
// gamma_function of numbers (kernels/special.hpp says why); the public names are those of <cmath>.
#pragma once

#include <autodiff/kernels/special.hpp>
#include <autodiff/ops/arithmetic.hpp>
#include <autodiff/ops/op.hpp>

namespace ramp {

struct Order {
  double order = 0;
};
struct Polygamma : Elementwise<1, Order> {
  static void check(const Attr& at) { check_order("polygamma", at.order); }
  static constexpr About about{"polygamma", "the order-th derivative of digamma(x)",
                               "For x < 0, too, where it has a pole at each integer."};
  static constexpr std::array domain{positive};
  static constexpr auto value = [](auto x, auto at) { return polygamma(x, at.order); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto x, auto, auto at) { return g * polygamma(x, at.order + 1); }};
  template <class E = Examples> static E examples() {
    return {{{1}, 1.6449340668482264, {1}},
            {{10}, 0.10516633568168575, {1}},
            {{10}, 2.2517525890667211, {0}}};
  }
};
template <Traced X> auto polygamma(const X& x, double order) {
  Polygamma::check({order});
  return record<Polygamma>({order}, x);
}
/// The order-th derivative of digamma, in SciPy's and PyTorch's order of arguments; ValueError
/// below 0.
template <Traced X> auto polygamma(int order, const X& x) {
  return polygamma(x, static_cast<double>(order));
}

struct Digamma : Elementwise<1> {
  static constexpr About about{"digamma", "Γ'(x) / Γ(x)",
                               "The slope of lgamma. A pole at 0, NaN at -1, -2, .."};
  static constexpr std::array domain{positive};
  static constexpr auto value = [](auto x) { return digamma(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) { return g * polygamma(x, 1); }};
  template <class E = Examples> static E examples() {
    return {{{1}, -0.5772156649015329}, {{10}, 2.2517525890667211}};
  }
};
RAMP_UNARY(digamma, Digamma)

struct Lgamma : Elementwise<1> {
  static constexpr About about{"lgamma", "log |Γ(x)|",
                               "Logarithm of the gamma function; infinite at 0, -1, -2, .."};
  static constexpr std::array domain{positive};
  static constexpr auto value = [](auto x) { return log_gamma(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) { return g * digamma(x); }};
  template <class E = Examples> static E examples() {
    return {{{1}, 0}, {{0.5}, 0.5723649429247001}, {{10}, 12.801827480081469}};
  }
};
RAMP_UNARY(lgamma, Lgamma)

struct Tgamma : Elementwise<1> {
  static constexpr About about{"tgamma", "Γ(x)",
                               "Gamma function, (x - 1)! of integers. A pole at 0, NaN at -1, .."};
  static constexpr std::array domain{positive};
  static constexpr auto value = [](auto x) { return gamma_function(x); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto x, auto y) { return g * y * digamma(x); }};
  template <class E = Examples> static E examples() {
    return {{{5}, 24}, {{0.5}, 1.772453850905516}, {{3.5}, 3.323350970447843}};
  }
};
RAMP_UNARY(tgamma, Tgamma)

using Special = OpList<Polygamma, Digamma, Lgamma, Tgamma>;

}  // namespace ramp

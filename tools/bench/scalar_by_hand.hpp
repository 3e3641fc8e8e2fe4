// Two scalar programs, each twice: as anyone would write it, generic in the number type, so that
// any tool can differentiate it; and with the adjoint written by hand, which is what those tools
// are measured against.
#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace ramp::bench {

// For plain numbers; other types bring their own, found by argument-dependent look-up.
template <std::floating_point T> T relu(T x) { return x > 0 ? x : T(0); }

template <std::size_t n, class S> std::array<S, n> repeated(const S& x) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<S, n>{((void)I, x)...};
  }
  (std::make_index_sequence<n>{});
}

// scalar-mlp: a 2-16-16-1 ReLU network, multiplication by multiplication; mean hinge loss + L2.

inline constexpr std::size_t hidden = 16;
inline constexpr std::size_t mlp_parameters =
    2 * hidden + hidden + hidden * hidden + 2 * hidden + 1;
inline constexpr double l2 = 1e-4;

struct Point {
  std::array<double, 2> x;
  double y;  // the class, -1 or 1
};

/// Two interleaved half circles with some noise, the classes in turn.
std::vector<Point> moons(std::size_t n = 100, std::uint64_t seed = 1);
/// He-uniform weights, zero biases.
std::vector<double> mlp_initial(std::uint64_t seed = 1);

/// Writes y_j = b_j + Σ_i x_i w_ij, for parameters laid out as w (in, out), then b (out).
template <class S, class X>
void dense(std::span<const X> x, std::span<const S> parameters, std::span<S> y) {
  const auto w = parameters.first(x.size() * y.size());
  const auto b = parameters.subspan(w.size(), y.size());
  for (std::size_t j = 0; j < y.size(); ++j) {
    S sum = b[j];
    for (std::size_t i = 0; i < x.size(); ++i) sum = sum + x[i] * w[i * y.size() + j];
    y[j] = sum;
  }
}

/// mean_i max(0, 1 - y_i score(x_i)) + l2 Σ p²; the parameters layer by layer, as in dense.
template <class S> S scalar_mlp_loss(std::span<const S> parameters, std::span<const Point> points) {
  const auto layer1 = parameters.first(3 * hidden);
  const auto layer2 = parameters.subspan(3 * hidden, hidden * (hidden + 1));
  const auto layer3 = parameters.last(hidden + 1);
  // Only to have something there: a number that is recorded may have no default.
  std::array<S, hidden> h1 = repeated<hidden>(parameters[0]), h2 = h1;
  S score = parameters[0], loss = score, squares = score;
  for (const Point& point : points) {
    dense<S, double>(point.x, layer1, h1);
    for (S& h : h1) h = relu(h);
    dense<S, S>(h1, layer2, h2);
    for (S& h : h2) h = relu(h);
    dense<S, S>(h2, layer3, {&score, 1});
    const S hinge = relu(1.0 - point.y * score);
    loss = &point == points.data() ? hinge : loss + hinge;
  }
  for (const S& p : parameters) squares = &p == parameters.data() ? p * p : squares + p * p;
  return loss * (1.0 / static_cast<double>(points.size())) + l2 * squares;
}

/// The loss; `gradient` gets its 337 derivatives. The plain loop.
double scalar_mlp_by_hand(std::span<const double> parameters, std::span<const Point> points,
                          std::span<double> gradient);

/// The same with a layer's outputs side by side in registers: what the plain loop leaves on the
/// table.
double scalar_mlp_by_hand_simd(std::span<const double> parameters, std::span<const Point> points,
                               std::span<double> gradient);

// asian: the Monte-Carlo price of a call on the arithmetic average of a geometric Brownian motion.

inline constexpr std::size_t asian_steps = 64;
inline constexpr double strike = 100, maturity = 1;  // years

/// Standard normals, a path's 64 after another's.
std::vector<double> asian_normals(std::size_t paths = 10'000, std::uint64_t seed = 1);

/// One path's payoff, max(0, mean_t S_t - strike), not discounted.
template <class S> S asian_payoff(const S& spot, const S& drift, const S& diffusion,
                                  std::span<const double, asian_steps> normals) {
  using std::exp;
  S s = spot * exp(drift + diffusion * normals[0]), sum = s;
  for (std::size_t t = 1; t < asian_steps; ++t) {
    s = s * exp(drift + diffusion * normals[t]);
    sum = sum + s;
  }
  return relu(sum * (1.0 / asian_steps) - strike);
}

/// spot in money, vol and rate per year; dS/S = rate dt + vol dW. Paths = normals.size() / 64.
template <class S>
S asian_price(const S& spot, const S& vol, const S& rate, std::span<const double> normals) {
  using std::exp;
  constexpr double dt = maturity / asian_steps;
  const S drift = (rate - 0.5 * vol * vol) * dt;
  const S diffusion = vol * std::sqrt(dt);
  const std::size_t paths = normals.size() / asian_steps;
  S total = asian_payoff(spot, drift, diffusion, normals.first<asian_steps>());
  for (std::size_t p = 1; p < paths; ++p)
    total = total + asian_payoff(spot, drift, diffusion,
                                 normals.subspan(p * asian_steps).first<asian_steps>());
  return exp(rate * -maturity) * total * (1.0 / static_cast<double>(paths));
}

/// The price; `gradient` gets its derivatives with respect to spot, vol and rate. Path by path,
/// with std::exp: the plain loop.
double asian_by_hand(double spot, double vol, double rate, std::span<const double> normals,
                     std::span<double, 3> gradient);

/// The same, eight paths at a time with Eigen's vectorised exp. The number of paths must be a
/// multiple of 8.
double asian_by_hand_simd(double spot, double vol, double rate, std::span<const double> normals,
                          std::span<double, 3> gradient);

}  // namespace ramp::bench

// The scalar programs as anyone would write them, generic in the number type, so that any tool can
// differentiate them. It knows no tool, and not Ramp.
#pragma once

#include <array>
#include <cmath>
#include <complex>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace ramp::bench {

// For plain numbers; other types bring their own, found by argument-dependent look-up.
inline double relu(double x) { return x > 0 ? x : 0; }
inline std::complex<double> relu(std::complex<double> x) { return x.real() > 0 ? x : 0; }

template <std::size_t n, class S> std::array<S, n> repeated(const S& x) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<S, n>{((void)I, x)...};
  }
  (std::make_index_sequence<n>{});
}

// scalar-mlp: a 2-16-16-1 ReLU network, multiplication by multiplication.

inline constexpr std::size_t hidden = 16;
inline constexpr std::size_t mlp_parameters =
    2 * hidden + hidden + hidden * hidden + 2 * hidden + 1;
inline constexpr double l2 = 1e-4;

struct Point {
  std::array<double, 2> x;
  double y;  // the class, -1 or 1
};

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

// asian: the Monte-Carlo price of a call on the arithmetic average of a geometric Brownian motion.

inline constexpr std::size_t asian_steps = 64;
inline constexpr double strike = 100, maturity = 1;  // years

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

/// x = x - 1e-3 sin(x) x, a million times.
template <class S> S long_chain(std::span<const S> in) {
  using std::sin;
  S x = in[0];
  for (int i = 0; i < 1'000'000; ++i) x = x - 1e-3 * (sin(x) * x);
  return x;
}

/// d (angles, angular velocities) / dt of two rods of length 1 with masses 1 at their ends.
template <class S> std::array<S, 4> pendulum_rates(const std::array<S, 4>& s) {
  using std::cos, std::sin;
  constexpr double gravity = 9.81;
  const S d = s[0] - s[1], c = cos(d), n = sin(d), below = 2.0 - c * c;
  const S a = s[2] * s[2] * n, b = s[3] * s[3] * n, first = gravity * sin(s[0]),
          second = gravity * sin(s[1]);
  return {s[2], s[3], (second * c - a * c - b - 2.0 * first) / below,
          (2.0 * (first * c + a - second) + b * c) / below};
}
/// The first angle after a thousand steps of Runge and Kutta's method of fourth order.
template <class S> S pendulum(std::span<const S> in) {
  constexpr double h = 1e-3;
  std::array<S, 4> s{in[0], in[1], in[2], in[3]};
  const auto ahead = [&](const std::array<S, 4>& rates, double by) {
    return std::array<S, 4>{s[0] + by * rates[0], s[1] + by * rates[1], s[2] + by * rates[2],
                            s[3] + by * rates[3]};
  };
  for (int i = 0; i < 1000; ++i) {
    const auto k1 = pendulum_rates(s), k2 = pendulum_rates(ahead(k1, h / 2)),
               k3 = pendulum_rates(ahead(k2, h / 2)), k4 = pendulum_rates(ahead(k3, h));
    for (std::size_t j = 0; j < 4; ++j)
      s[j] = s[j] + h / 6 * (k1[j] + 2.0 * k2[j] + 2.0 * k3[j] + k4[j]);
  }
  return s[0];
}

/// Σ (1 - x_i)² + 100 (x_{i+1} - x_i²)²
template <class S> S rosenbrock(std::span<const S> x) {
  const auto term = [&](std::size_t i) {
    const S a = 1.0 - x[i], b = x[i + 1] - x[i] * x[i];
    return a * a + 100.0 * (b * b);
  };
  S sum = term(0);
  for (std::size_t i = 1; i + 1 < x.size(); ++i) sum = sum + term(i);
  return sum;
}

enum class Formula { scalar_mlp, asian, long_chain, pendulum, rosenbrock };

/// A formula, where its gradient is taken, and what else goes into it.
struct Program {
  std::string name;
  Formula formula;
  std::vector<double> at;
  std::vector<Point> points = {};    // of scalar_mlp
  std::vector<double> normals = {};  // of asian
};

/// use(f), where f makes an S of a std::span<const S>, for any number type S.
template <class Use> auto with_formula(const Program& p, const Use& use) {
  switch (p.formula) {
    case Formula::scalar_mlp:
      return use([&p]<class S>(std::span<const S> x) { return scalar_mlp_loss<S>(x, p.points); });
    case Formula::asian:
      return use([&p]<class S>(std::span<const S> x) {
        return asian_price<S>(x[0], x[1], x[2], p.normals);
      });
    case Formula::long_chain:
      return use([]<class S>(std::span<const S> x) { return long_chain<S>(x); });
    case Formula::pendulum:
      return use([]<class S>(std::span<const S> x) { return pendulum<S>(x); });
    case Formula::rosenbrock:
      return use([]<class S>(std::span<const S> x) { return rosenbrock<S>(x); });
  }
  throw std::logic_error("no such formula");
}

}  // namespace ramp::bench

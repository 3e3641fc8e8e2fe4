// The scalar programs as anyone would write them, generic in the number type, so that any tool can
// differentiate them. This file knows no tool, and not Ramp.
#pragma once

#include <array>
#include <cmath>
#include <complex>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace ramp::bench {

// For plain numbers; other types bring their own, found by argument-dependent look-up.
inline double relu(double x) { return x > 0 ? x : 0; }
inline std::complex<double> relu(std::complex<double> x) { return x.real() > 0 ? x : 0; }

/// A 2-16-16-1 ReLU network, multiplication by multiplication:
/// mean_i max(0, 1 - y_i score(x_i)) + l2 Σ p². Parameters stand layer by layer: w (in, out), b
/// (out).
struct ScalarMlp {
  static constexpr std::size_t hidden = 16;
  static constexpr double l2 = 1e-4;
  struct Point {
    std::array<double, 2> x;
    double y;  // the class, -1 or 1
  };
  std::vector<Point> points;

  template <class S, class X>
  static void dense(std::span<const X> x, std::span<const S> parameters, std::span<S> y) {
    const auto w = parameters.first(x.size() * y.size());
    const auto b = parameters.subspan(w.size(), y.size());
    for (std::size_t j = 0; j < y.size(); ++j) {
      S sum = b[j];
      for (std::size_t i = 0; i < x.size(); ++i) sum = sum + x[i] * w[i * y.size() + j];
      y[j] = sum;
    }
  }

  template <class S> S operator()(std::span<const S> p) const {
    const auto layer1 = p.first(3 * hidden), layer3 = p.last(hidden + 1);
    const auto layer2 = p.subspan(3 * hidden, hidden * (hidden + 1));
    // Only to have something there: a number that is recorded may have no default.
    auto h1 = [&]<std::size_t... I>(std::index_sequence<I...>) {
      return std::array{((void)I, p[0])...};
    }
    (std::make_index_sequence<hidden>{}), h2 = h1;
    S score = p[0], loss = score, squares = score;
    for (const Point& point : points) {
      dense<S, double>(point.x, layer1, h1);
      for (S& h : h1) h = relu(h);
      dense<S, S>(h1, layer2, h2);
      for (S& h : h2) h = relu(h);
      dense<S, S>(h2, layer3, {&score, 1});
      const S hinge = relu(1.0 - point.y * score);
      loss = &point == points.data() ? hinge : loss + hinge;
    }
    for (const S& x : p) squares = &x == p.data() ? x * x : squares + x * x;
    return loss * (1.0 / static_cast<double>(points.size())) + l2 * squares;
  }
};

/// The Monte-Carlo price of a call on the arithmetic average of a geometric Brownian motion, of
/// spot (money), vol and rate (per year).
struct Asian {
  static constexpr std::size_t steps = 64;
  static constexpr double strike = 100, maturity = 1, dt = maturity / steps;  // years
  std::vector<double> normals;  // a path's 64 after another's

  std::size_t paths() const { return normals.size() / steps; }
  /// max(0, mean_t S_t - strike), not discounted.
  template <class S>
  S payoff(std::size_t path, const S& spot, const S& drift, const S& diffusion) const {
    using std::exp;
    const double* const z = normals.data() + path * steps;
    S s = spot * exp(drift + diffusion * z[0]), sum = s;
    for (std::size_t t = 1; t < steps; ++t) {
      s = s * exp(drift + diffusion * z[t]);
      sum = sum + s;
    }
    return relu(sum * (1.0 / steps) - strike);
  }

  template <class S> S operator()(std::span<const S> in) const {
    using std::exp;
    const S &spot = in[0], &vol = in[1], &rate = in[2];
    const S drift = (rate - 0.5 * vol * vol) * dt, diffusion = vol * std::sqrt(dt);
    S total = payoff(0, spot, drift, diffusion);
    for (std::size_t p = 1; p < paths(); ++p) total = total + payoff(p, spot, drift, diffusion);
    return exp(rate * -maturity) * total * (1.0 / static_cast<double>(paths()));
  }
};

/// x = x - 1e-3 sin(x) x, a million times.
struct LongChain {
  template <class S> S operator()(std::span<const S> in) const {
    using std::sin;
    S x = in[0];
    for (int i = 0; i < 1'000'000; ++i) x = x - 1e-3 * (sin(x) * x);
    return x;
  }
};

/// d (angles, angular velocities) / dt of two rods of length 1 with masses 1 at their ends. Not a
/// member, which would be inline by declaration: GCC treats those otherwise, and the plain
/// function's time changes by a quarter.
template <class S> std::array<S, 4> pendulum_rates(const std::array<S, 4>& s) {
  using std::cos, std::sin;
  constexpr double gravity = 9.81;
  const S d = s[0] - s[1], c = cos(d), n = sin(d), below = 2.0 - c * c;
  const S a = s[2] * s[2] * n, b = s[3] * s[3] * n, first = gravity * sin(s[0]),
          second = gravity * sin(s[1]);
  return {s[2], s[3], (second * c - a * c - b - 2.0 * first) / below,
          (2.0 * (first * c + a - second) + b * c) / below};
}

/// Two rods of length 1 with masses 1 at their ends: the first angle after a thousand steps of
/// Runge and Kutta's method of fourth order, of both angles and angular velocities.
struct Pendulum {
  template <class S> S operator()(std::span<const S> in) const {
    constexpr double h = 1e-3;
    std::array<S, 4> s{in[0], in[1], in[2], in[3]};
    const auto ahead = [&](const std::array<S, 4>& k, double by) {
      return std::array<S, 4>{s[0] + by * k[0], s[1] + by * k[1], s[2] + by * k[2],
                              s[3] + by * k[3]};
    };
    for (int i = 0; i < 1000; ++i) {
      const auto k1 = pendulum_rates(s), k2 = pendulum_rates(ahead(k1, h / 2)),
                 k3 = pendulum_rates(ahead(k2, h / 2)), k4 = pendulum_rates(ahead(k3, h));
      for (std::size_t j = 0; j < 4; ++j)
        s[j] = s[j] + h / 6 * (k1[j] + 2.0 * k2[j] + 2.0 * k3[j] + k4[j]);
    }
    return s[0];
  }
};

/// Σ (1 - x_i)² + 100 (x_{i+1} - x_i²)²
struct Rosenbrock {
  template <class S> S operator()(std::span<const S> x) const {
    const auto term = [&](std::size_t i) {
      const S a = 1.0 - x[i], b = x[i + 1] - x[i] * x[i];
      return a * a + 100.0 * (b * b);
    };
    S sum = term(0);
    for (std::size_t i = 1; i + 1 < x.size(); ++i) sum = sum + term(i);
    return sum;
  }
};

/// A formula, which makes an S of a std::span<const S>, and where its gradient is taken.
struct Program {
  std::string name;
  std::vector<double> at;
  std::variant<ScalarMlp, Asian, LongChain, Pendulum, Rosenbrock> formula;

  template <class Use> auto visit(const Use& use) const { return std::visit(use, formula); }
};

}  // namespace ramp::bench

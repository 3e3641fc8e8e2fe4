// Three formulas as anyone would write them, generic in the number type: a long chain, a double
// pendulum, a function of many inputs. Measured beside the same function of plain numbers.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <span>

namespace ramp::bench {

inline constexpr int chain_steps = 1'000'000, pendulum_steps = 1'000;
inline constexpr std::size_t rosenbrock_inputs = 100;

/// x = x - 1e-3 sin(x) x, again and again.
template <class S> S long_chain(std::span<const S> in) {
  using std::sin;
  S x = in[0];
  for (int i = 0; i < chain_steps; ++i) x = x - 1e-3 * (sin(x) * x);
  return x;
}

/// d (angles, angular velocities) / dt of two rods of length 1 with masses 1 at their ends.
template <class S> std::array<S, 4> pendulum_rates(const std::array<S, 4>& s) {
  using std::cos, std::sin;
  constexpr double gravity = 9.81;
  const S d = s[0] - s[1], c = cos(d), n = sin(d), below = 2 - c * c;
  const S a = s[2] * s[2] * n, b = s[3] * s[3] * n, first = gravity * sin(s[0]),
          second = gravity * sin(s[1]);
  return {s[2], s[3], (second * c - a * c - b - 2 * first) / below,
          (2 * (first * c + a - second) + b * c) / below};
}
/// The first angle after pendulum_steps steps of Runge and Kutta's method of fourth order.
template <class S> S pendulum(std::span<const S> in) {
  constexpr double h = 1e-3;
  std::array<S, 4> s{in[0], in[1], in[2], in[3]};
  const auto ahead = [&](const std::array<S, 4>& rates, double by) {
    return std::array<S, 4>{s[0] + by * rates[0], s[1] + by * rates[1], s[2] + by * rates[2],
                            s[3] + by * rates[3]};
  };
  for (int i = 0; i < pendulum_steps; ++i) {
    const auto k1 = pendulum_rates(s), k2 = pendulum_rates(ahead(k1, h / 2)),
               k3 = pendulum_rates(ahead(k2, h / 2)), k4 = pendulum_rates(ahead(k3, h));
    for (std::size_t j = 0; j < 4; ++j)
      s[j] = s[j] + h / 6 * (k1[j] + 2 * k2[j] + 2 * k3[j] + k4[j]);
  }
  return s[0];
}

/// Σ (1 - x_i)² + 100 (x_{i+1} - x_i²)²
template <class S> S rosenbrock(std::span<const S> x) {
  const auto term = [&](std::size_t i) {
    const S a = 1 - x[i], b = x[i + 1] - x[i] * x[i];
    return a * a + 100 * (b * b);
  };
  S sum = term(0);
  for (std::size_t i = 1; i + 1 < x.size(); ++i) sum = sum + term(i);
  return sum;
}

/// A number and its derivative in one direction, against which gradients are checked.
struct Dual {
  double x, d;
  Dual(double value, double slope = 0) : x(value), d(slope) {}
  friend Dual operator+(Dual a, Dual b) { return {a.x + b.x, a.d + b.d}; }
  friend Dual operator-(Dual a, Dual b) { return {a.x - b.x, a.d - b.d}; }
  friend Dual operator*(Dual a, Dual b) { return {a.x * b.x, a.d * b.x + a.x * b.d}; }
  friend Dual operator/(Dual a, Dual b) {
    return {a.x / b.x, (a.d * b.x - a.x * b.d) / (b.x * b.x)};
  }
  friend Dual sin(Dual a) { return {std::sin(a.x), std::cos(a.x) * a.d}; }
  friend Dual cos(Dual a) { return {std::cos(a.x), -std::sin(a.x) * a.d}; }
};

}  // namespace ramp::bench

// The adjoints of two of the scalar programs, written by hand: plain loops, and for one of them
// eight paths side by side in registers.
#include "../programs.hpp"
#include "rival.hpp"

#include <Eigen/Core>
#include <algorithm>

// False alarms in GCC 12's own AVX-512 header (GCC bug 105593).
#if defined __GNUC__ && !defined __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace ramp::bench {
namespace {

constexpr double l2 = ScalarMlp::l2;
constexpr std::size_t steps = Asian::steps;

// The adjoint of ScalarMlp.
double scalar_mlp(std::span<const double> parameters, std::span<const ScalarMlp::Point> points,
                  std::span<double> gradient) {
  constexpr std::size_t n = ScalarMlp::hidden;
  const double *const w1 = parameters.data(), *const b1 = w1 + 2 * n, *const w2 = b1 + n,
                      *const b2 = w2 + n * n, *const w3 = b2 + n, *const b3 = w3 + n;
  double *const g_w1 = gradient.data(), *const g_b1 = g_w1 + 2 * n, *const g_w2 = g_b1 + n,
                *const g_b2 = g_w2 + n * n, *const g_w3 = g_b2 + n, *const g_b3 = g_w3 + n;
  const double weight = 1 / static_cast<double>(points.size());
  double loss = 0, squares = 0;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    squares += parameters[i] * parameters[i];
    gradient[i] = 2 * l2 * parameters[i];
  }
  for (const auto& [x, y] : points) {
    std::array<double, n> h1, h2, g1, g2;
    for (std::size_t j = 0; j < n; ++j)
      h1[j] = std::max(0.0, b1[j] + x[0] * w1[j] + x[1] * w1[n + j]);
    for (std::size_t j = 0; j < n; ++j) {
      double sum = b2[j];
      for (std::size_t i = 0; i < n; ++i) sum += h1[i] * w2[i * n + j];
      h2[j] = std::max(0.0, sum);
    }
    double score = *b3;
    for (std::size_t j = 0; j < n; ++j) score += h2[j] * w3[j];
    const double margin = 1 - y * score;
    if (!(margin > 0)) continue;
    loss += margin * weight;

    const double g_score = -y * weight;
    *g_b3 += g_score;
    for (std::size_t j = 0; j < n; ++j) {
      g_w3[j] += g_score * h2[j];
      g_b2[j] += g2[j] = h2[j] > 0 ? g_score * w3[j] : 0;
    }
    for (std::size_t i = 0; i < n; ++i) {
      double back = 0;
      for (std::size_t j = 0; j < n; ++j) {
        g_w2[i * n + j] += h1[i] * g2[j];
        back += w2[i * n + j] * g2[j];
      }
      g1[i] = h1[i] > 0 ? back : 0;
    }
    for (std::size_t j = 0; j < n; ++j) {
      g_b1[j] += g1[j];
      g_w1[j] += x[0] * g1[j];
      g_w1[n + j] += x[1] * g1[j];
    }
  }
  return loss + l2 * squares;
}

// s_t = s_{t-1} exp(e_t) with e_t = drift + diffusion z_t, so the adjoint of e_t is that of s_t
// times s_t, which sums up to s_t + s_{t+1} + ... : a path's backward sweep is a running sum.
template <int lanes>  // as many paths at a time
double asian(double spot, double vol, double rate, std::span<const double> normals,
             std::span<double, 3> gradient) {
  using Lanes = Eigen::Array<double, lanes, 1>;
  using Normals = Eigen::Map<const Lanes, 0, Eigen::InnerStride<steps>>;
  constexpr double dt = Asian::dt, maturity = Asian::maturity;
  const double root_dt = std::sqrt(dt);
  const double drift = (rate - 0.5 * vol * vol) * dt, diffusion = vol * root_dt;
  const std::size_t paths = normals.size() / steps;

  Lanes total = Lanes::Zero(), g_spot = total, g_drift = total, g_diffusion = total;
  for (std::size_t p = 0; p < paths; p += lanes) {
    const double* z = normals.data() + p * steps;
    alignas(64) Lanes zs[steps], s[steps];  // elsewhere on the stack they cost up to a tenth more
    Lanes now = Lanes::Constant(spot), sum = Lanes::Zero();
    // Loop by loop: a wide load waits for narrow stores, and a call of exp spills the registers.
    for (std::size_t t = 0; t < steps; ++t) zs[t] = Normals(z + t);
    for (std::size_t t = 0; t < steps; ++t) s[t] = (drift + diffusion * zs[t]).exp();
    for (Lanes& st : s) sum += st = now *= st;
    const Lanes payoff = sum / steps - Asian::strike;
    const auto in_the_money = payoff > 0;
    if (!in_the_money.any()) continue;

    Lanes tail = Lanes::Zero(), g_1 = tail, g_z = tail;
    for (std::size_t t = steps; t-- > 0;) {
      tail += s[t];
      g_1 += tail;
      g_z += tail * zs[t];
    }
    total += in_the_money.select(payoff, 0.0);
    g_spot += in_the_money.select(sum, 0.0);
    g_drift += in_the_money.select(g_1, 0.0);
    g_diffusion += in_the_money.select(g_z, 0.0);
  }

  const double price = std::exp(-rate * maturity) / static_cast<double>(paths) * total.sum();
  const double scale = std::exp(-rate * maturity) / static_cast<double>(paths * steps);
  gradient[0] = scale * g_spot.sum() / spot;
  gradient[1] = scale * (g_diffusion.sum() * root_dt - g_drift.sum() * vol * dt);
  gradient[2] = scale * g_drift.sum() * dt - maturity * price;
  return price;
}

template <int lanes> Gradient asian_gradient(const Program& p) {
  const auto* const f = std::get_if<Asian>(&p.formula);
  if (!f) return {};
  return [&p, f](std::span<double> g) {
    return asian<lanes>(p.at[0], p.at[1], p.at[2], f->normals, g.first<3>());
  };
}

}  // namespace

void add_programs_by_hand(Rivals& rivals) {
  rivals.push_back({"hand"});
  rivals.back().gradient = [](const Program& p) -> Gradient {
    if (const auto* f = std::get_if<ScalarMlp>(&p.formula))
      return [&p, f](std::span<double> g) { return scalar_mlp(p.at, f->points, g); };
    return asian_gradient<1>(p);
  };
  rivals.push_back({"simd"});
  rivals.back().gradient = asian_gradient<8>;
}

}  // namespace ramp::bench

// Born dead: Lu, Shin, Su, Karniadakis, "Dying ReLU and initialization", arXiv 1903.06733 (2019).
// Claim: a deep, narrow ReLU network often is a constant before training starts, and training can't
// help it; with L - 1 hidden layers of width N that has a probability of at most
// 1 - (1 - 2^-N)^(L-1). Measured: the share of such networks, one input, He's normal weights, no
// bias; and, by backward(), that exactly those get no slope in any weight.

#include "study.hpp"

#include <autodiff/autodiff.hpp>
#include <nn/nn.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

using namespace ramp;

namespace {

// A batch of networks: layer l of all of them is one tensor (networks, in, out).
struct Networks {
  std::vector<Tensor<double>> weights;
  std::int64_t count;

  Networks(std::int64_t networks, std::int64_t width, int depth, nn::Random& random)
      : count(networks) {
    for (int layer = 0; layer < depth; ++layer) {
      const std::int64_t in = layer == 0 ? 1 : width, out = layer + 1 == depth ? 1 : width;
      Tensor<double> w(Shape{networks, in, out});
      const double spread = std::sqrt(2.0 / static_cast<double>(in));  // He et al.
      for (double& x : w) x = spread * random.normal();
      weights.push_back(std::move(w));
    }
  }
};

// Without biases a network is linear on each side of 0: what it does at -1 and +1 is all it does.
Tensor<double> inputs(std::int64_t networks) {
  Tensor<double> x(Shape{networks, 2, 1});
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = i % 2 == 0 ? 1 : -1;
  return x;
}

struct Fate {
  std::vector<bool> dead, dead_right;  // constant; constant for x > 0
};

// Dead: after the last hidden layer nothing is left, on both sides. A layer that is all 0 makes all
// later ones 0, so it doesn't matter which one died.
Fate judge(const Networks& nets, const Var<double>& last_hidden) {
  const Tensor<double> h = last_hidden.value();  // (networks, 2, width)
  const std::size_t width = h.shape()[2];
  Fate verdict;
  for (std::size_t i = 0; i < static_cast<std::size_t>(nets.count); ++i) {
    const auto zero = [&](std::size_t side) {
      const double* row = h.data() + (2 * i + side) * width;
      return std::all_of(row, row + width, [](double x) { return x == 0; });
    };
    verdict.dead_right.push_back(zero(0));
    verdict.dead.push_back(zero(0) && zero(1));
  }
  return verdict;
}

// Two numbers of each network: is it dead, and does any hidden weight get a slope?
struct Slopes {
  std::size_t networks = 0, dead = 0, disagree = 0;  // dead with a slope, or alive without one
  std::size_t dead_with_bias_slope = 0;
};

void check_slopes(const Networks& nets, double at_zero, Slopes& total) {
  Tape<double> tape({.at_zero = at_zero});
  std::vector<Var<double>> weights, biases;
  Var<double> h = tape.constant(inputs(nets.count));
  std::optional<Var<double>> last_hidden;
  for (std::size_t layer = 0; layer < nets.weights.size(); ++layer) {
    last_hidden = h;
    weights.push_back(tape.leaf(nets.weights[layer]));
    const Var<double> z = matmul(h, weights.back());
    biases.push_back(tape.leaf(Tensor<double>(Shape{nets.count, 1, z.shape()[2]})));
    h = layer + 1 < nets.weights.size() ? relu(z + biases.back()) : z;
  }
  tape.backward(sum(h));
  const auto touched = [](const Tensor<double>& gradient, std::size_t net, std::size_t nets_) {
    const std::size_t each = gradient.size() / nets_;
    const double* g = gradient.data() + net * each;
    return std::any_of(g, g + each, [](double x) { return x != 0; });
  };
  const Fate verdict = judge(nets, *last_hidden);
  const auto n = static_cast<std::size_t>(nets.count);
  std::vector<bool> weight_slope(n), bias_slope(n);
  for (std::size_t layer = 0; layer + 1 < weights.size(); ++layer) {
    const Tensor<double> of_weight = tape.gradient(weights[layer]);
    const Tensor<double> of_bias = tape.gradient(biases[layer]);
    for (std::size_t i = 0; i < n; ++i) {
      weight_slope[i] = weight_slope[i] || touched(of_weight, i, n);
      bias_slope[i] = bias_slope[i] || touched(of_bias, i, n);
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    ++total.networks;
    total.dead += verdict.dead[i];
    total.disagree += verdict.dead[i] == weight_slope[i];
    total.dead_with_bias_slope += verdict.dead[i] && bias_slope[i];
  }
}

constexpr std::array<int, 5> widths{2, 3, 4, 5, 10};
constexpr std::array<int, 3> depths{5, 10, 20};

// Percent, of an independent simulation; it has none for depth 5.
std::optional<double> reference(int depth, std::size_t width_index) {
  constexpr std::array<double, 5> ten{87.8, 58.1, 29.8, 12.6, 0.1};
  constexpr std::array<double, 5> twenty{99.4, 89.0, 63.1, 35.5, 0.7};
  if (depth == 10) return ten[width_index];
  if (depth == 20) return twenty[width_index];
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const study::Options options = study::parse(
      argc, argv, "born_dead: how many ReLU networks are constant before training starts");
  const std::size_t n = options.runs ? options.runs : options.full ? 40000 : 2000;
  constexpr std::size_t batch = 500;
  study::Checks checks;
  Slopes plain, kinked;
  Tape<double> tape;

  fmt::print("{} networks a cell; percent, +- the standard error\n\n", n);
  fmt::print("depth width   born dead        reference   constant on x > 0   1-(1-2^-N)^(L-1)\n");
  for (const int depth : depths) {
    for (std::size_t w = 0; w < widths.size(); ++w) {
      const int width = widths[w];
      nn::Random random = nn::Random(options.seed)
                              .stream(static_cast<std::uint64_t>(depth))
                              .stream(static_cast<std::uint64_t>(width));
      std::size_t dead = 0, dead_right = 0;
      for (std::size_t done = 0; done < n; done += batch) {
        study::progress("depth {}, width {}: {} of {}", depth, width, done, n);
        const Networks nets(static_cast<std::int64_t>(std::min(batch, n - done)), width, depth,
                            random);
        tape.clear();
        const auto off = tape.no_grad();
        Var<double> h = tape.constant(inputs(nets.count));
        for (int l = 0; l + 1 < depth; ++l)
          h = relu(matmul(h, tape.borrow(nets.weights[static_cast<std::size_t>(l)].view())));
        const Fate verdict = judge(nets, h);
        dead += static_cast<std::size_t>(std::ranges::count(verdict.dead, true));
        dead_right += static_cast<std::size_t>(std::ranges::count(verdict.dead_right, true));
        if (done == 0) {
          check_slopes(nets, 0, plain);
          check_slopes(nets, 1, kinked);
        }
      }
      const study::Share both = study::share(dead, n), right = study::share(dead_right, n);
      const double bound = 100 * (1 - std::pow(1 - std::pow(2.0, -width), depth - 1));
      const std::optional<double> other = reference(depth, w);
      study::progress("{}", "");
      fmt::print("{:5} {:5}   {:6.2f} +- {:4.2f}   {:>9}   {:6.2f} +- {:4.2f}      {:6.2f}\n",
                 depth, width, both.percent, both.error, other ? fmt::format("{:.1f}", *other) : "",
                 right.percent, right.error, bound);

      // One side alone dies in each layer with probability 2^-N, whatever came before: no bound but
      // the exact number. The reference is rounded, and its own error is that of 20,000 networks.
      const auto error_of = [&](double percent, double networks) {
        return std::sqrt(percent * (100 - percent) / networks);
      };
      const auto mine = static_cast<double>(n);
      const auto cell = fmt::format("depth {}, width {}: ", depth, width);
      checks.expect(std::abs(right.percent - bound) <= 3.5 * error_of(bound, mine),
                    cell + "one side doesn't follow 1 - (1 - 2^-N)^(L-1)");
      checks.expect(both.percent <= bound + 3 * error_of(bound, mine), cell + "above the bound");
      if (other)
        checks.expect(std::abs(both.percent - *other) <=
                          3 * std::hypot(error_of(*other, mine), error_of(*other, 20000)) + 0.05,
                      cell + "more than 3 standard errors from the reference");
    }
  }

  fmt::print(
      "\nbackward() through {} of them, {} dead: dead with a slope in a hidden weight or "
      "alive without one: {} under c = 0, {} under c = 1\n",
      plain.networks, plain.dead, plain.disagree, kinked.disagree);
  fmt::print("dead ones whose hidden biases get a slope: {} under c = 0, {} under c = 1\n",
             plain.dead_with_bias_slope, kinked.dead_with_bias_slope);
  checks.expect(plain.disagree == 0 && kinked.disagree == 0, "dead and no slope part");
  checks.expect(plain.dead_with_bias_slope == 0, "under c = 0 a dead network's bias has a slope");
  return checks.report();
}

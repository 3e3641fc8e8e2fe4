// The five networks: a full step of training, beside the same written by hand.
#include "allocations.hpp"
#include "by_hand.hpp"
#include "report.hpp"

#include <autodiff/autodiff.hpp>
#include <nn/layers.hpp>
#include <nn/loss.hpp>
#include <nn/optimizer.hpp>
#include <nn/random.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

namespace ramp::bench {
namespace {

struct Network {
  std::string name;
  std::vector<int> sizes;
  int batch;
};
const Network all_networks[] = {
    {"moons", {2, 16, 16, 1}, 100},
    {"digits", {64, 64, 64, 10}, 32},
    {"mnist", {784, 256, 128, 10}, 128},
    {"glorot", {784, 1000, 1000, 1000, 10}, 10},
    {"wide", {784, 1000, 1000, 1000, 10}, 128},
};
constexpr float learning_rate = 0.01f;

std::uint32_t axis(int n) { return static_cast<std::uint32_t>(n); }

struct Batch {
  Tensor<float> x;
  std::vector<std::int32_t> labels;
  Tensor<float> targets;  // (batch, 1), for a network with one output

  Batch(const Network& n, nn::Random& random)
      : x({axis(n.batch), axis(n.sizes.front())}), targets({axis(n.batch), 1}) {
    for (float& v : x) v = static_cast<float>(random.uniform());
    for (float& v : targets) v = static_cast<float>(random.uniform(-1, 1));
    for (int i = 0; i < n.batch; ++i)
      labels.push_back(static_cast<std::int32_t>(random.below(axis(n.sizes.back()))));
  }
};

class RampMlp {
 public:
  explicit RampMlp(const Network& n)
      : model_({n.sizes.begin(), n.sizes.end()}, {.seed = 1}),
        sgd_(model_.parameters(), {.learning_rate = double{learning_rate}}),
        regression_(n.sizes.back() == 1) {}

  float step(const Batch& batch) {
    tape_.clear();
    const Var<float> y = model_(tape_.borrow(batch.x.view()));
    const Var<float> loss = regression_ ? nn::mse(y, tape_.borrow(batch.targets.view()))
                                        : nn::cross_entropy<float>(y, batch.labels);
    tape_.backward(loss);
    sgd_.step();
    return loss.item();
  }

  // weight, bias, weight, bias, ...
  const std::vector<Parameter<float>*>& parameters() const { return sgd_.parameters(); }

 private:
  nn::MLP<float> model_;
  nn::SGD<float> sgd_;
  Tape<float> tape_;
  bool regression_;
};

std::span<float> parameter(HandMlp& mlp, std::size_t k) {
  return k % 2 == 0 ? mlp.weight(k / 2) : mlp.bias(k / 2);
}

// The largest difference of any two, as a share of the largest of the second.
class Difference {
 public:
  void compare(double a, double b) {
    worst_ = std::max(worst_, a == b ? 0 : std::isfinite(a - b) ? std::abs(a - b) : INFINITY);
    largest_ = std::max(largest_, std::abs(b));
  }
  double relative() const { return worst_ == 0 ? 0 : worst_ / largest_; }

 private:
  double worst_ = 0, largest_ = 0;
};

}  // namespace

Table networks(const Options& options) {
  Table table{"networks",
              "networks: a step of training in microseconds (float; forward, backward, SGD)",
              {{"name", "network"},
               {"layers", "layers"},
               {"batch", "batch"},
               {"ramp_us", "Ramp", "{:.1f}"},
               {"ramp_median_us", "median", "{:.1f}"},
               {"hand_us", "by hand", "{:.1f}"},
               {"hand_median_us", "median", "{:.1f}"},
               {"ratio", "ratio", "{:.2f}"},
               {"difference", "differs by", "{:.0e}"},
               {"allocations", "allocations", "{:g}"}}};
  for (const Network& n : all_networks) {
    if (!options.wants(n.name)) continue;
    progress(n.name);
    nn::Random random(1);
    const Batch batch(n, random);
    RampMlp ramp(n);
    HandMlp hand(n.sizes, n.batch, learning_rate);
    std::vector<Tensor<float>> initial;
    for (std::size_t k = 0; k < ramp.parameters().size(); ++k) {
      initial.push_back(ramp.parameters()[k]->value());
      std::copy(initial[k].begin(), initial[k].end(), parameter(hand, k).begin());
    }
    const auto ramp_step = [&] { return ramp.step(batch); };
    const auto hand_step = [&] {
      return n.sizes.back() == 1 ? hand.step(batch.x.data(), batch.targets.data())
                                 : hand.step(batch.x.data(), batch.labels.data());
    };

    Difference losses, changes;  // of what the steps changed, not of the weights themselves
    for (int i = 0; i < 10; ++i) losses.compare(ramp_step(), hand_step());
    for (std::size_t k = 0; k < initial.size(); ++k)
      for (std::size_t i = 0; i < initial[k].size(); ++i)
        changes.compare(ramp.parameters()[k]->value()[i] - initial[k][i],
                        parameter(hand, k)[i] - initial[k][i]);
    // A unit at the kink that rounding tips over moves single weights more than the loss.
    const double difference = std::max(losses.relative(), changes.relative());
    if (!(losses.relative() < 1e-3 && changes.relative() < 1e-2))
      table.failures.push_back(
          fmt::format("{}: after 10 steps both sides differ by {:.1e}", n.name, difference));

    constexpr int counted = 10;
    const std::size_t before = allocations();
    for (int i = 0; i < counted; ++i) keep(ramp_step());
    const double allocated = static_cast<double>(allocations() - before) / counted;

    const auto t =
        options.race({{"ramp", [&] { keep(ramp_step()); }}, {"hand", [&] { keep(hand_step()); }}});
    table.rows.push_back({{"name", n.name},
                          {"layers", fmt::format("{}", fmt::join(n.sizes, "-"))},
                          {"batch", n.batch},
                          {"ramp_us", t[0].best / 1e3},
                          {"ramp_median_us", t[0].median / 1e3},
                          {"hand_us", t[1].best / 1e3},
                          {"hand_median_us", t[1].median / 1e3},
                          {"ratio", t[0].best / t[1].best},
                          {"difference", difference},
                          {"allocations", allocated}});
  }
  return table;
}

}  // namespace ramp::bench

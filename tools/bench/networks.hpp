// The five networks, their data, and Ramp's and the hand-written side of them.
#pragma once

#include "by_hand.hpp"
#include "peers/peer.hpp"

#include <autodiff/autodiff.hpp>
#include <nn/layers.hpp>
#include <nn/loss.hpp>
#include <nn/optimizer.hpp>
#include <nn/random.hpp>

#include <string>
#include <vector>

namespace ramp::bench {

struct Network {
  std::string name;
  std::vector<int> sizes;
  int batch;
};
inline const Network all_networks[] = {
    {"moons", {2, 16, 16, 1}, 100},
    {"digits", {64, 64, 64, 10}, 32},
    {"mnist", {784, 256, 128, 10}, 128},
    {"glorot", {784, 1000, 1000, 1000, 10}, 10},
    {"wide", {784, 1000, 1000, 1000, 10}, 128},
};
inline constexpr float learning_rate = 0.01f;

inline std::uint32_t axis(int n) { return static_cast<std::uint32_t>(n); }

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

  float predict(const Batch& batch) {
    tape_.clear();
    const auto without = tape_.no_grad();
    return model_(tape_.borrow(batch.x.view())).view()[0];
  }

  // weight, bias, weight, bias, ...
  const std::vector<Parameter<float>*>& parameters() const { return sgd_.parameters(); }

 private:
  nn::MLP<float> model_;
  nn::SGD<float> sgd_;
  Tape<float> tape_;
  bool regression_;
};

/// What everyone is given: this network on this batch. `initial` is still empty.
inline Task task(const Network& n, const Batch& batch) {
  const bool regression = n.sizes.back() == 1;
  return {n.sizes,
          n.batch,
          learning_rate,
          batch.x.data(),
          regression ? nullptr : batch.labels.data(),
          regression ? batch.targets.data() : nullptr,
          {}};
}
/// From Ramp's parameters as they are now.
inline Task task(const Network& n, const Batch& batch, const RampMlp& ramp) {
  Task t = task(n, batch);
  for (const Parameter<float>* p : ramp.parameters())
    t.initial.emplace_back(p->value().data(), p->value().size());
  return t;
}

inline std::span<float> parameter(HandMlp& mlp, std::size_t k) {
  return k % 2 == 0 ? mlp.weight(k / 2) : mlp.bias(k / 2);
}

inline HandMlp by_hand(const Task& t, Gemm gemm = cblas_product) {
  HandMlp mlp(t.sizes, t.batch, t.learning_rate, gemm);
  for (std::size_t k = 0; k < t.initial.size(); ++k)
    std::copy(t.initial[k].begin(), t.initial[k].end(), parameter(mlp, k).begin());
  return mlp;
}

inline float step(HandMlp& mlp, const Task& t) {
  return t.labels ? mlp.step(t.x, t.labels) : mlp.step(t.x, t.targets);
}

}  // namespace ramp::bench

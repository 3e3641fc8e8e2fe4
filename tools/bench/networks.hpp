// The five networks, their data, and Ramp's side of them.
#pragma once

#include "rivals/rival.hpp"

#include <autodiff/autodiff.hpp>
#include <nn/layers.hpp>
#include <nn/loss.hpp>
#include <nn/optimizer.hpp>
#include <nn/random.hpp>

namespace ramp::bench {

inline const Network all_networks[] = {
    {"moons", {2, 16, 16, 1}, 100},
    {"digits", {64, 64, 64, 10}, 32},
    {"mnist", {784, 256, 128, 10}, 128},
    {"glorot", {784, 1000, 1000, 1000, 10}, 10},
    {"wide", {784, 1000, 1000, 1000, 10}, 128},
};

struct Batch {
  Tensor<float> x, targets;
  std::vector<std::int32_t> labels;

  explicit Batch(const Network& n) : x({n.batch, n.sizes.front()}), targets({n.batch, 1}) {
    nn::Random random(1);
    for (float& v : x) v = static_cast<float>(random.uniform());
    for (float& v : targets) v = static_cast<float>(random.uniform(-1, 1));
    const auto classes = static_cast<std::uint64_t>(n.sizes.back());
    for (int i = 0; i < n.batch; ++i)
      labels.push_back(static_cast<std::int32_t>(random.below(classes)));
  }
  /// For a rival; `initial` is still empty.
  Task task(const Network& n) const {
    return {n, x.data(), n.sizes.back() > 1 ? labels.data() : nullptr, targets.data()};
  }
};

class RampMlp {
 public:
  RampMlp(const Network& n, const Batch& batch, TapeOptions options = {})
      : network_(n),
        batch_(batch),
        model_({n.sizes.begin(), n.sizes.end()},
               {.activation = n.tanh ? nn::Activation::tanh : nn::Activation::relu, .seed = 1}),
        sgd_(model_.parameters(), {.learning_rate = double{n.rate}}),
        tape_(options) {}

  template <class Watch> double step(const Watch& watch) {
    tape_.clear();
    const Var<float> y = output(), loss = loss_of(y);
    tape_.backward(loss);
    watch(tape_);
    sgd_.step();
    return loss.item();
  }
  double step() {
    return step([](const Tape<float>&) {});
  }

  double predict() {
    tape_.clear();
    const auto without = tape_.no_grad();
    return output().view()[0];
  }

  /// For a rival, from the parameters as they are now.
  Task task() const {
    Task task = batch_.task(network_);
    for (const Parameter<float>* p : sgd_.parameters())
      task.initial.emplace_back(p->value().data(), p->value().size());
    return task;
  }
  nn::MLP<float>& model() { return model_; }

 private:
  Var<float> output() {
    const Var<float> y = model_(tape_.borrow(batch_.x.view()));
    return network_.playground ? tanh(y) : y;
  }
  Var<float> loss_of(const Var<float>& y) {
    if (network_.sizes.back() > 1) return nn::cross_entropy<float>(y, batch_.labels);
    const Var<float> loss = nn::mse(y, tape_.borrow(batch_.targets.view()));
    return network_.playground ? loss * 0.5f : loss;
  }

  const Network& network_;
  const Batch& batch_;
  nn::MLP<float> model_;
  nn::SGD<float> sgd_;
  Tape<float> tape_;
};

}  // namespace ramp::bench

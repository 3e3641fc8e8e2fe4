// The TensorFlow Playground's work (github.com/tensorflow/playground), which is batches of ten on
// networks of a dozen units: what a step costs, and how many seeds end well. Its own numbers are
// given, not measured here: its TypeScript, timed in a JavaScript engine on a machine of this
// class.
#pragma once

#include "playground_by_hand.hpp"

#include <autodiff/autodiff.hpp>
#include <nn/nn.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

namespace ramp::bench::tf {  // a name for rate, points and their like

struct Net {
  std::string name;
  std::vector<std::int64_t> sizes;
  nn::Activation activation;
  double given_us;  // the Playground's step
};
inline const Net plain{"default", {2, 4, 2, 1}, nn::Activation::tanh, 6.8};
inline const Net seven{"7-features", {7, 8, 8, 1}, nn::Activation::relu, 20};

inline constexpr std::size_t points = 500, half = points / 2, batch_size = 10;
inline constexpr double rate = 0.03;

// x, y, and with seven inputs x², y², x y, sin x, sin y.
inline Tensor<float> features(const nn::Dataset<float>& data, std::int64_t count) {
  if (count == 2) return data.inputs;
  Tensor<float> all({static_cast<std::int64_t>(data.size()), count});
  for (std::size_t i = 0; i < data.size(); ++i) {
    const float x = data.inputs[2 * i], y = data.inputs[2 * i + 1];
    const float row[]{x, y, x * x, y * y, x * y, std::sin(x), std::sin(y)};
    std::copy_n(row, 7, all.data() + 7 * i);
  }
  return all;
}

// Squared error halved, tanh at the output, weights uniform from -0.5 to 0.5 and biases 0.1, a
// rate of 0.03; the first half of the points trains, in one order, the other half tests.
class Playground {
 public:
  Playground(const Net& net, std::string_view set, std::uint64_t seed)
      : data_(nn::synthetic<float>(set, points, 0, seed)),
        inputs_(features(data_, net.sizes.front())),
        model_(net.sizes, {.activation = net.activation}),
        sgd_(model_.parameters(), {.learning_rate = rate}),
        plain_({net.sizes.begin(), net.sizes.end()}, net.activation == nn::Activation::relu) {
    nn::Random random(seed + 1000);
    for (std::size_t k = 0; k < sgd_.parameters().size(); ++k) {
      const View<float> values = sgd_.parameters()[k]->edit();
      for (float& w : values) w = k % 2 == 1 ? 0.1f : static_cast<float>(random.uniform(-0.5, 0.5));
      if (k % 2 == 0) std::copy(values.begin(), values.end(), plain_.weight(k / 2).begin());
    }
  }

  static constexpr std::size_t steps = half / batch_size;  // of an epoch

  void epoch() {
    for (std::size_t i = 0; i < steps; ++i) {
      tape_.clear();
      const Var<float> y = output(i * batch_size, batch_size);
      const Var<float> target = tape_.borrow(rows(data_.targets, i * batch_size, batch_size));
      tape_.backward(mean(square(y - target)) * 0.5);
      sgd_.step();
    }
  }
  double test_accuracy() {
    tape_.clear();
    const auto without = tape_.no_grad();
    const View<const float> y = output(half, half).view();
    return accuracy([&](std::size_t i) { return y[i]; });
  }

  // The same by the plain loop, from the same weights.
  void plain_epoch() {
    const std::size_t width = inputs_.shape()[1];
    for (std::size_t i = 0; i < half; ++i) {
      plain_.learn(inputs_.data() + i * width, data_.targets[i]);
      if ((i + 1) % batch_size == 0) plain_.update(rate, batch_size);
    }
  }
  double plain_test_accuracy() {
    const std::size_t width = inputs_.shape()[1];
    return accuracy(
        [&](std::size_t i) { return plain_.output(inputs_.data() + (half + i) * width); });
  }
  double plain_output() { return plain_.output(inputs_.data()); }
  double ramp_output() {
    tape_.clear();
    return output(0, 1).view()[0];
  }

 private:
  template <class Output> double accuracy(const Output& output_of) const {
    std::size_t right = 0;
    for (std::size_t i = 0; i < half; ++i)
      right += (output_of(i) > 0) == (data_.targets[half + i] > 0);
    return static_cast<double>(right) / half;
  }
  static View<const float> rows(const Tensor<float>& of, std::size_t first, std::size_t count) {
    return {of.data() + first * of.shape()[1],
            of.shape().with(0, static_cast<std::uint32_t>(count))};
  }
  Var<float> output(std::size_t first, std::size_t count) {
    return tanh(model_(tape_.borrow(rows(inputs_, first, count))));
  }

  nn::Dataset<float> data_;
  Tensor<float> inputs_;
  nn::MLP<float> model_;
  nn::SGD<float> sgd_;
  PlainNet plain_;
  Tape<float> tape_;
};

}  // namespace ramp::bench::tf

#include <nn/model/activation.hpp>
#include <nn/named.hpp>

#include <array>
#include <cmath>
#include <numbers>

namespace ramp::nn {

std::span<const Activation> activations() {
  // The gains are integrals: tests/nn/model/test_init.cpp computes them again.
  static const std::array table{
      Activation("relu", std::numbers::sqrt2, [](auto x) { return relu(x); }),
      Activation("leaky_relu", std::sqrt(2 / (1 + 0.01 * 0.01)),
                 [](auto x) { return leaky_relu(x); }),
      Activation("tanh", 1.5925374197228312, [](auto x) { return tanh(x); }),
      Activation("sigmoid", 1.8462285453386054, [](auto x) { return sigmoid(x); }),
      Activation("softplus", 1.0418668355353016, [](auto x) { return softplus(x); }),
      Activation("gelu", 1.5335304411955353, [](auto x) { return gelu(x); }),
      Activation("silu", 1.6765324703310913, [](auto x) { return silu(x); }),
      Activation("elu", 1.2451983007007066, [](auto x) { return elu(x); }),
      Activation("identity", 1, [](auto x) { return x; }),
  };
  return table;
}

Activation::Activation(std::string_view name)
    : Activation(named(name, "activation", activations())) {}

}  // namespace ramp::nn

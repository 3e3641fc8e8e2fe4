#include <nn/model/activation.hpp>
#include <nn/named.hpp>

#include <array>

namespace ramp::nn {

namespace {

constexpr std::array<std::string_view, 9> names{"relu", "leaky_relu", "tanh", "sigmoid", "softplus",
                                                "gelu", "silu",       "elu",  "identity"};
static_assert(names[static_cast<int>(Activation::identity)] == "identity");

}  // namespace

std::span<const std::string_view> activation_names() { return names; }

std::string_view to_string(Activation activation) {
  return names[static_cast<std::size_t>(activation)];
}

Activation activation_named(std::string_view name) {
  return named<Activation>(name, "activation", names);
}

template <class T> Var<T> activate(Activation activation, const Var<T>& x) {
  switch (activation) {
    case Activation::relu:
      return relu(x);
    case Activation::leaky_relu:
      return leaky_relu(x);
    case Activation::tanh:
      return tanh(x);
    case Activation::sigmoid:
      return sigmoid(x);
    case Activation::softplus:
      return softplus(x);
    case Activation::gelu:
      return gelu(x);
    case Activation::silu:
      return silu(x);
    case Activation::elu:
      return elu(x);
    case Activation::identity:
      return x;
  }
  throw ValueError("[activation] not one of the enumerators");
}

template Var<float> activate(Activation, const Var<float>&);
template Var<double> activate(Activation, const Var<double>&);

}  // namespace ramp::nn

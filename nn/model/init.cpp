#include <nn/model/init.hpp>
#include <nn/named.hpp>

#include <array>
#include <cmath>
#include <numbers>

namespace ramp::nn {

namespace {

constexpr std::array<std::string_view, 7> names{"he_normal",      "he_uniform",   "glorot_normal",
                                                "glorot_uniform", "lecun_normal", "lecun_uniform",
                                                "zeros"};
static_assert(names[static_cast<int>(Init::zeros)] == "zeros");

bool is_uniform(Init init) {
  return init == Init::he_uniform || init == Init::glorot_uniform || init == Init::lecun_uniform;
}

}  // namespace

std::span<const std::string_view> init_names() { return names; }
std::string_view to_string(Init init) { return names[static_cast<std::size_t>(init)]; }
Init init_named(std::string_view name) { return named<Init>(name, "init", names); }

double gain(Activation activation) {
  switch (activation) {
    case Activation::relu:
      return std::numbers::sqrt2;
    case Activation::leaky_relu:
      return std::sqrt(2 / (1 + 0.01 * 0.01));
    case Activation::tanh:
      return 1.5925374197228312;
    case Activation::sigmoid:
      return 1.8462285453386054;
    case Activation::softplus:
      return 1.0418668355353016;
    case Activation::gelu:
      return 1.5335304411955353;
    case Activation::silu:
      return 1.6765324703310913;
    case Activation::elu:
      return 1.2451983007007066;
    case Activation::identity:
      return 1;
  }
  throw ValueError("[activation] not one of the enumerators");
}

double deviation(Init init, std::int64_t fan_in, std::int64_t fan_out, double gain) {
  if (fan_in < 1 || fan_out < 1)
    throw ValueError(fmt::format("[{}] a weight ({}, {}): both sizes must be positive",
                                 to_string(init), fan_in, fan_out));
  if (!(gain >= 0 && std::isfinite(gain)))
    throw ValueError(
        fmt::format("[{}] gain {}: it must be a number from 0 up", to_string(init), gain));
  const auto in = static_cast<double>(fan_in), out = static_cast<double>(fan_out);
  switch (init) {
    case Init::he_normal:
    case Init::he_uniform:
      return gain / std::sqrt(in);
    case Init::glorot_normal:
    case Init::glorot_uniform:
      return std::sqrt(2 / (in + out));
    case Init::lecun_normal:
    case Init::lecun_uniform:
      return 1 / std::sqrt(in);
    case Init::zeros:
      return 0;
  }
  throw ValueError("[init] not one of the enumerators");
}

template <class T> Tensor<T> initial(Init init, std::int64_t fan_in, std::int64_t fan_out,
                                     Random& random, double gain) {
  const double spread = deviation(init, fan_in, fan_out, gain);
  Tensor<T> weight(Shape{fan_in, fan_out});
  if (init == Init::zeros) return weight;
  const double limit = std::numbers::sqrt3 * spread;
  for (T& w : weight)
    w = static_cast<T>(is_uniform(init) ? random.uniform(-limit, limit) : spread * random.normal());
  return weight;
}

template Tensor<float> initial(Init, std::int64_t, std::int64_t, Random&, double);
template Tensor<double> initial(Init, std::int64_t, std::int64_t, Random&, double);

}  // namespace ramp::nn

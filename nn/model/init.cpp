#include <nn/model/init.hpp>
#include <nn/named.hpp>

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <numbers>

namespace ramp::nn {

namespace {

// Standard deviations.
double he(double in, double gain) { return gain / std::sqrt(in); }
double glorot(double in, double out) { return std::sqrt(2 / (in + out)); }
double lecun(double in) { return 1 / std::sqrt(in); }

double normal(double deviation, Random& random) { return deviation * random.normal(); }
double uniform(double deviation, Random& random) {
  const double limit = std::numbers::sqrt3 * deviation;
  return random.uniform(-limit, limit);
}

// One draw of each kind: in and out are the fans.
using D = double;
using R = Random;
constexpr std::array table{
    Init("he_normal", [](D in, D, D gain, R& r) { return normal(he(in, gain), r); }),
    Init("he_uniform", [](D in, D, D gain, R& r) { return uniform(he(in, gain), r); }),
    Init("glorot_normal", [](D in, D out, D, R& r) { return normal(glorot(in, out), r); }),
    Init("glorot_uniform", [](D in, D out, D, R& r) { return uniform(glorot(in, out), r); }),
    Init("lecun_normal", [](D in, D, D, R& r) { return normal(lecun(in), r); }),
    Init("lecun_uniform", [](D in, D, D, R& r) { return uniform(lecun(in), r); }),
    Init("zeros", [](D, D, D, R&) { return 0.0; }),
};

}  // namespace

std::span<const Init> inits() { return table; }

Init::Init(std::string_view name) : Init(named(name, "init", inits())) {}

template <class T>
Tensor<T> Init::weight(std::int64_t in, std::int64_t out, Random& random, double gain) const {
  if (in < 1 || out < 1)
    throw ValueError(
        fmt::format("[{}] a weight ({}, {}): both sizes must be positive", name_, in, out));
  if (!(gain >= 0 && std::isfinite(gain)))
    throw ValueError(fmt::format("[{}] gain {}: it must be a number from 0 up", name_, gain));
  Tensor<T> weight(Shape{in, out});
  for (T& w : weight)
    w = static_cast<T>(draw_(static_cast<double>(in), static_cast<double>(out), gain, random));
  return weight;
}

template Tensor<float> Init::weight(std::int64_t, std::int64_t, Random&, double) const;
template Tensor<double> Init::weight(std::int64_t, std::int64_t, Random&, double) const;

}  // namespace ramp::nn

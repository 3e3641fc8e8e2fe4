// How weights start: random, with a spread that keeps signals of one size from layer to layer.
#pragma once

#include <autodiff/values/tensor.hpp>
#include <nn/activation.hpp>
#include <nn/random.hpp>

#include <cstdint>
#include <span>
#include <string_view>

namespace ramp::nn {

/// fan_in is the number of inputs of a unit, fan_out the number of units that an input feeds: for
/// a weight (in, out) they are in and out. The variance is
///
///     he      gain^2 / fan_in          He, Zhang, Ren, Sun: Delving deep into rectifiers (2015);
///                                      with relu's gain it is 2 / fan_in
///     glorot  2 / (fan_in + fan_out)   Glorot, Bengio: Understanding the difficulty of training
///                                      deep feedforward neural networks (2010)
///     lecun   1 / fan_in               LeCun, Bottou, Orr, Müller: Efficient backprop (1998)
///
/// of a normal distribution (not truncated), or of a uniform one from -sqrt(3 variance) to
/// sqrt(3 variance).
enum class Init {
  he_normal,
  he_uniform,
  glorot_normal,
  glorot_uniform,
  lecun_normal,
  lecun_uniform,
  zeros
};

std::span<const std::string_view> init_names();
std::string_view to_string(Init init);
/// Throws ValueError, which lists the names, for an unknown one.
Init init_named(std::string_view name);

/// 1 / sqrt(E[f(z)^2]), z standard normal: what He et al. derive for relu, sqrt(2), for any
/// activation f. Weights with this gain keep the second moment of what a layer hands on. (PyTorch
/// has the same for relu and leaky_relu, and for tanh 5/3 by experiment instead of 1.593.)
double gain(Activation activation);

/// The standard deviation that `init` asks for; only he has a gain.
double deviation(Init init, std::int64_t fan_in, std::int64_t fan_out, double gain);

/// A weight (fan_in, fan_out), drawn row by row. Throws ValueError unless both are positive, and
/// for a gain that is negative, infinite or NaN.
template <class T> Tensor<T> initial(Init init, std::int64_t fan_in, std::int64_t fan_out,
                                     Random& random, double gain);

}  // namespace ramp::nn

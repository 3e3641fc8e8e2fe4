// How weights start: random, with a spread that keeps signals of one size from layer to layer.
#pragma once

#include <autodiff/values/tensor.hpp>
#include <nn/random.hpp>

#include <cstdint>
#include <span>
#include <string>
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
/// of a normal distribution ("he_normal", not truncated), or of a uniform one from
/// -sqrt(3 variance) to sqrt(3 variance) ("he_uniform"); "zeros" is 0. One of these, or your own:
///
///     const Init sparse("sparse", [](double fan_in, double fan_out, double gain, Random& random) {
///       return random.uniform() < 0.1 ? gain * random.normal() : 0.0; });
class Init {
 public:
  /// One weight.
  using Draw = double (*)(double fan_in, double fan_out, double gain, Random& random);

  /// Throws ValueError, which lists the names, for an unknown one.
  Init(std::string_view name);
  Init(const char* name) : Init(std::string_view(name)) {}
  Init(const std::string& name) : Init(std::string_view(name)) {}
  constexpr Init(std::string_view name, Draw draw) : name_(name), draw_(draw) {}

  std::string_view name() const { return name_; }
  /// A weight (in, out). ValueError unless both sizes are positive and the gain is finite and >= 0.
  template <class T>
  Tensor<T> weight(std::int64_t in, std::int64_t out, Random& random, double gain = 1) const;

 private:
  std::string_view name_;  // a literal
  Draw draw_;
};

/// The table.
std::span<const Init> inits();

}  // namespace ramp::nn

// Activations: functions of one Var, by name where an option or a command line gives one. The
// functions themselves are the engine's.
#pragma once

#include <autodiff/tape/tape.hpp>

#include <span>
#include <string>
#include <string_view>

namespace ramp::nn {

/// One of the table in activation.cpp ("relu", "tanh", …), or your own:
///
///     const Activation quick_gelu("quick_gelu", 1.55, [](auto x) { return x * sigmoid(1.702 * x);
///     });
///
/// The gain is 1 / sqrt(E[f(z)^2]), z standard normal: what He et al. derive for relu, sqrt(2), for
/// any f. Weights with this gain keep the second moment of what a layer hands on. (PyTorch has the
/// same for relu and leaky_relu, and for tanh 5/3 by experiment instead of 1.593.)
class Activation {
 public:
  /// Throws ValueError, which lists the names, for an unknown one.
  Activation(std::string_view name);
  Activation(const char* name) : Activation(std::string_view(name)) {}
  Activation(const std::string& name) : Activation(std::string_view(name)) {}
  /// f captures nothing; it takes and gives a Var<float> as well as a Var<double>.
  template <class F> constexpr Activation(std::string_view name, double gain, F)
      : name_(name),
        gain_(gain),
        of_float_([](const Var<float>& x) -> Var<float> { return F{}(x); }),
        of_double_([](const Var<double>& x) -> Var<double> { return F{}(x); }) {}

  std::string_view name() const { return name_; }
  double gain() const { return gain_; }
  /// Whether it is the same function, whatever it is called.
  bool same_as(const Activation& other) const { return of_float_ == other.of_float_; }
  Var<float> operator()(const Var<float>& x) const { return of_float_(x); }
  Var<double> operator()(const Var<double>& x) const { return of_double_(x); }

 private:
  std::string_view name_;  // a literal
  double gain_;
  Var<float> (*of_float_)(const Var<float>&);
  Var<double> (*of_double_)(const Var<double>&);
};

/// The table: leaky_relu has slope 0.01, elu alpha 1; gelu is the exact one.
std::span<const Activation> activations();

}  // namespace ramp::nn

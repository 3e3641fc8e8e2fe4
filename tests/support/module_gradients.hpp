// A module's gradients, of its input and of its parameters, against differences.
#pragma once

#include <autodiff/inspect/gradcheck.hpp>
#include <nn/model/module.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

namespace support {

// One number of y, to which each element counts in its own way.
inline ramp::Var<double> mixed(const ramp::Var<double>& y) {
  ramp::Tensor<double> weights(y.shape());
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = std::sin(1.0 + double(i));
  return sum(y * y.tape().constant(weights));
}

inline void check_parameter_gradients(ramp::nn::Module<double>& module,
                                      const ramp::Tensor<double>& x) {
  if (module.parameter_count() == 0) return;
  ramp::Tape<double> tape;
  tape.backward(mixed(module(tape.constant(x))));
  const auto value = [&] {
    ramp::Tape<double> other;
    return mixed(module(other.constant(x))).item();
  };
  for (auto* parameter : module.parameters()) {
    CAPTURE(parameter->name());
    REQUIRE(parameter->has_gradient());
    const ramp::Tensor<double> gradient = parameter->gradient();
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      const double w = parameter->value()[i], step = 1e-5;
      parameter->edit()[i] = w + step;
      const double above = value();
      parameter->edit()[i] = w - step;
      const double below = value();
      parameter->edit()[i] = w;
      CHECK(std::abs(gradient[i] - (above - below) / (2 * step)) <
            1e-8 * std::max(1.0, std::abs(gradient[i])));
    }
  }
}

inline void check_gradients_of(ramp::nn::Module<double>& module, const ramp::Tensor<double>& x) {
  const auto report = ramp::check_gradients([&](auto in) { return module(in[0]); }, {x});
  CHECK_MESSAGE(report.ok(), to_string(report));
  check_parameter_gradients(module, x);
}

// Numbers without order, from -1 to 1 or so.
inline ramp::Tensor<double> scattered(const ramp::Shape& shape, double phase = 0) {
  ramp::Tensor<double> x(shape);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(phase + 2.3 * double(i * i));
  return x;
}

}  // namespace support

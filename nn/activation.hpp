// Activations by name, for options and command lines. The functions themselves are the engine's.
#pragma once

#include <autodiff/tape/tape.hpp>

#include <span>
#include <string_view>

namespace ramp::nn {

/// leaky_relu has slope 0.01, elu alpha 1; gelu is the exact one.
enum class Activation { relu, leaky_relu, tanh, sigmoid, softplus, gelu, silu, elu, identity };

std::span<const std::string_view> activation_names();
std::string_view to_string(Activation activation);
/// Throws ValueError, which lists the names, for an unknown one.
Activation activation_named(std::string_view name);

template <class T> Var<T> activate(Activation activation, const Var<T>& x);

}  // namespace ramp::nn

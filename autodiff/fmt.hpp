// Handles, tensors and shapes in fmt::format("{}", x), for programs that have fmt.
#pragma once

#include <autodiff/autodiff.hpp>

#include <fmt/format.h>

#include <string>

#define RAMP_FORMATTER(...)                                                         \
  struct fmt::formatter<__VA_ARGS__> : fmt::formatter<std::string> {                \
    template <class Context> auto format(const __VA_ARGS__& x, Context& to) const { \
      return fmt::formatter<std::string>::format(to_string(x), to);                 \
    }                                                                               \
  }
template <> RAMP_FORMATTER(ramp::Shape);
template <class T> RAMP_FORMATTER(ramp::Tensor<T>);
template <class T> RAMP_FORMATTER(ramp::View<T>);
template <class T> RAMP_FORMATTER(ramp::Var<T>);
#undef RAMP_FORMATTER

// Handles, tensors and shapes in fmt::format("{}", x), for programs that have fmt.
#pragma once

#include <autodiff/autodiff.hpp>

#include <fmt/format.h>

#include <string>
#include <type_traits>

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
// No ranges to <fmt/ranges.h>, though they have a begin and an end.
FMT_BEGIN_NAMESPACE
template <typename T, typename Char> struct is_range;
template <class T, class Char> struct is_range<ramp::Tensor<T>, Char> : std::false_type {};
template <class T, class Char> struct is_range<ramp::View<T>, Char> : std::false_type {};
FMT_END_NAMESPACE

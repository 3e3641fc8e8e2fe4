// Enumerators by their names, for the enums of this folder, which count from 0.
#pragma once

#include <autodiff/values/error.hpp>
#include <nn/joined.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>

namespace ramp::nn {

template <class Enum>
Enum named(std::string_view name, const char* what, std::span<const std::string_view> names) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end())
    throw ValueError(
        fmt::format("[{}] no {} \"{}\": there are {}", what, what, name, joined(names)));
  return static_cast<Enum>(found - names.begin());
}

}  // namespace ramp::nn

// Lists in error messages. fmt::join does the same, but in fmt 9 it makes g++ 12 warn at -O3.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace ramp::nn {

template <class Items> std::string joined(const Items& items, std::string_view separator = ", ") {
  std::string text;
  for (const auto& item : items) text += fmt::format("{}{}", text.empty() ? "" : separator, item);
  return text;
}

}  // namespace ramp::nn

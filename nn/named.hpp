// Entries of a table, and enumerators, which count from 0, by their names.
#pragma once

#include <autodiff/values/error.hpp>
#include <nn/joined.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

namespace ramp::nn {

template <class Entry>  // has a name()
const Entry& named(std::string_view name, const char* what, std::span<const Entry> table) {
  std::string all;
  for (const Entry& entry : table) {
    if (entry.name() == name) return entry;
    all += fmt::format("{}{}", all.empty() ? "" : ", ", entry.name());
  }
  throw ValueError(fmt::format("[{}] no {} \"{}\": there are {}", what, what, name, all));
}

template <class Enum>
Enum named(std::string_view name, const char* what, std::span<const std::string_view> names) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end())
    throw ValueError(
        fmt::format("[{}] no {} \"{}\": there are {}", what, what, name, joined(names)));
  return static_cast<Enum>(found - names.begin());
}

}  // namespace ramp::nn

// Numbers of other types as float or double. Readers' own.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace ramp::nn {

/// In bytes: of "F64", "F32", "F16", "BF16", "I64" … "I8", "U64" … "U8", "BOOL"; 0 for others.
std::size_t size_of_type(std::string_view type);

/// As many numbers as `to` has, from memory of any alignment, in this machine's byte order. Floats
/// are rounded; returns the place of the first whole number that T can't hold, else to.size().
template <class T> std::size_t convert(std::string_view type, const char* from, std::span<T> to);

}  // namespace ramp::nn

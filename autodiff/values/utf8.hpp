// Where a character of UTF-8 ends. For what writes text that somebody else has chosen.
#pragma once

#include <cstddef>
#include <string_view>

namespace ramp {

// The bytes of the character of UTF-8 at i; 0 if there is none.
inline std::size_t bytes_of_character(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t k) {
    return k < text.size() ? static_cast<unsigned char>(text[k]) : 0u;
  };
  const unsigned first = byte(i);
  const std::size_t n = first < 0x80   ? 1
                        : first < 0xc2 ? 0
                        : first < 0xe0 ? 2
                        : first < 0xf0 ? 3
                        : first < 0xf5 ? 4
                                       : 0;
  for (std::size_t k = 1; k < n; ++k)
    if ((byte(i + k) & 0xc0) != 0x80) return 0;
  return n;
}

}  // namespace ramp

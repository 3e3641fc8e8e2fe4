// Which samples are whose, where several share them.
#pragma once

#include <cstddef>

namespace ramp::nn {

/// The part of n samples that number r of so many gets: contiguous, and none is more than one
/// longer than another. Number 0 has one wherever there is one.
struct Part {
  std::size_t first, last;
};
inline Part part_of(std::size_t n, std::size_t r, std::size_t parts) {
  const auto first = [=](std::size_t k) { return (n * k + parts - 1) / parts; };
  return {first(r), first(r + 1)};
}

}  // namespace ramp::nn

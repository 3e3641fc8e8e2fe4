// Lists of what holds from a node on: epochs, and the places in a source.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace ramp {

// What holds at node i, of a list of changes; null before the first.
template <class Change> const Change* latest(const std::vector<Change>& changes, std::uint32_t i) {
  const auto after = std::upper_bound(changes.begin(), changes.end(), i,
                                      [](std::uint32_t n, const Change& c) { return n < c.first; });
  return after == changes.begin() ? nullptr : &*std::prev(after);
}

}  // namespace ramp

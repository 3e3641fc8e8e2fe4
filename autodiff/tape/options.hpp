// What a tape is told, and by what names it knows leaves and lines.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ramp {

struct TapeOptions {
  double at_zero = 0;  // relu'(0), and its like at every kink: any finite number
  /// Bytes; 0 for no limit. It counts what is recorded, with names and attributes, and the adjoints
  /// of the last backward; not what a formula needs while it runs, nor the program's own tensors.
  /// Numbers are recorded without asking while there is room for them: it is asked for by doubling.
  std::size_t memory_budget = 0;
  /// Throw NonFiniteError when a node's value, and the tape is then as before it, or in a sweep,
  /// which then retains, an adjoint turns NaN or infinite.
  bool checked = false;
};

struct Location {
  const char* file;
  std::uint32_t line;
};
std::string to_string(const Location& location);  // "model.cpp:12", without the folders

struct BackwardOptions {
  bool retain = false;      // keep the gradients of interior nodes, too
  bool accumulate = false;  // add to the leaves' last gradients, to parameters' of this step
};

// A name for a leaf; unlike string_view it can't be built from {0, 1}.
struct Name {
  std::string_view text;
  Name() = default;
  template <class S>
  requires std::convertible_to<const S&, std::string_view> Name(const S& s) : text(s) {}
};

}  // namespace ramp

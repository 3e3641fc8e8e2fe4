// The ways people write ReLU, and what Ramp gives for each at its kink.
#pragma once

#include <autodiff/autodiff.hpp>

#include <string>
#include <vector>

namespace ramp::tool {

struct Spelling {
  const char* text;
  double kink;  // where it stands; the points of the table lie around it
  Var<double> (*write)(const Var<double>& x);
  const char* why;  // where it parts from relu, the reason
};
const std::vector<Spelling>& spellings();

/// Markdown: for each spelling its value and, under c = 0, 1/2 and 1, its derivative around the
/// kink.
std::string kink_table();

}  // namespace ramp::tool

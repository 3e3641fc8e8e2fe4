#include <autodiff/tape/reading.hpp>

#include <fmt/format.h>

#include <cmath>

namespace ramp {

void check_slope(const char* op, double of_1, double of_g, double g) {
  if (!(std::abs(of_g - g * of_1) > 1e-9 * std::abs(of_g))) return;  // NaN is another matter
  throw ValueError(
      fmt::format("[{}] its pullback gives {} for g = {}, not {} times {}: if it isn't meant to be "
                  "linear in g, "
                  "say static constexpr bool has_slopes = false",
                  op, of_g, g, g, of_1));
}

std::string numbers_label(const char* name, const double* attr, std::size_t n) {
  std::string text = name;
  for (std::size_t i = 0; i < n; ++i) text += fmt::format(" {:g}", attr[i]);
  return text;
}

void throw_no_broadcast(const char* op, std::span<const Shape> in) {
  std::string shapes;
  for (const Shape& x : in) {
    if (!shapes.empty()) shapes += " and ";
    shapes += to_string(x);
  }
  throw ShapeError(fmt::format(
      "[{}] {} don't broadcast: from the last axis on, sizes must agree or be 1", op, shapes));
}

}  // namespace ramp

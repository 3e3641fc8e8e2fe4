#include <autodiff/ops/shaping.hpp>

#include <fmt/format.h>

namespace ramp {

void shaping::fail(const char* op, const Shape& x, const char* why) {
  throw ShapeError(fmt::format("[{}] {}: {}", op, to_string(x), why));
}

void shaping::fail(const char* op, const Shape& a, const Shape& b, const char* why) {
  throw ShapeError(fmt::format("[{}] {} and {}: {}", op, to_string(a), to_string(b), why));
}

std::string shaping::label_along(const char* op, int axis) {
  return fmt::format("{} axis {}", op, axis);
}

std::string Range::label(const char* op) const {
  const std::string by = step == 1 ? "" : fmt::format(":{}", step);
  return shaping::label_along(fmt::format("{} {}:{}{}", op, start, stop, by).c_str(), axis);
}

}  // namespace ramp

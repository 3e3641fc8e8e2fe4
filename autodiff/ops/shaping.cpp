#include <autodiff/ops/shaping.hpp>

#include <fmt/format.h>

namespace ramp {

void shaping::fail(const char* op, const Shape& x, const char* why) {
  throw ShapeError(fmt::format("[{}] {}: {}", op, to_string(x), why));
}

void shaping::fail(const char* op, const Shape& a, const Shape& b, const char* why) {
  throw ShapeError(fmt::format("[{}] {} and {}: {}", op, to_string(a), to_string(b), why));
}

}  // namespace ramp

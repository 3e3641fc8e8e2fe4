#include <autodiff/error.hpp>
#include <autodiff/tensor.hpp>

#include <fmt/format.h>

namespace ramp {

void throw_size_mismatch(const Shape& shape, std::size_t given) {
  throw ShapeError(fmt::format("[tensor] {} holds {} values, but {} were given", to_string(shape),
                               shape.size(), given));
}

void throw_not_a_scalar(const char* call, const Shape& shape) {
  throw ShapeError(
      fmt::format("[{}] a tensor of shape {} is not a single number", call, to_string(shape)));
}

}  // namespace ramp

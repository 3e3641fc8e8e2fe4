#include <autodiff/ops/indexing.hpp>

#include <fmt/format.h>

namespace ramp {

void Indices::check(const char* op, const char* what, const Shape& x, std::uint32_t limit) const {
  for (std::uint32_t i = 0; i < count; ++i)
    if (data[i] < 0 || static_cast<std::uint32_t>(data[i]) >= limit) {
      if (limit == 0)
        throw IndexError(fmt::format("[{}] {}: there is no {}", op, to_string(x), what));
      throw IndexError(fmt::format("[{}] {}: {} {} at place {}, but they run from 0 to {}", op,
                                   to_string(x), what, data[i], i, limit - 1));
    }
}

}  // namespace ramp

#include <autodiff/values/error.hpp>
#include <autodiff/values/tensor.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <new>

#ifdef __linux__
#include <sys/sysinfo.h>
#endif

namespace ramp {
namespace {

std::size_t memory_of_the_machine() {
#ifdef __linux__
  struct sysinfo info {};
  if (sysinfo(&info) == 0 && info.totalram > 0)
    return (std::size_t{info.totalram} + info.totalswap) * info.mem_unit;
#endif
  return SIZE_MAX;
}

}  // namespace

void* try_memory(std::size_t bytes, std::size_t align) noexcept {
  static const std::size_t most = memory_of_the_machine();
  return bytes > most ? nullptr : ::operator new (bytes, std::align_val_t{align}, std::nothrow);
}

void throw_no_memory(const Shape& shape, std::size_t bytes) {
  throw MemoryError("[tensor] " + to_string(shape), bytes);
}

void throw_size_mismatch(const Shape& shape, std::size_t given) {
  throw ShapeError(fmt::format("[tensor] {} holds {} values, but {} were given", to_string(shape),
                               shape.size(), given));
}

void throw_not_a_scalar(const char* call, const Shape& shape) {
  throw ShapeError(
      fmt::format("[{}] a tensor of shape {} is not a single number", call, to_string(shape)));
}

}  // namespace ramp

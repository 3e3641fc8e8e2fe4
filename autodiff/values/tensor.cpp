#include <autodiff/values/error.hpp>
#include <autodiff/values/tensor.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <new>
#include <ostream>

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

// One axis after another. A long one keeps both its ends.
template <class T>
void print(std::string& text, const View<const T>& x, int digits, int axis, std::size_t at) {
  constexpr std::uint32_t most = 12, shown = 5;
  if (axis == x.shape.rank()) {
    text += fmt::format("{:.{}g}", printable(x[at]), digits);
    return;
  }
  std::size_t step = 1;
  for (int i = axis + 1; i < x.shape.rank(); ++i) step *= x.shape[i];
  const std::uint32_t n = x.shape[axis];
  const bool last = axis + 1 == x.shape.rank();
  std::string next = " ";
  if (!last) next = fmt::format("\n{:{}}", "", axis + 1);
  text += '[';
  for (std::uint32_t i = 0; i < n; ++i) {
    if (i) text += next;
    if (n > most && i == shown) {
      text += "..";
      text += next;
      i = n - shown;
    }
    print(text, x, digits, axis + 1, at + i * step);
  }
  text += ']';
}
template <class T> std::string printed(const View<const T>& x, int digits = 6) {
  std::string text;
  print(text, x, digits, 0, 0);
  return text;
}
// A number as the stream prints numbers; of a tensor's numbers, as many digits as it is set to.
template <class T> std::ostream& put(std::ostream& out, const View<const T>& x) {
  if (x.shape.rank() == 0) return out << printable(x[0]);
  return out << printed(x, static_cast<int>(out.precision()));
}

}  // namespace

std::string to_string(const View<const double>& x) { return printed(x); }
std::string to_string(const View<const float>& x) { return printed(x); }
std::ostream& operator<<(std::ostream& out, const View<const double>& x) { return put(out, x); }
std::ostream& operator<<(std::ostream& out, const View<const float>& x) { return put(out, x); }

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

void throw_ragged(const Shape& first, std::size_t other) {
  throw ShapeError(
      fmt::format("[tensor] rows of {} and of {} numbers: all must be as long", first[1], other));
}

void throw_not_a_scalar(const char* call, const Shape& shape) {
  throw ShapeError(
      fmt::format("[{}] a tensor of shape {} is not a single number", call, to_string(shape)));
}

}  // namespace ramp

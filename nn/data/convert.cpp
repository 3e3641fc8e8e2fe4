#include <nn/data/convert.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace ramp::nn {

namespace {

struct Half {
  std::uint16_t bits;
  explicit operator double() const {  // 1 bit sign, 5 exponent, 10 fraction
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const double size = exponent == 31  ? (fraction ? NAN : INFINITY)
                        : exponent == 0 ? std::ldexp(fraction, -24)
                                        : std::ldexp(1024 + fraction, exponent - 25);
    return bits >> 15 ? -size : size;
  }
};
struct BFloat {
  std::uint16_t bits;  // the upper half of a float
  explicit operator double() const {
    return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16));
  }
};

// f(a number of this type).
template <class F> auto of_type(std::string_view type, F f) -> decltype(f(0.0)) {
  if (type == "F64") return f(double());
  if (type == "F32") return f(float());
  if (type == "F16") return f(Half());
  if (type == "BF16") return f(BFloat());
  if (type == "I64") return f(std::int64_t());
  if (type == "I32") return f(std::int32_t());
  if (type == "I16") return f(std::int16_t());
  if (type == "I8") return f(std::int8_t());
  if (type == "U64") return f(std::uint64_t());
  if (type == "U32") return f(std::uint32_t());
  if (type == "U16") return f(std::uint16_t());
  if (type == "U8" || type == "BOOL") return f(std::uint8_t());
  return {};
}

}  // namespace

std::size_t size_of_type(std::string_view type) {
  return of_type(type, [](auto number) { return sizeof number; });
}

template <class T> std::size_t convert(std::string_view type, const char* from, std::span<T> to) {
  return of_type(type, [&](auto number) -> std::size_t {
    using Number = decltype(number);
    for (std::size_t i = 0; i < to.size(); ++i) {
      std::memcpy(&number, from + i * sizeof number, sizeof number);
      if constexpr (std::is_integral_v<Number>) {
        to[i] = static_cast<T>(number);
        // What the largest ones are rounded to lies beyond their type, and can't be turned back.
        constexpr int bits = 8 * int{sizeof(Number)} - std::is_signed_v<Number>;
        if (to[i] >= std::ldexp(T(1), bits) || static_cast<Number>(to[i]) != number) return i;
      } else {
        to[i] = static_cast<T>(static_cast<double>(number));
      }
    }
    return to.size();
  });
}

template std::size_t convert(std::string_view, const char*, std::span<float>);
template std::size_t convert(std::string_view, const char*, std::span<double>);

}  // namespace ramp::nn

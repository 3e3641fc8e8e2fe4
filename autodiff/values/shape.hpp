// Shapes of rank 0 to 4, row-major, and how NumPy's rules broadcast them.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <iterator>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace ramp {

inline constexpr int max_rank = 4;
inline constexpr double max_elements = 281474976710656.0;  // 2^48: more fits in no memory

// What a container holds.
template <class R> using ValueIn = std::decay_t<decltype(*std::begin(std::declval<const R&>()))>;

// One size, from any integer: those of containers are unsigned, others are not.
struct Size {
  std::int64_t n;
  template <std::integral I> constexpr Size(I i)
      : n(std::in_range<std::int64_t>(i) ? static_cast<std::int64_t>(i) : -1) {}
};

class Shape {
 public:
  constexpr Shape() = default;
  /// ShapeError for more than four sizes, one below 0 or above 2^32 - 1, or a product above 2^48.
  Shape(std::initializer_list<Size> sizes) : Shape(std::span(sizes.begin(), sizes.size())) {}
  explicit Shape(std::span<const Size> sizes);
  template <class R>
  requires std::integral<ValueIn<R>>
  explicit Shape(const R& sizes) : Shape(std::vector<Size>(std::begin(sizes), std::end(sizes))) {}

  constexpr int rank() const { return rank_; }
  constexpr std::uint32_t operator[](int axis) const {
    return sizes_[static_cast<std::size_t>(axis)];
  }
  constexpr std::uint32_t back() const { return (*this)[rank_ - 1]; }
  constexpr std::size_t size() const {  // number of elements; 1 for rank 0
    std::size_t n = 1;
    for (int i = 0; i < rank_; ++i) n *= (*this)[i];
    return n;
  }
  /// ShapeError, naming `op`, if it has more than 2^48 elements.
  void check_size(const char* op) const;
  constexpr bool operator==(const Shape& other) const {
    if (rank_ != other.rank_) return false;
    for (int i = 0; i < rank_; ++i)
      if ((*this)[i] != other[i]) return false;
    return true;
  }

  // The same shape with one axis set, removed or put in.
  constexpr Shape with(int axis, std::uint32_t size) const {
    Shape s = *this;  // in registers: what is written in part makes whoever reads it whole wait
    for (int i = 0; i < max_rank; ++i)
      s.sizes_[static_cast<std::size_t>(i)] = i == axis ? size : (*this)[i];
    return s;
  }
  Shape without(int axis) const;
  Shape inserted(int axis, std::uint32_t size) const;

  const std::array<std::uint32_t, max_rank>& sizes() const { return sizes_; }
  static constexpr Shape of(const std::array<std::uint32_t, max_rank>& sizes, int rank) {
    Shape s;
    s.sizes_ = sizes;
    s.rank_ = rank;
    return s;
  }

 private:
  std::array<std::uint32_t, max_rank> sizes_{};
  int rank_ = 0;
};

std::string to_string(const Shape& shape);  // "(2, 3)", "()" for rank 0
std::ostream& operator<<(std::ostream& out, const Shape& shape);

/// Sets `out` to the shape that NumPy's broadcasting gives; false if the two don't go together.
bool broadcast(const Shape& a, const Shape& b, Shape& out);

/// Counts an axis from the end when it is negative. Throws ShapeError, naming `op`, when there is
/// no such axis.
int normal_axis(const char* op, std::int64_t axis, const Shape& shape);

}  // namespace ramp

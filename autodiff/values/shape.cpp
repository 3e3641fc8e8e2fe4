#include <autodiff/values/error.hpp>
#include <autodiff/values/shape.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

namespace ramp {
namespace {

std::int64_t number(std::uint32_t n) { return n; }
std::int64_t number(Size size) { return size.n; }

std::string listed(const auto& sizes, std::size_t n) {
  std::string text;
  for (std::size_t i = 0; i < n; ++i) {
    if (i) text += ", ";
    text += std::to_string(number(sizes[i]));
  }
  return text;
}

}  // namespace

Shape::Shape(std::span<const Size> sizes) {
  if (sizes.size() > max_rank)
    throw ShapeError(fmt::format("[shape] ({}) has rank {}: at most {} is supported",
                                 listed(sizes, sizes.size()), sizes.size(), max_rank));
  for (const auto [n] : sizes) {
    if (n < 0 || n > std::int64_t{UINT32_MAX})
      throw ShapeError(fmt::format("[shape] ({}): a size must lie between 0 and 2^32 - 1",
                                   listed(sizes, sizes.size())));
    sizes_[static_cast<std::size_t>(rank_++)] = static_cast<std::uint32_t>(n);
  }
  check_size("shape");
}

void Shape::check_size(const char* op) const {
  double n = 1;
  for (int i = 0; i < rank_; ++i) n *= (*this)[i];
  if (n > max_elements)
    throw ShapeError(fmt::format("[{}] {} has more than 2^48 elements", op, to_string(*this)));
}

Shape Shape::without(int axis) const {
  Shape s;
  for (int i = 0; i < rank_; ++i)
    if (i != axis) s.sizes_[static_cast<std::size_t>(s.rank_++)] = (*this)[i];
  return s;
}

Shape Shape::inserted(int axis, std::uint32_t size) const {
  if (rank_ == max_rank)
    throw ShapeError(
        fmt::format("[shape] {} has no room for another axis: at most {} are supported",
                    to_string(*this), max_rank));
  Shape s;
  for (int i = 0; i <= rank_; ++i) {
    if (i == axis) s.sizes_[static_cast<std::size_t>(s.rank_++)] = size;
    if (i < rank_) s.sizes_[static_cast<std::size_t>(s.rank_++)] = (*this)[i];
  }
  return s;
}

std::string to_string(const Shape& shape) {
  return fmt::format("({})", listed(shape.sizes(), static_cast<std::size_t>(shape.rank())));
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << to_string(shape); }

bool broadcast(const Shape& a, const Shape& b, Shape& out) {
  const bool a_row_or_number =
      b.rank() == 0 || (b.rank() == 1 && a.rank() > 0 && b.back() == a.back());
  if (a_row_or_number || a == b) {  // most are
    out = a;
    return true;
  }
  const int rank = std::max(a.rank(), b.rank());
  std::array<std::uint32_t, max_rank> sizes{};
  for (int i = 1; i <= rank; ++i) {  // from the last axis
    const std::uint32_t m = i <= a.rank() ? a[a.rank() - i] : 1;
    const std::uint32_t n = i <= b.rank() ? b[b.rank() - i] : 1;
    if (m != n && m != 1 && n != 1) return false;
    sizes[static_cast<std::size_t>(rank - i)] = m == 1 ? n : m;
  }
  out = Shape::of(sizes, rank);
  return true;
}

int normal_axis(const char* op, std::int64_t axis, const Shape& shape) {
  const std::int64_t i = axis < 0 ? axis + shape.rank() : axis;
  if (i < 0 || i >= shape.rank())
    throw ShapeError(shape.rank() == 0
                         ? fmt::format("[{}] axis {} of a scalar: rank 0 has no axes", op, axis)
                         : fmt::format("[{}] axis {} of {}: axes run from 0 to {}, or from -{}", op,
                                       axis, to_string(shape), shape.rank() - 1, shape.rank()));
  return static_cast<int>(i);
}

}  // namespace ramp

#include <autodiff/ops/linear.hpp>

#include <fmt/format.h>

namespace ramp {

Shape Matmul::shape(const Shape& a, const Shape& b) {
  const auto text = [&] { return to_string(a) + " × " + to_string(b); };
  if (a.rank() < 2 || b.rank() < 2)
    throw ShapeError(fmt::format("[matmul] {}: both must be matrices, or batches of them", text()));
  const std::uint32_t inner_a = a.back(), inner_b = b[b.rank() - 2];
  if (inner_a != inner_b)
    throw ShapeError(
        fmt::format("[matmul] {}: inner sizes {} and {} differ", text(), inner_a, inner_b));
  if (a.rank() == 2 && b.rank() == 2) return Shape::of({a[0], b[1]}, 2);
  Shape y;
  if (!broadcast(leading(a), leading(b), y))
    throw ShapeError(fmt::format("[matmul] {}: the leading axes don't broadcast", text()));
  return y.inserted(y.rank(), a[a.rank() - 2]).inserted(y.rank() + 1, b.back());
}

}  // namespace ramp

// Matrix products.
#pragma once

#include <autodiff/kernels/gemm.hpp>
#include <autodiff/ops/op.hpp>
#include <autodiff/ops/shaping.hpp>

namespace ramp {

// The axes before the matrices', and which matrix of a broadcast operand stands at place i of them.
inline Shape leading(const Shape& x) { return Shape::of(x.sizes(), x.rank() - 2); }
struct BatchPlaces {
  Broadcasting how;
  BatchPlaces(const Shape& from, const Shape& to) : how(from, to) {}
  std::size_t operator[](std::size_t i) const {
    return how.offset(i / how.inner()) + i % how.inner() * how.inner_step();
  }
};

struct Matmul : Structural<2> {
  static constexpr bool linear = true;
  static constexpr bool reads_transposed = true;
  static constexpr About about{"matmul", "a b",
                               "Matrix product (.., m, k) x (.., k, n); leading axes broadcast."};
  static Shape shape(const Shape& a, const Shape& b);

  // y = a b, or y += a b, matrix by matrix.
  template <class T>
  static void multiply(const Value<T>& a, const Value<T>& b, const View<T>& y, bool add) {
    const auto matrix = [](const Value<T>& x, std::size_t at) {
      const int r = x.shape.rank();
      const std::size_t rows = x.shape[r - 2], cols = x.shape[r - 1];
      return Matrix<T>{x.data + at * rows * cols, x.transposed ? cols : rows,
                       x.transposed ? rows : cols, x.transposed};
    };
    if (y.shape.rank() == 2) return gemm(matrix(a, 0), matrix(b, 0), y.data, add);
    const Shape batch = leading(y.shape);
    const std::size_t step = batch.size() == 0 ? 0 : y.size() / batch.size();
    const BatchPlaces of_a(leading(a.shape), batch), of_b(leading(b.shape), batch);
    for (std::size_t i = 0; i < batch.size(); ++i)
      gemm(matrix(a, of_a[i]), matrix(b, of_b[i]), y.data + i * step, add);
  }
  static constexpr auto value = [](const auto& a, const auto& b) {
    return Writes{[&a, &b](const auto& y, bool add) { multiply(a, b, y, add); }};
  };
  static constexpr auto pullbacks = std::tuple{
      [](auto g, auto a, auto b) { return sum_to(matmul(g, transpose(b)), shape_of(a)); },
      [](auto g, auto a, auto b) { return sum_to(matmul(transpose(a), g), shape_of(b)); }};
  template <class E = Examples> static E examples() {
    return {
        {{{Shape{2, 3}, {1, 2, 3, 4, 5, 6}}, {Shape{3, 1}, {1, 0, -1}}}, {Shape{2, 1}, {-2, -2}}},
        {{{Shape{2, 1, 2}, {1, 2, 3, 4}}, {Shape{2, 2}, {1, 2, 3, 4}}},
         {Shape{2, 1, 2}, {7, 10, 15, 22}}}};
  }
};
/// Operands of rank 1 are a row on the left, a column on the right, as in NumPy.
template <Traced A, Traced B> typename Recording<A, B>::type matmul(const A& a, const B& b) {
  if constexpr (std::is_same_v<typename Recording<A, B>::type, A>) {  // handles
    A::check_together(Matmul::about.name, a, b);
    const Shape p = shape_of(a, Matmul::about.name), q = shape_of(b, Matmul::about.name);
    if (p.rank() == 1 && q.rank() == 1)
      return reshape(matmul(reshape(a, p.inserted(0, 1)), reshape(b, q.inserted(1, 1))), Shape{});
    if (p.rank() == 1 && q.rank() >= 2) {
      const auto y = matmul(reshape(a, p.inserted(0, 1)), b);
      return reshape(y, y.shape().without(y.shape().rank() - 2));
    }
    if (q.rank() == 1 && p.rank() >= 2) {
      const auto y = matmul(a, reshape(b, q.inserted(1, 1)));
      return reshape(y, y.shape().without(y.shape().rank() - 1));
    }
  }
  return record<Matmul>({}, a, b);
}

struct Affine : Structural<3> {
  static constexpr bool linear = true;
  static constexpr About about{"affine", "x w + b",
                               "Matrix product with a bias added to each row: a layer."};
  static Shape shape(const Shape& x, const Shape& w, const Shape& b) {
    const Shape y = Matmul::shape(x, w);
    Shape whole;
    if (!broadcast(b, y, whole) || !(whole == y))
      shaping::fail("affine", b, y, "the bias doesn't broadcast to the product");
    return y;
  }
  // The product is added to where the bias stands already: one pass over y less.
  static constexpr auto value = [](const auto& x, const auto& w, const auto& b) {
    return Writes{[&x, &w, &b](const auto& y, bool add) {
      spread(Broadcasting(b.shape, y.shape), b.data, 0, y.size(), y.data, add);
      Matmul::multiply(x, w, y, true);
    }};
  };
  static constexpr auto pullbacks = std::tuple{
      [](auto g, auto x, auto w) { return sum_to(matmul(g, transpose(w)), shape_of(x)); },
      [](auto g, auto x, auto w) { return sum_to(matmul(transpose(x), g), shape_of(w)); },
      [](auto g, auto, auto, auto b) { return sum_to(g, shape_of(b)); }};
  template <class E = Examples> static E examples() {
    return {{{{Shape{2, 2}, {1, 2, 3, 4}}, {Shape{2, 1}, {1, -1}}, {Shape{1}, {10}}},
             {Shape{2, 1}, {9, 9}}}};
  }
};
/// x w + b: x (.., m, k), w (k, n), b (n) or what else broadcasts to the product.
template <Traced X, Traced W, Traced B> auto affine(const X& x, const W& w, const B& b) {
  return record<Affine>({}, x, w, b);
}

using Products = OpList<Matmul, Affine>;

}  // namespace ramp

// All small shapes, and loops over their elements: what the ops on whole tensors are held against.
#pragma once

#include <autodiff/autodiff.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace small {

using namespace ramp;

using Sizes = std::vector<std::int64_t>;

std::vector<Sizes> all_sizes(std::size_t most_rank, std::int64_t most = 3);
Shape shape_of(const Sizes& sizes);
Sizes sizes_of(const Shape& shape);

using Answer = std::optional<Sizes>;  // none: it is refused

// What the op's rule says; a refusal must name the op.
template <class F> Answer answer(const char* op, F rule) {
  try {
    return sizes_of(rule());
  } catch (const ShapeError& e) {
    CHECK(std::string_view(e.what()).starts_with("[" + std::string(op) + "]"));
    return {};
  }
}
// The same, quickly: a REQUIRE for each of many thousand cases takes its time.
#define SAME(a, b)                                              \
  do {                                                          \
    if (!((a) == (b))) REQUIRE_MESSAGE((a) == (b), text(a, b)); \
  } while (false)
std::string text(const Answer& a, const Answer& b);
std::string text(double a, double b);

std::string text(double a, const doctest::Approx& b);

// NumPy's rule, from the last axis.
Answer broadcast_sizes(Sizes a, Sizes b);

Answer matmul_sizes(const Sizes& a, const Sizes& b);

// In float and double.
template <class T = double> Tensor<T> whole_numbers(const Sizes& sizes, unsigned seed);

// f(coordinates, index) for each element, row by row.
void each(const Sizes& sizes, const std::function<void(const Sizes&, std::size_t)>& f);
std::size_t place(const Sizes& sizes, const Sizes& at);
Sizes without(Sizes sizes, std::size_t axis);

// y[to] is the sum of x[from] over the pairs: value, gradient, and the gradient's own gradient.
using Moves = std::vector<std::pair<std::size_t, std::size_t>>;  // from, to
template <class T> void check_moves(const Var<T>& x, const Var<T>& y, const Moves& moves);

}  // namespace small

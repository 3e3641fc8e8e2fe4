// Shapes and tensors by themselves.
#include <autodiff/values/error.hpp>
#include <autodiff/values/tensor.hpp>

#include "support/refused.hpp"

#include <doctest/doctest.h>

#include <cstdint>

using namespace ramp;

TEST_CASE("broadcast gives NumPy's shapes") {
  Shape y;
  CHECK((broadcast({2, 1}, {3}, y) && y == Shape{2, 3}));
  CHECK((broadcast({}, {2, 0}, y) && y == Shape{2, 0}));
  CHECK((broadcast({1}, {0}, y) && y == Shape{0}));
  CHECK((broadcast({5, 1, 4, 1}, {6, 1, 2}, y) && y == Shape{5, 6, 4, 2}));
  CHECK_FALSE(broadcast({2}, {3}, y));
  CHECK_FALSE(broadcast({2}, {0}, y));
  CHECK_FALSE(broadcast({2, 1}, {3, 1}, y));
}

TEST_CASE("shapes and tensors that can't be are refused") {
  REFUSED_WITH(Shape({1, 2, 3, 4, 5}), ShapeError,
               "[shape] (1, 2, 3, 4, 5) has rank 5: at most 4 is supported");
  REFUSED_WITH(Shape({2, -1}), ShapeError,
               "[shape] (2, -1): a size must lie between 0 and 2^32 - 1");
  REFUSED_WITH(Shape({std::int64_t{1} << 32}), ShapeError, doctest::Contains("[shape]"));
  REFUSED_WITH(Tensor<double>(Shape{std::int64_t{1} << 31, std::int64_t{1} << 30}), ShapeError,
               doctest::Contains("[shape]"));
  REFUSED_WITH(Tensor<double>({2}, {1, 2, 3}), ShapeError,
               "[tensor] (2) holds 2 values, but 3 were given");
}

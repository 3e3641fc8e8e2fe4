// Shapes that broadcast, whole numbers to fill them with, and which element of one tensor another's
// reads.
#pragma once

#include <autodiff/values/tensor.hpp>

#include <cstddef>
#include <random>
#include <utility>
#include <vector>

namespace support {

// For each element of `to`, row by row: which element of `from` broadcasts to it.
std::vector<std::size_t> sources(const ramp::Shape& from, const ramp::Shape& to);

// Shapes and what each broadcasts to: ranks 0 to 4, sizes 0 and 1, more than a block of 1024
// elements, and 300 that are drawn.
std::vector<std::pair<ramp::Shape, ramp::Shape>> broadcasting_pairs();

// Whole numbers of moderate size: sums are exact in any order.
ramp::Tensor<double> whole_numbers(const ramp::Shape& shape, unsigned seed = 1);

bool equal(ramp::View<const double> a, ramp::View<const double> b);

}  // namespace support

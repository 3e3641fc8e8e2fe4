// A set whose numbers tell which row they are of, and lists of rows.
#pragma once

#include <nn/data/dataset.hpp>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

namespace support {

// Row i is (i, 10 i, 100 i), its label i mod 4, its target -i.
template <class T> ramp::nn::Dataset<T> counting(std::size_t n) {
  ramp::nn::Dataset<T> data;
  data.name = "counting";
  data.inputs = ramp::Tensor<T>({static_cast<std::int64_t>(n), 3});
  data.targets = ramp::Tensor<T>({static_cast<std::int64_t>(n), 1});
  data.classes = 4;
  for (std::size_t i = 0; i < n; ++i) {
    const auto x = static_cast<T>(i);
    data.inputs[3 * i] = x, data.inputs[3 * i + 1] = 10 * x, data.inputs[3 * i + 2] = 100 * x;
    data.targets[i] = -x;
    data.labels.push_back(static_cast<std::int32_t>(i % 4));
  }
  return data;
}

using Rows = std::vector<std::uint32_t>;

inline Rows sorted(Rows rows) {
  std::ranges::sort(rows);
  return rows;
}

inline Rows first(std::uint32_t n) {
  Rows rows(n);
  std::iota(rows.begin(), rows.end(), 0u);
  return rows;
}

}  // namespace support

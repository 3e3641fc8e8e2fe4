// A set that a linear model fits.
#pragma once

#include <nn/data/synthetic.hpp>

#include <cstddef>

// y = 2 a - b + 0.5, to be fitted by a linear model.
template <class T> ramp::nn::Dataset<T> plane(std::size_t n) {
  ramp::nn::Dataset<T> data = ramp::nn::gauss<T>(n, 0, 1);
  data.labels.clear();
  data.classes = 0;
  for (std::size_t i = 0; i < n; ++i)
    data.targets[i] = 2 * data.inputs[2 * i] - data.inputs[2 * i + 1] + T(0.5);
  return data;
}

// One array as NumPy writes it, in memory: what .npy files and the members of .npz files are. The
// room's own.
#pragma once

#include <autodiff/values/tensor.hpp>

#include <string>
#include <string_view>

namespace ramp::nn {

template <class T> Tensor<T> npy_from(std::string_view bytes, const std::string& name);
template <class T> std::string npy_bytes(const Tensor<T>& x);

}  // namespace ramp::nn

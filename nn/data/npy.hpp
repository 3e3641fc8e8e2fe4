// Arrays as NumPy keeps them: one in a .npy file, several by name in a .npz file, which is a zip
// archive of those.
#pragma once

#include <nn/data/dataset.hpp>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace ramp::nn {

/// An array of floats, integers or bools of any size and byte order, in C or Fortran order, as
/// numbers of T. DataError for objects (they are pickled), complex numbers, more than 4 axes, a
/// header or length that doesn't fit the file, or an integer that T can't hold.
template <class T = float> Tensor<T> read_npy(const std::filesystem::path& path);
/// Float32 or float64 as T is. The file is replaced once the new one is whole.
template <class T> void write_npy(const std::filesystem::path& path, const Tensor<T>& x);

template <class T> using NamedTensors = std::vector<std::pair<std::string, Tensor<T>>>;

/// The arrays in the order of the archive, named without ".npy", stored or deflated. DataError for
/// a damaged archive, a checksum that differs, an entry that is encrypted or grows beyond what it
/// says.
template <class T = float> NamedTensors<T> read_npz(const std::filesystem::path& path);
template <class T> void write_npz(const std::filesystem::path& path, const NamedTensors<T>& arrays);

}  // namespace ramp::nn

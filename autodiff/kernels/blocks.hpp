// Operands that broadcast, block by block: a kernel is compiled for runs of memory only, and what
// repeats is widened in cache.
#pragma once

#include <autodiff/kernels/strided.hpp>

#include <algorithm>
#include <memory>
#include <span>

namespace ramp {

// Elements: a few operands of so many fit in the first-level cache.
inline constexpr std::size_t block = 1024;

// An operand, block by block. Where a block lies in one run of memory it is read in place.
template <class T> class Blocks {
 public:
  // Not a constructor, whose result would be copied with its buffer; and `how` is built in place,
  // since a copy waits for what has just been written piece by piece.
  void read(const T* data, const Shape& from, const Shape& to) {
    data_ = data;
    std::construct_at(&how_, from, to);
  }

  const Broadcasting& how() const { return how_; }
  const T* at(std::size_t first, std::size_t n) {
    if (how_.whole) return data_ + first;
    const std::size_t column = first % how_.inner();
    if (how_.inner_step() == 1 && column + n <= how_.inner())
      return data_ + how_.offset(first / how_.inner()) + column;
    // A number or a row is the same in each block that begins at a row.
    const bool repeats = how_.rank == 1 || how_.repeats_a_row();
    if (!(repeats && column == 0 && filled_ >= n)) {
      spread(how_, data_, first, n, buffer_.data());
      filled_ = repeats && column == 0 ? n : 0;
    }
    return buffer_.data();
  }

 private:
  const T* data_ = nullptr;
  Broadcasting how_;
  std::size_t filled_ = 0;
  std::array<T, block> buffer_;
};

// Blocks of whole rows of the operands that broadcast, or of even parts of a row.
inline std::size_t block_size(std::size_t inner) {
  if (inner >= block) {
    const std::size_t parts = (inner + block - 1) / block;
    return (inner + parts - 1) / parts;
  }
  return block / inner * inner;
}

/// f(first, n, x) for each block of a result of that shape: its n elements from `first` on come
/// from x[0][0 .. n), x[1][0 .. n) and so on, of at most three operands.
template <class T, class Operand, class F>
void in_blocks(const Shape& shape, std::span<const Operand> in, F f) {
  const std::size_t size = shape.size();
  if (size == 0) return;
  std::array<Blocks<T>, 3> operands;
  std::size_t step = block;
  for (std::size_t k = 0; k < in.size(); ++k) {
    operands[k].read(in[k].data, in[k].shape, shape);
    const Broadcasting& how = operands[k].how();
    if (!how.whole && how.rank > 1) step = std::min(step, block_size(how.inner()));
  }
  std::array<const T*, 3> x{};
  for (std::size_t i = 0; i < size; i += step) {
    const std::size_t n = std::min(step, size - i);
    for (std::size_t k = 0; k < in.size(); ++k) x[k] = operands[k].at(i, n);
    f(i, n, x);
  }
}

}  // namespace ramp

// What a tape keeps of a node, and what its sweep keeps of an adjoint.
#pragma once

#include <autodiff/registry.hpp>

#include <array>
#include <bit>
#include <cstdint>
#include <type_traits>

namespace ramp {

// A node is 24 bytes. A rank-0 node carries its value; a tensor's lies in a record of its own.
template <class T> struct Node {
  OpId op;
  std::uint16_t flags;
  std::uint32_t attr;               // where its attributes lie, in words
  std::array<std::uint32_t, 2> in;  // its operands; or where in the pool they lie, and how many
  union {
    T value;
    std::uint64_t tensor;
  };

  static constexpr std::uint16_t rank_mask = 7, arity_mask = 3 << 3, pooled = 1 << 5,
                                 shaped = 1 << 6,  // a tensor is among the operands or the result
      bound = 1 << 7,                              // a leaf that reads a Parameter
      varies = 1 << 8,                             // has a gradient
      first_varies = 1 << 9, second_varies = 1 << 10,
                                 kinked = 1 << 11,  // its op has a kink formula
      grown = 1 << 12;                              // a sum that grew term by term

  int rank() const { return flags & rank_mask; }
  bool is(std::uint16_t flag) const { return (flags & flag) != 0; }
};
static_assert(sizeof(Node<double>) == 24 && sizeof(Node<float>) == 24);

// The part of a tensor node that a rank-0 node doesn't need; the rank is in the node's flags.
template <class T> struct TensorRecord {
  T* data;
  std::array<std::uint32_t, max_rank> sizes;
};
static_assert(sizeof(TensorRecord<double>) == 24);

// What a scalar pullback reads and writes.
template <class T> struct Sweep {
  const Node<T>* nodes;
  T* adjoints;
  const std::uint32_t* pool;
  const std::uint64_t* attrs;
  double at_zero;
};

// An adjoint that nothing has reached is -0, which no sum of contributions is: + 0 makes each of
// them another. So reached and unreached are told apart without a bit of their own, and 0 *
// infinity is still NaN on a path that was reached.
template <class T> using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
template <class T> inline bool reached(T adjoint) {
  return std::bit_cast<Bits<T>>(adjoint) != std::bit_cast<Bits<T>>(T(-0.0));
}
template <class T> inline void accumulate(T& adjoint, T contribution) {
  adjoint += contribution + T(0);
}

}  // namespace ramp

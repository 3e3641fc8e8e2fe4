// What a tape keeps of a node.
#pragma once

#include <autodiff/ops/registry.hpp>

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <type_traits>

namespace ramp {

/// A node has one of two forms. An op of one or two numbers that all vary keeps its value and its
/// partial derivatives: the way back needs no more. Everything else, whatever has a tensor, three
/// operands or a constant among them, or passes nothing on, is general: it keeps where the rest
/// lies, and its op's pullbacks are called.
///
/// The operands lie between value and partials: side by side, a compiler would store value and
/// partial as one register, and the next op, which loads the value, would wait for both.
template <class T> struct Node {
  union {
    T value;
    std::uint32_t tensor;  // of rank > 0: where its record lies
  };
  std::array<std::uint32_t, 2> in;  // the operands that are nodes, 0 for none; of a general node
                                    // `general` and where they lie, and how many there are
  T first;                          // d value / d first operand that is a node
  union {
    T second;             // the same for the second; or the operand that is a number; or, of an op
                          // of one number, its attribute
    std::uint32_t place;  // or where among the attributes they lie
  };

  static constexpr std::uint32_t general = 1u << 31;
  bool is_general() const { return (in[0] & general) != 0; }
};
static_assert(sizeof(Node<double>) == 32 && sizeof(Node<float>) == 20);

/// What readers of a tape ask of a node, in an array beside the nodes: the way back over numbers
/// doesn't look here. One word, which is written at once where op and flags are known.
struct Tag {
  static constexpr unsigned rank_mask = 7;
  static constexpr unsigned varies = 1 << 3;  // a gradient reaches it
  static constexpr unsigned bound = 1 << 4;   // a leaf that reads a Parameter
  static constexpr unsigned number_first = 1 << 5, number_second = 1 << 6;  // which operand of the
                                                                            // form with partials

  Tag() = default;
  constexpr Tag(OpId op, unsigned flags) : word(op | flags << 16) {}
  OpId op() const { return static_cast<OpId>(word); }
  bool is(unsigned flag) const { return (word >> 16 & flag) != 0; }
  int rank() const { return static_cast<int>(word >> 16 & rank_mask); }

  std::uint32_t word;
};

// The part of a tensor's node that a number doesn't need; the rank is in the tag.
template <class T> struct TensorRecord {
  T* data;
  std::array<std::uint32_t, max_rank> sizes;
};
static_assert(sizeof(TensorRecord<double>) == 24);

/// An operand: a node, or a number that none was made for.
template <class T> struct Input {
  std::uint32_t node = 0;  // 0: it is the number
  T number = 0;
};

/// The operands of a node, in order.
template <class T> class Operands {
 public:
  Operands() = default;
  // Of the form with partials: nodes, and the number where one of them is 0.
  Operands(std::size_t count, std::array<std::uint32_t, 2> nodes, T number)
      : count_(count), nodes_(nodes), number_(number) {}
  // Of the general form. A place with the bit `general` is a number's, among the attributes.
  Operands(std::size_t count, const std::uint32_t* pool, const std::uint64_t* numbers)
      : count_(count), pool_(pool), numbers_(numbers) {}

  std::size_t size() const { return count_; }
  Input<T> operator[](std::size_t k) const {
    const std::uint32_t node = pool_ ? pool_[k] : nodes_[k];
    if (node == 0) return {0, number_};
    if (!(node & Node<T>::general)) return {node, 0};
    Input<T> number;
    std::memcpy(&number.number, numbers_ + (node & ~Node<T>::general), sizeof(T));
    return number;
  }

  struct Iterator {
    using iterator_category = std::input_iterator_tag;
    using value_type = Input<T>;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = Input<T>;

    const Operands* all;
    std::size_t k;
    Input<T> operator*() const { return (*all)[k]; }
    Iterator& operator++() { return ++k, *this; }
    bool operator==(const Iterator& other) const { return k == other.k; }
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, count_}; }

 private:
  std::size_t count_ = 0;
  std::array<std::uint32_t, 2> nodes_{};
  T number_ = 0;
  const std::uint32_t* pool_ = nullptr;
  const std::uint64_t* numbers_ = nullptr;
};

// In a careful sweep an adjoint that nothing has reached is -0, which no sum of contributions is:
// + 0 makes each of them another. So reached and unreached are told apart without a bit of their
// own, and 0 * infinity is still NaN on a path that was reached.
template <class T> using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
template <class T> inline bool reached(T adjoint) {
  return std::bit_cast<Bits<T>>(adjoint) != std::bit_cast<Bits<T>>(T(-0.0));
}

}  // namespace ramp

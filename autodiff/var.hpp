// Handles on the nodes of a tape.
#pragma once

#include <autodiff/value.hpp>

#include <cstdint>
#include <span>

namespace ramp {

template <class T> class Tape;

// What a handle stands for, in a word. Below: a node, or for a sum a place in the pool. Above: when
// it was made, as an epoch of the tape, and what it is.
struct Word {
  enum Kind : std::uint32_t {
    scalar,
    tensor,
    // These two only one handle knows, so that what it stands for may change: a copy makes a node
    // of it.
    fresh,    // a product, or a sum and a product: recorded when the next op shows what of
    sum = 4,  // a sum that grows
    moved = 8,
    none = 9,
    kinds = 16
  };
  static constexpr std::uint64_t mask(std::uint64_t kind) { return kind << 32; }
  static constexpr std::uint64_t of(std::uint64_t place, std::uint64_t stamp) {
    return place | stamp << 32;
  }
  static std::uint32_t stamp(std::uint64_t word) { return static_cast<std::uint32_t>(word >> 32); }
  static std::uint32_t place(std::uint64_t word) { return static_cast<std::uint32_t>(word); }
};

/// A handle on a node of a tape. It is cheap to copy, and must not outlive the tape.
template <class T> class Var {
 public:
  using Number = T;

  Var(const Var& x) : tape_(x.tape_), word_(x.shared()) {}
  Var(Var&& x) noexcept : tape_(x.tape_), word_(x.taken()) {}
  Var& operator=(const Var& x) {
    const std::uint64_t word = x.shared();
    tape_ = x.tape_;
    word_ = word;
    return *this;
  }
  Var& operator=(Var&& x) noexcept;  // s = s + a * b: here a sum grows

  Tape<T>& tape() const { return *tape_; }
  std::uint32_t index() const;
  Shape shape() const;
  /// The value, in the tape's memory: until the tape is cleared, and for rank 0 until the next op.
  View<const T> view() const;
  Tensor<T> value() const { return Tensor<T>(view()); }
  T item() const;  // of one element; ShapeError otherwise

  template <class O, class... X> static Var record(const typename O::Attr& attr, const X&... x);

 private:
  friend class Tape<T>;
  template <class U> friend void is_named(const Var<U>& x);
  Var(Tape<T>* tape, std::uint64_t word) : tape_(tape), word_(word) {}

  std::uint64_t shared() const {
    if (word_ & Word::mask(Word::fresh | Word::sum)) settle();
    return word_;
  }
  std::uint64_t taken() {
    const std::uint64_t word = word_;
    if (word & Word::mask(Word::fresh | Word::sum)) word_ = Word::of(0, Word::moved);
    return word;
  }
  void settle() const;

  Tape<T>* tape_;
  mutable std::uint64_t word_;  // a tape that looks up what it stands for says so here
};
static_assert(sizeof(Var<double>) == 16);

template <class T> Shape shape_of(const Var<T>& x) { return x.shape(); }
template <class T> void is_named(const Var<T>& x) {
  if (x.word_ & Word::mask(Word::fresh)) x.settle();
}

// The symbolic reading's arguments.
template <class T> struct VarCall {
  std::span<const Var<T>> in;
  Var<T> y;
  const void* attr;
  Conventions conventions;
};

}  // namespace ramp

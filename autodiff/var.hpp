// Handles on the nodes of a tape.
#pragma once

#include <autodiff/value.hpp>

#include <cstdint>
#include <span>
#include <utility>

namespace ramp {

template <class T> class Tape;

// What a handle stands for, in a word. Below: when it was made, as an epoch of the tape, and what
// it is. Above: a node, or for a sum a place in the pool.
struct Word {
  enum Kind : std::uint32_t {
    scalar,
    tensor,
    moved,
    none,
    // What only one handle knows, so that what it stands for may change: a copy makes a node of it.
    product = 4,  // recorded when the next op shows what of,
    step,         // and so is x + product,
    step_back,    // or product + x
    fresh = 4,    // the bit of these, and what tells steps from products
    steps = 3,
    sum = 8,  // a sum that grows; as a bit of a step, what x is
    kinds = 16
  };
  static constexpr std::uint64_t of(std::uint64_t place, std::uint32_t stamp) {
    return place << 32 | stamp;
  }
  static std::uint32_t stamp(std::uint64_t word) { return static_cast<std::uint32_t>(word); }
  static std::uint32_t place(std::uint64_t word) { return static_cast<std::uint32_t>(word >> 32); }
};

/// A handle on a node of a tape. It is cheap to copy, and must not outlive the tape.
template <class T> class Var {
 public:
  using Number = T;

  Var(const Var& x) : tape_(x.tape_), word_(x.shared()) {}
  Var(Var&& x) noexcept : tape_(x.tape_), word_(x.taken()) {}
  Var& operator=(const Var& x) { return become(x.tape_, x.shared()); }
  Var& operator=(Var&& x) noexcept;  // s = s + a * b: here a sum grows

  Tape<T>& tape() const { return *tape_; }
  std::uint32_t index() const;
  Shape shape() const;
  /// Whether a gradient reaches it: a leaf, or what depends on one by slopes, unless it was
  /// recorded under no_grad(). A constant, a comparison and detach(x) don't vary.
  bool varies() const;
  /// The value, in the tape's memory: until the tape is cleared, and for rank 0 until the next op.
  View<const T> view() const;
  Tensor<T> value() const { return Tensor<T>(read("value")); }
  T item() const;  // of one element; ShapeError otherwise

  template <class O, class... X> static Var record(const typename O::Attr& attr, const X&... x);

  // Generic code says `using std::max;`, and std's templates would be the better match for two
  // handles: they choose by `<`, so that one of two that tie gets all of the gradient, and no kink
  // is counted. A friend that is no template wins over them.
  friend Var max(const Var& a, const Var& b) { return maximum(a, b); }
  friend Var min(const Var& a, const Var& b) { return minimum(a, b); }
  friend Var clamp(const Var& x, const Var& low, const Var& high) {
    return minimum(maximum(x, low), high);
  }
  friend std::pair<Var, Var> minmax(const Var& a, const Var& b) {
    return {minimum(a, b), maximum(a, b)};
  }

 private:
  friend class Tape<T>;
  template <class U> friend void is_named(const Var<U>& x);
  Var(Tape<T>* tape, std::uint64_t word) : tape_(tape), word_(word) {}

  View<const T> read(const char* call) const;
  Var& become(Tape<T>* tape, std::uint64_t word) {
    tape_ = tape;
    word_ = word;
    return *this;
  }
  std::uint32_t stamp() const { return Word::stamp(word_); }
  std::uint64_t shared() const {
    if (word_ & (Word::fresh | Word::sum)) [[unlikely]]
      settle();
    return word_;
  }
  std::uint64_t taken() {
    const std::uint64_t word = word_;
    if (word & (Word::fresh | Word::sum)) word_ = Word::of(0, Word::moved);
    return word;
  }
  void settle() const;

  // What is rare takes and gives words, not handles: so one that lives in registers stays there.
  Tape<T>* tape_;
  mutable std::uint64_t word_;  // a tape that looks up what it stands for says so here
};
static_assert(sizeof(Var<double>) == 16);

template <class T> Shape shape_of(const Var<T>& x) { return x.shape(); }
/// The same for a call, which an error about the handle then names.
template <class T> Shape shape_of(const Var<T>& x, const char* call) {
  return x.tape().shape_of(x.tape().at(x, call));
}
template <class T> void is_named(const Var<T>& x) {
  if (x.word_ & Word::fresh) [[unlikely]]
    x.settle();
}

// The symbolic reading's arguments.
template <class T> struct VarCall {
  std::span<const Var<T>> in;
  Var<T> y;
  const void* attr;
  Conventions conventions;
  const Var<T>* open = nullptr;  // 0 where an element's g is closed: it passes nothing on there
};

}  // namespace ramp

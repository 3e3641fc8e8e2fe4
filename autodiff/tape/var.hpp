// Handles on the nodes of a tape.
#pragma once

#include <autodiff/tape/trace.hpp>
#include <autodiff/tape/value.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace ramp {

/// A handle on a node of a tape: two words, to be copied as a number is. A tape's pullbacks, when
/// they are recorded, also use handles without a tape: those are numbers, and ops among them
/// compute at once. One whose node is gone, or its tape, is refused by a HandleError.
template <class T> class Var {
 public:
  using Number = T;

  /// HandleError, naming the call, if the tape is gone, or there is none.
  Tape<T>& tape(const char* call = "tape") const {
    if (trace_ == nullptr || trace_->tape == nullptr) throw_without_tape(call);
    return *trace_->tape;
  }
  std::uint32_t index() const;
  Shape shape() const;
  /// Whether a gradient reaches it: a leaf, or what depends on one by slopes, unless it was
  /// recorded under no_grad(). A constant, a comparison and detach(x) don't vary.
  bool varies() const;
  /// The value, in the tape's memory: until the tape is cleared, and for rank 0 until the next op.
  View<const T> view() const { return read("view"); }
  Tensor<T> value() const { return Tensor<T>(read("value")); }
  T item() const {  // of one element; ShapeError otherwise
    if (is_near()) return trace_->nodes[place()].value;
    return read_item();
  }

  template <class O, class... X> static Var record(const typename O::Attr& attr, const X&... x);
  template <class O> static Var record_list(const typename O::Attr& attr, std::span<const Var> in);
  /// Throws what recording an op on both would, were one of them of another tape, or gone.
  static void check_together(const Var& a, const Var& b, const char* call);

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
  template <class U> friend Shape shape_of(const Var<U>& x, const char* call);

  explicit Var(T number) : trace_(nullptr), number_(number) {}
  Var(Trace<T>* trace, std::uint64_t word) : trace_(trace), word_(word) {}

  template <class X> static decltype(auto) lifted(const X& x);
  template <class O> static Var record_vars(const typename O::Attr& attr, const Var& x);
  template <class O>
  static Var record_vars(const typename O::Attr& attr, const Var& a, const Var& b);
  template <class O>
  static Var record_vars(const typename O::Attr& attr, const Var& a, const Var& b, const Var& c);
  template <class O, class... X>
  static Var record_slowly(const typename O::Attr& attr, const X... x);

  bool is_number() const { return trace_ == nullptr; }
  bool is_near() const { return trace_ && trace_->is_near(word_); }
  std::uint32_t place() const { return Trace<T>::place(word_); }
  std::uint32_t near_place() const {
    return static_cast<std::uint32_t>(word_);
  }  // `aside` isn't set
  [[noreturn]] void throw_without_tape(const char* call) const;
  View<const T> read(const char* call) const;
  T read_item() const;

  Trace<T>* trace_;
  union {
    std::uint64_t word_;  // epoch, `aside`, node
    T number_;            // where there is no trace
  };
};
static_assert(sizeof(Var<double>) == 16 && std::is_trivially_copyable_v<Var<double>>);

/// The same as x.shape() for a call, which an error about the handle then names.
template <class T> Shape shape_of(const Var<T>& x, const char* call) {
  if (x.is_number()) return {};
  const Tape<T>& tape = x.tape(call);
  return tape.shape_of(tape.at(x, call));
}
template <class T> Shape shape_of(const Var<T>& x) { return shape_of(x, "shape"); }

// The symbolic reading's arguments.
template <class T> struct VarCall {
  std::span<const Var<T>> in;
  Var<T> y;
  const void* attr;
  Conventions conventions;
  const Var<T>* open = nullptr;  // 0 where an element's g is closed: it passes nothing on there
};

}  // namespace ramp

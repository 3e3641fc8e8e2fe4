// Handles on the nodes of a tape.
#pragma once

#include <autodiff/tape/trace.hpp>
#include <autodiff/tape/value.hpp>

#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <utility>

namespace ramp {

/// A handle on a node of a tape: two words, to be copied as a number is. One without a tape is a
/// number: ops among numbers compute at once and record nothing, and an op of a number and a
/// variable is recorded on the variable's tape. One whose node is gone, or its tape, is refused by
/// a HandleError.
template <class T> class Var {
 public:
  using Number = T;

  constexpr Var() : trace_(nullptr), number_(0) {}
  template <class U>
  requires std::is_arithmetic_v<U>
  constexpr Var(U number) : trace_(nullptr), number_(static_cast<T>(number)) {}
  /// A comparison as a number or a mask: 1 where it holds, 0 elsewhere.
  template <class C>
  requires is_comparison<C> && std::is_same_v<typename Recording<C>::type, Var> Var(const C& c)
      : Var(c.recorded()) {}

  // It says in one line what is wrong wherever a handle of the other type stands.
  template <class U>
  requires(!std::is_same_v<U, T>) Var(const Var<U>&) : Var() {
    static_assert(
        std::is_same_v<U, T>,
        "float and double don't mix: put the values on the other tape, with leaf(x.value())");
  }

  /// The value as a number, which has no gradient; of one element, ShapeError otherwise.
  template <class U>
  requires std::is_arithmetic_v<U>
  explicit operator U() const { return static_cast<U>(item()); }

  bool on_tape() const { return trace_ != nullptr; }  // false: it is a number
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
  /// That of a number lies in the handle.
  View<const T> view() const { return read("view"); }
  Tensor<T> value() const { return Tensor<T>(read("value")); }
  T item() const {  // of one element; ShapeError otherwise
    if (is_near()) return trace_->nodes[place()].value;
    return read_item();
  }

  /// The element at these places, or the part if there are fewer than axes: x(1, 0), x(-1). It is a
  /// slice, and has a gradient. IndexError outside of x.
  template <std::integral... I> Var operator()(I... places) const {
    return part(std::array<std::int64_t, sizeof...(I)>{static_cast<std::int64_t>(places)...});
  }

  template <class O, class... X>
  [[gnu::always_inline]] static Var record(const typename O::Attr& attr, const X&... x);
  template <class O> static Var record_list(const typename O::Attr& attr, std::span<const Var> in);
  /// Throws what recording an op on all would, were one of them of another tape, or gone.
  template <class... X> static void check_together(const char* call, const X&... x);

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

  Var(Trace<T>* trace, std::uint64_t word) : trace_(trace), word_(word) {}

  template <class X> [[gnu::always_inline]] static decltype(auto) lifted(const X& x);
  template <class O>
  [[gnu::always_inline]] static Var record_vars(const typename O::Attr& attr, const Var& x);
  template <class O> [[gnu::always_inline]] static Var record_vars(const typename O::Attr& attr,
                                                                   const Var& a, const Var& b);
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
  Var part(std::span<const std::int64_t> places) const;
  static Var compute(OpId op, std::span<const Var> numbers, const void* attr);
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

/// The value, as NumPy prints it.
template <class T> std::string to_string(const Var<T>& x) { return to_string(x.view()); }
template <class T> std::ostream& operator<<(std::ostream& out, const Var<T>& x) {
  return out << x.view();
}

/// A number that is read lies on no tape.
template <class T> std::istream& operator>>(std::istream& in, Var<T>& x) {
  T number{};
  in >> number;
  x = number;
  return in;
}

template <class X> inline constexpr bool is_var = false;
template <class T> inline constexpr bool is_var<Var<T>> = true;

// Assignments: the variable then stands for the new node.
template <class T, Operand X> Var<T>& operator+=(Var<T>& x, const X& y) { return x = x + y; }
template <class T, Operand X> Var<T>& operator-=(Var<T>& x, const X& y) { return x = x - y; }
template <class T, Operand X> Var<T>& operator*=(Var<T>& x, const X& y) { return x = x * y; }
template <class T, Operand X> Var<T>& operator/=(Var<T>& x, const X& y) { return x = x / y; }
template <class T> Var<T>& operator++(Var<T>& x) { return x = x + 1; }
template <class T> Var<T>& operator--(Var<T>& x) { return x = x - 1; }
template <class T> Var<T> operator++(Var<T>& x, int) { return std::exchange(x, x + 1); }
template <class T> Var<T> operator--(Var<T>& x, int) { return std::exchange(x, x - 1); }
template <class T> Var<T> operator+(const Var<T>& x) { return x; }

// The symbolic reading's arguments.
template <class T> struct VarCall {
  std::span<const Var<T>> in;
  Var<T> y;
  const void* attr;
  Conventions conventions;
  const Var<T>* open = nullptr;  // 0 where an element's g is closed: it passes nothing on there
};

}  // namespace ramp

/// What is asked of a number type, of handles: the same as of their numbers.
template <class T> struct std::numeric_limits<ramp::Var<T>> : std::numeric_limits<T> {
#define RAMP_LIMIT(f) \
  static ramp::Var<T> f() noexcept { return std::numeric_limits<T>::f(); }
  RAMP_LIMIT(min)
  RAMP_LIMIT(max)
  RAMP_LIMIT(lowest)
  RAMP_LIMIT(epsilon)
  RAMP_LIMIT(round_error)
  RAMP_LIMIT(infinity)
  RAMP_LIMIT(quiet_NaN)
  RAMP_LIMIT(signaling_NaN)
  RAMP_LIMIT(denorm_min)
#undef RAMP_LIMIT
};

// Plain values: View looks at memory that somebody else owns, Tensor owns its own. No gradients.
#pragma once

#include <autodiff/values/shape.hpp>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <iosfwd>
#include <iterator>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

namespace ramp {

inline constexpr std::size_t alignment = 64;  // bytes: a cache line, and the widest SIMD register

/// What holds numbers in a row: a vector, a span, an array, a list; not text, nor a Tensor.
template <class R>
concept Numbers =
    std::is_arithmetic_v<ValueIn<R>> && !std::is_same_v<ValueIn<R>, char> && requires(const R& r) {
  std::size(r);
}
&&!requires(const R& r) { r.view(); }
&&!requires(const R& r) { r.shape; };
/// The same, row by row.
template <class R>
concept Rows = Numbers<ValueIn<R>> && requires(const R& r) {
  std::size(r);
};

/// A contiguous row-major array of `shape` at `data`.
template <class T> struct View {
  T* data = nullptr;
  Shape shape;

  std::size_t size() const { return shape.size(); }
  T& operator[](std::size_t i) const { return data[i]; }
  T* begin() const { return data; }
  T* end() const { return data + size(); }
  operator View<const T>() const requires(!std::is_const_v<T>) { return {data, shape}; }
};
/// The place of the first NaN or infinity; the size if there is none.
template <class T> std::size_t first_bad(View<const T> x) {
  return static_cast<std::size_t>(
      std::find_if_not(x.begin(), x.end(), [](T e) { return std::isfinite(e); }) - x.begin());
}

// An element of a list of numbers. Unlike T it can't be made of {1}, which is a row of a matrix.
template <class T> struct Entry {
  T value;
  template <class U>
  requires std::is_arithmetic_v<U>
  constexpr Entry(U x) : value(static_cast<T>(x)) {}
  constexpr operator T() const { return value; }
};

// Memory from operator new. Null where it can't be had, and for more than the machine has: systems
// that promise any amount end the program that writes to it.
void* try_memory(std::size_t bytes, std::size_t align) noexcept;
[[noreturn]] void throw_no_memory(const Shape& shape, std::size_t bytes);
[[noreturn]] void throw_size_mismatch(const Shape& shape, std::size_t given);
[[noreturn]] void throw_ragged(const Shape& first, std::size_t other);
[[noreturn]] void throw_not_a_scalar(const char* call, const Shape& shape);

/// An owning, 64-byte-aligned tensor of rank 0 to 4, filled with zeros unless told otherwise.
/// MemoryError, naming its shape, where there is no memory for it.
template <class T> class Tensor {
 public:
  Tensor() : Tensor(Shape{}) {}
  explicit Tensor(const Shape& shape, T fill = T(0)) : shape_(shape), data_(allocate(shape)) {
    std::fill_n(data(), size(), fill);
  }
  /// Throws ShapeError unless there is a value for each element.
  Tensor(const Shape& shape, std::initializer_list<T> values)
      : Tensor(shape, std::span<const T>(values.begin(), values.size())) {}
  /// Of the numbers of a container: as long as it, or of `shape`.
  template <Numbers R> explicit Tensor(const R& values)
      : Tensor(Shape{std::size(values)}, values) {}
  template <Numbers R> Tensor(const Shape& shape, const R& values)
      : shape_(shape), data_(allocate(shape)) {
    if (std::size(values) != size()) throw_size_mismatch(shape, std::size(values));
    put(values, data());
  }
  /// A matrix; ShapeError if its rows differ in length.
  template <Rows R> explicit Tensor(const R& rows)
      : Tensor(Shape{std::size(rows), std::empty(rows) ? 0 : std::size(*std::begin(rows))}) {
    T* to = data();
    for (const auto& row : rows) {
      if (std::size(row) != shape_[1]) throw_ragged(shape_, std::size(row));
      to = put(row, to);
    }
  }
  /// Of one of double, or of float.
  template <class U>
  requires(!std::is_same_v<U, T>) Tensor(const Tensor<U>& other)
      : Tensor(other.shape(), std::span(other.data(), other.size())) {}
  explicit Tensor(View<const T> view) : Tensor(view.shape, std::span(view.data, view.size())) {}
  Tensor(const Tensor& other) : Tensor(other.view()) {}
  Tensor(Tensor&& other) noexcept  // which is left with no elements
      : shape_(std::exchange(other.shape_, Shape::of({0}, 1))), data_(std::move(other.data_)) {}
  Tensor& operator=(Tensor other) noexcept {
    swap(other);
    return *this;
  }

  const Shape& shape() const { return shape_; }
  std::size_t size() const { return shape_.size(); }
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  T* begin() { return data(); }
  T* end() { return data() + size(); }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size(); }
  T& operator[](std::size_t i) { return data()[i]; }
  const T& operator[](std::size_t i) const { return data()[i]; }
  View<T> view() { return {data(), shape_}; }
  View<const T> view() const { return {data(), shape_}; }
  T item() const {  // the value of a tensor with one element; ShapeError otherwise
    if (size() != 1) throw_not_a_scalar("item", shape_);
    return data()[0];
  }

 private:
  struct Free {
    void operator()(T* p) const { ::operator delete (p, std::align_val_t{alignment}); }
  };
  template <class R> static T* put(const R& from, T* to) {
    return std::transform(std::begin(from), std::end(from), to,
                          [](auto x) { return static_cast<T>(x); });
  }
  static T* allocate(const Shape& shape) {
    const std::size_t bytes = std::max<std::size_t>(shape.size(), 1) * sizeof(T);
    void* const p = try_memory(bytes, alignment);
    if (!p) throw_no_memory(shape, bytes);
    return static_cast<T*>(p);
  }
  void swap(Tensor& other) noexcept {
    std::swap(shape_, other.shape_);
    std::swap(data_, other.data_);
  }

  Shape shape_;
  std::unique_ptr<T[], Free> data_;
};

// A number to print: x86 gives its NaNs a sign, which says nothing.
template <class T> T printable(T x) { return x == x ? x : std::abs(x); }

/// As NumPy prints it: [[1 2]\n [3 4]], with at most six digits, and .. in the middle of what is
/// long. A stream's own precision counts.
std::string to_string(const View<const double>& x);
std::string to_string(const View<const float>& x);
template <class T> std::string to_string(const Tensor<T>& x) { return to_string(x.view()); }

std::ostream& operator<<(std::ostream& out, const View<const double>& x);
std::ostream& operator<<(std::ostream& out, const View<const float>& x);
template <class T>
requires(!std::is_const_v<T>) std::ostream& operator<<(std::ostream& out, const View<T>& x) {
  return out << View<const T>(x);
}
template <class T> std::ostream& operator<<(std::ostream& out, const Tensor<T>& x) {
  return out << x.view();
}

}  // namespace ramp

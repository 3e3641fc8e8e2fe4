// Many elements to one: sums, whose error doesn't grow with their length, and the largest.
#pragma once

#include <autodiff/kernels/strided.hpp>
#include <autodiff/values/arena.hpp>

namespace ramp {

/// The transpose of spread: sums that elements of the broadcast tensor are added to, where they
/// came from. However many there are, the error of a sum doesn't grow: what is rounded away is kept
/// beside it, until this dies, and added with the next.
template <class T> class Folded {
 public:
  Folded(const View<T>& to, Arena& scratch);
  Folded(const Folded&) = delete;
  Folded& operator=(const Folded&) = delete;
  /// Adds n elements, which stand at `first` of the broadcast tensor.
  void add(const Broadcasting& how, const T* in, std::size_t first, std::size_t n);

 private:
  View<T> to_;
  Arena::Temporary temporary_;
  T* lost_;
};

/// The largest along the middle axis of (outer, n, inner), or the smallest; NaN wins. Of none -inf,
/// or inf.
template <class T>
void largest(const T* x, std::size_t outer, std::size_t n, std::size_t inner, T* y);
template <class T>
void smallest(const T* x, std::size_t outer, std::size_t n, std::size_t inner, T* y);

}  // namespace ramp

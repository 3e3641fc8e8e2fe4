// The tensor reading of a formula: Value is an operand, Deferred the last op of a formula, which
// waits to be told where to write. What lies between goes to scratch memory.
#pragma once

#include <autodiff/ops/registry.hpp>

#include <algorithm>
#include <cstring>

namespace ramp {

template <class T> struct Value {
  T* data = nullptr;
  Shape shape;
  Arena* scratch = nullptr;
  bool transposed = false;  // in memory, the last two axes stand the other way round

  // No rule writes to its operands.
  static Value of(View<const T> x, Arena* scratch = nullptr) {
    return {const_cast<T*>(x.data), x.shape, scratch};
  }
  View<const T> view() const { return {data, shape}; }
  void into(const View<T>& y, bool add) const;  // y = this, or y += this
  Value contiguous() const {                    // in memory as its shape says
    if (!transposed) return *this;
    Value y{scratch->template take_array<T>(shape.size()), shape, scratch};
    into({y.data, shape}, false);
    return y;
  }
};

// What a structural op's rule is called with.
template <class T> struct Call {
  std::span<const Value<T>> in;
  Value<T> y;
  const void* attr;
  Conventions conventions;
};

/// Runs an op on tensors: y = op(in), or y += op(in).
template <class T> void evaluate(const OpInfo& op, std::span<const Value<T>> in, const void* attr,
                                 const View<T>& y, bool add);
/// Runs a pullback: to = pullback(g), or to += pullback(g). False if it may have made a NaN or an
/// infinity, which calls for a more careful look (sweep.cpp).
template <class T> bool pull_back(const OpInfo& op, const Call<T>& call, int input,
                                  const Value<T>& g, const View<T>& to, bool add);

template <class T> struct Deferred {
  OpId op;
  std::uint8_t count;
  std::array<Value<T>, 3> in;
  Shape computed, shape;  // what the op gives, and what it is read as
  AnyAttr attr;

  Arena* scratch() const { return in[0].scratch; }
  void into(const View<T>& y, bool add) const {
    evaluate<T>(op_info(op), {in.data(), count}, attr.bytes.data(), {y.data, computed}, add);
  }
  operator Value<T>() const {
    Value<T> y{scratch()->template take_array<T>(shape.size()), shape, scratch()};
    into({y.data, shape}, false);
    return y;
  }

  template <class O, class... X>
  static Deferred record(const typename O::Attr& attr, const X&... x) {
    static_assert(sizeof...(X) == O::arity && sizeof...(X) <= 3);
    Arena* const scratch = first_scratch(x...);
    Deferred d;
    d.op = op_id<O>();
    d.count = sizeof...(X);
    d.in = {operand<O::reads_transposed>(x, scratch)...};
    std::memcpy(d.attr.bytes.data(), &attr, sizeof(attr));
    std::array<Shape, 3> shapes{d.in[0].shape, d.in[1].shape, d.in[2].shape};
    const OpInfo& info = op_info(d.op);
    d.computed = d.shape = info.shape({shapes.data(), d.count}, d.attr.bytes.data());
    return d;
  }

 private:
  template <class X, class... More> static Arena* first_scratch(const X& x, const More&... more) {
    if constexpr (std::is_arithmetic_v<X>)
      return first_scratch(more...);
    else if constexpr (std::is_same_v<X, Deferred>)
      return x.scratch();
    else
      return x.scratch;
  }
  template <bool transposed, class X> static Value<T> operand(const X& x, Arena* scratch) {
    if constexpr (std::is_arithmetic_v<X>) {
      Value<T> v{scratch->template take_array<T>(1), Shape{}, scratch};
      v.data[0] = static_cast<T>(x);
      return v;
    } else if constexpr (transposed) {
      return x;
    } else {
      return static_cast<Value<T>>(x).contiguous();
    }
  }
};

template <class T> const Shape& shape_of(const Value<T>& x) { return x.shape; }
template <class T> const Shape& shape_of(const Deferred<T>& x) { return x.shape; }
template <class T> const Shape& shape_of(const Value<T>& x, const char*) { return x.shape; }
template <class T> const Shape& shape_of(const Deferred<T>& x, const char*) { return x.shape; }

/// The last two axes swapped, without moving anything: a GEMM reads it as it is.
template <class T> Value<T> transpose(Value<T> x) {
  const int r = x.shape.rank();
  x.shape = x.shape.with(r - 2, x.shape[r - 1]).with(r - 1, x.shape[r - 2]);
  x.transposed = !x.transposed;
  return x;
}
/// The same elements in another shape of the same size.
template <class T> Deferred<T> reshape(Deferred<T> x, const Shape& to) {
  x.shape = to;
  return x;
}
template <class T> Value<T> reshape(Value<T> x, const Shape& to) {
  x = x.contiguous();
  x.shape = to;
  return x;
}

}  // namespace ramp

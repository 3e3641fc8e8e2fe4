// Ops that move elements and compute nothing: each one's pullback moves the gradient back.
#pragma once

#include <autodiff/kernels/reduce.hpp>
#include <autodiff/kernels/strided.hpp>
#include <autodiff/ops/op.hpp>
#include <autodiff/values/error.hpp>

#include <algorithm>
#include <span>

namespace ramp {

namespace shaping {
[[noreturn]] void fail(const char* op, const Shape& x, const char* why);
[[noreturn]] void fail(const char* op, const Shape& a, const Shape& b, const char* why);
// Of an attribute, which may come straight from record(): a function has counted it from the front.
inline void check_axis(const char* op, int axis, const Shape& x) {
  if (axis < 0 || axis >= x.rank()) fail(op, x, "there is no such axis");
}
std::string label_along(const char* op, int axis);  // "concat axis 1"
}  // namespace shaping

// y = f(to), for a loop f that can only store: by way of scratch memory where y is added to.
inline constexpr auto by_way_of_scratch = [](auto x, auto f) {
  return Writes{[x, f](auto y, bool add) {
    using T = std::remove_reference_t<decltype(*y.data)>;
    T* const to = add ? x.scratch->template take_array<T>(y.size()) : y.data;
    f(to);
    if (add) copy(y.size(), to, y.data, true);
  }};
};

struct Transpose : Structural<1> {
  static constexpr bool linear = true;
  static constexpr About about{"transpose", "x^T", "Swaps the last two axes."};
  static Shape shape(const Shape& x) {
    const int r = x.rank();
    if (r < 2) shaping::fail("transpose", x, "it needs two axes to swap");
    return x.with(r - 2, x[r - 1]).with(r - 1, x[r - 2]);
  }
  static constexpr auto value = [](auto x) { return transpose(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g) { return transpose(g); }};
  template <class E = Examples> static E examples() {
    return {{{{Shape{2, 3}, {1, 2, 3, 4, 5, 6}}}, {Shape{3, 2}, {1, 4, 2, 5, 3, 6}}}};
  }
};
template <class T> auto transpose(const Var<T>& x) { return record<Transpose>({}, x); }

struct ToShape {
  Shape to;
};
struct Reshape : Structural<1, ToShape> {
  static constexpr bool linear = true;
  static constexpr bool aliases = true;
  static constexpr About about{"reshape", "x", "The same elements, row by row, in another shape."};
  static Shape shape(const Shape& x, const Attr& at) {
    if (x.size() != at.to.size())
      shaping::fail("reshape", x, at.to, "the number of elements differs");
    return at.to;
  }
  static constexpr auto value = [](auto x, auto at) { return reshape(x, at.to); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto x) { return reshape(g, shape_of(x)); }};
  template <class E = Examples> static E examples() {
    return {{{{Shape{2, 2}, {1, 2, 3, 4}}}, {Shape{4}, {1, 2, 3, 4}}, {Shape{4}}}};
  }
};
template <class T> auto reshape(const Var<T>& x, const Shape& to) {
  return record<Reshape>({to}, x);
}

struct Axes {
  std::array<std::int8_t, max_rank> order{0, 1, 2, 3};
};
struct Permute : Structural<1, Axes> {
  static constexpr bool linear = true;
  static constexpr About about{"permute", "x[..]", "Axis i of the value is axis order[i] of x."};
  static Shape shape(const Shape& x, const Attr& at) {
    Shape y = x;
    unsigned seen = 0;
    for (int i = 0; i < max_rank; ++i) {
      const auto axis = static_cast<int>(at.order[static_cast<std::size_t>(i)]);
      const bool beyond = i >= x.rank();  // there each stays where it is
      if (beyond ? axis != i : axis < 0 || axis >= x.rank() || (seen >> axis & 1))
        shaping::fail("permute", x, "the order must name each axis once");
      if (beyond) continue;
      seen |= 1u << axis;
      y = y.with(i, x[axis]);
    }
    return y;
  }
  static constexpr auto value = [](auto x, auto at) {
    return Writes{[x, at](auto y, bool add) {
      const Walk along = row_major(x.shape);
      Walk walk;
      for (std::size_t i = 0; i < max_rank; ++i)
        walk.steps[i] = along.steps[static_cast<std::size_t>(at.order[i])];
      copy(y.shape, x.data, walk, y.data, row_major(y.shape), add);
    }};
  };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto, auto, auto at) {
    Axes inverse;
    for (std::size_t i = 0; i < max_rank; ++i)
      inverse.order[static_cast<std::size_t>(at.order[i])] = static_cast<std::int8_t>(i);
    return record<Permute>(inverse, g);
  }};
  template <class E = Examples> static E examples() {
    return {{{{Shape{1, 2, 3}, {1, 2, 3, 4, 5, 6}}},
             {Shape{3, 1, 2}, {1, 4, 2, 5, 3, 6}},
             {{2, 0, 1, 3}}}};
  }
};
/// Axis i of the result is axis order[i] of x. ShapeError unless order names each axis once.
template <Traced X> auto permute(const X& x, std::initializer_list<int> order) {
  Axes axes;
  const Shape shape = shape_of(x, "permute");
  if (static_cast<int>(order.size()) != shape.rank())
    shaping::fail("permute", shape, "the order must name each axis once");
  std::transform(order.begin(), order.end(), axes.order.begin(), [&](int axis) {
    return static_cast<std::int8_t>(normal_axis("permute", axis, shape));
  });
  return record<Permute>(axes, x);
}

// Every step-th place from `start`, below `stop`, of one axis.
struct Range {
  int axis = 0;
  std::uint32_t start = 0, stop = 0, step = 1;
  std::uint32_t count() const { return (stop - start + step - 1) / step; }
  std::string label(const char* op) const;  // "slice 2:5 axis 1"
  Walk walk(const Shape& whole) const {
    Walk walk = row_major(whole);
    auto& along = walk.steps[static_cast<std::size_t>(axis)];
    walk.offset = start * along;
    along *= step;
    return walk;
  }
};
struct Slice : Structural<1, Range> {
  static constexpr bool linear = true;
  static constexpr About about{"slice", "x[start:stop:step]", "A range of one axis."};
  static Shape shape(const Shape& x, const Attr& at) {
    shaping::check_axis("slice", at.axis, x);
    if (at.stop > x[at.axis] || at.start > at.stop || at.step == 0)
      shaping::fail("slice", x, "the range doesn't lie within the axis");
    return x.with(at.axis, at.count());
  }
  static constexpr auto value = [](auto x, auto at) {
    return Writes{[x, at](auto y, bool add) {
      copy(y.shape, x.data, at.walk(x.shape), y.data, row_major(y.shape), add);
    }};
  };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto x, auto, auto at) { return embed(g, shape_of(x), at); }};
  static std::string label(const Attr& at) { return at.label("slice"); }
  template <class E = Examples> static E examples() {
    return {{{{Shape{2, 3}, {1, 2, 3, 4, 5, 6}}}, {Shape{2, 2}, {2, 3, 5, 6}}, {1, 1, 3, 1}},
            {{{Shape{5}, {1, 2, 3, 4, 5}}}, {Shape{3}, {1, 3, 5}}, {0, 0, 5, 2}}};
  }
};
/// x[start:stop:step] along `axis`; negative places count from the end, as in NumPy, but a place
/// outside the axis is a ShapeError. Throws ShapeError also when step < 1.
template <Traced X>
auto slice(const X& x, int axis, std::int64_t start, std::int64_t stop, std::int64_t step = 1) {
  const Shape shape = shape_of(x, "slice");
  const int i = normal_axis("slice", axis, shape);
  const std::int64_t n = shape[i];
  if (start < 0) start += n;
  if (stop < 0) stop += n;
  if (start < 0 || stop > n || start > stop)
    shaping::fail("slice", shape, "the range doesn't lie within the axis");
  if (step < 1) shaping::fail("slice", shape, "the step must be 1 or more");
  return record<Slice>({i, static_cast<std::uint32_t>(start), static_cast<std::uint32_t>(stop),
                        static_cast<std::uint32_t>(std::min<std::int64_t>(step, n + 1))},
                       x);
}

struct Place {
  Range range;
  Shape whole;
};
struct Embed : Structural<1, Place> {
  static constexpr bool linear = true;
  static constexpr About about{"embed", "0 but y[start:stop:step] = x",
                               "The transpose of slice: zeros, with x at a range of one axis."};
  static Shape shape(const Shape& x, const Attr& at) {
    if (!(Slice::shape(at.whole, at.range) == x))
      shaping::fail("embed", x, at.whole, "the range holds another shape");
    return at.whole;
  }
  static constexpr auto value = [](auto x, auto at) {
    return Writes{[x, at](auto y, bool add) {
      if (!add) std::fill_n(y.data, y.size(), 0);
      copy(x.shape, x.data, row_major(x.shape), y.data, at.range.walk(y.shape), add);
    }};
  };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto, auto, auto at) { return record<Slice>(at.range, g); }};
  static std::string label(const Attr& at) { return at.range.label("embed"); }
  template <class E = Examples> static E examples() {
    return {{{{Shape{2}, {7, 8}}}, {Shape{5}, {0, 7, 0, 8, 0}}, {{0, 1, 5, 2}, {5}}}};
  }
};
template <Traced X> auto embed(const X& x, const Shape& whole, const Range& range) {
  return record<Embed>({range, whole}, x);
}

struct AlongAxis {
  int axis = 0;
};
struct Concat : Structural<variadic, AlongAxis> {
  static constexpr bool linear = true;
  static constexpr About about{"concat", "[a, b, ..]", "Joins tensors along an axis they have."};
  static Shape shape(std::span<const Shape> in, const Attr& at) {
    if (in.empty()) throw ShapeError("[concat] nothing to join: give at least one tensor");
    shaping::check_axis("concat", at.axis, in[0]);
    std::uint64_t total = 0;
    for (const Shape& x : in) {
      if (!(x.with(at.axis, 0) == in[0].with(at.axis, 0)))
        shaping::fail("concat", in[0], x, "all sizes but the joined axis must agree");
      total += x[at.axis];
    }
    if (total > UINT32_MAX) shaping::fail("concat", in[0], "the axis outgrows 2^32 - 1");
    return in[0].with(at.axis, static_cast<std::uint32_t>(total));
  }
  // The part of the joined axis that the k-th input takes.
  static Range part(auto in, std::size_t k, int axis) {
    Range range{axis, 0, 0, 1};
    for (std::size_t i = 0; i <= k; ++i) {
      range.start = range.stop;
      range.stop += shape_of(in[i])[axis];
    }
    return range;
  }
  static constexpr auto value = [](auto in, auto at) {
    return Writes{[in, at](auto y, bool add) {
      for (std::size_t k = 0; k < in.size(); ++k)
        copy(in[k].shape, in[k].data, row_major(in[k].shape), y.data,
             part(in, k, at.axis).walk(y.shape), add);
    }};
  };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto in, auto, auto at, int k) {
    return record<Slice>(part(in, static_cast<std::size_t>(k), at.axis), g);
  }};
  static std::string label(const Attr& at) { return shaping::label_along("concat", at.axis); }
  template <class E = Examples> static E examples() {
    return {{{{Shape{2, 1}, {1, 2}}, {Shape{2, 2}, {3, 4, 5, 6}}},
             {Shape{2, 3}, {1, 3, 4, 2, 5, 6}},
             {1}}};
  }
};
/// Joins tensors of one tape along `axis`; all other sizes must agree (ShapeError).
template <class T> Var<T> concat(std::span<const Var<T>> in, int axis) {
  if (in.empty()) throw ShapeError("[concat] nothing to join: give at least one tensor");
  for (const Var<T>& x : in) Var<T>::check_together("concat", in[0], x);
  const int along = normal_axis("concat", axis, shape_of(in[0], "concat"));
  return Var<T>::template record_list<Concat>({along}, in);
}
template <class T> Var<T> concat(std::initializer_list<Var<T>> in, int axis) {
  return concat(std::span<const Var<T>>(in.begin(), in.size()), axis);
}
/// The same of a vector, an array.
template <class R>
requires is_traced<ValueIn<R>> ValueIn<R> concat(const R& in, int axis) {
  return concat(std::span<const ValueIn<R>>(in), axis);
}

struct Flip : Structural<1, AlongAxis> {
  static constexpr bool linear = true;
  static constexpr About about{"flip", "x[::-1]", "An axis backwards."};
  static Shape shape(const Shape& x, const Attr& at) {
    shaping::check_axis("flip", at.axis, x);
    return x;
  }
  static constexpr auto value = [](auto x, auto at) {
    return Writes{[x, at](auto y, bool add) {
      const std::size_t n = y.shape[at.axis],
                        run = row_major(y.shape).steps[static_cast<std::size_t>(at.axis)];
      for (std::size_t begin = 0; begin < y.size(); begin += n * run)
        for (std::size_t i = 0; i < n; ++i)
          copy(run, x.data + begin + (n - 1 - i) * run, y.data + begin + i * run, add);
    }};
  };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto, auto, auto at) { return record<Flip>(at, g); }};
  static std::string label(const Attr& at) { return shaping::label_along("flip", at.axis); }
  template <class E = Examples> static E examples() {
    return {{{{Shape{2, 3}, {1, 2, 3, 4, 5, 6}}}, {Shape{2, 3}, {3, 2, 1, 6, 5, 4}}, {1}},
            {{{Shape{2, 3}, {1, 2, 3, 4, 5, 6}}}, {Shape{2, 3}, {4, 5, 6, 1, 2, 3}}, {0}}};
  }
};
/// x with an axis backwards, or all of them as NumPy's flip has it; ShapeError if there is none.
template <Traced X> auto flip(const X& x, int axis) {
  return record<Flip>({normal_axis("flip", axis, shape_of(x, "flip"))}, x);
}
template <class T> Var<T> flip(Var<T> x) {
  for (int axis = shape_of(x, "flip").rank(); axis-- > 0;) x = flip(x, axis);
  return x;
}

struct BroadcastTo : Structural<1, ToShape> {
  static constexpr bool linear = true;
  static constexpr About about{"broadcast_to", "x", "Repeats x to a shape, by NumPy's rules."};
  static Shape shape(const Shape& x, const Attr& at) {
    Shape y;
    if (!broadcast(x, at.to, y) || !(y == at.to))
      shaping::fail("broadcast_to", x, at.to, "the first doesn't broadcast to the second");
    return at.to;
  }
  static constexpr auto value = [](auto x, auto) {
    return Writes{[x](auto y, bool add) {
      spread(Broadcasting(x.shape, y.shape), x.data, 0, y.size(), y.data, add);
    }};
  };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto x) { return sum_to(g, shape_of(x)); }};
  template <class E = Examples> static E examples() {
    return {{{{Shape{2}, {1, 2}}}, {Shape{2, 2}, {1, 2, 1, 2}}, {Shape{2, 2}}},
            {{5}, {Shape{3}, {5, 5, 5}}, {Shape{3}}}};
  }
};
template <Traced X> auto broadcast_to(const X& x, const Shape& to) {
  return record<BroadcastTo>({to}, x);
}

struct SumTo : Structural<1, ToShape> {
  static constexpr bool linear = true;
  static constexpr About about{"sum_to", "sum of what x repeats",
                               "The transpose of broadcast_to: sums x down to a shape."};
  static Shape shape(const Shape& x, const Attr& at) {
    Shape y;
    if (!broadcast(at.to, x, y) || !(y == x))
      shaping::fail("sum_to", x, at.to, "the second doesn't broadcast to the first");
    return at.to;
  }
  static constexpr auto value = [](auto x, auto) {
    return Writes{[x](auto y, bool add) {
      if (!add) std::fill_n(y.data, y.size(), 0);
      Folded(y, *x.scratch).add(Broadcasting(y.shape, x.shape), x.data, 0, x.shape.size());
    }};
  };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto x) { return broadcast_to(g, shape_of(x)); }};
  template <class E = Examples> static E examples() {
    return {{{{Shape{2, 2}, {1, 2, 3, 4}}}, {Shape{2}, {4, 6}}, {Shape{2}}},
            {{{Shape{2, 2}, {1, 2, 3, 4}}}, {Shape{2, 1}, {3, 7}}, {Shape{2, 1}}}};
  }
};
/// x itself where it has the shape already.
template <class T> Var<T> sum_to(const Var<T>& x, const Shape& to) {
  return shape_of(x, "sum_to") == to ? x : record<SumTo>({to}, x);
}
template <class T> Deferred<T> sum_to(const Deferred<T>& x, const Shape& to) {
  return shape_of(x) == to ? x : record<SumTo>({to}, x);
}
template <class T> Deferred<T> sum_to(const Value<T>& x, const Shape& to) {
  return record<SumTo>({to}, x);
}

struct Detach : Structural<1> {
  static constexpr bool linear = true;
  static constexpr bool aliases = true;
  static constexpr About about{"detach", "x", "The same value, as a constant: no gradient passes."};
  static Shape shape(const Shape& x) { return x; }
  static constexpr auto value = [](auto x) { return x; };
  static constexpr auto pullbacks = std::tuple{no_gradient};
  template <class E = Examples> static E examples() { return {{{3}, 3}}; }
};
RAMP_UNARY(detach, Detach)
// In numbers there is nothing to detach.
template <class T> Value<T> detach(const Value<T>& x) { return x; }
template <class T> Deferred<T> detach(const Deferred<T>& x) { return x; }

using Shaping =
    OpList<Transpose, Reshape, Permute, Slice, Embed, Concat, Flip, BroadcastTo, SumTo, Detach>;

}  // namespace ramp

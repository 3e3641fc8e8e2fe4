// Ops that choose by integers. The integers are an attribute, copied onto the tape; they have no
// gradient.
#pragma once

#include <autodiff/ops/op.hpp>
#include <autodiff/ops/shaping.hpp>
#include <autodiff/values/arena.hpp>

#include <algorithm>
#include <span>

namespace ramp {

struct Indices {
  const std::int32_t* data = nullptr;
  std::uint32_t count = 0, below = 0;  // `below`: for the transposes, the size they spread to

  std::span<const std::int32_t> span() const { return {data, count}; }
  // IndexError, naming `op`, unless all lie in 0 .. limit - 1.
  void check(const char* op, const char* what, const Shape& x, std::uint32_t limit) const;
  static Indices of(std::span<const std::int32_t> all, std::uint32_t limit = 0) {
    return {all.data(), static_cast<std::uint32_t>(all.size()), limit};
  }
};
struct ByIndex : Structural<1, Indices> {
  static constexpr auto adopt = [](Indices& at, Arena& arena) {
    auto* copy = arena.take_array<std::int32_t>(at.count);
    std::copy_n(at.data, at.count, copy);
    at.data = copy;
  };
};
inline constexpr std::array<std::int32_t, 2> example_indices{2, 0};

struct Gather : ByIndex {
  static constexpr bool linear = true;
  static constexpr About about{"gather", "x[rows]", "Rows of x, in any order, repeats allowed."};
  static Shape shape(const Shape& x, const Attr& at) {
    if (x.rank() == 0) shaping::fail("gather", x, "a scalar has no rows");
    at.check("gather", "row", x, x[0]);
    return x.with(0, at.count);
  }
  static constexpr auto value = [](auto x, auto at) {
    return Writes{[x, at](auto y, bool add) {
      const std::size_t row = at.count == 0 ? 0 : y.size() / at.count;
      for (std::size_t i = 0; i < at.count; ++i)
        copy(row, x.data + static_cast<std::size_t>(at.data[i]) * row, y.data + i * row, add);
    }};
  };
  static constexpr auto pullbacks = std::tuple{
      [](auto g, auto x, auto, auto at) { return scatter(g, at.span(), shape_of(x)[0]); }};
  template <class E = Examples> static E examples() {
    return {{{{Shape{3, 2}, {1, 2, 3, 4, 5, 6}}},
             {Shape{2, 2}, {5, 6, 1, 2}},
             Indices::of(example_indices)}};
  }
};
/// x[rows]: IndexError if a row is out of range.
template <Traced X> auto gather(const X& x, std::span<const std::int32_t> rows) {
  return record<Gather>(Indices::of(rows), x);
}

struct Scatter : ByIndex {
  static constexpr bool linear = true;
  static constexpr About about{"scatter", "0 but y[rows] += x",
                               "The transpose of gather: adds each row of x where it came from."};
  static Shape shape(const Shape& x, const Attr& at) {
    if (x.rank() == 0 || x[0] != at.count) shaping::fail("scatter", x, "it needs an index a row");
    at.check("scatter", "row", x, at.below);
    return x.with(0, at.below);
  }
  static constexpr auto value = [](auto x, auto at) {
    return Writes{[x, at](auto y, bool add) {
      if (!add) std::fill_n(y.data, y.size(), 0);
      const std::size_t row = at.count == 0 ? 0 : x.shape.size() / at.count;
      for (std::size_t i = 0; i < at.count; ++i)
        copy(row, x.data + i * row, y.data + static_cast<std::size_t>(at.data[i]) * row, true);
    }};
  };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto, auto, auto at) { return gather(g, at.span()); }};
  template <class E = Examples> static E examples() {
    return {{{{Shape{2, 2}, {1, 2, 3, 4}}},
             {Shape{3, 2}, {3, 4, 0, 0, 1, 2}},
             Indices::of(example_indices, 3)}};
  }
};
template <Traced X>
auto scatter(const X& x, std::span<const std::int32_t> rows, std::uint32_t below) {
  return record<Scatter>(Indices::of(rows, below), x);
}

struct Pick : ByIndex {
  static constexpr bool linear = true;
  static constexpr About about{"pick", "x[i, labels[i]]", "One element of each row."};
  static Shape shape(const Shape& x, const Attr& at) {
    if (x.rank() != 2 || x[0] != at.count)
      shaping::fail("pick", x, "it needs a matrix and a label for each of its rows");
    at.check("pick", "label", x, x[1]);
    return Shape::of({at.count}, 1);
  }
  static constexpr auto value = [](auto x, auto at) {
    return Writes{[x, at](auto y, bool add) {
      for (std::size_t i = 0; i < at.count; ++i) {
        const auto e = x.data[i * x.shape[1] + static_cast<std::size_t>(at.data[i])];
        y.data[i] = add ? y.data[i] + e : e;
      }
    }};
  };
  static constexpr auto pullbacks = std::tuple{
      [](auto g, auto x, auto, auto at) { return unpick(g, at.span(), shape_of(x)[1]); }};
  template <class E = Examples> static E examples() {
    return {
        {{{Shape{2, 3}, {1, 2, 3, 4, 5, 6}}}, {Shape{2}, {3, 4}}, Indices::of(example_indices)}};
  }
};
/// x (n, k) at n labels in 0 .. k - 1, as (n). IndexError for other labels.
template <Traced X> auto pick(const X& x, std::span<const std::int32_t> labels) {
  return record<Pick>(Indices::of(labels), x);
}

struct Unpick : ByIndex {
  static constexpr bool linear = true;
  static constexpr About about{"unpick", "0 but y[i, labels[i]] = x[i]",
                               "The transpose of pick: a row of zeros around each element."};
  static Shape shape(const Shape& x, const Attr& at) {
    if (x.rank() != 1 || x[0] != at.count)
      shaping::fail("unpick", x, "it needs a vector and a label for each element");
    at.check("unpick", "label", x, at.below);
    return Shape::of({at.count, at.below}, 2);
  }
  static constexpr auto value = [](auto x, auto at) {
    return Writes{[x, at](auto y, bool add) {
      if (!add) std::fill_n(y.data, y.size(), 0);
      for (std::size_t i = 0; i < at.count; ++i)
        y.data[i * at.below + static_cast<std::size_t>(at.data[i])] += x.data[i];
    }};
  };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto, auto, auto at) { return pick(g, at.span()); }};
  template <class E = Examples> static E examples() {
    return {
        {{{Shape{2}, {7, 8}}}, {Shape{2, 3}, {0, 0, 7, 8, 0, 0}}, Indices::of(example_indices, 3)}};
  }
};
template <Traced X>
auto unpick(const X& x, std::span<const std::int32_t> labels, std::uint32_t below) {
  return record<Unpick>(Indices::of(labels, below), x);
}

using Indexing = OpList<Gather, Scatter, Pick, Unpick>;

}  // namespace ramp

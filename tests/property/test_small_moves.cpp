// The ops that move elements in all small cases: each shape, axis, place and index is taken or
// refused as a rule written down once more says, and the elements stand where loops put them.
#include "support/small.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>

using namespace ramp;
using namespace small;

TEST_CASE("all small slices, and embed, which takes them back") {
  for (const Sizes& sizes : all_sizes(2))
    for (int axis = 0; axis < 3; ++axis)
      for (std::uint32_t start = 0; start < 5; ++start)
        for (std::uint32_t stop = 0; stop < 5; ++stop)
          for (std::uint32_t step = 0; step < 5; ++step) {
            const auto k = static_cast<std::size_t>(axis);
            Answer y;
            if (k < sizes.size() && start <= stop && stop <= sizes[k] && step > 0) {
              y = sizes;
              (*y)[k] = 0;
              for (std::uint32_t i = start; i < stop; i += step) ++(*y)[k];
            }
            const Shape x = shape_of(sizes);
            const Range range{axis, start, stop, step};
            SAME(answer("slice", [&] { return Slice::shape(x, range); }), y);
            if (!y) continue;
            for (const Sizes& part : all_sizes(2))
              SAME(answer("embed",
                          [&] {
                            return Embed::shape(shape_of(part), {range, x});
                          }),
                   (Answer(part) == y ? Answer(sizes) : Answer()));
          }
  // The public function counts from the end, too.
  for (const Sizes& sizes : all_sizes(3, 2))
    for (int axis = -4; axis <= 3; ++axis)
      for (std::int64_t start = -3; start <= 3; ++start)
        for (std::int64_t stop = -3; stop <= 3; ++stop)
          for (std::int64_t step = 0; step <= 3; ++step) {
            const auto rank = static_cast<int>(sizes.size());
            Tape tape;
            const auto x = tape.leaf(whole_numbers(sizes, 1));
            Answer y;
            const auto k = static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
            std::int64_t first = start, end = stop;
            if (axis >= -rank && axis < rank) {
              if (first < 0) first += sizes[k];
              if (end < 0) end += sizes[k];
              if (first >= 0 && first <= end && end <= sizes[k] && step > 0) {
                y = sizes;
                (*y)[k] = (end - first + step - 1) / step;
              }
            }
            SAME(answer("slice", [&] { return slice(x, axis, start, stop, step).shape(); }), y);
            if (!y) continue;
            Moves moves;
            each(*y, [&](Sizes at, std::size_t i) {
              at[k] = first + at[k] * step;
              moves.emplace_back(place(sizes, at), i);
            });
            check_moves(x, slice(x, axis, start, stop, step), moves);
          }
  Tape tape;
  const auto x = tape.leaf({1, 2, 3});
  CHECK(slice(x, 0, 0, 3, std::int64_t{1} << 40).shape() == Shape{1});
}

TEST_CASE("all orders of axes, right ones and wrong ones") {
  for (const Sizes& sizes : all_sizes(3)) {
    const auto rank = static_cast<int>(sizes.size());
    const Shape x = shape_of(sizes);
    for (int code = 0; code < 5 * 5 * 5; ++code) {
      const std::array order{code % 5 - 1, code / 5 % 5 - 1, code / 25 - 1};
      Axes axes;
      std::set<int> named;
      for (int i = 0; i < rank; ++i) {
        const auto k = static_cast<std::size_t>(i);
        axes.order[k] = static_cast<std::int8_t>(order[k]);
        if (order[k] >= 0 && order[k] < rank) named.insert(order[k]);
      }
      Answer y;
      if (named.size() == sizes.size()) {
        y.emplace();
        for (int i = 0; i < rank; ++i)
          y->push_back(sizes[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])]);
      }
      SAME(answer("permute", [&] { return Permute::shape(x, axes); }), y);
    }
    SAME(answer("transpose", [&] { return Transpose::shape(x); }), [&] {
      if (rank < 2) return Answer();
      Sizes y = sizes;
      std::swap(y[y.size() - 1], y[y.size() - 2]);
      return Answer(y);
    }());
    Tape tape;
    const auto leaf = tape.leaf(whole_numbers(sizes, 1));
    if (rank != 1) CHECK_THROWS_AS((void)permute(leaf, {0}), ShapeError);
    if (rank != 2) CHECK_THROWS_AS((void)permute(leaf, {1, 0}), ShapeError);
    if (rank != 3) continue;
    std::array order{0, 1, 2};
    do {
      Sizes y(3);
      for (std::size_t i = 0; i < 3; ++i) y[i] = sizes[static_cast<std::size_t>(order[i])];
      Moves moves;
      each(y, [&](const Sizes& at, std::size_t i) {
        Sizes from(3);
        for (std::size_t k = 0; k < 3; ++k) from[static_cast<std::size_t>(order[k])] = at[k];
        moves.emplace_back(place(sizes, from), i);
      });
      check_moves(leaf, permute(leaf, {order[0], order[1], order[2]}), moves);
    } while (std::next_permutation(order.begin(), order.end()));
  }
}

TEST_CASE("all small pairs join along each axis, or are refused") {
  for (const Sizes& a : all_sizes(3, 2))
    for (const Sizes& b : all_sizes(3, 2))
      for (int axis = 0; axis < 4; ++axis) {
        const auto k = static_cast<std::size_t>(axis);
        Answer y;
        if (k < a.size() && a.size() == b.size() && without(a, k) == without(b, k)) {
          y = a;
          (*y)[k] += b[k];
        }
        const std::array in{shape_of(a), shape_of(b)};
        SAME(answer("concat", [&] { return Concat::shape(in, {axis}); }), y);
        if (!y) continue;
        Tape tape;
        const auto p = tape.leaf(whole_numbers(a, 1)), q = tape.leaf(whole_numbers(b, 2));
        const std::array parts{p, q, p};
        const Var<double> z = concat(std::span<const Var<double>>(parts), axis);
        const Tensor<double> seed = whole_numbers(sizes_of(z.shape()), 3);
        Tensor<double> of_p(p.shape()), of_q(q.shape());
        each(sizes_of(z.shape()), [&](Sizes at, std::size_t i) {
          const bool second = at[k] >= a[k] && at[k] < a[k] + b[k];
          if (at[k] >= a[k]) at[k] -= second ? a[k] : a[k] + b[k];
          SAME(z.view()[i], (second ? q.view()[place(b, at)] : p.view()[place(a, at)]));
          (second ? of_q[place(b, at)] : of_p[place(a, at)]) += seed[i];
        });
        tape.backward(z, seed);
        for (std::size_t i = 0; i < of_p.size(); ++i) SAME(tape.gradient(p)[i], of_p[i]);
        for (std::size_t i = 0; i < of_q.size(); ++i) SAME(tape.gradient(q)[i], of_q[i]);
      }
  const std::int64_t half = std::int64_t{1} << 31;
  const std::array most{Shape{half, 0}, Shape{half - 1, 0}}, more{Shape{half, 0}, Shape{half, 0}};
  CHECK(Concat::shape(most, {0}) == Shape{2 * half - 1, 0});
  CHECK_THROWS_WITH_AS((void)Concat::shape(more, {0}), doctest::Contains("outgrows 2^32 - 1"),
                       ShapeError);
}

namespace {

// The rule of an op that takes integers: none, a shape, or the number of the first bad integer.
struct ByIndexAnswer {
  std::string error;
  Answer shape;
  bool operator==(const ByIndexAnswer&) const = default;
};
template <class O> ByIndexAnswer by_index(const Sizes& x, const std::vector<std::int32_t>& indices,
                                          std::uint32_t below = 0) {
  try {
    return {"", sizes_of(O::shape(shape_of(x), Indices::of(indices, below)))};
  } catch (const IndexError& e) {
    const std::string what = e.what();
    const auto at = what.find("at place ");
    return {at == std::string::npos ? "index" : "index " + what.substr(at + 9, 1), {}};
  } catch (const ShapeError&) {
    return {"shape", {}};
  }
}
ByIndexAnswer expected(bool fits, const std::vector<std::int32_t>& indices, std::int64_t limit,
                       const std::function<Sizes()>& shape) {
  if (!fits) return {"shape", {}};
  for (std::size_t i = 0; i < indices.size(); ++i)
    if (indices[i] < 0 || indices[i] >= limit)
      return {limit == 0 ? "index" : "index " + std::to_string(i), {}};
  return {"", shape()};
}

}  // namespace

TEST_CASE("all small indices are taken or refused, each with its own error") {
  std::vector<std::vector<std::int32_t>> all{{}};
  for (std::size_t first = 0, n = 0; n < 2; ++n)
    for (const std::size_t end = all.size(); first < end; ++first)
      for (std::int32_t i = -1; i <= 3; ++i) {
        all.push_back(all[first]);
        all.back().push_back(i);
      }
  for (const Sizes& x : all_sizes(3))
    for (const auto& indices : all) {
      const auto n = static_cast<std::int64_t>(indices.size());
      const bool matrix = x.size() == 2 && x[0] == n;
      const auto rows = [&](std::int64_t count) {
        Sizes y = x;
        y[0] = count;
        return y;
      };
      CHECK(by_index<Gather>(x, indices) ==
            expected(!x.empty(), indices, x.empty() ? 0 : x[0], [&] { return rows(n); }));
      CHECK(by_index<Pick>(x, indices) ==
            expected(matrix, indices, matrix ? x[1] : 0, [&] { return Sizes{n}; }));
      CHECK(by_index<CrossEntropy>(x, indices) ==
            expected(matrix && x[1] > 0, indices, matrix ? x[1] : 0, [&] { return Sizes{n}; }));
      for (const std::uint32_t below : {0u, 1u, 3u}) {
        CHECK(by_index<Scatter>(x, indices, below) ==
              expected(!x.empty() && x[0] == n, indices, below, [&] { return rows(below); }));
        CHECK(by_index<Unpick>(x, indices, below) == expected(x == Sizes{n}, indices, below, [&] {
                return Sizes{n, below};
              }));
      }
    }
}

TEST_CASE_TEMPLATE("gather, scatter, pick and unpick move elements as loops do", T, float, double) {
  std::mt19937 random(1);
  for (const Sizes& x : all_sizes(3))
    for (const std::int64_t n : {0, 1, 2, 4}) {
      if (x.empty() || x[0] == 0) continue;
      const auto drawn = [&](std::int64_t count, std::int64_t below) {
        std::vector<std::int32_t> all;
        for (std::int64_t i = 0; i < count; ++i)
          all.push_back(
              std::uniform_int_distribution(0, static_cast<std::int32_t>(below) - 1)(random));
        return all;
      };
      const auto row = [](const Sizes& sizes) { return shape_of(without(sizes, 0)).size(); };
      Tape<T> tape;
      const auto leaf = tape.leaf(whole_numbers<T>(x, 1));
      const auto rows = drawn(n, x[0]), places = drawn(x[0], n + 1);
      Moves gathered, scattered, picked, unpicked;
      for (std::size_t i = 0; i < rows.size(); ++i)
        for (std::size_t c = 0; c < row(x); ++c)
          gathered.emplace_back(static_cast<std::size_t>(rows[i]) * row(x) + c, i * row(x) + c);
      for (std::size_t i = 0; i < places.size(); ++i)
        for (std::size_t c = 0; c < row(x); ++c)
          scattered.emplace_back(i * row(x) + c, static_cast<std::size_t>(places[i]) * row(x) + c);
      check_moves(leaf, gather(leaf, rows), gathered);
      const auto below = static_cast<std::uint32_t>(n + 1);
      check_moves(leaf, scatter(leaf, places, below), scattered);
      if (x.size() == 1) {
        for (std::size_t i = 0; i < places.size(); ++i)
          unpicked.emplace_back(i, i * below + static_cast<std::size_t>(places[i]));
        check_moves(leaf, unpick(leaf, places, below), unpicked);
      }
      if (x.size() == 2 && x[1] > 0) {
        const auto labels = drawn(x[0], x[1]);
        for (std::size_t i = 0; i < labels.size(); ++i)
          picked.emplace_back(i * row(x) + static_cast<std::size_t>(labels[i]), i);
        check_moves(leaf, pick(leaf, labels), picked);
      }
    }
}

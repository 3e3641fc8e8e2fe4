// The ops that move elements or multiply matrices, against naive loops: sizes that the walks over
// all small shapes in property/ leave out.
#include <autodiff/autodiff.hpp>

#include "support/broadcasting.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

using namespace ramp;
using support::equal, support::whole_numbers;

namespace {

using Coordinates = std::array<std::size_t, max_rank>;
// f(coordinates, index) for each element, row by row.
template <class F> void for_each(const Shape& shape, F f) {
  for (std::size_t i = 0; i < shape.size(); ++i) {
    Coordinates at{};
    std::size_t rest = i;
    for (int k = shape.rank(); k-- > 0; rest /= shape[k])
      at[static_cast<std::size_t>(k)] = rest % shape[k];
    f(at, i);
  }
}
std::size_t index_at(const Shape& shape, const Coordinates& at) {
  std::size_t i = 0;
  for (int k = 0; k < shape.rank(); ++k) i = i * shape[k] + at[static_cast<std::size_t>(k)];
  return i;
}

// Value and gradient of an op that moves elements: y[i] = x[from[i]].
void check_moves(const Var<double>& x, const Var<double>& y, const Shape& shape,
                 const std::vector<std::size_t>& from) {
  REQUIRE(to_string(y.shape()) == to_string(shape));
  const Tensor<double> seed = whole_numbers(shape, 9);
  Tensor<double> back(x.shape());
  for (std::size_t i = 0; i < from.size(); ++i) {
    REQUIRE(y.view()[i] == x.view()[from[i]]);
    back[from[i]] += seed[i];
  }
  x.tape().backward(y, seed);
  REQUIRE(equal(x.tape().gradient(x).view(), back.view()));
}

}  // namespace

TEST_CASE("matmul multiplies like three loops, batch by batch") {
  const std::vector<std::pair<Shape, Shape>> shapes{
      {{2, 3}, {3, 4}},          {{1, 5}, {5, 3}},
      {{4, 5}, {5, 1}},          {{1, 4}, {4, 1}},
      {{1, 1}, {1, 1}},          {{65, 33}, {33, 70}},
      {{5, 2, 3}, {3, 4}},       {{2, 3}, {5, 3, 4}},
      {{5, 1, 2, 3}, {7, 3, 2}}, {{2, 3, 2, 3}, {2, 3, 3, 2}},
      {{3, 1, 2}, {1, 2, 4}},    {{2, 0}, {0, 3}},
      {{0, 2}, {2, 3}},          {{2, 3}, {3, 0}},
      {{0, 2, 3}, {3, 4}},       {{1, 2, 3}, {0, 3, 4}},
      {{3, 2, 1}, {3, 1, 5}}};
  for (const auto& both : shapes) {
    const Shape &p = both.first, &q = both.second;
    const std::string text = to_string(p) + " " + to_string(q);
    CAPTURE(text);
    Tape tape;
    const Tensor<double> a = whole_numbers(p, 1), b = whole_numbers(q, 2);
    Shape batch;
    REQUIRE(broadcast(leading(p), leading(q), batch));
    const Shape shape =
        batch.inserted(batch.rank(), p[p.rank() - 2]).inserted(batch.rank() + 1, q.back());
    const Tensor<double> seed = whole_numbers(shape, 3);
    Tensor<double> y(shape), da(p), db(q);
    for_each(shape, [&](const Coordinates& at, std::size_t i) {
      const int r = shape.rank();
      const auto operand = [&](const Shape& x, std::size_t row, std::size_t col) {
        Coordinates o{};
        for (int k = 0; k < x.rank() - 2; ++k) {
          const auto from = static_cast<std::size_t>(r - x.rank() + k);
          o[static_cast<std::size_t>(k)] = x[k] == 1 ? 0 : at[from];
        }
        o[static_cast<std::size_t>(x.rank() - 2)] = row;
        o[static_cast<std::size_t>(x.rank() - 1)] = col;
        return index_at(x, o);
      };
      for (std::size_t k = 0; k < p.back(); ++k) {
        const std::size_t at_a = operand(p, at[static_cast<std::size_t>(r - 2)], k),
                          at_b = operand(q, k, at[static_cast<std::size_t>(r - 1)]);
        y[i] += a[at_a] * b[at_b];
        da[at_a] += seed[i] * b[at_b];
        db[at_b] += seed[i] * a[at_a];
      }
    });
    const auto u = tape.leaf(a), v = tape.leaf(b);
    const auto product = matmul(u, v);
    CHECK(equal(product.view(), y.view()));
    tape.backward(product, seed);
    CHECK(equal(tape.gradient(u).view(), da.view()));
    CHECK(equal(tape.gradient(v).view(), db.view()));
    // Added to what another path brings.
    tape.backward(sum(product * tape.constant(seed)) + sum(u) + sum(v));
    for (double& e : da) ++e;
    for (double& e : db) ++e;
    CHECK(equal(tape.gradient(u).view(), da.view()));
    CHECK(equal(tape.gradient(v).view(), db.view()));
  }
}

TEST_CASE("vectors are rows on the left of matmul and columns on its right") {
  Tape tape;
  const auto v = tape.leaf({1, 2}), m = tape.leaf(Shape{2, 2}, {1, 2, 3, 4});
  const auto batch = tape.leaf(whole_numbers({3, 1, 2, 2}));
  CHECK(matmul(v, v).item() == 5);
  CHECK(matmul(v, v).shape() == Shape{});
  CHECK(equal(matmul(v, m).view(), Tensor<double>({2}, {7, 10}).view()));
  CHECK(equal(matmul(m, v).view(), Tensor<double>({2}, {5, 11}).view()));
  CHECK(matmul(batch, v).shape() == Shape{3, 1, 2});
  CHECK(matmul(v, batch).shape() == Shape{3, 1, 2});
  for (const auto& f : {+[](const Var<double>&a, const Var<double>&b) { return matmul(a, b); },
                        +[](const Var<double>&a, const Var<double>&b) { return matmul(b, a); },
                        +[](const Var<double>&a, const Var<double>&) { return matmul(a, a); }}) {
    const auto report =
        check_gradients([&](std::span<const Var<double>> in) { return f(in[0], in[1]); },
                        {v.value(), batch.value()});
    CHECK_MESSAGE(report.ok(), to_string(report));
  }
}

TEST_CASE("permute and transpose move elements as a loop does") {
  std::array<int, max_rank> order{0, 1, 2, 3};
  do {
    Tape tape;
    const auto x = tape.leaf(whole_numbers({2, 3, 4, 5}));
    Shape shape = x.shape();
    for (int i = 0; i < max_rank; ++i)
      shape = shape.with(i, x.shape()[order[static_cast<std::size_t>(i)]]);
    std::vector<std::size_t> from(x.shape().size());
    for_each(shape, [&](const Coordinates& at, std::size_t i) {
      Coordinates source{};
      for (std::size_t k = 0; k < max_rank; ++k) source[static_cast<std::size_t>(order[k])] = at[k];
      from[i] = index_at(x.shape(), source);
    });
    check_moves(x, permute(x, {order[0], order[1], order[2], order[3] - 4}), shape, from);
    if (order == std::array{0, 1, 3, 2}) check_moves(x, transpose(x), shape, from);
  } while (std::next_permutation(order.begin(), order.end()));
  Tape tape;
  CHECK(permute(tape.leaf(3), {}).item() == 3);
  CHECK(permute(tape.leaf(Tensor<double>({0, 2})), {1, 0}).shape() == Shape{2, 0});
}

TEST_CASE("slices along any axis, with steps and places from the end") {
  Tape tape;
  const Tensor<double> value = whole_numbers({3, 7, 4});
  struct Case {
    int axis;
    std::int64_t start, stop, step;
    std::size_t first, count;
  };
  for (const Case& c : {Case{1, 2, 5, 1, 2, 3}, Case{1, 0, 7, 3, 0, 3}, Case{1, -3, -1, 1, 4, 2},
                        Case{0, 1, 1, 1, 1, 0}, Case{2, 0, 4, 100, 0, 1}, Case{-1, 1, 4, 2, 1, 2},
                        Case{0, 0, 3, 2, 0, 2}, Case{1, 7, 7, 1, 7, 0}}) {
    tape.clear();
    const auto x = tape.leaf(value);
    const auto axis = static_cast<std::size_t>(c.axis < 0 ? c.axis + 3 : c.axis);
    const Shape shape = x.shape().with(static_cast<int>(axis), static_cast<std::uint32_t>(c.count));
    std::vector<std::size_t> from(shape.size());
    for_each(shape, [&](Coordinates at, std::size_t i) {
      at[axis] = c.first + at[axis] * static_cast<std::size_t>(c.step);
      from[i] = index_at(x.shape(), at);
    });
    check_moves(x, slice(x, c.axis, c.start, c.stop, c.step), shape, from);
  }
}

TEST_CASE("concat joins along any axis, and slices take it apart again") {
  for (const int axis : {0, 1, 2, -1}) {
    Tape tape;
    std::vector<Var<double>> parts;
    const int k = axis < 0 ? axis + 3 : axis;
    for (const std::uint32_t n : {2u, 0u, 1u, 3u, 2u})
      parts.push_back(tape.leaf(whole_numbers(Shape{2, 3, 4}.with(k, n), n)));
    const auto y = concat(std::span<const Var<double>>(parts), axis);
    CHECK(y.shape()[k] == 8);
    const Tensor<double> seed = whole_numbers(y.shape(), 5);
    tape.backward(y, seed);
    const auto of_seed = tape.constant(seed);
    std::int64_t first = 0;
    for (const auto& x : parts) {
      const std::int64_t n = x.shape()[k];
      CHECK(equal(slice(y, axis, first, first + n).view(), x.view()));
      const auto expected = slice(of_seed, axis, first, first + n);
      first += n;
      if (n == 0) continue;
      const auto again = concat(std::span<const Var<double>>(parts), axis);
      tape.backward(again, seed);
      CHECK(equal(tape.gradient(x).view(), expected.view()));
    }
  }
  Tape tape;
  const auto x = tape.leaf(whole_numbers({2, 2}));
  tape.backward(sum(concat({x, x, x}, 0)));
  CHECK(tape.gradient(x)[3] == 3);
}

TEST_CASE("reshape keeps the order of the elements") {
  Tape tape;
  const auto x = tape.leaf(whole_numbers({2, 3, 4}));
  std::vector<std::size_t> same(24);
  for (std::size_t i = 0; i < 24; ++i) same[i] = i;
  for (const Shape& to : {Shape{24}, Shape{4, 3, 2}, Shape{1, 24, 1}, Shape{2, 3, 4}})
    check_moves(x, reshape(x, to), to, same);
  check_moves(x, reshape(transpose(transpose(x)), {6, 4}), {6, 4}, same);
  const auto one = tape.leaf({3});
  CHECK(tape.grad(square(reshape(one, {})), {one})[0][0] == 6);
  const auto scalar = tape.leaf(3);
  CHECK(tape.grad(sum(square(reshape(scalar, {1, 1}))), {scalar})[0].item() == 6);
}

TEST_CASE("gather, pick and their transposes") {
  Tape tape;
  const auto x = tape.leaf(whole_numbers({4, 3}));
  std::vector<std::int32_t> rows{3, 0, 3, 3, 1};
  std::vector<std::size_t> from;
  for (const auto r : rows)
    for (std::size_t c = 0; c < 3; ++c) from.push_back(static_cast<std::size_t>(r) * 3 + c);
  const auto y = gather(x, rows);
  const std::vector<std::int32_t> labels{2, 0, 1, 1};
  const auto z = pick(x, labels);
  std::fill(rows.begin(), rows.end(), -7);  // the tape has its own copy
  check_moves(x, y, {5, 3}, from);
  check_moves(x, z, {4}, {2, 3, 7, 10});
  check_moves(x, gather(x, std::span<const std::int32_t>()), {0, 3}, {});
  const std::vector<std::int32_t> two{1, 1};
  const auto s = scatter(slice(x, 0, 0, 2), two, 3);
  for (std::size_t c = 0; c < 3; ++c) {
    CHECK(s.view()[c] == 0);
    CHECK(s.view()[3 + c] == x.view()[c] + x.view()[3 + c]);
  }
  CHECK(sum(unpick(z, labels, 3)).item() == sum(z).item());
}

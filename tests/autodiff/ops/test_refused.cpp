// The error of each wrong shape, axis, label or count, and of nothing to reduce.
#include <autodiff/autodiff.hpp>
#include <autodiff/einsum.hpp>

#include "support/refused.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

using namespace ramp;

TEST_CASE("each wrong shape, axis, label or count has its error") {
  Tape tape;
  const auto s = tape.leaf(1), v = tape.leaf({1, 2, 3}), m = tape.leaf(Tensor<double>({2, 3}));
  const auto whole = tape.leaf(Tensor<double>({2, 3, 4, 5}));
  const auto two = tape.leaf({1, 2}), turned = transpose(m);
  const auto rows = tape.leaf(Tensor<double>({2, 1, 3})),
             columns = tape.leaf(Tensor<double>({3, 3, 1}));
  const auto none = tape.constant(Tensor<double>({3000000000, 0})),
             few_more = tape.constant(Tensor<double>({1294967296, 0}));
  const std::vector<std::int32_t> bad{0, 3}, negative{0, -1}, few{1};
  CHECK(record<Gaussian>({1, 1000}, v).on_tape());  // the highest order there is
  const std::uint32_t size = tape.size();
  REFUSED_WITH(m.item(), ShapeError, "[item] a tensor of shape (2, 3) is not a single number");
  REFUSED_WITH(bool(m > 0), ShapeError, "[item] a tensor of shape (2, 3) is not a single number");
  REFUSED_WITH(
      m + two, ShapeError,
      "[add] (2, 3) and (2) don't broadcast: from the last axis on, sizes must agree or be 1");
  REFUSED_WITH(matmul(m, m), ShapeError, "[matmul] (2, 3) × (2, 3): inner sizes 3 and 2 differ");
  REFUSED_WITH(matmul(s, m), ShapeError,
               "[matmul] () × (2, 3): both must be matrices, or batches of them");
  REFUSED_WITH(matmul(v, s), ShapeError,
               "[matmul] (3) × (): both must be matrices, or batches of them");
  REFUSED_WITH(matmul(s, v), ShapeError,
               "[matmul] () × (3): both must be matrices, or batches of them");
  REFUSED_WITH(matmul(rows, columns), ShapeError,
               "[matmul] (2, 1, 3) × (3, 3, 1): the leading axes don't broadcast");
  REFUSED_WITH(transpose(v), ShapeError, "[transpose] (3): it needs two axes to swap");
  REFUSED_WITH(reshape(m, {4}), ShapeError,
               "[reshape] (2, 3) and (4): the number of elements differs");
  REFUSED_WITH(permute(m, {0}), ShapeError, "[permute] (2, 3): the order must name each axis once");
  REFUSED_WITH(permute(m, {0, 0}), ShapeError,
               "[permute] (2, 3): the order must name each axis once");
  REFUSED_WITH(permute(m, {0, 2}), ShapeError,
               "[permute] axis 2 of (2, 3): axes run from 0 to 1, or from -2");
  REFUSED_WITH(slice(m, 1, 0, 4), ShapeError,
               "[slice] (2, 3): the range doesn't lie within the axis");
  REFUSED_WITH(slice(m, 1, 2, 1), ShapeError,
               "[slice] (2, 3): the range doesn't lie within the axis");
  REFUSED_WITH(slice(m, 1, 0, 2, 0), ShapeError, "[slice] (2, 3): the step must be 1 or more");
  REFUSED_WITH(slice(m, 1, -4, 2), ShapeError,
               "[slice] (2, 3): the range doesn't lie within the axis");
  // Nor do places and steps that would fit again if 32 bits were taken for all there are.
  constexpr std::int64_t round = std::int64_t{1} << 32;
  for (const auto& [start, stop, step] : std::vector<std::array<std::int64_t, 3>>{
           {0, round + 2, 1}, {-round - 2, 2, 1}, {round + 1, 2, 1}})
    REFUSED_WITH(slice(m, 1, start, stop, step), ShapeError,
                 "[slice] (2, 3): the range doesn't lie within the axis");
  REFUSED_WITH(slice(m, 1, 0, 2, 1 - round), ShapeError,
               "[slice] (2, 3): the step must be 1 or more");
  REFUSED_WITH(slice(s, 0, 0, 1), ShapeError, "[slice] axis 0 of a scalar: rank 0 has no axes");
  REFUSED_WITH(concat({m, v}, 0), ShapeError,
               "[concat] (2, 3) and (3): all sizes but the joined axis must agree");
  REFUSED_WITH(concat({m, turned}, 0), ShapeError,
               "[concat] (2, 3) and (3, 2): all sizes but the joined axis must agree");
  REFUSED_WITH(concat({m, m}, 2), ShapeError,
               "[concat] axis 2 of (2, 3): axes run from 0 to 1, or from -2");
  REFUSED_WITH(concat(std::span<const Var<double>>(), 0), ShapeError,
               "[concat] nothing to join: give at least one tensor");
  REFUSED_WITH(concat({none, few_more}, 0), ShapeError,
               "[concat] (3000000000, 0): the axis outgrows 2^32 - 1");
  REFUSED_WITH(concat({v}, 1), ShapeError,
               "[concat] axis 1 of (3): axes run from 0 to 0, or from -1");
  REFUSED_WITH(record<Gaussian>({1, 1001}, v), ValueError,
               "[gaussian] order 1001.000000: it must be a whole number from 0 to 1000");
  const AlongAxis along{0}, beyond{1};
  REFUSED_WITH(tape.record(op_id<Concat>(), std::array{v}, &beyond), ShapeError,
               "[concat] (3): there is no such axis");
  REFUSED_WITH(tape.record(op_id<Concat>(), {}, &along), ShapeError,
               "[concat] nothing to join: give at least one tensor");
  REFUSED_WITH(broadcast_to(m, {3, 2}), ShapeError,
               "[broadcast_to] (2, 3) and (3, 2): the first doesn't broadcast to the second");
  REFUSED_WITH(sum_to(m, {2, 2}), ShapeError,
               "[sum_to] (2, 3) and (2, 2): the second doesn't broadcast to the first");
  REFUSED_WITH(sum(m, Axis{2}), ShapeError,
               "[sum] axis 2 of (2, 3): axes run from 0 to 1, or from -2");
  REFUSED_WITH(softmax(m, Axis{-3}), ShapeError,
               "[softmax] axis -3 of (2, 3): axes run from 0 to 1, or from -2");
  REFUSED_WITH(log_softmax(s), ShapeError, "[log_softmax] axis -1 of a scalar: rank 0 has no axes");
  REFUSED_WITH(gather(m, bad), IndexError,
               "[gather] (2, 3): row 3 at place 1, but they run from 0 to 1");
  REFUSED_WITH(gather(s, bad), ShapeError, "[gather] (): a scalar has no rows");
  REFUSED_WITH(pick(m, negative), IndexError,
               "[pick] (2, 3): label -1 at place 1, but they run from 0 to 2");
  REFUSED_WITH(pick(m, few), ShapeError,
               "[pick] (2, 3): it needs a matrix and a label for each of its rows");
  REFUSED_WITH(cross_entropy(m, bad), IndexError,
               "[cross_entropy] (2, 3): label 3 at place 1, but they run from 0 to 2");
  REFUSED_WITH(cross_entropy(v, bad), ShapeError,
               "[cross_entropy] (3): it needs scores (n, k) and a label for each row");
  REFUSED_WITH(clamp(s, 2, 1), ValueError, doctest::Contains("[clamp] low 2"));
  REFUSED_WITH(whole + two, ShapeError, doctest::Contains("(2, 3, 4, 5) and (2)"));
  CHECK(tape.size() == size);  // nothing half recorded
}

TEST_CASE("empty tensors sum to 0 and have empty gradients") {
  Tape tape;
  const auto x = tape.leaf(Tensor<double>({2, 0}));
  tape.backward(sum(exp(x)) + 1);
  CHECK(sum(x).item() == 0);
  CHECK(tape.gradient(x).shape() == Shape{2, 0});
  CHECK(sum(x, Axis{1}).value().size() == 2);
  CHECK(sum(x, Axis{1}).value()[1] == 0);
  CHECK(sum(x, Axis{0}).shape() == Shape{0});
  CHECK_THROWS_WITH_AS((void)max(x, Axis{1}), "[max] (2, 0): there is nothing to reduce",
                       ShapeError);
  CHECK(max(x, Axis{0}).shape() == Shape{0});
}

TEST_CASE("what is made of ops names itself, and has recorded nothing") {
  Tape<double> tape, other;
  const auto x = tape.leaf({1, 2, 3}), m = tape.leaf({{1, 2}, {3, 4}}), far = other.leaf({1, 2, 3});
  const auto far_matrix = other.leaf({{1, 2}});
  const auto mark = tape.mark();
  const auto row = tape.leaf({1, 2, 3}), matrix = tape.leaf({{1, 2}, {3, 4}});
  tape.rewind(mark);
  REFUSED(stack({x, x(0)}), ShapeError, "[stack] (3) and (): all must have one shape");
  const auto size = tape.size(), others = other.size();
  REFUSED(stack({x, far}), HandleError, "[stack] the handle is on another tape");
  REFUSED(stack({x, row}), HandleError, "[stack] the handle's node was dropped");
  REFUSED(flatten(matrix), HandleError, "[flatten]");
  REFUSED(outer(x, row), HandleError, "[outer]");
  REFUSED(outer(x, far), HandleError, "[outer] the handle is on another tape");
  REFUSED(hypot(x, 1, far), HandleError, "[hypot] the handle is on another tape");
  REFUSED(kron(m, far_matrix), HandleError, "[kron] the handle is on another tape");
  REFUSED(einsum("i,i->", {x, far}), HandleError, "[einsum]");
  REFUSED(einsum("i,i,->", {Var<double>(2), x, far}), HandleError, "[einsum]");
  REFUSED(einsum("ij->j", {matrix}), HandleError, "[einsum]");
  REFUSED(tensordot(matrix, m), HandleError, "[tensordot]");
  REFUSED(kron(m, matrix), HandleError, "[kron]");
  CHECK(tape.size() == size);
  CHECK(other.size() == others);
}

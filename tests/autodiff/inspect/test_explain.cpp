// What explain() says of a gradient that is 0, NaN or infinite, and the path that it gives.
#include <autodiff/autodiff.hpp>

#include "support/text.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

using namespace ramp;
using support::count;

namespace {

template <class T> struct Told : Explanation {
  Told(const Var<T>& root, const Var<T>& x) : Explanation(explain(root, x)) {
    CAPTURE(text);
    REQUIRE(!path.empty());
    CHECK(path.front() == x.index());
    for (std::size_t i = 1; i < path.size(); ++i) {  // each is an operand of the next
      const auto in = root.tape().operands(path[i]);
      CHECK(
          std::any_of(in.begin(), in.end(), [&](const auto& k) { return k.node == path[i - 1]; }));
    }
  }
  bool says(const char* part) const {
    CAPTURE(text);
    CAPTURE(part);
    CHECK(text.find(part) != std::string::npos);
    return true;
  }
};
template <class T> Told(const Var<T>&, const Var<T>&) -> Told<T>;

template <class T> Tensor<T> varied(const Shape& shape) {
  Tensor<T> x(shape);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(std::cos(1.0 + 2.3 * double(i)));
  return x;
}

}  // namespace

TEST_CASE_TEMPLATE("a gradient that is fine, one of what isn't reached, and a constant's", T, float,
                   double) {
  Tape<T> tape;
  const auto x = tape.leaf({1, 2}, "x"), y = tape.leaf({3, 4}, "y"), c = tape.constant({1, 2}, "c");
  const auto root = sum(x * x + c);
  const auto z = tape.leaf(T(1), "z");
  CHECK(Told(root, x).reason == Reason::fine);
  CHECK(Told(root, x).elements == 0);
  const Told told(root, y);
  CHECK(told.reason == Reason::not_reached);
  told.says("leaf 'y' (2) is 0: sum doesn't depend on it");
  CHECK(Told(root, z).reason == Reason::not_reached);  // recorded later
  CHECK(Told(root, c).reason == Reason::detached);
  Told(root, c).says("constant 'c' (2) has no gradient");
}

TEST_CASE_TEMPLATE("detached: detach, comparisons, no_grad", T, float, double) {
  Tape<T> tape;
  const auto x = tape.leaf({1, 2}, "x"), w = tape.leaf({1, 1}, "w");
  const auto h = x * T(2), d = detach(h);
  Told told(sum(d * w), x);
  CHECK(told.reason == Reason::detached);
  CHECK(told.node == d.index());
  CHECK(told.path == std::vector<std::uint32_t>{x.index(), h.index(), d.index()});
  told.says("detach (2) passes no gradient on");

  const Told mask(sum(where(x > T(1.5), w, w * T(2))), x);
  CHECK(mask.reason == Reason::detached);
  mask.says("greater (2) passes no gradient on");

  const auto off = [&] {
    const auto region = tape.no_grad();
    return exp(x);
  }();
  const Told under(sum(off * w), x);
  CHECK(under.reason == Reason::detached);
  CHECK(under.node == off.index());
  under.says("exp (2) was recorded under no_grad()");
  // A root that doesn't vary at all is explained the same way.
  CHECK(Told(sum(off), x).reason == Reason::detached);

  // Scalars go their own way through the tape.
  const auto s = tape.leaf(T(2), "s");
  const Told scalar(detach(s * s) * w, s);
  (void)scalar;
}

TEST_CASE_TEMPLATE("a dead relu unit is found from the weights below it", T, float, double) {
  Tape<T> tape;
  constexpr int samples = 32, in = 4, units = 16;
  Tensor<T> bias({units});
  for (const std::size_t u : {3u, 7u, 9u, 15u}) bias[u] = -100;
  const auto x = tape.constant(varied<T>({samples, in}), "x");
  Parameter<T> weight("layer0.weight", varied<T>({in, units}));
  Parameter<T> out("layer1.weight", varied<T>({units, 3}));
  const auto w = tape.parameter(weight), b = tape.leaf(bias, "b"), v = tape.parameter(out);
  const auto h = [&] {
    const auto scope = tape.scope("mlp");
    const auto inner = tape.scope("layer0");
    tape.here("model.cpp", 12);
    return relu(matmul(x, w) + b);
  }();
  tape.here("loss.cpp", 3);
  const auto root = sum(square(matmul(h, v)));
  const Told told(root, w);
  CHECK(told.reason == Reason::closed);
  CHECK(told.elements == 4 * in);
  CHECK(told.node == h.index());
  CHECK(told.path.size() == 4);
  told.says("the gradient of parameter 'layer0.weight' (4, 16)");
  told.says(
      "is 0 in 16 of 64 elements: the path ends at relu (32, 16) in mlp/layer0 at "
      "model.cpp:12, closed in 4 of 16 units for all 32 samples");
  told.says("operands: add (32, 16) with -");
  CHECK(Told(root, b).reason == Reason::closed);
  CHECK(Told(root, b).elements == 4);
  // The layer above gets nothing from the dead units: their activity is 0.
  const Told above(root, v);
  CHECK(above.reason == Reason::zero_factor);
  CHECK(above.elements == 4 * 3);
  above.says("the slope of matmul (32, 3) at loss.cpp:3 is 0 in 12 of 48 elements");
  // An input's gradient is fine as long as one unit lives.
  CHECK(Told(root, tape.leaf(T(1))).reason == Reason::not_reached);
}

TEST_CASE_TEMPLATE("a dead layer is closed in all its units, also for what lies below another", T,
                   float, double) {
  Tape<T> tape;
  const auto x = tape.constant(varied<T>({20, 3}), "x");
  const auto w0 = tape.leaf(varied<T>({3, 8}), "w0"), w1 = tape.leaf(varied<T>({8, 6}), "w1"),
             w2 = tape.leaf(varied<T>({6, 2}), "w2");
  const auto b0 = tape.leaf(Tensor<T>({8}, T(0.1))), b1 = tape.leaf(Tensor<T>({6}, T(-1000))),
             b2 = tape.leaf(Tensor<T>({2}, T(1)));
  const auto lower = relu(affine(x, w0, b0)), dead = relu(affine(lower, w1, b1));
  const auto root = sum(square(affine(dead, w2, b2)));
  for (const Var<T>& in : {w1, b1, w0, b0}) {
    const Told told(root, in);
    CHECK(told.reason == Reason::closed);
    CHECK(told.elements == in.shape().size());
    CHECK(told.node == dead.index());
    CHECK(told.path.back() == dead.index());
    told.says(
        "the path ends at relu (20, 6), closed in all 6 units for all 20 samples; operands: "
        "affine (20, 6) with -");
  }
  const auto path = Told(root, w0).path;
  CHECK(std::find(path.begin(), path.end(), lower.index()) != path.end());
  CHECK(Told(root, b2).reason == Reason::fine);  // what lies above it still learns
}

TEST_CASE("the tape's convention decides at a pre-activation of 0") {
  for (const double c : {0.0, 0.5}) {
    Tape<double> tape({.at_zero = c});
    const auto x = tape.leaf({0, 0}, "x");
    CHECK(Told(sum(relu(x)), x).reason == (c == 0 ? Reason::closed : Reason::fine));
  }
}

TEST_CASE_TEMPLATE("gates close: relu, clamp, a lost maximum, where, slices", T, float, double) {
  Tape<T> tape;
  const auto x = tape.leaf({-1, 2, -3}, "x");
  const auto check = [&](const Var<T>& y, std::size_t zeros, const char* words) {
    const Told told(sum(y * T(3)), x);
    CHECK(told.reason == Reason::closed);
    CHECK(told.node == y.index());
    CHECK(told.elements == zeros);
    told.says(words);
  };
  check(relu(x), 2,
        "the path ends at relu (3), closed in 2 of 3 elements; operands: leaf 'x' (3) "
        "with -1 at element 0");
  check(clamp(x, -2, 1), 2,
        "clamp -2 1 (3), closed in 2 of 3 elements; operands: leaf 'x' (3) "
        "with 2 at element 1");
  check(maximum(x, tape.constant(T(0), "floor")), 2,
        "leaf 'x' (3) with -1 at element 0, constant 'floor' with 0 at element 0");
  check(where(x > T(0), x, T(0)), 2, "where (3), closed");
  check(slice(x, 0, 1, 2), 2, "slice 1:2 axis 0 (1) doesn't choose it in 2 of 3 elements");
  check(max(x), 2, "max doesn't choose it in 2 of 3 elements");
  const auto inner = relu(x);
  CHECK(Told(sum(relu(inner)), x).node == inner.index());
}

TEST_CASE_TEMPLATE("scalars close, too, through a long chain", T, float, double) {
  Tape<T> tape;
  const auto x = tape.leaf(T(-1), "x");
  const auto h = x * T(2);
  auto y = relu(h);
  const auto gate = y;
  for (int i = 0; i < 200000; ++i) y = y + T(1);
  const Told told(y * T(0.5), x);
  CHECK(told.reason == Reason::closed);
  CHECK(told.node == gate.index());
  CHECK(told.path == std::vector<std::uint32_t>{x.index(), h.index(), gate.index()});
  auto below = tape.leaf(T(1), "below");
  const auto start = below;
  for (int i = 0; i < 200000; ++i) below = below + T(0);
  const Told deep(relu(-below), start);
  CHECK(deep.reason == Reason::closed);
  CHECK(deep.path.size() == 200003);
}

TEST_CASE_TEMPLATE("a product with 0, a saturated sigmoid, a cancellation", T, float, double) {
  Tape<T> tape;
  const auto x = tape.leaf({1, 2, 3}, "x");
  const auto mask = tape.constant({1, 0, 0}, "mask");
  const auto product = x * mask;
  const Told zero(sum(product), x);
  CHECK(zero.reason == Reason::zero_factor);
  CHECK(zero.node == product.index());
  zero.says(
      "the slope of mul (3) is 0 in 2 of 3 elements; operands: leaf 'x' (3) with 2 at element "
      "1, constant 'mask' (3) with 0 at element 1");
  const auto flat = sigmoid(x * T(1000));
  CHECK(Told(sum(flat), x).reason == Reason::zero_factor);
  CHECK(Told(sum(flat), x).node == flat.index());
  const Told cancels(sum(x) - sum(x), x);
  CHECK(cancels.reason == Reason::cancelled);
  cancels.says("contributions cancel or underflow");
  // One op's own sum of a row that cancels is no slope of 0.
  const auto s = tape.leaf(T(2), "s");
  const auto spread = s * tape.constant({1, 1});
  const Told row(sum(spread * tape.constant({1, -1})), s);
  CHECK(row.reason == Reason::cancelled);
  CHECK(row.node == spread.index());
  // relu(x) + relu(-x) at 0 with c = 1/2: two halves against each other.
  Tape<T> half({.at_zero = 0.5});
  const auto at = half.leaf(T(0));
  CHECK(Told(relu(at) + relu(-at), at).reason == Reason::cancelled);
}

TEST_CASE_TEMPLATE("several reasons are all told, a zero input among them", T, float, double) {
  Tape<T> tape;
  Tensor<T> data = varied<T>({8, 3});
  for (std::size_t i = 0; i < 8; ++i) data[3 * i + 1] = 0;  // a pixel that is always black
  Tensor<T> b({5});
  b[2] = -50;
  const auto w = tape.leaf(varied<T>({3, 5}), "w");
  const auto root = sum(relu(matmul(tape.constant(data), w) + tape.constant(b)));
  const Told told(root, w);
  CHECK(told.elements == 3 + 5 - 1);
  CHECK(told.reason == Reason::closed);
  told.says("closed in 1 of 5 units for all 8 samples");
  told.says("; also, the slope of matmul (8, 5) is 0 in 4 of 15 elements");
}

TEST_CASE_TEMPLATE("NaN and infinity: the first bad pullback, and the first bad value", T, float,
                   double) {
  Tape<T> tape;
  const auto x = tape.leaf({4, 0, 1}, "x");
  const auto h = x * T(1), r = sqrt(h);
  const Told infinite(sum(r * T(2)), x);
  CHECK(infinite.reason == Reason::infinite);
  CHECK(infinite.elements == 1);
  CHECK(infinite.node == r.index());
  CHECK(infinite.path == std::vector<std::uint32_t>{x.index(), h.index(), r.index()});
  infinite.says(
      "is infinite in 1 of 3 elements: it begins in the pullback of sqrt (3) in 1 of 3 "
      "elements; operands: mul (3) with 0 at element 1");

  const auto l = log(h - T(0.5));  // NaN where x is 0
  const auto q = square(l);
  const Told nan(sum(q) + sum(x), x);
  CHECK(nan.reason == Reason::nan);
  CHECK(nan.node == l.index());
  CHECK(nan.path.back() == q.index());
  nan.says("it begins in the pullback of square (3)");
  nan.says(
      "the first bad value is that of log (3): nan at element 1; operands: sub (3) with -0.5 at "
      "element 1");

  const auto s = tape.leaf(T(0), "s");
  const Told scalar(sqrt(s) * T(3), s);
  CHECK(scalar.reason == Reason::infinite);
  scalar.says("pullback of sqrt; operands: leaf 's' with 0 at element 0");
  const T huge = std::numeric_limits<T>::max();
  const Told sum_(s * huge + s * huge, s);
  CHECK(sum_.reason == Reason::infinite);
  sum_.says("overflow where they are added");
}

TEST_CASE_TEMPLATE("a selection closes what has an infinite slope behind it", T, float, double) {
  Tape<T> tape;
  const auto x = tape.leaf(0, "x"), y = tape.leaf(2);
  const auto closed = [&](const Var<T>& root, const Var<T>& of, const char* where) {
    const Told why(root, of);
    CHECK(why.reason == Reason::closed);
    why.says(where);
  };
  closed(where(x > 0, sqrt(x), 1), x, "the path ends at where, closed; operands: greater with 0");
  closed(where(x > 0, y * log(x), y), x, "the path ends at where, closed");
  closed(max(y, 3 * sqrt(x)), x, "the path ends at maximum, closed");
  closed(relu(-1 - sqrt(x)), x, "the path ends at relu, closed");
  const auto one = tape.leaf(1);
  closed(relu(-pow(one, y)), y, "the path ends at relu, closed");  // 1, be y NaN
  closed(relu(-fmax(y, 1)), y, "the path ends at relu, closed");
  const auto v = tape.leaf({0, 1, 4});
  closed(sum(where(v > 0, y / v, y)), v, "the path ends at where (3), closed in 1 of 3 elements");
  // And where another path is bad, it isn't one of its reasons.
  const auto root = sqrt(x), beside = sqrt(v);
  const Told number(where(x > 0, root, 1) + log(x), x);
  const Told tensor(sum(where(v > 0, beside, y) + log(v)), v);
  for (const Told<T>& why : {number, tensor}) {
    CHECK(why.reason == Reason::infinite);
    why.says("it begins in the pullback of log");
    CHECK(why.text.find("pullback of sqrt") == std::string::npos);
  }
  closed(sqrt(v)(1), v, "slice 1:2 axis 0 (1) doesn't choose it in 2 of 3 elements");
}

TEST_CASE_TEMPLATE("what only went into a tensor without elements", T, float, double) {
  Tape<T> tape;
  const auto none = tape.leaf(Tensor<T>(Shape{0})), s = tape.leaf(2), x = tape.leaf({1, 2});
  const Told product(sum(none * s), s);
  CHECK(product.reason == Reason::closed);
  product.says("is 0 in 1 of 1 elements: the path ends at mul (0), closed");
  Told(sum(where(none > 0, s, none)), s).says("the path ends at where (0), closed");
  Told(sum(matmul(tape.leaf(Tensor<T>(Shape{0, 2})), x)), x)
      .says("matmul (0, 1) doesn't choose it");
}

TEST_CASE("explaining keeps the tape and its parameters' gradients") {
  Tape<double> tape;
  Parameter<double> p("p", Tensor<double>({2}, {-1, 1}));
  const auto x = tape.parameter(p);
  const auto root = sum(relu(x));
  tape.backward(root);
  p.edit_gradient()[0] = 17;
  const std::uint32_t size = tape.size();
  CHECK(explain(root, x).elements == 1);
  CHECK(tape.size() == size);
  CHECK(p.gradient()[0] == 17);
  CHECK_THROWS_AS(explain(x, x), GradientError);  // no scalar
  Tape<double> other;
  CHECK_THROWS_AS(explain(root, other.leaf(1.0)), HandleError);
}

TEST_CASE("the explained path is drawn red") {
  Tape<double> tape;
  const auto x = tape.leaf(-1.0, "x");
  const auto root = relu(x * 2.0) + 1.0;
  const auto dot = to_dot(root, {.highlight = explain(root, x).path});
  CHECK(count(dot, "color=\"#d00000\"") == 3 + 2);  // x, mul, relu, and what joins them
  CHECK(count(to_dot(root), "d00000") == 0);
}

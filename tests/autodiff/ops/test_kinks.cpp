// Kinks: the slope there is the tape's convention c, alike in the scalar, the tensor and the
// recorded reading; NaN stays NaN, -0 is 0, and a closed side gives 0 whatever comes in.
#include <autodiff/autodiff.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <functional>
#include <limits>

using namespace ramp;
using doctest::Approx;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double none = std::numeric_limits<double>::quiet_NaN();

template <class T> using F = std::function<Var<T>(const Var<T>&)>;

// df/dx at x times the seed in each reading, and that all agree; NaN agrees with NaN.
template <class T> double slope(const F<T>& f, double at, double c, double seed = 1) {
  Tape<T> tape({.at_zero = c});
  const T x = static_cast<T>(at), s = static_cast<T>(seed);
  const auto agree = [](T a, T b) { return a == b || (std::isnan(a) && std::isnan(b)); };
  const auto scalar = tape.leaf(x);
  const auto y = f(scalar);
  tape.backward(y, Tensor<T>({}, s));
  const T result = tape.gradient(scalar).item();
  CHECK(agree(tape.grad_on_tape(y, {scalar}, tape.constant(s))[0].item(), result));
  for (const std::int64_t n : {1, 3, 37}) {  // one, a part of a register, several and a part
    const auto v = tape.leaf(Tensor<T>({n}, x));
    const auto w = f(v);
    CHECK(agree(w.view()[0], y.item()));
    tape.backward(w, Tensor<T>({n}, s));
    const auto recorded = tape.grad_on_tape(w, {v}, tape.constant(Tensor<T>({n}, s)))[0];
    const Tensor<T> swept = tape.gradient(v);
    for (std::size_t i = 0; i < v.shape().size(); ++i) {
      CHECK(agree(swept[i], result));
      CHECK(agree(recorded.view()[i], result));
    }
  }
  return static_cast<double>(result);
}

}  // namespace

TEST_CASE_TEMPLATE("at a kink the slope is what the convention says", T, float, double) {
  using V = Var<T>;
  for (const double c : {0.0, 0.5, 1.0}) {
    CAPTURE(c);
    for (const double zero : {0.0, -0.0}) {
      CHECK(slope<T>([](const V& x) { return relu(x); }, zero, c) == c);
      CHECK(slope<T>([](const V& x) { return leaky_relu(x, 0.25); }, zero, c) == c + (1 - c) / 4);
      CHECK(slope<T>([](const V& x) { return elu(x, 0.25); }, zero, c) == c + (1 - c) / 4);
      CHECK(slope<T>([](const V& x) { return elu(x); }, zero, c) == 1);
      CHECK(slope<T>([](const V& x) { return abs(x); }, zero, c) == 0);
      CHECK(slope<T>([](const V& x) { return maximum(x, 0); }, zero, c) == c);
      CHECK(slope<T>([](const V& x) { return maximum(0, x); }, zero, c) == c);
      CHECK(slope<T>([](const V& x) { return minimum(x, 0); }, zero, c) == c);
      CHECK(slope<T>([](const V& x) { return minimum(0, x); }, zero, c) == c);
      CHECK(slope<T>([](const V& x) { return maximum(x, detach(x)); }, zero, c) == c);
      CHECK(slope<T>([](const V& x) { return maximum(x, -x); }, zero, c) == 0);  // 1/2 - 1/2
      CHECK(slope<T>([](const V& x) { return maximum(x, 2 * x); }, zero, c) == 1.5);
      CHECK(slope<T>([](const V& x) { return minimum(x, 2 * x); }, zero, c) == 1.5);
      CHECK(slope<T>([](const V& x) { return relu(x) - relu(-x); }, zero, c) == 2 * c);
    }
    // 0.1 and 0.3 have different values in float and double: each reading must round the same way.
    for (const double bound : {0.1, 0.3}) {
      CHECK(slope<T>([](const V& x) { return clamp(x, 0.1, 0.3); }, bound, c) == c);
      CHECK(slope<T>([=](const V& x) { return maximum(x, bound); }, bound, c) == c);
    }
  }
  CHECK(slope<T>([](const V& x) { return relu(x); }, 0, -3) == -3);  // any finite number
}

TEST_CASE_TEMPLATE("beside the kink the slope is the side's own", T, float, double) {
  using V = Var<T>;
  for (const double c : {0.0, 0.5, 1.0}) {
    const double tiny = static_cast<double>(std::numeric_limits<T>::denorm_min());
    for (const double x : {tiny, 1.0, inf}) {
      CHECK(slope<T>([](const V& v) { return relu(v); }, x, c) == 1);
      CHECK(slope<T>([](const V& v) { return relu(v); }, -x, c) == 0);
      CHECK(slope<T>([](const V& v) { return abs(v); }, -x, c) == -1);
      CHECK(slope<T>([](const V& v) { return leaky_relu(v, 0.25); }, -x, c) == 0.25);
      CHECK(slope<T>([](const V& v) { return maximum(v, 0); }, x, c) == 1);
      CHECK(slope<T>([](const V& v) { return minimum(v, 0); }, x, c) == 0);
      CHECK(slope<T>([](const V& v) { return clamp(v, 0, 1); }, -x, c) == 0);
      CHECK(slope<T>([](const V& v) { return elu(v, 3); }, x, c) == 1);
    }
    CHECK(slope<T>([](const V& v) { return clamp(v, 0, 2); }, 1, c) == 1);
    CHECK(slope<T>([](const V& v) { return clamp(v, -inf, 0); }, -5, c) == 1);
    CHECK(slope<T>([](const V& v) { return elu(v, 3); }, -inf, c) == 0);
  }
}

TEST_CASE_TEMPLATE("NaN in, NaN out, value and slope", T, float, double) {
  using V = Var<T>;
  const std::vector<F<T>> all{
      [](const V& x) { return relu(x); },       [](const V& x) { return leaky_relu(x); },
      [](const V& x) { return elu(x); },        [](const V& x) { return abs(x); },
      [](const V& x) { return maximum(x, 0); }, [](const V& x) { return maximum(0, x); },
      [](const V& x) { return minimum(x, 0); }, [](const V& x) { return minimum(0, x); },
      [](const V& x) { return clamp(x, 0, 1); }};
  for (const auto& f : all)
    for (const double c : {0.0, 0.5, 1.0}) {
      CHECK(std::isnan(slope<T>(f, none, c)));
      Tape<T> tape;
      CHECK(std::isnan(f(tape.leaf(std::numeric_limits<T>::quiet_NaN())).item()));
    }
  Tape<T> tape;
  const auto v = tape.leaf({1, std::numeric_limits<T>::quiet_NaN(), 3});
  CHECK(std::isnan(max(v).item()));
  CHECK(std::isnan(min(v).item()));
}

TEST_CASE_TEMPLATE("the closed side gives 0 even where infinity comes in", T, float, double) {
  using V = Var<T>;
  for (const double g : {inf, -inf, none}) {
    CHECK(slope<T>([](const V& x) { return relu(x); }, -1, 0.5, g) == 0);
    CHECK(slope<T>([](const V& x) { return relu(x); }, 0, 0, g) == 0);
    CHECK(slope<T>([](const V& x) { return maximum(x, 2); }, 1, 0.5, g) == 0);
    CHECK(slope<T>([](const V& x) { return minimum(0, x); }, 1, 0.5, g) == 0);
    CHECK(slope<T>([](const V& x) { return clamp(x, 0, 1); }, 2, 0.5, g) == 0);
    CHECK(slope<T>([](const V& x) { return clamp(x, 0, 1); }, -2, 0.5, g) == 0);
    CHECK(slope<T>([](const V& x) { return where(x > 0, x, 3); }, -1, 0, g) == 0);
    CHECK(slope<T>([](const V& x) { return where(x > 0, 3, x); }, 1, 0, g) == 0);
    CHECK(slope<T>([](const V& x) { return abs(x); }, 0, 0.5, g) == 0);
    // An unselected value doesn't leak through either.
    CHECK(slope<T>([g](const V& x) { return where(x > 0, x * x, g); }, 3, 0) == 6);
  }
}

TEST_CASE("an if and a where decide alike, in the tape's precision") {
  Tape<float> tape;
  for (const double x : {0.1, 0.3, 0.7, 1.0 / 3})
    for (const double step : {-1e-7, 0.0, 1e-7}) {
      const auto v = tape.leaf(static_cast<float>(x + step));
      CHECK(bool(v > x) == (where(v > x, 1, 0).item() == 1));
      CHECK(bool(v >= x) == (where(v >= x, 1, 0).item() == 1));
      CHECK(bool(x == v) == (where(x == v, 1, 0).item() == 1));
    }
}

TEST_CASE("equal largest elements share the gradient") {
  Tape tape;
  const auto v = tape.leaf(Shape{2, 3}, {5, 5, 1, 0, -0.0, -1});
  tape.backward(sum(max(v, Axis{1}) * tape.constant({1, 10})));
  CHECK(tape.gradient(v)[0] == 0.5);
  CHECK(tape.gradient(v)[1] == 0.5);
  CHECK(tape.gradient(v)[2] == 0);
  CHECK(tape.gradient(v)[3] == 5);
  CHECK(tape.gradient(v)[4] == 5);
  tape.backward(min(v));
  CHECK(tape.gradient(v)[5] == 1);
}

TEST_CASE_TEMPLATE("no kink gives -0, and clamp refuses bounds that are NaN or in the wrong order",
                   T, float, double) {
  Tape<T> tape;
  for (const std::int64_t n : {1, 37}) {
    const auto x = tape.leaf(T(-0.0)), v = tape.leaf(Tensor<T>({n}, T(-0.0)));
    for (const Var<T>& y : {relu(x), relu(v), abs(x), abs(v)}) {
      CHECK(y.view()[0] == 0);
      CHECK_FALSE(std::signbit(y.view()[y.shape().size() - 1]));
    }
    for (const Var<T>& z : {x, v}) {
      CHECK(clamp(z, 0, 0).view()[0] == 0);
      CHECK_THROWS_AS((void)clamp(z, none, 1), ValueError);
      CHECK_THROWS_AS((void)clamp(z, 0, none), ValueError);
      CHECK_THROWS_AS((void)clamp(z, 1, 0.5), ValueError);
    }
  }
}

TEST_CASE("a kink's formula is 0 at the kink and nowhere else") {
  const auto distance_from = [](const char* op, std::vector<double> in,
                                std::array<double, 2> attr = {}) {
    return find_op(op)->kink(in.data(), attr.data());
  };
  CHECK(distance_from("hypot", {0, 0}) == 0);
  for (const auto& at : {std::vector<double>{1, 0}, {0, 1}, {-1, 1}, {1, 1}, {1, -1}, {-2, 0}})
    CHECK(distance_from("hypot", at) > 0);
  for (const char* op : {"gate", "maximum", "minimum", "fmax", "fmin"}) {
    CAPTURE(op);
    CHECK(distance_from(op, {3, 3, 1}) == 0);
    CHECK(std::abs(distance_from(op, {0, 3, 1})) == 3);
    CHECK(std::abs(distance_from(op, {3, 0, 1})) == 3);
    CHECK(std::abs(distance_from(op, {3, -3, 1})) == 6);
  }
  CHECK(distance_from("clamp", {-1, 0, 0}, {-1, 0.5}) == 0);
  CHECK(distance_from("clamp", {0.5, 0, 0}, {-1, 0.5}) == 0);
  CHECK(std::abs(distance_from("clamp", {-1.25, 0, 0}, {-1, 0.5})) == 0.25);  // of the nearer one
  CHECK(std::abs(distance_from("clamp", {0.25, 0, 0}, {-1, 0.5})) == 0.25);
  CHECK(std::abs(distance_from("clamp", {4.5, 0, 0}, {-1, 0.5})) == 4);
  CHECK(std::abs(distance_from("clamp", {5.5, 0, 0}, {2, 10})) == 3.5);
}

TEST_CASE("the largest of a list is recorded as that of one after the other") {
  Tape tape;
  const auto x = tape.leaf(1), y = tape.leaf(2), z = tape.leaf(3);
  const std::uint32_t size = tape.size();
  const auto high = max({x, y, z}), low = min({x, y, z});
  CHECK(tape.size() == size + 4);
  CHECK(high.item() == 3);
  CHECK(low.item() == 1);
  CHECK(census(high + low).total.at_kink == 0);
  CHECK(max({x}).index() == x.index());
}

TEST_CASE("elu's derivatives at large numbers, whose exponential is infinite") {
  Tape tape;
  const auto x = tape.leaf(1000);
  auto y = elu(x, 1.5);
  for (const double expected : {1.0, 0.0, 0.0}) {
    y = tape.grad_on_tape(y, {x})[0];
    CHECK(y.item() == expected);
  }
}

TEST_CASE("distance is that between two points") {
  Tape tape;
  const auto a = tape.leaf({4, 1}), b = tape.leaf({1, -3});
  const auto d = distance(a, b);
  CHECK(d.item() == 5);
  const auto g = tape.grad(d, {a, b});
  CHECK(g[0][0] == Approx(0.6));
  CHECK(g[1][1] == Approx(-0.8));
}

TEST_CASE("copysign's nearer kink, of two") {
  const OpInfo& op = op_info(op_id<Copysign>());
  const auto distance = [&](double a, double b) {
    const std::array<double, 2> in{a, b};
    return op.kink(in.data(), AnyAttr().bytes.data());
  };
  CHECK(distance(1, -3) == 1);
  CHECK(distance(-1, 3) == -1);
  CHECK(distance(-3, 1) == 1);
  CHECK(distance(3, -1) == -1);
}

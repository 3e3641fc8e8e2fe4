// Values and gradients at the ends of the range: infinite, huge and tiny operands, and long sums.
#include <autodiff/autodiff.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

using namespace ramp;

namespace {

template <class T> constexpr T infinity = std::numeric_limits<T>::infinity();

// Softmax in double, from the largest score down; infinite scores share.
std::vector<double> softmax_of(const std::vector<double>& x) {
  const double top = *std::max_element(x.begin(), x.end());
  std::vector<double> p;
  double total = 0;
  for (const double s : x) total += p.emplace_back(s == top ? 1 : std::exp(s - top));
  for (double& e : p) e /= total;
  return p;
}

}  // namespace

TEST_CASE_TEMPLATE("cross_entropy's gradient is softmax minus one-hot at any size of the scores", T,
                   float, double) {
  const double inf = infinity<double>;
  const std::vector<std::vector<double>> rows{
      {10, 10, -1e9}, {1e9, 1e9, 10},    {1e9, 1e9, 1e9},  {-1e9, -1e9, -1e9}, {1e30, -1e30, 0},
      {-inf, 1, 2},   {1, -inf, -inf},   {inf, 1, 2},      {-inf, -1e9, 1e9},  {0, 0, 0},
      {30, 0, 0},     {100, 0, -inf},    {-3e38, 3e38, 1}, {1, 2, 3},          {inf, inf, 0},
      {-50, -50, 50}, {-1e-30, 0, 1e30},
  };
  for (const auto& row : rows)
    for (std::int32_t label = 0; label < 3; ++label) {
      CAPTURE(row[0]);
      CAPTURE(row[1]);
      CAPTURE(row[2]);
      CAPTURE(label);
      Tape<T> tape;
      Tensor<T> scores(Shape{1, 3});
      std::transform(row.begin(), row.end(), scores.begin(), [](double s) { return T(s); });
      const auto x = tape.leaf(scores);
      const auto loss = sum(cross_entropy(x, std::span(&label, 1)));
      tape.backward(loss);
      const auto g = tape.gradient(x), recorded = tape.grad_on_tape(loss, {x})[0].value();
      const std::vector<double> p = softmax_of({scores[0], scores[1], scores[2]});
      const auto at = static_cast<std::size_t>(label);
      double rest = 0;
      for (std::size_t k = 0; k < 3; ++k) rest += k == at ? 0 : p[k];
      const double eps = 8 * static_cast<double>(std::numeric_limits<T>::epsilon());
      for (std::size_t k = 0; k < 3; ++k) {
        const double expected = k == at ? -rest : p[k];
        CHECK(g[k] == doctest::Approx(expected).epsilon(eps));
        CHECK(recorded[k] == doctest::Approx(expected).epsilon(eps));
      }
      if (p[at] > 0.4) CHECK(loss.item() == doctest::Approx(-std::log1p(-rest)).epsilon(eps));
      CHECK(!(loss.item() < 0));
    }
}

TEST_CASE_TEMPLATE("the loss of two equal scores is log 2 at any size", T, float, double) {
  for (const double size : {0.0, 1.0, -1e9, 1e9, 1e30, -1e30, static_cast<double>(infinity<T>),
                            -static_cast<double>(infinity<T>)}) {
    CAPTURE(size);
    const std::int32_t label = 1;
    Tape<T> tape;
    const auto x = tape.leaf(Shape{1, 2}, {T(size), T(size)});
    CHECK(cross_entropy(x, std::span(&label, 1)).view()[0] == doctest::Approx(std::log(2.0)));
    CHECK(log_softmax(x).view()[0] == doctest::Approx(-std::log(2.0)));
    CHECK(softmax(x).view()[1] == T(0.5));
    const auto y = logsumexp(x);
    tape.backward(y);
    const double share = size == -static_cast<double>(infinity<T>) ? 0 : 0.5;
    CHECK(tape.gradient(x)[0] == T(share));
    CHECK(tape.gradient(x)[1] == T(share));
    if (!std::isfinite(size)) CHECK(y.item() == T(size));
  }
}

TEST_CASE_TEMPLATE("logsumexp, softmax and log_softmax with infinite elements", T, float, double) {
  const T inf = infinity<T>;
  Tape<T> tape;
  const auto x = tape.leaf(Shape{4, 3}, {-inf, -inf, -inf, -inf, 0, 0, inf, 1, 2, inf, -inf, inf});
  const auto y = logsumexp(x, Axis{1});
  CHECK(y.view()[0] == -inf);
  CHECK(y.view()[1] == doctest::Approx(std::log(2.0)));
  CHECK(y.view()[2] == inf);
  CHECK(y.view()[3] == inf);
  const std::vector<double> expected{0, 0, 0, 0, 0.5, 0.5, 1, 0, 0, 0.5, 0, 0.5};
  tape.backward(sum(slice(y, 0, 0, 4)));
  const auto g = tape.gradient(x), recorded = tape.grad_on_tape(sum(y), {x})[0].value();
  const Tensor<T> p = softmax(x).value(), log_p = log_softmax(x).value();
  for (std::size_t i = 0; i < 12; ++i) {
    CAPTURE(i);
    CHECK(g[i] == T(expected[i]));
    CHECK(recorded[i] == T(expected[i]));
    CHECK(p[i] == doctest::Approx(i < 3 ? 1.0 / 3 : expected[i]));
    CHECK(std::exp(log_p[i]) == doctest::Approx(p[i]));
  }
  CHECK(max(tape.leaf({-inf, -inf})).item() == -inf);
  const auto apart = tape.leaf({1000, 0});
  CHECK(softmax(apart).view()[0] == 1);
  CHECK(softmax(apart).view()[1] == 0);
  CHECK(log_softmax(apart).view()[1] == -1000);
  // Masked scores in front of what made them: log(0) is -inf, and an empty sum passes nothing on.
  const auto weights = tape.leaf({0, 0}, "weights");
  const auto none = logsumexp(log(weights));
  CHECK(none.item() == -inf);
  tape.backward(none);
  CHECK(tape.gradient(weights)[0] == 0);
}

TEST_CASE_TEMPLATE("pow: slopes where one factor is 0 and the other infinite", T, float, double) {
  const auto slopes = [](double a, double b) {
    Tape<T> tape;
    const auto x = tape.leaf(T(a)), y = tape.leaf(T(b));
    const auto z = pow(x, y);
    const auto recorded = tape.grad_on_tape(z, {x, y});
    tape.backward(z);
    const T da = tape.gradient(x)[0], db = tape.gradient(y)[0];
    CHECK((recorded[0].item() == da || (std::isnan(da) && std::isnan(recorded[0].item()))));
    CHECK((recorded[1].item() == db || (std::isnan(db) && std::isnan(recorded[1].item()))));
    return std::pair<double, double>(da, db);
  };
  using std::log;
  const double tiny = static_cast<double>(T(1e-30)), inf = infinity<double>;
  CHECK(slopes(tiny, 0.05).second ==
        doctest::Approx(std::pow(tiny, T(0.05)) * log(tiny)).epsilon(1e-5));
  CHECK(slopes(0, 2) == std::pair(0.0, 0.0));
  CHECK(slopes(0, 1) == std::pair(1.0, 0.0));
  CHECK(slopes(0, 0) == std::pair(0.0, 0.0));
  CHECK(slopes(0, 0.5) == std::pair(inf, 0.0));
  // 1 / a is infinite here, and a^0 constant all the same.
  CHECK(slopes(static_cast<double>(std::numeric_limits<T>::denorm_min()), 0).first == 0);
  CHECK(slopes(inf, -1) == std::pair(-0.0, 0.0));
  CHECK(slopes(5, 0).first == 0);
  CHECK(slopes(5, 0).second == doctest::Approx(log(5.0)));
  CHECK(slopes(5, 1e-30).first == doctest::Approx(2e-31).epsilon(1e-5));
  CHECK(std::isnan(slopes(-2, 3).second));  // of a base above 0
  CHECK(std::isnan(slopes(-2, 2).second));
  CHECK(slopes(2, -2).second == doctest::Approx(log(2.0) / 4));
}

TEST_CASE_TEMPLATE("pow: whole powers of bases of both signs, as far as the slope is a number", T,
                   float, double) {
  using Limits = std::numeric_limits<T>;
  Tape<T> tape;
  int tried = 0;
  for (const int n : {-5, -3, -2, -1, 1, 2, 3, 4, 7})
    for (int e = Limits::min_exponent; e < Limits::max_exponent; e += e % 2 ? 3 : 2)
      for (const T a : {std::ldexp(T(1.5), e), std::ldexp(T(-1.5), e)}) {
        const double slope = n * std::pow(static_cast<double>(a), n - 1);
        const double size = std::abs(slope);
        if (!(size >= double(Limits::min()) && size <= double(Limits::max()))) continue;
        CAPTURE(a);
        CAPTURE(n);
        tape.clear();
        const auto x = tape.leaf(a);
        const Var<T> ways[] = {pow(x, n), pow(x, tape.constant(n)), pow(x, tape.leaf(n))};
        for (const Var<T>& y : ways) {
          tape.backward(y);
          CHECK(std::abs(tape.derivative(x) / slope - 1) <= 16 * Limits::epsilon());
        }
        ++tried;
      }
  CHECK(tried > 600);
}

TEST_CASE("pow: the Hessian is symmetric at exponent 0, and derivatives at base 0 end in 0") {
  Tape<double> tape;
  const auto x = tape.leaf(5), y = tape.leaf(0);
  const auto first = tape.grad_on_tape(3 * pow(x, y), {x, y});
  CHECK(tape.grad(first[0], {y})[0].item() == doctest::Approx(0.6));
  CHECK(tape.grad(first[1], {x})[0].item() == doctest::Approx(0.6));
  for (const bool node : {false, true}) {
    CAPTURE(node);
    const auto z = tape.leaf(0);
    const auto q = tape.constant(2);
    auto d = node ? pow(z, q) : pow(z, 2);
    for (const double expected : {0.0, 2.0, 0.0, 0.0}) {
      d = tape.grad_on_tape(d, {z})[0];
      CHECK(d.item() == expected);
    }
  }
}

TEST_CASE_TEMPLATE("norm, hypot and distance have slope 0 at 0 and no square that overflows", T,
                   float, double) {
  Tape<T> tape;
  const T huge = std::numeric_limits<T>::max() / 4, tiny = std::numeric_limits<T>::min();
  for (const T size : {T(1), huge, tiny, T(0)}) {
    const auto a = tape.leaf(3 * (size / 5)), b = tape.leaf(4 * (size / 5));
    const auto x = tape.leaf({3 * (size / 5), 4 * (size / 5)});
    const auto h = hypot(a, b), n = norm(x), d = distance(x, 2 * x);
    for (const auto& y : {h, n, d}) CHECK(y.item() == doctest::Approx(size).epsilon(1e-5));
    tape.backward(h);
    CHECK(tape.gradient(a)[0] == doctest::Approx(size == 0 ? 0 : 0.6));
    CHECK(tape.gradient(b)[0] == doctest::Approx(size == 0 ? 0 : 0.8));
    tape.backward(n);
    CHECK(tape.gradient(x)[0] == doctest::Approx(size == 0 ? 0 : 0.6));
    CHECK(tape.gradient(x)[1] == doctest::Approx(size == 0 ? 0 : 0.8));
    tape.backward(d);
    CHECK(tape.gradient(x)[0] == doctest::Approx(size == 0 ? 0 : 0.6));
  }
  const auto inf = tape.leaf(infinity<T>), one = tape.leaf(T(1));
  tape.backward(hypot(inf, one));
  CHECK(tape.gradient(inf)[0] == 1);
  CHECK(tape.gradient(one)[0] == 0);
}

TEST_CASE_TEMPLATE("the error of a sum doesn't grow with its length, along any axis", T, float,
                   double) {
  constexpr std::int64_t n = 1'000'000;
  const double eps = std::numeric_limits<T>::epsilon();
  Tape<T> tape;
  for (const auto& each : std::vector<std::pair<Shape, int>>{{{n}, 0},
                                                             {{n, 1}, 0},
                                                             {{n, 3}, 0},
                                                             {{3, n}, 1},
                                                             {{n / 20, 20}, 0},
                                                             {{n / 16, 16}, 0},
                                                             {{n / 64, 64}, 0},
                                                             {{2, n / 10, 5}, 1},
                                                             {{n / 6, 2, 3}, 0},
                                                             {{n / 8, 2, 2, 2}, 0}}) {
    const Shape shape = each.first;
    const int axis = each.second;
    CAPTURE(to_string(shape));
    CAPTURE(axis);
    const auto mark = tape.mark();
    const auto x = tape.leaf(Tensor<T>(shape, T(0.1)));
    const double count = shape[axis];
    for (const T e : mean(x, Axis{axis}).view()) CHECK(std::abs(e / T(0.1) - 1) <= 16 * eps);
    for (const T e : sum(x, Axis{axis}).view())
      CHECK(std::abs(e / (T(0.1) * count) - 1) <= 16 * eps);
    for (const T e : logsumexp(x, Axis{axis}).view())
      CHECK(std::abs(e / (T(0.1) + std::log(count)) - 1) <= 16 * eps);
    CHECK(std::abs(mean(x).item() / T(0.1) - 1) <= 16 * eps);
    tape.rewind(mark);
  }
}

TEST_CASE_TEMPLATE("a bias's gradient over a long batch is exact to rounding", T, float, double) {
  constexpr std::int64_t n = 300'000;
  const double eps = std::numeric_limits<T>::epsilon();
  for (const std::int64_t width : {1, 3, 16, 20}) {
    CAPTURE(width);
    Tape<T> tape;
    const auto x = tape.constant(Tensor<T>(Shape{n, width}, T(0.1)));
    const auto w = tape.constant(Tensor<T>(Shape{width, width}, T(0)));
    const auto row = tape.leaf(Tensor<T>(Shape{width}, T(1))), number = tape.leaf(T(1));
    const double per_column = static_cast<double>(T(0.1)) * n,
                 all = per_column * static_cast<double>(width);
    const auto near = [&](double a, double b) { return std::abs(a / b - 1) <= 16 * eps; };
    tape.backward(sum(x * row));
    for (const T g : tape.gradient(row))
      CHECK(g / per_column - 1 == doctest::Approx(0).scale(1).epsilon(16 * eps));
    tape.backward(sum(T(0.1) * (x + row)));
    for (const T g : tape.gradient(row))
      CHECK(g / per_column - 1 == doctest::Approx(0).scale(1).epsilon(16 * eps));
    tape.backward(sum(T(0.1) * affine(x, w, row)));
    for (const T g : tape.gradient(row))
      CHECK(g / per_column - 1 == doctest::Approx(0).scale(1).epsilon(16 * eps));
    tape.backward(sum(x * number));
    CHECK(near(tape.gradient(number)[0], all));
    tape.backward(sum(T(0.1) * (x + number)));
    CHECK(near(tape.gradient(number)[0], all));
  }
}

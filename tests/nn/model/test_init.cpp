#include <nn/model/init.hpp>

#include <doctest/doctest.h>
#include <autodiff/tape/tape.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

using namespace ramp::nn;
using doctest::Approx;
using doctest::Contains;
using ramp::Tensor;

namespace {

struct Moments {
  double mean = 0, variance = 0, kurtosis = 0, largest = 0;
};

template <class T> Moments moments(const Tensor<T>& x) {
  Moments m;
  const auto n = static_cast<double>(x.size());
  for (const double v : x) m.mean += v / n;
  for (const double v : x) {
    m.variance += std::pow(v - m.mean, 2) / n;
    m.kurtosis += std::pow(v - m.mean, 4) / n;
    m.largest = std::max(m.largest, std::abs(v));
  }
  m.kurtosis /= m.variance * m.variance;
  return m;
}

}  // namespace

TEST_CASE_TEMPLATE("initial weights have the moments that their papers ask for", T, float, double) {
  constexpr std::int64_t in = 300, out = 500;  // 150,000 numbers: moments to about 1 %
  struct Expected {
    Init init;
    double variance;
    bool uniform;
  };
  const double relu = gain(Activation::relu);
  for (const Expected& expected : {
           Expected{Init::he_normal, 2.0 / in, false},
           Expected{Init::he_uniform, 2.0 / in, true},
           Expected{Init::glorot_normal, 2.0 / (in + out), false},
           Expected{Init::glorot_uniform, 2.0 / (in + out), true},
           Expected{Init::lecun_normal, 1.0 / in, false},
           Expected{Init::lecun_uniform, 1.0 / in, true},
       }) {
    const auto [init, variance, uniform] = expected;
    CAPTURE(to_string(expected.init));  // not a binding: clang 14 lets no lambda take those
    Random random(11);
    const Tensor<T> weight = initial<T>(init, in, out, random, relu);
    CHECK(weight.shape() == ramp::Shape{in, out});
    const Moments m = moments(weight);
    const double spread = std::sqrt(variance);
    CHECK(std::abs(m.mean) < 4 * spread / std::sqrt(in * out));
    CHECK(m.variance == Approx(variance).epsilon(0.015));
    CHECK(m.kurtosis == Approx(uniform ? 1.8 : 3.0).epsilon(0.03));  // which distribution it is
    if (uniform) {
      CHECK(m.largest <= std::numbers::sqrt3 * spread * 1.000001);
      CHECK(m.largest > 0.999 * std::numbers::sqrt3 * spread);
    }
    CHECK(deviation(init, in, out, relu) == Approx(spread));
  }
  Random random(1);
  for (const T w : initial<T>(Init::zeros, 3, 4, random, 1)) CHECK(w == 0);
  CHECK(deviation(Init::he_normal, 4, 1, 1) == 0.5);  // the gain of identity
  CHECK(deviation(Init::lecun_normal, 4, 1, 7) == 0.5);
}

TEST_CASE("the gain of an activation keeps the second moment: gain^2 E[f(z)^2] = 1") {
  for (const auto name : activation_names()) {
    CAPTURE(name);
    const Activation activation = activation_named(name);
    ramp::Tape<double> tape;
    constexpr std::int64_t n = 100001;
    Tensor<double> z({n});
    for (std::size_t i = 0; i < z.size(); ++i) z[i] = -12 + 24.0 * static_cast<double>(i) / (n - 1);
    const auto f = activate(activation, tape.constant(z));
    double second = 0;
    for (std::size_t i = 0; i < z.size(); ++i)
      second += std::pow(f.view()[i], 2) * std::exp(-z[i] * z[i] / 2);
    second *= 24.0 / (n - 1) / std::sqrt(2 * std::numbers::pi);
    CHECK(gain(activation) == Approx(1 / std::sqrt(second)).epsilon(1e-8));
  }
}

TEST_CASE("a signal keeps its size through 30 layers of relu") {
  constexpr std::int64_t width = 256;
  ramp::Tape<float> tape;
  Random random(5);
  Tensor<float> start({64, width});
  for (float& x : start) x = static_cast<float>(random.normal());
  auto x = tape.constant(start);
  for (int layer = 0; layer < 30; ++layer)
    x = relu(matmul(x, tape.constant(initial<float>(Init::he_normal, width, width, random,
                                                    gain(Activation::relu)))));
  double second = 0;
  for (const float v : x.view()) second += v * v / static_cast<double>(x.view().size());
  CHECK(second > 0.1);  // it is 1/2 on average; without the gain it would be 2^-31
  CHECK(second < 2.5);
}

TEST_CASE("initial weights come from the generator alone") {
  Random a(3), b(3), c(4);
  const auto draw = [](Random& random) {
    return initial<double>(Init::he_normal, 5, 5, random, 1);
  };
  const auto first = draw(a);
  CHECK(std::ranges::equal(first, draw(b)));
  CHECK_FALSE(std::ranges::equal(first, draw(c)));
  CHECK_FALSE(std::ranges::equal(first, draw(a)));  // it has moved on
}

TEST_CASE("initializers by name, and what they refuse") {
  for (const auto name : init_names()) CHECK(to_string(init_named(name)) == name);
  CHECK_THROWS_WITH_AS(init_named("xavier"), Contains("he_normal, he_uniform, glorot_normal"),
                       ramp::ValueError);
  Random random(1);
  CHECK_THROWS_AS(initial<float>(Init::zeros, 0, 4, random, 1), ramp::ValueError);
  CHECK_THROWS_AS(initial<float>(Init::he_normal, 4, 4, random, -1), ramp::ValueError);
  CHECK_THROWS_AS(
      initial<float>(Init::he_normal, 4, 4, random, std::numeric_limits<double>::quiet_NaN()),
      ramp::ValueError);
}

#include <autodiff/tape/tape.hpp>
#include <nn/model/activation.hpp>
#include <nn/model/init.hpp>

#include <support/refused.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <set>
#include <string>
#include <utility>

using namespace ramp::nn;
using doctest::Approx;
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
  const double relu = Activation("relu").gain();
  for (const Expected& expected : {
           Expected{"he_normal", 2.0 / in, false},
           Expected{"he_uniform", 2.0 / in, true},
           Expected{"glorot_normal", 2.0 / (in + out), false},
           Expected{"glorot_uniform", 2.0 / (in + out), true},
           Expected{"lecun_normal", 1.0 / in, false},
           Expected{"lecun_uniform", 1.0 / in, true},
       }) {
    const auto [init, variance, uniform] = expected;
    CAPTURE(expected.init.name());  // not a binding: clang 14 lets no lambda take those
    Random random(11);
    const Tensor<T> weight = init.template weight<T>(in, out, random, relu);
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
  }
}

// To the bit: a seed means the same network from release to release.
TEST_CASE_TEMPLATE("a weight is the deviation times a number of the generator", T, float, double) {
  const double in = 7, out = 4, gain = 1.3, root3 = std::sqrt(3.0);
  const auto check = [&](Init init, auto draw) {
    CAPTURE(init.name());
    Random a(5), b(5);
    for (const T w : init.weight<T>(7, 4, a, gain)) CHECK(w == static_cast<T>(draw(b)));
    CHECK(a() == b());
  };
  const double he = gain / std::sqrt(in), glorot = std::sqrt(2 / (in + out)),
               lecun = 1 / std::sqrt(in);
  for (const auto& [name, spread] :
       {std::pair("he_", he), std::pair("glorot_", glorot), std::pair("lecun_", lecun)}) {
    const double s = spread;
    check(std::string(name) + "normal", [=](Random& random) { return s * random.normal(); });
    check(std::string(name) + "uniform",
          [=](Random& random) { return random.uniform(-root3 * s, root3 * s); });
  }
  check("zeros", [](Random&) { return 0.0; });
}

TEST_CASE("the gain of an activation keeps the second moment: gain^2 E[f(z)^2] = 1") {
  for (const Activation& f : activations()) {
    CAPTURE(f.name());
    ramp::Tape<double> tape;
    constexpr std::int64_t n = 100001;
    Tensor<double> z({n});
    for (std::size_t i = 0; i < z.size(); ++i) z[i] = -12 + 24.0 * static_cast<double>(i) / (n - 1);
    const auto y = f(tape.constant(z));
    double second = 0;
    for (std::size_t i = 0; i < z.size(); ++i)
      second += std::pow(y.view()[i], 2) * std::exp(-z[i] * z[i] / 2);
    second *= 24.0 / (n - 1) / std::sqrt(2 * std::numbers::pi);
    CHECK(f.gain() == Approx(1 / std::sqrt(second)).epsilon(1e-8));
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
    x = relu(matmul(
        x, tape.constant(
               Init("he_normal").weight<float>(width, width, random, Activation("relu").gain()))));
  double second = 0;
  for (const float v : x.view()) second += v * v / static_cast<double>(x.view().size());
  CHECK(second > 0.1);  // it is 1/2 on average; without the gain it would be 2^-31
  CHECK(second < 2.5);
}

TEST_CASE("initial weights come from the generator alone") {
  Random a(3), b(3), c(4);
  const auto draw = [](Random& random) { return Init("he_normal").weight<double>(5, 5, random); };
  const auto first = draw(a);
  CHECK(std::ranges::equal(first, draw(b)));
  CHECK_FALSE(std::ranges::equal(first, draw(c)));
  CHECK_FALSE(std::ranges::equal(first, draw(a)));  // it has moved on
}

TEST_CASE("initializers by name, of one's own, and what they refuse") {
  for (const Init& init : inits()) CHECK(Init(init.name()).name() == init.name());
  REFUSED(Init("xavier"), ramp::ValueError,
          "[init] no init \"xavier\": there are he_normal, he_uniform, glorot_normal");
  Random random(1);
  const Init signs("signs", [](double in, double out, double gain, Random& r) {
    return gain * (r.uniform() < 0.5 ? -in : out);
  });
  const auto weight = signs.weight<double>(3, 5, random, 2);
  CHECK(std::set<double>(weight.begin(), weight.end()) == std::set<double>{-6, 10});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  REFUSED(Init("zeros").weight<float>(0, 4, random), ramp::ValueError,
          "[zeros] a weight (0, 4): both sizes must be positive");
  for (const double gain : {-1.0, nan, 1 / 0.0})
    REFUSED(Init("he_normal").weight<float>(4, 4, random, gain), ramp::ValueError, "from 0 up");
}

TEST_CASE("activations by name, and of one's own") {
  ramp::Tape<double> tape;
  const auto x = tape.leaf({-2.0, -0.5, 0.7, 3.0});
  for (const Activation& entry : activations()) {
    CAPTURE(entry.name());
    const Activation f = entry.name();
    CHECK(f.name() == entry.name());
    CHECK(f.gain() == entry.gain());
    const auto y = f(x);
    if (f.name() == "identity")
      CHECK(y.index() == x.index());
    else  // the op has the same name
      CHECK(ramp::op_info(tape.op(y.index())).about.name == f.name());
  }
  REFUSED(Activation("swish"), ramp::ValueError,
          "[activation] no activation \"swish\": there are relu, leaky_relu, tanh");
  const Activation own("cubed", 0.5, [](auto z) { return z * z * z; });
  CHECK(own.name() == "cubed");
  CHECK(own.gain() == 0.5);
  CHECK(own(x).view()[3] == 27);
  ramp::Tape<float> other;
  CHECK(own(other.leaf(2.0f)).item() == 8);
}

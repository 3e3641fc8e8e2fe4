// The gamma function and its kin against numbers of 40 digits, at their poles and between them.
#include <autodiff/autodiff.hpp>

#include "support/refused.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

using namespace ramp;
using V = Var<double>;
using doctest::Approx;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// By mpmath 1.3, with 40 digits.
struct Point {
  double x, lgamma, tgamma, digamma;
  double polygamma[4];  // of orders 1, 2, 3 and 5
};
const Point points[] = {
    {1e-10,
     23.025850929882736,
     9999999999.422785,
     -10000000000.577215,
     {1e+20, -1.9999999999999998e+30, 5.999999999999999e+40, 1.1999999999999998e+62}},
    {0.1,
     2.252712651734206,
     9.51350769866873,
     -10.423754940411076,
     {101.43329915079275, -2001.8614573783436, 60004.51287679026, 120000069.30751093}},
    {0.5,
     0.5723649429247001,
     1.772453850905516,
     -1.9635100260214235,
     {4.934802200544679, -16.82879664423432, 97.40909103400244, 7691.113548602436}},
    {1,
     0,
     1,
     -0.5772156649015329,
     {1.6449340668482264, -2.4041138063191885, 6.493939402266829, 122.0811674381339}},
    {1.4616321449683622,
     -0.12148629053584961,
     0.8856031944108887,
     -9.241265521729427e-17,
     {0.9676722454476212, -0.8855263379671844, 1.5509985657339065, 12.93888608295149}},
    {1.4616321449683624,
     -0.12148629053584961,
     0.8856031944108887,
     1.2245374622004068e-16,
     {0.9676722454476211, -0.885526337967184, 1.5509985657339056, 12.938886082951477}},
    {1.5,
     -0.12078223763524522,
     0.886226925452758,
     0.03648997397857652,
     {0.9348022005446793, -0.82879664423432, 1.4090910340024372, 11.113548602435497}},
    {2,
     0,
     1,
     0.42278433509846713,
     {0.6449340668482264, -0.4041138063191886, 0.49393940226682914, 2.081167438133897}},
    {3.25,
     0.9358019311087253,
     2.5492569667185294,
     1.016990911068179,
     {0.3597982903095799, -0.12815694713911513, 0.09043335532465574, 0.13160608578097313}},
    {9.75,
     12.242204940050762,
     207358.59989024868,
     2.225109535044576,
     {0.10800324333663186, -0.011653444287958333, 0.0025123789213988943, 0.0003493258260354381}},
    {10,
     12.801827480081469,
     362880,
     2.251752589066721,
     {0.10516633568168575, -0.011049834970802067, 0.0023199013042898686, 0.0003059451621172682}},
    {100,
     359.1342053695754,
     9.332621544394415e+155,
     4.600161852738087,
     {0.010050166663333571, -0.00010100499983335, 2.030199990001333e-06, 2.460599944011996e-09}},
    {1e10,
     220258509288.81058,
     infinity,
     23.025850929890456,
     {1.00000000005e-10, -1.0000000001e-20, 2.0000000003e-30, 2.4000000006e-49}},
    {-0.5,
     1.2655121234846454,
     -3.544907701811032,
     0.03648997397857652,
     {8.934802200544679, -0.82879664423432, 193.40909103400244, 15371.113548602436}},
    {-1.25,
     1.3664317612369763,
     3.9213334478885686,
     3.714139120213528,
     {19.181879647671607, 123.72136678366236, 1558.2209125348506, 492230.21062287455}},
    {-10.3,
     -14.457515440024208,
     -5.26236323953561e-07,
     4.662403493582087,
     {14.986887065722637, 68.82898861103696, 769.0193334243987, 165660.17429175062}},
    {-100.375,
     -364.24498152513286,
     -6.462706939580679e-159,
     5.915176505784257,
     {11.553047627998797, 30.093438844585023, 345.7249781964926, 45190.029310606886}},
};
constexpr int orders[] = {1, 2, 3, 5};

// Below 0, between two poles, digamma and the polygammas of even orders are differences.
Approx near(double x, const Point& at, double precision) {
  return Approx(x).epsilon(precision).scale(at.x < 0 ? 10 : 1e-18);
}

template <class T> void check(const Point& p, double precision) {
  CAPTURE(p.x);
  const auto x = static_cast<T>(p.x);
  for (const Shape& shape : {Shape{}, Shape{5}}) {
    Tape<T> tape;
    const Var<T> v = tape.leaf(Tensor<T>(shape, x));
    const auto value = [](const Var<T>& y) { return static_cast<double>(y.view()[0]); };
    CHECK(value(lgamma(v)) == near(p.lgamma, p, precision));
    if (std::abs(p.tgamma) < static_cast<double>(std::numeric_limits<T>::max()))
      CHECK(value(tgamma(v)) == near(p.tgamma, p, precision));
    CHECK(value(digamma(v)) == near(p.digamma, p, precision));
    CHECK(value(polygamma(0, v)) == near(p.digamma, p, precision));
    for (std::size_t k = 0; k < 4; ++k)
      if (std::abs(p.polygamma[k]) < static_cast<double>(std::numeric_limits<T>::max()))
        CHECK(value(polygamma(orders[k], v)) == near(p.polygamma[k], p, precision));
    if (shape.rank() == 0) {  // the first, second, third derivative of lgamma
      const Var<T> one = tape.grad_on_tape(lgamma(v), {v})[0];
      const Var<T> two = tape.grad_on_tape(one, {v})[0];
      const Var<T> three = tape.grad_on_tape(two, {v})[0];
      CHECK(value(one) == near(p.digamma, p, precision));
      CHECK(value(two) == near(p.polygamma[0], p, precision));
      CHECK(value(three) == near(p.polygamma[1], p, precision));
    }
  }
}

}  // namespace

TEST_CASE("lgamma, tgamma, digamma and polygamma have their values to the last digits") {
  for (const Point& p : points) check<double>(p, 2e-15);
  for (const Point& p : points)
    if (std::abs(p.x - 1.46163) > 1e-4 && p.x > -100 && static_cast<double>(float(p.x)) == p.x)
      check<float>(p, 2e-7);
}

TEST_CASE("at their poles, and at the ends") {
  Tape<double> tape;
  const auto at = [&](double x) { return tape.leaf(x); };
  for (const double n : {-1.0, -2.0, -70.0, -1e300}) {
    CHECK(lgamma(at(n)).item() == infinity);
    CHECK(isnan(tgamma(at(n))));
    CHECK(isnan(digamma(at(n))));
    CHECK(polygamma(1, at(n)).item() == infinity);
    CHECK(isnan(polygamma(2, at(n))));
  }
  for (const double zero : {0.0, -0.0}) {
    const double sign = std::copysign(1, zero);
    CHECK(lgamma(at(zero)).item() == infinity);
    CHECK(tgamma(at(zero)).item() == sign * infinity);
    CHECK(digamma(at(zero)).item() == -sign * infinity);
    CHECK(polygamma(1, at(zero)).item() == infinity);
    CHECK(polygamma(2, at(zero)).item() == -sign * infinity);
  }
  CHECK(lgamma(at(infinity)).item() == infinity);
  CHECK(digamma(at(infinity)).item() == infinity);
  CHECK(polygamma(1, at(infinity)).item() == 0);
  CHECK(polygamma(4, at(infinity)).item() == 0);
  for (const double bad : {-infinity, std::numeric_limits<double>::quiet_NaN()}) {
    CHECK(isnan(digamma(at(bad))));
    CHECK(isnan(polygamma(1, at(bad))));
    CHECK(isnan(polygamma(2, at(bad))));
  }
  REFUSED_WITH(polygamma(-1, at(1)), ValueError,
               "[polygamma] order -1.000000: it must be a whole number from 0 to 1000");
}

TEST_CASE("in generic code, as derivatives of each other, and below 0") {
  const auto f = [](const auto& x) {
    using namespace std;
    return lgamma(x) * 2 + tgamma(x) / 3;
  };
  for (const double at : {0.3, 1.46, 4.5, -0.6, -2.3}) {
    CAPTURE(at);
    const double h = 1e-5;
    const double slope = (8 * (f(at + h) - f(at - h)) - f(at + 2 * h) + f(at - 2 * h)) / (12 * h);
    Tape<double> tape;
    const V x = tape.leaf(at), y = f(x);
    CHECK(y.item() == Approx(f(at)).epsilon(1e-14));
    CHECK(tape.grad(y, {x})[0].item() == Approx(slope).epsilon(1e-8).scale(1));
    const auto report = check_gradients(
        [](std::span<const V> v) {
          return tgamma(v[0]) + digamma(v[0]) + polygamma(1, v[0]) + polygamma(2, v[0]);
        },
        {Tensor<double>({}, {at})});
    CHECK_MESSAGE(report.ok(), to_string(report));
  }
}

#ifdef __GLIBC__
TEST_CASE("lgamma leaves the C library's global variable alone, which threads would fight for") {
  signgam = 7;
  Tape<double> tape;
  CHECK(lgamma(tape.leaf(-0.5)).item() == Approx(1.2655121234846454));
  CHECK(lgamma(tape.leaf({-0.5, -1.5})).value()[1] == Approx(0.860047015376481));
  CHECK(signgam == 7);
}
#endif

TEST_CASE("polygamma of high orders, whose factorial or power is no number of double") {
  for (const auto& [order, x] : {std::pair{100, 2000.0}, {170, 100.0}, {171, 10.0}, {300, 150.0}}) {
    double sum = 0;  // of order! / (x + k)^(order + 1)
    for (int k = 0; k < 200000; ++k)
      sum += std::exp(std::lgamma(order + 1.0) - (order + 1) * std::log(x + k));
    Tape<double> tape;
    const double value = polygamma(order, tape.leaf(x)).item();
    CHECK(std::abs(value) == doctest::Approx(sum).epsilon(1e-10));
    CHECK((value > 0) == (order % 2 == 1));
  }
}

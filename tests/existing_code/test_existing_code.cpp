// Code that was written for double is differentiated by changing a type.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC bug 105593, in its own intrinsics
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <autodiff/autodiff.hpp>

#include <doctest/doctest.h>

#ifndef __SANITIZE_ADDRESS__  // which takes minutes to compile what Eigen makes of handles
#define WITH_EIGEN
#include <autodiff/eigen.hpp>

#include <Eigen/Cholesky>
#include <Eigen/Geometry>
#include <Eigen/LU>
#endif

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace std;

namespace plain {
using real = double;
#include "functions.inc"
#include "programs.inc"
#ifdef WITH_EIGEN
#include "with_eigen.inc"
#endif
}  // namespace plain
namespace taped {
using real = ramp::Var<double>;
#include "functions.inc"
#include "programs.inc"
#ifdef WITH_EIGEN
#include "with_eigen.inc"
#endif
}  // namespace taped

struct Case {
  const char* name;
  double (*plain)(const vector<double>&);
  ramp::Var<double> (*taped)(const vector<ramp::Var<double>>&);
  vector<double> at;
};
#define CASE(f, ...)                        \
  Case {                                    \
#f, plain::f, taped::f, { __VA_ARGS__ } \
  }

const Case cases[] = {
    CASE(pendulum, 0.5, -0.3, 1.1),
    CASE(black_scholes, 103, 0.2, 0.03, 1.5),
    CASE(kepler, 0.7, 0.3),
    CASE(kepler, 2.5, 0.85),
    CASE(bisection, 2.0, 1.5),
    CASE(robust, 0.1, 1.3, 1.9, 3.3, 3.7, 9.0),
    CASE(linear_solve, 1.0, 0.4, -2.0, 0.7),
    CASE(spline, 2.3, 0.5, 1.5, -1.0, 0.25, 2.0),
    CASE(bessel, 1.7, 0.6),
    CASE(spectrum, 0.4, -1.2, 0.9),
    CASE(impedance, 1.3, 0.7, 0.2),
    CASE(with_units, 4.0, 1.25),
    CASE(tabulated, 0.9, 0.4),
    CASE(swap_over_a_curve, 0.021, 0.024, 0.026, 0.03, 0.028),
    CASE(network_loss, 0.5, -0.7, 0.1, 0.9, 0.3),
    CASE(eight_schools, 4.4, 1.2, 0.3, -0.1, -0.6, 0.2, -0.4, -0.2, 0.8, 0.1),
#ifdef WITH_EIGEN
    CASE(kalman, 0.8, 0.1, 0.5, 0.2),
    CASE(reprojection, 0.1, -0.2, 0.3, 0.05, 500, 0.02),
    CASE(through_zeros, 0.0, 1.0),
    CASE(through_zeros, 0.0, 0.0),
    CASE(least_squares, 1.0, 0.4, -2.0, 0.7, 0.3),
#endif
};

}  // namespace

TEST_CASE("functions written for double give the same value, and the gradient of differences") {
  for (const Case& c : cases) {
    CAPTURE(c.name);
    ramp::Tape<double> tape;
    vector<ramp::Var<double>> x;
    for (const double v : c.at) x.push_back(tape.leaf(v));
    const ramp::Var<double> y = c.taped(x);
    CHECK(y.item() == doctest::Approx(c.plain(c.at)).epsilon(1e-12));
    tape.backward(y);
    for (size_t i = 0; i < x.size(); ++i) {
      CAPTURE(i);
      const double h = 1e-5 * max(1.0, abs(c.at[i]));
      const auto at = [&](double d) {
        vector<double> p = c.at;
        p[i] += d;
        return c.plain(p);
      };
      const double slope = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
      CHECK(tape.gradient(x[i]).item() == doctest::Approx(slope).epsilon(1e-6).scale(1e-3));
    }
  }
}

TEST_CASE("on numbers alone the same code computes and records nothing") {
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const vector<ramp::Var<double>> x(c.at.begin(), c.at.end());
    CHECK(c.taped(x).item() == doctest::Approx(c.plain(c.at)).epsilon(1e-12));
  }
}

TEST_CASE("a network written for double learns by its gradients") {
  vector<double> p(17);
  for (size_t i = 0; i < p.size(); ++i) p[i] = 0.8 * sin(2.0 * double(i * i) + 1);
  const plain::Scores before = plain::scores(p);
  ramp::Tape<double> tape;
  for (int step = 0; step < 200; ++step) {
    tape.clear();
    vector<ramp::Var<double>> x;
    for (const double v : p) x.push_back(tape.leaf(v));
    const taped::Scores now = taped::scores(x);
    CHECK(now.loss.item() == doctest::Approx(plain::scores(p).loss).epsilon(1e-12));
    CHECK(now.accuracy == plain::scores(p).accuracy);
    tape.backward(now.loss);
    for (size_t i = 0; i < p.size(); ++i) p[i] -= 0.2 * tape.derivative(x[i]);
  }
  const plain::Scores after = plain::scores(p);
  CHECK(after.loss < before.loss / 2);
  CHECK(before.accuracy < 1);
  CHECK(after.accuracy == 1);
}

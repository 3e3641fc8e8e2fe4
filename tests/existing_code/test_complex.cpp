// std::complex of handles: each function against std::complex<double>, and its four slopes against
// differences, on and off the axes and at 0.
#include <autodiff/complex.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <complex>
#include <string>
#include <utility>
#include <vector>

namespace {

using ramp::Tape;
using Real = ramp::Var<double>;
template <class T> using Complex = std::complex<T>;

constexpr int not_at_0 = 1, not_left = 2;  // 0 is singular; on the left axis is a cut

struct Case {
  const char* name;
  int not_there;
  Complex<double> (*plain)(const Complex<double>&);
  Complex<Real> (*taped)(const Complex<Real>&);
};
// An expression of z, and of T, the type of its parts.
#define CASE(not_there, ...)                                                      \
  Case {                                                                          \
#__VA_ARGS__, not_there,                                                        \
        [](const Complex<double>& z) -> Complex<double> {                           \
          [[maybe_unused]] typedef double T;                                        \
          return __VA_ARGS__;                                                       \
        },                                                                          \
        [](const Complex<Real>& z) -> Complex<Real> {                               \
          [[maybe_unused]] typedef Real T;                                          \
          return __VA_ARGS__;                                                       \
        } \
  }
const Case cases[] = {
    CASE(0, exp(z)),
    CASE(0, sin(z)),
    CASE(0, cos(z)),
    CASE(0, tan(z)),
    CASE(0, sinh(z)),
    CASE(0, cosh(z)),
    CASE(0, tanh(z)),
    CASE(0, conj(z) * 2.0 - 1.0),
    CASE(0, z* Complex<double>(0.5, -2) + 0.25 * z),
    CASE(0, 1.0 / (z + 7.0)),
    CASE(0, pow(z, 2)),
    CASE(0, pow(z, 3.0)),
    CASE(0, pow(2.0, z)),
    CASE(0, Complex<T>(norm(z), abs(z + 7.0))),
    CASE(0, std::polar(z.real(), z.imag()) + std::polar(2.0, z.imag())),
    CASE(0, asin(z / 5.0) + acos(z / 5.0) * 2.0 + atan(z / 5.0)),
    CASE(0, asinh(z / 5.0) + atanh(z / 5.0)),
    CASE(0, acosh(z + 7.0)),
    CASE(not_at_0, Complex<T>(abs(z))),
    CASE(not_at_0, std::pow(z, -2)),
    CASE(not_at_0 | not_left, Complex<T>(arg(z))),
    CASE(not_at_0 | not_left, log(z) + log10(z)),
    CASE(not_at_0 | not_left, sqrt(z)),
    CASE(not_at_0 | not_left, std::sqrt(z) * std::pow(z, T(0.5))),
    CASE(not_at_0 | not_left, pow(z, Complex<T>(1.5, 0.5))),
    CASE(not_at_0 | not_left, pow(z, 2.5)),
};

}  // namespace

TEST_CASE("functions of complex handles have the values and the slopes of those of numbers") {
  const Complex<double> points[] = {{0.7, -0.4}, {-0.6, 0.3}, {0, 1.3},  {0, -0.4},
                                    {1.3, 0},    {-0.9, 0},   {2, 0.01}, {0, 0}};
  for (const Case& c : cases)
    for (const Complex<double>& at : points) {
      if (at.imag() == 0 &&
          ((at.real() == 0 && c.not_there & not_at_0) || (at.real() < 0 && c.not_there & not_left)))
        continue;
      CAPTURE(c.name);
      CAPTURE(at.real());
      CAPTURE(at.imag());
      Tape<double> tape;
      const Real x = tape.leaf(at.real()), y = tape.leaf(at.imag());
      const Complex<Real> f = c.taped({x, y});
      const Complex<double> expected = c.plain(at);
      CHECK(f.real().item() == doctest::Approx(expected.real()).epsilon(1e-13).scale(1));
      CHECK(f.imag().item() == doctest::Approx(expected.imag()).epsilon(1e-13).scale(1));
      const auto re = tape.grad(f.real(), {x, y}), im = tape.grad(f.imag(), {x, y});
      for (std::size_t k = 0; k < 2; ++k) {
        CAPTURE(k);
        const Complex<double> h = k == 0 ? Complex<double>(1e-4, 0) : Complex<double>(0, 1e-4);
        const Complex<double> slope = (8.0 * (c.plain(at + h) - c.plain(at - h)) -
                                       c.plain(at + 2.0 * h) + c.plain(at - 2.0 * h)) /
                                      12e-4;
        CHECK(re[k].item() == doctest::Approx(slope.real()).epsilon(1e-8).scale(1));
        CHECK(im[k].item() == doctest::Approx(slope.imag()).epsilon(1e-8).scale(1));
      }
    }
}

TEST_CASE("at 0: abs has slope 0, a power is a constant 0, and the root's slopes are infinite") {
  Tape<double> tape;
  const Real x = tape.leaf(0), y = tape.leaf(0);
  const Complex<Real> z(x, y);
  CHECK(tape.grad(abs(z), {x})[0].item() == 0);
  CHECK(pow(z, 2.5).real().item() == 0);
  CHECK(tape.grad(sqrt(z).real(), {x})[0].item() == std::numeric_limits<double>::infinity());
  CHECK(std::isinf(log(z).real().item()));
}

TEST_CASE("inverse functions have their slopes where what is below their root has no real part") {
  using Plain = Complex<double> (*)(const Complex<double>&);
  using Taped = Complex<Real> (*)(const Complex<Real>&);
  const std::pair<Plain, Taped> all[] = {{std::asin<double>, std::asin<double>},
                                         {std::acos<double>, std::acos<double>},
                                         {std::asinh<double>, std::asinh<double>},
                                         {std::acosh<double>, std::acosh<double>}};
  for (const auto& [plain, taped] : all)
    for (const Complex<double>& at :
         {Complex<double>(1.25, 0.75), {-1.25, -0.75}, {0.75, 1.25}, {1, 2}, {-1, 2}, {1, -2}}) {
      CAPTURE(at.real());
      CAPTURE(at.imag());
      Tape<double> tape;
      const Real x = tape.leaf(at.real()), y = tape.leaf(at.imag());
      const Complex<Real> w = taped({x, y});
      const Complex<double> value = plain(at);
      CHECK(w.real().item() == doctest::Approx(value.real()).epsilon(1e-14));
      CHECK(w.imag().item() == doctest::Approx(value.imag()).epsilon(1e-14));
      constexpr double h = 1e-6;  // all are analytic: dw/dy = i dw/dx
      const Complex<double> slope = (plain(at + h) - plain(at - h)) / (2 * h);
      const auto of_real = tape.grad(w.real(), {x, y}), of_imag = tape.grad(w.imag(), {x, y});
      CHECK(of_real[0].item() == doctest::Approx(slope.real()).epsilon(1e-8));
      CHECK(of_real[1].item() == doctest::Approx(-slope.imag()).epsilon(1e-8));
      CHECK(of_imag[0].item() == doctest::Approx(slope.imag()).epsilon(1e-8));
      CHECK(of_imag[1].item() == doctest::Approx(slope.real()).epsilon(1e-8));
    }
}

TEST_CASE("numbers beside complex handles") {
  Tape<double> tape;
  const Complex<Real> z(tape.leaf(3), tape.leaf(4));
  CHECK(pow(z, 2u).real().item() == doctest::Approx(-7));
  CHECK_FALSE(z == 1.0);
  CHECK(std::polar(tape.leaf(2), 0.5).real().item() == doctest::Approx(2 * std::cos(0.5)));
}

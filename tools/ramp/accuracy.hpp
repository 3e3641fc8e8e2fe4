// How far the element-wise ops are from the truth, in ulp: a walk over the registry and over the
// whole range of a type, against long double. `ramp accuracy` prints it, a test holds it.
#pragma once

#include <autodiff/autodiff.hpp>

#include <array>
#include <limits>
#include <string>
#include <vector>

namespace ramp::tool {

using Real = long double;

// Where a formula is asked: operands, attributes, and the tape's conventions.
struct Point {
  std::array<Real, 3> x{};
  const double* attr = nullptr;
  Real at_zero = 0, tie = 0;
};
using Formula = Real (*)(const Point&);

// What an op should give, in closed forms that neither cancel nor overflow in long double.
struct Reference {
  const char* op;
  std::vector<double> attr;  // as many numbers as the op has attributes
  Formula value;
  std::vector<Formula> slopes;  // in each operand; null where the op has none
  Formula second = nullptr;     // of ops with one operand: the second derivative
  // Where a slope is the sum of terms that cancel, the largest of them: the error is in its ulp.
  Formula slope_terms = nullptr;
  Formula value_terms = nullptr;  // where the value is such a sum
  double bound = 4;               // in ulp
  const char* why = "";           // where a bound above 4 comes from
};
const std::vector<Reference>& references();
/// The names of element-wise ops that no reference is there for; `test_` ones left out.
std::vector<std::string> ops_without_reference();

/// False where long double is no wider than double: bounds of double can't be measured then.
inline constexpr bool has_wide_reals =
    std::numeric_limits<Real>::digits >= std::numeric_limits<double>::digits + 8;

/// |got - exact| in units of the last place of T at `exact` or, if it is larger, at `terms`; below
/// the normal numbers in smallest denormals. What lies beyond the largest number counts as the
/// next power of two, as infinity does. Infinite where only one of the two is NaN.
template <class T> double error_in_ulp(T got, Real exact, Real terms = 0);

struct Worst {
  double ulp = 0;
  std::array<double, 3> at{};
  double got = 0, exact = 0;
};
// The worst errors of an op's value, or of its slope in one operand.
struct Row {
  const Reference* reference;
  const OpInfo* op;
  int slope;  // -1: the value
  Worst scalar_float, lanes_float, scalar_double, lanes_double;

  std::string name() const;  // of op and attributes
  double worst() const;
};
// How many numbers are tried: mantissas for each sign and exponent, and random ones.
struct Density {
  int float_mantissas, double_mantissas, random;
};
inline constexpr Density full{512, 64, 100'000}, thin{12, 2, 4'000};

std::vector<Row> accuracy(const Density& density);
/// Markdown: a line for each bound above 4 ulp, and why.
std::string accuracy_bounds();
/// Markdown: the worst errors, and where.
std::string accuracy_table(const std::vector<Row>& rows);

}  // namespace ramp::tool

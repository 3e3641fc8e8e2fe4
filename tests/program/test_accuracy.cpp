// Every element-wise op against long double, over the whole range of float and double: value, slope
// and the derivative of the slope, in scalars and in lanes. The same walk prints ACCURACY.md.
#include "../../tools/ramp/accuracy.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

using namespace ramp;
using namespace ramp::tool;

namespace {

template <class T> using Limits = std::numeric_limits<T>;

const std::vector<Row>& thin_walk() {
  static const std::vector<Row> rows = accuracy(thin);
  return rows;
}

}  // namespace

TEST_CASE("an error in ulp is what it says") {
  const float above = std::nextafter(1.0f, 2.0f), below = std::nextafter(1.0f, 0.0f);
  CHECK(error_in_ulp(1.0f, 1) == 0);
  CHECK(error_in_ulp(above, 1) == 1);
  CHECK(error_in_ulp(below, 1) == 0.5);  // below a power of two, numbers are twice as dense
  CHECK(error_in_ulp(0.25f, 0.25L + 0x1p-27L) == 0.25);
  CHECK(error_in_ulp(0.0f, Limits<float>::denorm_min()) == 1);
  CHECK(error_in_ulp(0.0, Real(Limits<double>::denorm_min()) * 3) == 3);
  CHECK(error_in_ulp(above, 1, 8) == 0.125);  // of terms of the size of 8
  const float inf = Limits<float>::infinity(), nan = Limits<float>::quiet_NaN();
  CHECK(error_in_ulp(inf, 1e300L) == 0);
  CHECK(error_in_ulp(inf, Real(Limits<float>::max())) == 1);
  CHECK(error_in_ulp(Limits<float>::max(), 1e300L) == 1);
  CHECK(error_in_ulp(-inf, 1e300L) > 1e6);
  CHECK(error_in_ulp(nan, nan) == 0);
  CHECK(std::isinf(error_in_ulp(nan, 1)));
  CHECK(std::isinf(error_in_ulp(1.0f, nan)));
}

TEST_CASE("every element-wise op has a reference") {
  for (const std::string& name : ops_without_reference())
    FAIL_CHECK("tools/ramp/accuracy_references.cpp has none for " << name);
}

TEST_CASE("value and slope of every element-wise op are right to a few ulp, everywhere") {
  for (const Row& row : thin_walk()) {
    const std::string table = accuracy_table({row});
    CAPTURE(table);
    CHECK(row.worst() <= row.reference->bound);
    CHECK(row.reference->bound <= 16);
    CHECK((row.reference->bound <= 4 || *row.reference->why != '\0'));
  }
}

TEST_CASE("ACCURACY.md has every op") {
  std::ifstream file(RAMP_ACCURACY);
  REQUIRE(file.good());
  std::stringstream text;
  text << file.rdbuf();
  CHECK_MESSAGE(text.str().find(accuracy_bounds()) != std::string::npos,
                "put in what `ramp accuracy` prints: its bounds are others");
  for (const Row& row : thin_walk()) {
    const std::string cell = "| `" + row.name() + "` | ";
    CHECK_MESSAGE(text.str().find(cell) != std::string::npos,
                  "put in what `ramp accuracy` prints: it has no ", cell);
  }
}

// No ∞ · 0 and no ∞ - ∞ in what a pullback records, and on a checked tape no complaint.
TEST_CASE_TEMPLATE("derivatives have their limits at the ends of the range", T, float, double) {
  std::vector<T> points{0,
                        T(0.3),
                        1,
                        2,
                        20,
                        200,
                        2000,
                        Limits<T>::denorm_min(),
                        Limits<T>::min(),
                        Limits<T>::max() / 4,
                        Limits<T>::max(),
                        Limits<T>::infinity()};
  for (std::size_t i = 0, n = points.size(); i < n; ++i) points.push_back(-points[i]);
  for (const Reference& r : references()) {
    const OpInfo* op = find_op(r.op);
    if (op == nullptr || r.second == nullptr) continue;
    for (const T at : points) {
      const Point p{{at}, r.attr.data(), 0, 0};
      const Real value = r.value(p), slope = r.slopes[0](p), second = r.second(p);
      const Domain& d = op->domain[0];
      // -0 isn't below 0, but IEEE's sqrt(-0) is -0, and so its slope -infinity.
      const bool outside = at < d.low || at > d.high || (at == d.low && std::signbit(at));
      if (std::isnan(value) || outside) continue;
      const std::string name = op->about.name;
      CAPTURE(name);
      CAPTURE(at);
      const Real largest = Limits<T>::max();
      bool finite = std::isfinite(at);
      for (const Real v : {value, slope, second}) finite &= 3 * std::abs(v) <= largest;  // summed
      for (const Shape& shape : {Shape{}, Shape{3}}) {
        Tape<T> tape({.checked = finite});
        const std::vector<Var<T>> x{tape.leaf(Tensor<T>(shape, at))};
        const Var<T> y = tape.record(op->id, x, r.attr.data());
        const Var<T> first = tape.grad_on_tape(sum(y), x)[0];
        const Var<T> again = tape.grad_on_tape(sum(first), x)[0];
        // Within the rounding of the terms, which may cancel.
        const Real terms = std::max(std::abs(slope), std::abs(second)) + (r.slope_terms ? 1 : 0);
        CHECK(error_in_ulp(first.value()[0], slope, r.slope_terms ? r.slope_terms(p) : 0) <=
              r.bound);
        CHECK(error_in_ulp(again.value()[0], second, terms) <= 16);
        const Var<T> third = tape.grad_on_tape(sum(again), x)[0];
        if (finite) CHECK(!std::isnan(third.value()[0]));
      }
    }
  }
}

// Generic code says `using std::max;` and means handles, too: std's templates mustn't win.
#include <autodiff/autodiff.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>
#include <vector>

namespace {

// What a user writes once, for numbers and for handles. Nothing here names ramp.
namespace generic {
template <class A, class B> auto largest(const A& a, const B& b) {
  using std::max;
  return max(a, b);
}
template <class A, class B> auto smallest(const A& a, const B& b) {
  using std::min;
  return min(a, b);
}
template <class X, class Low, class High> auto kept(const X& x, const Low& low, const High& high) {
  using std::clamp;
  return clamp(x, low, high);
}
template <class X> auto both(const X& a, const X& b) {
  using std::minmax;
  return minmax(a, b);
}
template <class X> auto smooth(const X& x) {
  using namespace std;
  return abs(x) + exp(x) + expm1(x) + log(x) + log1p(x) + sqrt(x) + sin(x) + cos(x) + tanh(x) +
         erf(x) + pow(x, 2.5) + pow(2.0, x) + pow(x, x);
}
template <class X> X total(const std::vector<X>& all) {
  using namespace std;
  return accumulate(all.begin() + 1, all.end(), all.front());
}
template <class X> void exchanged(X& a, X& b) {
  using std::swap;
  swap(a, b);
}
}  // namespace generic

using ramp::census;
using ramp::Shape;
using ramp::Tape;
using ramp::Tensor;
using ramp::Var;

}  // namespace

TEST_CASE("using std::max, min, clamp and minmax: ties and kinks are the tape's") {
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{3}})
    for (const double c : {0.0, 0.25}) {
      Tape<double> tape({.at_zero = c});
      const auto number = [&](double x) { return tape.leaf(Tensor<double>(shape, x)); };
      const auto x = number(1), y = number(1), low = number(0), high = number(1);
      const auto slope = [&](const Var<double>& f, const Var<double>& in) {
        CHECK(f.shape() == shape);
        CHECK(census(f).total.at_kink >= shape.size());
        return tape.grad(sum(f), {in})[0][0];
      };
      CHECK(slope(generic::largest(x, y), x) == 0.5);
      CHECK(slope(generic::largest(x, y), y) == 0.5);
      CHECK(slope(generic::smallest(x, y), x) == 0.5);
      CHECK(slope(generic::smallest(x, y), y) == 0.5);
      CHECK(slope(generic::largest(x, 1.0), x) == c);
      CHECK(slope(generic::largest(1, x), x) == c);
      CHECK(slope(generic::smallest(x, 1.0f), x) == c);
      CHECK(slope(generic::smallest(1.0, x), x) == c);
      CHECK(slope(generic::kept(x, low, high), x) == 0.5);
      CHECK(slope(generic::kept(x, low, high), high) == 0.5);
      CHECK(slope(generic::kept(x, 0.0, 1.0), x) == c);
      CHECK(slope(generic::kept(x, low, 1.0), x) == c);
      CHECK(slope(generic::kept(x, 0, high), x) == 0.5);
      CHECK(slope(generic::kept(0.5, x, y), x) == 0.5);
      CHECK(slope(generic::both(x, y).first, x) == 0.5);
      CHECK(slope(generic::both(x, y).second, x) == 0.5);
      // Comparisons as numbers: 1 where they hold.
      CHECK(generic::largest(x > 0, y > 2).value()[0] == 1);
      CHECK(generic::smallest(x > 0, y > 2).value()[0] == 0);
      CHECK(slope(generic::largest(x, y > 0), x) == c);
    }
  CHECK(generic::largest(1.0, 2.0) == 2);
  CHECK(generic::kept(3, 0, 2) == 2);
}

TEST_CASE("a list of handles, where std and ramp are both open") {
  using namespace std;
  using namespace ramp;
  Tape<double> tape;
  const auto x = tape.leaf(1), y = tape.leaf(1), z = tape.leaf(0);
  CHECK(tape.grad(max({x, y, z}), {x})[0].item() == 0.5);
  CHECK(tape.grad(min({x, y}), {y})[0].item() == 0.5);
  CHECK(max({x, z}).item() == 1);
  CHECK(tape.grad(max(x, y), {y})[0].item() == 0.5);
  CHECK(tape.grad(min(x, y), {y})[0].item() == 0.5);
  CHECK(tape.grad(clamp(x, z, y), {x})[0].item() == 0.5);
  CHECK_THROWS_AS((void)max(std::initializer_list<Var<double>>{}), ValueError);
  CHECK_THROWS_AS((void)min(std::initializer_list<Var<double>>{}), ValueError);
}

TEST_CASE("functions of <cmath>, sums and swaps in generic code") {
  Tape<double> tape;
  const auto x = tape.leaf(0.7);
  CHECK(generic::smooth(x).item() == doctest::Approx(generic::smooth(0.7)));
  const double h = 1e-6, slope = (generic::smooth(0.7 + h) - generic::smooth(0.7 - h)) / (2 * h);
  CHECK(tape.grad(generic::smooth(x), {x})[0].item() == doctest::Approx(slope));
  CHECK(generic::total(std::vector{x, x, x}).item() == doctest::Approx(2.1));
  auto a = tape.leaf(1), b = tape.leaf(2);
  generic::exchanged(a, b);
  CHECK(a.item() == 2);
  CHECK(b.item() == 1);
}

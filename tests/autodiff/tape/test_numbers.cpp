// A handle without a tape is a number: what code that was written for numbers does with it.
#include <autodiff/autodiff.hpp>

#include "support/refused.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <type_traits>
#include <vector>

using namespace ramp;
using V = Var<double>;

static_assert(std::is_trivially_copyable_v<V>);
static_assert(std::is_convertible_v<int, V> && std::is_convertible_v<float, V>);
static_assert(!std::is_convertible_v<V, double> && std::is_constructible_v<double, V>);
// A Var<float> of a V is refused by a static_assert in its constructor, which no trait can see.
static_assert(std::is_convertible_v<decltype(V() < V()), bool>);

TEST_CASE("a handle is a number until a variable comes") {
  V none, zero{}, five = 5, all[3], half = 0.5f;
  CHECK(none.item() == 0);
  CHECK(zero.item() == 0);
  CHECK(all[2].item() == 0);
  CHECK((five * half + 1).item() == 3.5);
  CHECK_FALSE(five.varies());
  CHECK(five.shape() == Shape{});
  CHECK(std::vector<V>(4)[3].item() == 0);
  five += 2;
  ++five;
  CHECK((five++).item() == 8);
  CHECK((--five).item() == 8);
  CHECK((five--).item() == 8);
  CHECK((+five).item() == 7);
  CHECK((-five).item() == -7);
  CHECK(static_cast<double>(five) == 7);
  CHECK(static_cast<int>(five / 2) == 3);
  CHECK((five ? 1 : 0) == 1);
  CHECK(!zero);
  CHECK(sqrt(V(16)).item() == 4);
  CHECK(sum(five).item() == 7);
  CHECK(max({V(1), V(3), V(2)}).item() == 3);

  Tape<double> tape;
  const V x = tape.leaf(3);
  const std::uint32_t before = tape.size();
  V total = 0;
  total += 1;
  CHECK(tape.size() == before);  // nothing was recorded
  total += x * five;
  CHECK(tape.size() == before + 2);
  tape.backward(total);
  CHECK(total.item() == 22);
  CHECK(tape.gradient(x).item() == 7);
}

TEST_CASE("numbers give the bits that T gives") {
  const float a = 0.1f, b = 3;
  const Var<float> x = 0.1, y = 3;
  CHECK((x * y - 0.3).item() == a * b - 0.3f);
  CHECK(pow(x, 0.1).item() == std::pow(a, 0.1f));
  CHECK((x == 0.1));
}

TEST_CASE("either side of ?: is a handle") {
  Tape<double> tape;
  const V x = tape.leaf(-2);
  const auto hinge = [](const V& v) { return v > 0 ? v : 0; };
  CHECK(hinge(x).item() == 0);
  CHECK(tape.grad(hinge(x), {x})[0].item() == 0);
  CHECK(tape.grad(hinge(-x), {x})[0].item() == -1);
  CHECK(tape.grad_on_tape(hinge(x), {x})[0].item() == 0);
}

TEST_CASE("a comparison is a bool wherever C++ wants one, and a mask where an op does") {
  Tape<double> tape;
  const V x = tape.leaf(1), y = tape.leaf(2);
  const bool less = x < y;
  const std::function<bool(const V&, const V&)> by_size = [](const V& a, const V& b) {
    return a < b;
  };
  CHECK(less);
  CHECK(by_size(x, y));
  CHECK(((x > 0) == (y > 0)));
  CHECK(((x > 0) != (y < 0)));
  CHECK(((x > 0) == true));
  CHECK((x > 0 && !(y < 0)));
  CHECK_FALSE((x < 0 || y < 0));
  V mask = x > 0;
  CHECK(mask.item() == 1);
  mask = y < 0;
  CHECK(mask.item() == 0);
  CHECK(where(x > 0, y, 5).item() == 2);
  CHECK(((x > 0) + (y > 0)).item() == 2);
  std::vector<V> all{y, 3, x, 2.5, 0};
  std::sort(all.begin(), all.end());
  CHECK(std::is_sorted(all.begin(), all.end(), std::less<V>()));
  CHECK(std::max_element(all.begin(), all.end())->item() == 3);
  CHECK(std::count(all.begin(), all.end(), 2.5) == 1);
  CHECK(std::min(x, y).item() == 1);
  std::map<V, int> table;
  table[x] = 1;
  table[1] = 2;
  CHECK(table.size() == 1);

  const V v = tape.leaf({1, 2}), mask_of_v = v > 1;
  CHECK(support::equal(mask_of_v.value(), {0.0, 1.0}));
  CHECK_THROWS_AS((void)bool(v > 1), ShapeError);
  Tape<double> other;
  const V far = other.leaf(1);
  CHECK_THROWS_AS((void)bool(x < far), HandleError);
  CHECK_THROWS_AS((void)bool(isnan(far) == (x < far)), HandleError);
}

TEST_CASE("queries about values") {
  constexpr double inf = std::numeric_limits<double>::infinity();
  Tape<double> tape;
  const V nan = tape.leaf(std::numeric_limits<double>::quiet_NaN()), x = tape.leaf(-0.0);
  CHECK(isnan(nan));
  CHECK_FALSE(isnan(x));
  CHECK(isfinite(x));
  CHECK_FALSE(isfinite(nan));
  CHECK(isinf(x - inf));
  CHECK(signbit(x));
  CHECK_FALSE(signbit(V(2)));
  const V some = tape.leaf({1, inf, 3});
  CHECK(support::equal(where(isfinite(some), some, 0).value(), {1.0, 0.0, 3.0}));
}

TEST_CASE("numeric_limits") {
  using Limits = std::numeric_limits<V>;
  static_assert(Limits::is_specialized && Limits::digits == 53 && Limits::has_infinity);
  CHECK(Limits::max().item() == std::numeric_limits<double>::max());
  CHECK(Limits::lowest().item() == std::numeric_limits<double>::lowest());
  CHECK(Limits::epsilon().item() == std::numeric_limits<double>::epsilon());
  CHECK(isinf(Limits::infinity()));
  CHECK(isnan(Limits::quiet_NaN()));
}

TEST_CASE("what numbers can't do says so") {
  Tape<double> tape;
  const V x = tape.leaf(1), five = 5;
  REFUSED(tape.backward(five), GradientError, "[backward] the root is the number 5");
  CHECK(tape.grad(five, {x})[0].item() == 0);
  CHECK(tape.grad_on_tape(five, {x})[0].item() == 0);
  REFUSED(tape.gradient(five), HandleError, "[gradient] the handle is a number, on no tape");
  REFUSED(to_dot(five), HandleError, "is a number, on no tape");
  REFUSED(broadcast_to(five, Shape{2}), HandleError,
          "[broadcast_to] numbers alone are on no tape, and what it gives is a tensor");
  REFUSED(transpose(five), ShapeError, "[transpose]");
  REFUSED(five.tape(), HandleError, "is a number, on no tape");
}

TEST_CASE("what is left of a number's parts, its neighbours and its integers") {
  Tape<double> tape;
  const V x = tape.leaf(-6.75);
  const auto slope = [&](const V& y) { return tape.grad(y, {x})[0].item(); };
  int e = 0;
  const V half = frexp(x, &e);
  CHECK(half.item() == std::frexp(-6.75, &e));
  CHECK(e == 3);
  CHECK(slope(half) == 0.125);
  V whole;
  const V rest = modf(x, &whole);
  CHECK(rest.item() == -0.75);
  CHECK(whole.item() == -6);
  CHECK(slope(rest) == 1);
  CHECK(ldexp(x, 2).item() == -27);
  CHECK(slope(ldexp(x, -1030)) == std::ldexp(1.0, -1030));
  CHECK(nextafter(x, V(0)).item() == std::nextafter(-6.75, 0));
  CHECK(slope(nextafter(x, V(0))) == 1);
  CHECK(lround(x) == -7);
  CHECK(llround(x) == -7);
  CHECK(lrint(x) == -7);
  CHECK(ilogb(x) == 2);
  CHECK(fabs(x).item() == 6.75);
  CHECK(nearbyint(x).item() == -7);
  CHECK(fdim(x, -8).item() == 1.25);
  CHECK(fdim(-8, x).item() == 0);
}

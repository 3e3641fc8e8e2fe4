#include <nn/train/schedule.hpp>

#include <doctest/doctest.h>
#include <autodiff/values/error.hpp>

#include <cmath>

using namespace ramp::nn;
using doctest::Approx;

TEST_CASE("a number is a schedule, and so is a function") {
  const Schedule number = 0.3, whole = 1;
  CHECK(number(0) == 0.3);
  CHECK(number(1000000) == 0.3);
  CHECK(whole(5) == 1);
  CHECK(constant(0.2)(7) == 0.2);
  const Schedule inverse = [](std::uint64_t step) { return 1 / (1 + static_cast<double>(step)); };
  CHECK(inverse(3) == 0.25);
  Schedule copy = inverse;
  copy = number;
  CHECK(copy(3) == 0.3);
  CHECK(inverse(3) == 0.25);
}

TEST_CASE("step_decay falls by a factor") {
  const Schedule rate = step_decay(0.8, 3, 0.5);
  const double expected[]{0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2};
  for (std::uint64_t step = 0; step < 7; ++step) CHECK(rate(step) == Approx(expected[step]));
  CHECK(step_decay(1, 10)(25) == Approx(0.01));
  CHECK_THROWS_AS(step_decay(1, 0), ramp::ValueError);
}

TEST_CASE("cosine falls from the rate to the end, and stays") {
  const Schedule rate = cosine(0.5, 100, 0.1);
  CHECK(rate(0) == 0.5);
  CHECK(rate(50) == Approx(0.3));
  CHECK(rate(100) == 0.1);
  CHECK(rate(5000) == 0.1);
  for (std::uint64_t step = 0; step < 100; ++step) {
    CHECK(rate(step) > rate(step + 1));
    CHECK(rate(step) + rate(100 - step) == Approx(0.6));  // symmetric about the middle
  }
  CHECK(cosine(1, 3)(1) == Approx(0.75));  // cos(pi / 3) = 1/2
  CHECK_THROWS_AS(cosine(1, 0), ramp::ValueError);
}

TEST_CASE("warm_up rises in a line, then hands over") {
  const Schedule rate = warm_up(4, step_decay(0.8, 2, 0.5));
  const double expected[]{0.2, 0.4, 0.6, 0.8, 0.8, 0.8, 0.4, 0.4, 0.2};
  for (std::uint64_t step = 0; step < 9; ++step) CHECK(rate(step) == Approx(expected[step]));
  CHECK(warm_up(0, 0.7)(0) == 0.7);
  CHECK(warm_up(2, warm_up(2, 1.0))(0) == 0.25);  // what it rises to is the other's first rate
}

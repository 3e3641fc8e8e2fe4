#include <nn/train/optimizer.hpp>

#include <doctest/doctest.h>
#include <autodiff/tape/tape.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

using namespace ramp::nn;
using doctest::Approx;
using doctest::Contains;
using ramp::Parameter, ramp::Tape, ramp::Tensor;

namespace {

// f(w) = sum of a_i / 2 w_i^2, whose gradient is a_i w_i. Nine elements: the loops have an end.
const std::vector<double> curvature{1, 2, 0.5, 3, 1.5, 0.1, 4, 2.5, 0.7};
const std::vector<double> start{1, -2, 3, 0.5, -0.25, 10, 0.1, 2, -1};

template <class T> Tensor<T> tensor(const std::vector<double>& x) {
  Tensor<T> y({static_cast<std::int64_t>(x.size())});
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = static_cast<T>(x[i]);
  return y;
}

template <class T> void write(Parameter<T>& p, const std::vector<double>& gradient) {
  std::ranges::copy(tensor<T>(gradient), p.edit_gradient().begin());
}

template <class T> struct Quadratic {
  explicit Quadratic(SGDOptions options) : w("w", tensor<T>(start)), sgd({&w}, options) {}
  std::optional<double> step() {
    tape.clear();
    const auto x = tape.parameter(w);
    auto loss = sum(square(x) * tape.constant(tensor<T>(curvature))) / 2;
    if (extra_decay > 0) loss = loss + extra_decay / 2 * sum(square(x));
    tape.backward(loss);
    return sgd.step();
  }
  Tape<T> tape;
  Parameter<T> w;
  SGD<T> sgd;
  double extra_decay = 0;
};

template <class T> constexpr double precision = sizeof(T) == 4 ? 2e-5 : 1e-12;

// Steps 1 to 30 of each element against expected(i), called once a step for each i in order.
template <class T, class Expected> void check_steps(SGDOptions options, Expected expected) {
  Quadratic<T> q(options);
  for (int step = 1; step <= 30; ++step) {
    CAPTURE(step);
    q.step();
    for (std::size_t i = 0; i < start.size(); ++i) {
      const double w = expected(i, step);
      CHECK(std::abs(static_cast<double>(q.w.value()[i]) - w) < precision<T> * std::abs(start[i]));
    }
  }
}

}  // namespace

TEST_CASE_TEMPLATE("plain SGD on a quadratic is (1 - rate a)^k", T, float, double) {
  check_steps<T>({.learning_rate = 0.2}, [](std::size_t i, int step) {
    return start[i] * std::pow(1 - 0.2 * curvature[i], step);
  });
}

TEST_CASE_TEMPLATE("momentum is Polyak's recurrence in w alone", T, float, double) {
  // w_{k+1} = w_k - rate g_k + mu (w_k - w_{k-1})
  std::vector<double> now = start, before = start;
  check_steps<T>({.learning_rate = 0.2, .momentum = 0.8}, [&](std::size_t i, int) {
    const double next = now[i] - 0.2 * curvature[i] * now[i] + 0.8 * (now[i] - before[i]);
    before[i] = now[i];
    return now[i] = next;
  });
}

TEST_CASE_TEMPLATE("Nesterov's momentum is Sutskever's look-ahead", T, float, double) {
  // u = mu u - rate g(t + mu u), t = t + u; our w is the point t + mu u where g is taken.
  std::vector<double> t = start, u(start.size());
  check_steps<T>({.learning_rate = 0.2, .momentum = 0.8, .nesterov = true},
                 [&](std::size_t i, int) {
                   u[i] = 0.8 * u[i] - 0.2 * curvature[i] * (t[i] + 0.8 * u[i]);
                   t[i] += u[i];
                   return t[i] + 0.8 * u[i];
                 });
}

TEST_CASE("the rate may change without touching the velocity") {
  const auto rate = [](std::uint64_t step) { return step < 10 ? 0.1 : 0.02; };
  std::vector<double> w = start, v(start.size());
  check_steps<double>({.learning_rate = rate, .momentum = 0.9}, [&](std::size_t i, int step) {
    v[i] = 0.9 * v[i] + curvature[i] * w[i];
    return w[i] -= (step <= 10 ? 0.1 : 0.02) * v[i];
  });
}

TEST_CASE("weight decay is the gradient of lambda / 2 |w|^2") {
  for (const double momentum : {0.0, 0.9})
    for (const bool nesterov : {false, true}) {
      if (nesterov && momentum == 0) continue;
      Quadratic<double> decayed(
          {.learning_rate = 0.05, .momentum = momentum, .nesterov = nesterov, .weight_decay = 0.3});
      Quadratic<double> in_loss(
          {.learning_rate = 0.05, .momentum = momentum, .nesterov = nesterov});
      in_loss.extra_decay = 0.3;
      for (int step = 0; step < 20; ++step) decayed.step(), in_loss.step();
      for (std::size_t i = 0; i < start.size(); ++i)
        CHECK(decayed.w.value()[i] == Approx(in_loss.w.value()[i]).epsilon(1e-12));
    }
}

TEST_CASE("clipping shortens the gradient of all parameters together") {
  Parameter<float> a("a", tensor<float>({0, 0, 0})), b("b", tensor<float>({0}));
  const auto set = [&](float scale) {
    write(a, {2.0 * scale, -4.0 * scale, 0});
    write(b, {4.0 * scale});  // |g| = 6 scale
  };
  SGD<float> sgd({&a, &b}, {.learning_rate = 1, .clip_norm = 3});
  set(1);
  CHECK(*sgd.step() == 6);
  CHECK(a.value()[0] == -1);
  CHECK(a.value()[1] == 2);
  CHECK(b.value()[0] == -2);
  set(0.25f);  // shorter than 3: left alone
  CHECK(*sgd.step() == 1.5);
  CHECK(a.value()[0] == -1.5);
  CHECK(b.value()[0] == -3);
  a.edit_gradient()[0] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH_AS(sgd.step(), Contains("step 3 has norm nan"), NonFiniteError);
  CHECK(a.value()[0] == -1.5);
  CHECK(sgd.steps() == 2);

  Parameter<double> large("w", Tensor<double>({1001}));  // lanes and the rest
  const auto ramp = [&] {
    for (std::size_t i = 0; i < 1001; ++i) large.edit_gradient()[i] = static_cast<double>(i);
  };
  ramp();
  CHECK(*SGD<double>({&large}, {.clip_norm = 1e9}).step() ==
        Approx(std::sqrt(1000.0 * 1001 * 2001 / 6)).epsilon(1e-14));
  ramp();
  CHECK_FALSE(SGD<double>({&large}).step().has_value());
}

TEST_CASE("clipping comes before weight decay") {
  Parameter<double> w("w", tensor<double>({10}));
  write(w, {8});
  SGD<double>({&w}, {.learning_rate = 1, .weight_decay = 0.1, .clip_norm = 2}).step();
  CHECK(w.value()[0] == Approx(10 - (2 + 1)));
}

TEST_CASE("the rate follows the schedule") {
  Parameter<double> w("w", tensor<double>({0}));
  SGD<double> sgd({&w}, {.learning_rate = step_decay(1, 2, 0.5)});
  CHECK(sgd.learning_rate() == 1);
  for (int i = 0; i < 5; ++i) {
    write(w, {1});
    sgd.step();
  }
  CHECK(w.value()[0] == -(1 + 1 + 0.5 + 0.5 + 0.25));
  CHECK(sgd.steps() == 5);
  CHECK(sgd.learning_rate() == 0.25);
}

TEST_CASE("options that make no sense") {
  Parameter<float> w("w", tensor<float>({1}));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const auto refuses = [&](SGDOptions options, const char* why) {
    CHECK_THROWS_WITH_AS(SGD<float>({&w}, options), Contains(why), ramp::ValueError);
  };
  refuses({.learning_rate = nan}, "learning rate nan");
  refuses({.learning_rate = -0.1}, "learning rate -0.1");
  refuses({.learning_rate = infinity}, "learning rate inf");
  refuses({.momentum = nan}, "momentum nan");
  refuses({.momentum = 1}, "below 1");
  refuses({.momentum = -0.5}, "momentum -0.5");
  refuses({.weight_decay = -1}, "weight_decay -1");
  refuses({.clip_norm = nan}, "clip_norm nan");
  refuses({.nesterov = true}, "without momentum");
  CHECK_THROWS_WITH_AS(SGD<float>({}), Contains("no parameters"), ramp::ValueError);
  CHECK_THROWS_WITH_AS(SGD<float>({&w, &w}), Contains("'w' comes twice"), ramp::ValueError);

  SGD<float> sgd({&w}, {.learning_rate = [=](std::uint64_t s) { return s == 0 ? 1 : nan; }});
  write(w, {1});
  sgd.step();
  write(w, {1});
  CHECK_THROWS_WITH_AS(sgd.step(), Contains("learning rate nan for step 1"), ramp::ValueError);
  CHECK(w.value()[0] == 0);
}

TEST_CASE("a tape knows that a step has changed its parameters") {
  Parameter<double> w("w", tensor<double>({1, 2}));
  SGD<double> sgd({&w});
  Tape<double> tape;
  const auto loss = sum(square(tape.parameter(w)));
  tape.backward(loss);
  sgd.step();
  CHECK_THROWS_WITH_AS(tape.backward(loss), Contains("'w' was changed"), ramp::GradientError);
}

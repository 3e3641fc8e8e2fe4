#include <nn/train/optimizer.hpp>

#include <doctest/doctest.h>
#include <autodiff/tape/tape.hpp>
#include <support/refused.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace ramp::nn;
using doctest::Approx;
using doctest::Contains;
using ramp::Parameter, ramp::Shape, ramp::Tape, ramp::Tensor;

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
  for (const double size : {1e200, 1e-180, 5e-324, 1.7e308}) {  // whose squares double can't hold
    std::ranges::fill(large.edit_gradient(), 0.0);
    large.edit_gradient()[7] = -size;
    CHECK(*SGD<double>({&large}, {.clip_norm = 1}).step() == size);
  }
  large.edit_gradient()[7] = -1e200;
  CHECK(*SGD<double>({&large}, {.clip_norm = 5, .clip_value = 2}).step() == 2);
  CHECK(*SGD<double>({&large}, {.clip_norm = 5}).step() == 0);
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

// Three steps of torch.optim.SGD in PyTorch 1.13, with its clip_grad_value_ and clip_grad_norm_.
TEST_CASE("SGD is PyTorch's") {
  const auto check = [](SGDOptions options, const std::vector<double>& expected) {
    Quadratic<double> q(options);
    for (int i = 0; i < 3; ++i) q.step();
    // Its clip_grad_norm_ adds 1e-6 to the norm.
    const double close = options.clip_norm > 0 ? 1e-5 : 1e-13;
    for (std::size_t i = 0; i < start.size(); ++i)
      CHECK(q.w.value()[i] == Approx(expected[i]).epsilon(close));
  };
  check({.learning_rate = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 0.3},
        {0.17360597699999994, 0.39798050600000007, 1.3247381759999999, -0.19404034150000002,
         0.009550622000000014, 6.99853824, -0.04348193130000001, -0.6278031360000002,
         -0.32732100000000003});
  check(
      {.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.3, .clip_norm = 3, .clip_value = 2},
      {0.43802611561106763, -0.7894050850929292, 1.8879508076057951, -0.09084037416254677,
       -0.06542518453629265, 7.934068172118626, -0.041013754518812215, 0.7894050850929292,
       -0.5509778873613269});
}

TEST_CASE("clip_value cuts elements, before the norm is clipped") {
  Parameter<double> w("w", tensor<double>({0, 0, 0}));
  SGD<double> cut({&w}, {.learning_rate = 1, .clip_value = 2});
  write(w, {1, -5, 3});
  CHECK_FALSE(cut.step().has_value());
  CHECK(support::equal(w.value(), {-1.0, 2.0, -2.0}));
  SGD<double> both({&w}, {.learning_rate = 1, .clip_norm = 1.5, .clip_value = 2});
  write(w, {1, -5, 2});
  CHECK(*both.step() == 3);  // of (1, -2, 2)
  CHECK(support::equal(w.value(), {-1.5, 3.0, -3.0}));
  for (SGD<double>* sgd : {&cut, &both})
    for (const double bad : {HUGE_VAL, -HUGE_VAL, std::nan("")}) {
      const std::uint64_t steps = sgd->steps();
      write(w, {1, bad, 5});
      CHECK_THROWS_WITH_AS(sgd->step(), Contains("[sgd] the gradient of step 2 has norm"),
                           NonFiniteError);
      CHECK(w.value()[0] == -1.5);
      CHECK(w.gradient()[2] == 5);
      CHECK(w.has_gradient());
      CHECK(sgd->steps() == steps);
    }
}

TEST_CASE("the first group that fits counts") {
  std::deque<Parameter<double>> all;
  for (const char* name : {"a.weight", "a.bias", "b.weight", "norm.scale"})
    all.emplace_back(name, std::string(name).ends_with(".weight") ? Tensor<double>({1, 1}, 1)
                                                                  : Tensor<double>({1}, 1));
  const auto is = [](const char* part) {
    return [part = std::string(part)](const std::string& name, const Shape&) {
      return name.find(part) != name.npos;
    };
  };
  std::vector<Parameter<double>*> parameters;
  for (auto& p : all) parameters.push_back(&p);
  std::optional<SGD<double>> first(
      std::in_place, parameters,
      SGDOptions{.learning_rate = 0.5,
                 .weight_decay = 0.25,
                 .groups = {no_decay_on_biases(),
                            {.fits = is("b."), .rate = 2},
                            {.fits = is(""), .rate = 10, .weight_decay = 1}}});
  SGD<double> sgd = *first;  // a copy keeps its groups when the other is gone
  first.reset();
  for (auto& p : all) p.edit_gradient()[0] = 1;
  sgd.step();
  CHECK(all[0].value()[0] == 1 - 5 * (1 + 1));     // the last
  CHECK(all[1].value()[0] == 1 - 0.5);             // no decay
  CHECK(all[2].value()[0] == 1 - 1 * (1 + 0.25));  // the second, with the optimizer's decay
  CHECK(all[3].value()[0] == 1 - 0.5);

  Parameter<double> alone("alone", Tensor<double>({1}, 1));  // in no group
  alone.edit_gradient()[0] = 1;
  SGD<double>({&alone}, {.learning_rate = 0.5, .weight_decay = 1, .groups = {{.fits = is("x")}}})
      .step();
  CHECK(alone.value()[0] == 0);
}

TEST_CASE("its state taken out and put back goes on to the bit") {
  const SGDOptions options{.learning_rate = cosine(0.1, 20), .momentum = 0.9};
  Quadratic<float> one(options), two(options);
  for (int i = 0; i < 7; ++i) one.step();
  one.sgd.set_rate_factor(0.5);
  std::ranges::copy(one.w.value(), two.w.edit().begin());
  const auto from = one.sgd.slots(), to = two.sgd.slots();
  REQUIRE(from.size() == 1);
  CHECK(from[0].first == "w.momentum");
  *to[0].second = *from[0].second;
  two.sgd.set_counters(one.sgd.counters());
  CHECK(two.sgd.counters().of_parameters == std::vector<std::uint64_t>{7});
  CHECK(two.sgd.learning_rate() == 0.5 * cosine(0.1, 20)(7));
  for (int i = 0; i < 7; ++i) one.step(), two.step();
  CHECK(std::ranges::equal(one.w.value(), two.w.value()));
  CHECK(two.sgd.steps() == 14);
  CHECK_THROWS_WITH_AS(two.sgd.set_counters({1, 1, {1, 2}}), Contains("[sgd] counters of 2"),
                       ramp::ValueError);
  CHECK(SGD<float>({&one.w}).slots().empty());  // nothing to remember
}

namespace {

// By the sign alone, and it remembers how often the sign was positive.
class SignDescent : public Optimizer<double> {
 public:
  SignDescent(std::vector<Parameter<double>*> parameters, OptimizerOptions options)
      : Optimizer("sign", std::move(parameters), std::move(options), {"ups", "steps"}) {}

 private:
  void update(ramp::View<double> w, ramp::View<const double> g, std::span<Tensor<double>> slots,
              const Step& step) override {
    for (std::size_t i = 0; i < w.size(); ++i) {
      w[i] -= step.rate * (g[i] > 0 ? 1 : -1);
      slots[0][i] += g[i] > 0;
      slots[1][i] = static_cast<double>(step.t);
    }
  }
};

}  // namespace

TEST_CASE("an optimizer of your own") {
  Parameter<double> a("a", tensor<double>({0, 0})), b("b", tensor<double>({0}));
  SignDescent own({&a, &b}, {.learning_rate = step_decay(1, 1, 0.5), .clip_norm = 100});
  write(a, {3, -4});
  CHECK(*own.step() == 5);
  write(a, {3, 4});
  write(b, {1});
  own.step();
  CHECK(support::equal(a.value(), {-1.5, 0.5}));
  CHECK(support::equal(b.value(), {-0.5}));
  const auto slots = own.slots();
  REQUIRE(slots.size() == 4);
  CHECK(slots[0].first == "a.ups");
  CHECK(support::equal(*slots[0].second, {2.0, 1.0}));
  CHECK(support::equal(*slots[1].second, {2.0, 2.0}));
  CHECK(slots[3].first == "b.steps");
  CHECK((*slots[3].second)[0] == 1);  // of its own
  CHECK_THROWS_WITH_AS(SignDescent({}, {}), Contains("[sign] no parameters"), ramp::ValueError);
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
  refuses({.clip_value = -1}, "clip_value -1");
  const auto all = [](const std::string&, const Shape&) { return true; };
  refuses({.groups = {{.fits = all, .rate = -1}}}, "rate of a group -1");
  refuses({.groups = {{.fits = all, .weight_decay = nan}}}, "weight_decay of a group nan");
  refuses({.groups = {{.fits = nullptr}}}, "without `fits`");
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

// Which gradients are of this step: what backward() gives, step() uses up and zero_grad() forgets.
#include <autodiff/tape/tape.hpp>
#include <nn/data/synthetic.hpp>
#include <nn/model/layers.hpp>
#include <nn/train/evaluate.hpp>
#include <nn/train/optimizer.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <optional>
#include <vector>

using namespace ramp::nn;
using ramp::Parameter, ramp::Shape, ramp::Tape, ramp::Tensor, ramp::Var;

namespace {

constexpr std::size_t count = 4;

// What a parameter, its gradient and its velocity should be: numbers that stand for all elements.
struct Expected {
  double w = 1, gradient = 0, velocity = 0;
  bool has = false;
  double elements = 1;
};

// The definition of SGD, written out for parameters of equal elements.
void reference_step(std::vector<Expected>& all, const SGDOptions& options) {
  double squares = 0;
  for (const Expected& p : all)
    if (p.has) squares += p.elements * p.gradient * p.gradient;
  const double norm = std::sqrt(squares);
  const double scale =
      options.clip_norm > 0 && norm > options.clip_norm ? options.clip_norm / norm : 1;
  for (Expected& p : all) {
    if (!p.has) continue;
    const double g = scale * p.gradient + options.weight_decay * p.w;
    p.velocity = options.momentum * p.velocity + g;
    p.w -= options.learning_rate(0) *
           (options.nesterov ? g + options.momentum * p.velocity : p.velocity);
    p.has = false;
  }
}

struct Training4 {
  explicit Training4(SGDOptions options) {
    const std::vector<Shape> shapes{Shape{}, Shape{3}, Shape{2, 2}, Shape{}};
    for (const Shape& shape : shapes) {
      parameters.emplace_back(std::to_string(parameters.size()) + "p", Tensor<double>(shape, 1.0));
      expected.push_back({.elements = static_cast<double>(shape.size())});
      all.push_back(&parameters.back());
    }
    sgd.emplace(all, options);
  }

  // A recording that reads some of them, of which the root is made of some.
  void backward(Tape<double>& tape, unsigned read, unsigned used, double slope, bool accumulate) {
    tape.clear();
    Var<double> root = tape.leaf(1.0) * 1.0;
    for (std::size_t k = 0; k < count; ++k) {
      if (!(read >> k & 1)) continue;
      const Var<double> w = tape.parameter(*all[k]);
      const Var<double> part = sum(w) * slope;
      if (used >> k & 1) root = root + part;
      Expected& e = expected[k];
      const bool reached = used >> k & 1;
      const double before = accumulate && e.has ? e.gradient : 0;
      e.gradient = before + (reached ? slope : 0);
      e.has = reached || (accumulate && e.has);
    }
    tape.backward(root, {.accumulate = accumulate});
  }

  void check() const {
    for (std::size_t k = 0; k < count; ++k) {
      CAPTURE(k);
      const Expected& e = expected[k];
      CHECK(all[k]->has_gradient() == e.has);
      for (const double g : all[k]->gradient()) CHECK(g == doctest::Approx(e.gradient));
      for (const double w : all[k]->value()) CHECK(w == doctest::Approx(e.w).epsilon(1e-9));
    }
  }

  std::deque<Parameter<double>> parameters;
  std::vector<Parameter<double>*> all;
  std::vector<Expected> expected;
  std::optional<SGD<double>> sgd;
};

const std::vector<SGDOptions> kinds{
    {.learning_rate = 0.1},
    {.learning_rate = 0.1, .weight_decay = 0.2},
    {.learning_rate = 0.1, .clip_norm = 0.7},
    {.learning_rate = 0.1, .momentum = 0.9},
    {.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.2, .clip_norm = 0.7},
    {.learning_rate = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 0.2, .clip_norm = 1}};

}  // namespace

TEST_CASE("two heads trained in turn: each step moves the head that was used") {
  Parameter<double> a("a", Tensor<double>({1}, {1})), b("b", Tensor<double>({1}, {1}));
  SGD<double> sgd({&a, &b}, {.learning_rate = 0.3});
  Tape<double> tape;
  tape.backward(sum(tape.parameter(a)));
  sgd.step();
  for (int i = 0; i < 2; ++i) {
    tape.clear();
    tape.backward(sum(tape.parameter(b)));
    sgd.step();
    CHECK(a.value()[0] == 0.7);
  }
  CHECK(b.value()[0] == doctest::Approx(0.4));
}

TEST_CASE("any order of backward, accumulate, step and zero_grad, on two tapes") {
  for (std::size_t kind = 0; kind < kinds.size(); ++kind)
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      CAPTURE(kind);
      CAPTURE(seed);
      Training4 t(kinds[kind]);
      Tape<double> tapes[2];
      Random random(seed);
      std::uint64_t steps = 0;
      for (int event = 0; event < 60; ++event) {
        CAPTURE(event);
        const auto what = random() % 8;
        if (what < 5) {
          const auto read = static_cast<unsigned>(random() % 16);
          const auto used = read & static_cast<unsigned>(random() % 16);
          t.backward(tapes[random() % 2], read, used, random.uniform(-1, 1), what < 2);
        } else if (what < 7) {
          for (const Expected& e : t.expected)
            if (e.has) {
              ++steps;
              break;
            }
          reference_step(t.expected, kinds[kind]);
          t.sgd->step();
        } else {
          if (random() % 2) {
            t.sgd->zero_grad();
            for (Expected& e : t.expected) e.gradient = 0, e.has = false;
          } else {  // one by hand
            const auto k = static_cast<std::size_t>(random() % count);
            for (double& g : t.all[k]->edit_gradient()) g += 0.25;
            t.expected[k].gradient = (t.expected[k].has ? t.expected[k].gradient : 0) + 0.25;
            t.expected[k].has = true;
          }
        }
        t.check();
        CHECK(t.sgd->steps() == steps);
      }
    }
}

TEST_CASE("a second step without a backward does nothing") {
  for (const SGDOptions& options : kinds) {
    Training4 t(options);
    Tape<double> tape;
    t.backward(tape, 15, 15, 0.5, false);
    t.sgd->step();
    const double w = t.all[1]->value()[0];
    const auto version = t.all[1]->version();
    const auto norm = t.sgd->step();
    CHECK(t.all[1]->value()[0] == w);
    CHECK(t.all[1]->version() == version);  // a tape that has read it stays good
    CHECK(t.all[1]->gradient()[0] == 0.5);  // to be looked at
    CHECK(t.sgd->steps() == 1);
    CHECK(norm.value_or(0) == 0);
  }
}

TEST_CASE("batches that read different parameters accumulate, step after step") {
  Parameter<double> a("a", Tensor<double>({2}, {0, 0})), b("b", Tensor<double>({}, {0}));
  SGD<double> sgd({&a, &b}, {.learning_rate = 1});
  Tape<double> tape;
  for (int step = 1; step <= 4; ++step) {
    for (const auto& [p, first] : {std::pair{&a, true}, {&b, false}, {&b, false}}) {
      tape.clear();
      tape.backward(sum(tape.parameter(*p)), {.accumulate = !first});
    }
    CHECK(a.gradient()[0] == 1);
    CHECK(b.gradient()[0] == 2);
    sgd.step();
    CHECK(a.value()[1] == -step);
    CHECK(b.value()[0] == -2 * step);
  }
}

TEST_CASE("behind a closed gate the gradient is there, and 0; without a way there is none") {
  Parameter<double> scalar("s", Tensor<double>({}, {-1})), row("r", Tensor<double>({2}, {-1, -1}));
  Parameter<double> late("l", Tensor<double>({2}));
  Tape<double> tape;
  const auto s = tape.parameter(scalar);
  const auto r = tape.parameter(row);
  const auto x = tape.leaf(2.0);
  const auto has = [&](const Var<double>& root, bool of_scalar, bool of_row) {
    tape.backward(root);
    CHECK(scalar.has_gradient() == of_scalar);
    CHECK(row.has_gradient() == of_row);
    CHECK_FALSE(late.has_gradient());
    CHECK(scalar.gradient()[0] == 0);
    CHECK(row.gradient()[1] == 0);
  };
  has(relu(s) + x, true, false);
  has(relu(s) + relu(sum(r)), true, true);
  has(relu(sum(relu(r)) - 1) * x, false, true);
  has(where(x > 0, x, sum(r) * s), true, true);
  has(x * x, false, false);
  has(where(s > 0, x, 2 * x), false, false);  // a condition passes nothing on
  has(sum(tape.constant({1.0, 2.0}) * x), false, false);
  const auto root = relu(s) + x;
  tape.parameter(late);  // read after the root
  has(root, true, false);
}

TEST_CASE("weight decay goes on where the hinge is satisfied, as in any shape") {
  for (const Shape& shape : {Shape{}, Shape{1}}) {
    Parameter<double> w("w", Tensor<double>(shape, 2.0));
    SGD<double> sgd({&w}, {.learning_rate = 0.1, .weight_decay = 0.5});
    Tape<double> tape;
    tape.backward(relu(1 - sum(tape.parameter(w))));
    sgd.step();
    CHECK(w.value()[0] == doctest::Approx(2 - 0.1 * 0.5 * 2));
  }
}

TEST_CASE("a backward that fails leaves no half gradient, and an accumulated one as it was") {
  Parameter<double> w("w", Tensor<double>({2}, {1, 0})), v("v", Tensor<double>({2}, {1, 2}));
  Tape<double> tape({.checked = true});
  const auto good = [&] { return sum(tape.parameter(w) + tape.parameter(v)); };
  // The slope of sqrt at 0 is infinite; v's gradient is written before.
  const auto bad = [&] { return sum(sqrt(tape.parameter(w)) * 1.0) + sum(tape.parameter(v)); };
  tape.backward(good());
  const auto wrong = bad();
  CHECK_THROWS_AS(tape.backward(wrong, {.accumulate = true}), ramp::NonFiniteError);
  for (const auto* p : {&w, &v}) {
    CHECK(p->has_gradient());
    CHECK(p->gradient()[0] == 1);
    CHECK(p->gradient()[1] == 1);
  }
  CHECK_THROWS_AS(tape.backward(wrong), ramp::NonFiniteError);
  CHECK_FALSE(w.has_gradient());
  CHECK_FALSE(v.has_gradient());
}

TEST_CASE("grad(), evaluate and a step that fails leave the gradients of this step alone") {
  Linear<double> model(2, 2, Random(1));
  const auto data = moons<double>(10, 0, 1);
  SGD<double> sgd(model.parameters(), {.learning_rate = 0.1, .clip_norm = 1});
  Tape<double> tape;
  const auto loss = cross_entropy(model(tape.borrow(data.inputs.view())), data.labels);
  const auto none = [&] {
    for (const auto* p : model.parameters()) CHECK_FALSE(p->has_gradient());
  };
  none();
  tape.grad(loss, {tape.parameter(model.weight())});
  evaluate(model, data);
  none();
  tape.backward(loss);
  const Tensor<double> before = model.weight().gradient();
  tape.grad(loss * 3.0, {tape.parameter(model.weight())});
  CHECK(model.weight().has_gradient());
  CHECK(std::ranges::equal(before, model.weight().gradient()));
  model.weight().edit_gradient()[0] = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(sgd.step(), NonFiniteError);
  CHECK(model.weight().has_gradient());
  model.zero_grad();
  none();
  for (const double g : model.weight().gradient()) CHECK(g == 0);
}

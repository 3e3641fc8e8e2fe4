// predict, evaluate, and the mode that a model is in meanwhile.
#include <nn/data/synthetic.hpp>
#include <nn/model/sequential.hpp>
#include <nn/train/evaluate.hpp>

#include "support/plane.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

using namespace ramp::nn;
using doctest::Approx;
using doctest::Contains;
using ramp::Parameter, ramp::Shape, ramp::Tape, ramp::Tensor, ramp::Var, ramp::View;

namespace {

// Notes what it sees.
struct Probe : Module<double> {
  Probe() : Module("probe") {}
  void members(Members<double>& m) override { m("scale", scale); }
  Var<double> forward(const Var<double>& x) override {
    if (x.shape()[0] == fails_at) throw std::runtime_error("failed");
    const auto y = x * x.tape().parameter(scale);
    varies = y.varies();
    trained = trained || this->training();
    rows.push_back(x.shape()[0]);
    return y;
  }
  Parameter<double> scale{"scale", Tensor<double>(Shape{2}, 1.0)};
  bool varies = false, trained = false;
  std::vector<std::size_t> rows;
  std::size_t fails_at = 0;
};

struct Parts : Module<double> {
  void members(Members<double>& m) override { m("first", first), m("second", second); }
  Var<double> forward(const Var<double>& x) override { return second(first(x)); }
  Probe first, second;
};

// Gives these rows, whatever comes in.
struct Fixed : Module<double> {
  explicit Fixed(Tensor<double> its) : outputs(std::move(its)) {}
  Var<double> forward(const Var<double>& x) override { return x.tape().constant(outputs); }
  Tensor<double> outputs;
};

// x and 2 x, on an axis of their own.
struct Shaped : Module<double> {
  Var<double> forward(const Var<double>& x) override {
    return reshape(ramp::concat({x, 2 * x}, 1), Shape{x.shape()[0], 2, x.shape()[1]});
  }
};

Tensor<double> numbered(const Shape& shape) {
  Tensor<double> x(shape);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i);
  return x;
}

}  // namespace

TEST_CASE_TEMPLATE("predict gives what the model gives, for any batch size", T, float, double) {
  MLP<T> model({2, 7, 3}, {.dropout = 0.5, .seed = 1});
  const Dataset<T> data = moons<T>(11, 0.1, 1);
  const Tensor<T> whole = predict(model, data.inputs, 11);
  REQUIRE(whole.shape() == Shape{11, 3});
  Tape<T> tape;
  model.eval();
  const auto expected = model(tape.borrow(data.inputs.view()));
  for (std::size_t i = 0; i < whole.size(); ++i)
    CHECK(whole[i] == Approx(expected.view()[i]).epsilon(1e-5));
  for (const std::size_t batch : {1u, 2u, 3u, 10u, 12u, 256u}) {
    const Tensor<T> cut = predict(model, data.inputs, batch);
    REQUIRE(cut.shape() == whole.shape());
    for (std::size_t i = 0; i < whole.size(); ++i) CHECK(cut[i] == Approx(whole[i]).epsilon(1e-5));
  }
}

TEST_CASE("rows of any rank go in and come out, in batches as asked for") {
  Probe probe;
  for (const Shape& shape : {Shape{5, 2}, Shape{5, 3, 2}, Shape{5, 1, 3, 2}}) {
    probe.rows.clear();
    const Tensor<double> x = numbered(shape), y = predict(probe, x, 2);
    CHECK(y.shape() == shape);
    CHECK(std::ranges::equal(x, y));
    CHECK(probe.rows == std::vector<std::size_t>{2, 2, 1});
  }
  Shaped shaped;
  const Tensor<double> x = numbered(Shape{3, 2}), y = predict(shaped, x, 2);
  REQUIRE(y.shape() == Shape{3, 2, 2});
  CHECK(y[4] == 2);
  CHECK(y[10] == 8);
  struct Halved : Module<double> {
    Var<double> forward(const Var<double>& in) override { return in / 2; }
  } halved;
  CHECK(std::ranges::equal(predict(halved, numbered(Shape{3}), 2), std::vector{0.0, 0.5, 1.0}));
}

TEST_CASE("what predict refuses") {
  Probe probe;
  CHECK_THROWS_WITH_AS(predict(probe, Tensor<double>()), Contains("the inputs are a scalar"),
                       ramp::ShapeError);
  CHECK_THROWS_WITH_AS(predict(probe, Tensor<double>(Shape{0, 2})), Contains("(0, 2): no rows"),
                       ramp::ShapeError);
  CHECK_THROWS_WITH_AS(predict(probe, numbered(Shape{2, 2}), 0), Contains("batch size 0"),
                       ramp::ValueError);
  struct Sums : Module<double> {
    Var<double> forward(const Var<double>& x) override { return sum(x); }
  } sums;
  CHECK_THROWS_WITH_AS(predict(sums, numbered(Shape{2, 2})),
                       Contains("outputs () for 2 rows: the model must give a row for each"),
                       ramp::ShapeError);
}

TEST_CASE("meanwhile the model is in eval() mode, and then each part is in the mode it had") {
  const Dataset<double> data = moons<double>(10, 0.1, 1);
  for (int modes = 0; modes < 8; ++modes) {
    Parts model;
    Module<double>* const modules[]{&model, &model.first, &model.second};
    for (int i = 0; i < 3; ++i) modules[i]->set_mode((modes >> i) % 2);
    const auto unchanged = [&] {
      for (int i = 0; i < 3; ++i) CHECK(modules[i]->training() == ((modes >> i) % 2 == 1));
    };
    {
      const EvalMode<double> mode(model);
      for (const auto* module : modules) CHECK_FALSE(module->training());
    }
    unchanged();
    predict(model, data.inputs);
    evaluate(model, data);
    CHECK_FALSE(model.first.trained);
    CHECK_FALSE(model.second.trained);
    unchanged();
    model.second.fails_at = 4;
    CHECK_THROWS_WITH(predict(model, data.inputs, 6), "failed");  // 6 and 4 rows
    unchanged();
    CHECK_THROWS_WITH(evaluate(model, data, "cross_entropy", {}, 6), "failed");
    unchanged();
  }
}

TEST_CASE("dropout and normalization neither draw nor learn while they are evaluated") {
  const Dataset<float> data = moons<float>(20, 0.1, 1);
  Random random(1);
  Sequential<float> model(Linear<float>(2, 6, random), BatchNorm1d<float>(6), Dropout<float>(0.5),
                          Linear<float>(6, 2, random));
  Sequential<float> before = model;
  CHECK(std::ranges::equal(predict(model, data.inputs, 7), predict(model, data.inputs, 7)));
  CHECK(evaluate(model, data) == evaluate(model, data));
  const Members<float> a = model.contents(), b = before.contents();
  REQUIRE(a.buffers.size() == 2);
  REQUIRE(a.generators.size() == 1);
  for (std::size_t i = 0; i < 2; ++i)
    CHECK(std::ranges::equal(*a.buffers[i].buffer, *b.buffers[i].buffer));
  CHECK(a.generators[0].generator->state() == b.generators[0].generator->state());
}

TEST_CASE("evaluate refuses a metric that is called as the loss is") {
  const Dataset<double> data = moons<double>(10, 0.1, 1);
  MLP<double> model({2, 4, 2}, {.seed = 1});
  const std::vector<Metric<double>> metrics{{[](auto, auto&) { return 42.0; }, "loss"}};
  CHECK_THROWS_WITH_AS((void)evaluate(model, data, "cross_entropy", metrics),
                       "[evaluate] a metric is called 'loss', as the loss is: give it another name",
                       ramp::ValueError);
}

TEST_CASE("evaluate weighs each sample alike, and leaves no gradients") {
  const Dataset<double> data = moons<double>(10, 0.1, 1);
  MLP<double> model({2, 4, 2}, {.seed = 1});
  for (auto* p : model.parameters()) std::ranges::fill(p->edit_gradient(), 7.0);
  const std::vector<Metric<double>> metrics{"accuracy", "f1", "auc"};
  const Scores whole = evaluate(model, data, "cross_entropy", metrics, 10);
  CHECK(whole.size() == 4);
  for (const std::size_t batch : {std::size_t{1}, std::size_t{3}, std::size_t{4}, SIZE_MAX}) {
    const Scores cut = evaluate(model, data, "cross_entropy", metrics, batch);
    for (const auto& [name, value] : whole) CHECK(cut.at(name) == Approx(value).epsilon(1e-12));
  }
  for (const auto* p : model.parameters())
    for (const double g : p->gradient()) CHECK(g == 7.0);
  CHECK_THROWS_AS(evaluate(model, data, "cross_entropy", {}, 0), ramp::ValueError);
  Probe probe;
  evaluate(probe, data);
  CHECK_FALSE(probe.varies);
}

TEST_CASE("the loss and the accuracy, against numbers by hand") {
  Dataset<double> two;
  two.inputs = Tensor<double>(Shape{6, 1});
  two.labels = {0, 1, 1, 0, 1, 0};
  two.classes = 2;
  two.set_targets(0, 1);
  Fixed one(Tensor<double>(Shape{6, 1}, {0.4, 0.4, 0.6, 0.6, 0.5, 0.5}));
  const Metric<double> by_half(
      [](View<const double> y, const Batch<double>& all) { return accuracy(y, all.labels, 0.5); },
      "by half");
  const Scores scores = evaluate(one, two, "mse", {by_half});
  CHECK(scores.at("by half") == Approx(3.0 / 6));  // 0.5 counts as class 0
  CHECK(scores.at("loss") == Approx((0.16 + 0.36 + 0.16 + 0.36 + 0.25 + 0.25) / 6));
  CHECK(scores.size() == 2);
  CHECK(evaluate(one, two, "bce_with_logits").at("accuracy") == Approx(0.5));  // all above 0

  const double nan = std::numeric_limits<double>::quiet_NaN();
  Dataset<double> three = two;
  three.classes = 3;
  three.labels = {0, 1, 2, 0, 1, 0};
  Fixed rows(Tensor<double>(Shape{6, 3}, {5, 1, 1,    // right
                                          0, 0, 1,    // wrong
                                          0, 1, 1,    // a tie: the first, so wrong
                                          2, 2, 0,    // a tie: right
                                          nan, 9, 0,  // NaN: wrong
                                          1, nan, 0}));
  CHECK(evaluate(rows, three).at("accuracy") == Approx(2.0 / 6));
}

TEST_CASE("without metrics, accuracy where it is defined, and nothing elsewhere") {
  const Dataset<double> data = moons<double>(6, 0, 1);
  const auto names = [&](const Shape& outputs, const Dataset<double>& set) {
    Fixed model((Tensor<double>(outputs)));
    const Loss<double> nothing([](const Var<double>& y, const Batch<double>&) { return sum(y); });
    return evaluate(model, set, nothing).contains("accuracy");
  };
  CHECK(names(Shape{6, 2}, data));
  CHECK(names(Shape{6, 1}, data));
  CHECK_FALSE(names(Shape{6, 3}, data));
  CHECK_FALSE(names(Shape{6}, data));
  CHECK_FALSE(names(Shape{6, 2, 1}, data));
  Dataset<double> three = data;
  three.classes = 3;
  CHECK(names(Shape{6, 3}, three));
  CHECK_FALSE(names(Shape{6, 1}, three));
  CHECK_FALSE(names(Shape{6, 2}, three));
  CHECK_FALSE(names(Shape{6, 1}, plane<double>(6)));  // no labels
}

TEST_CASE("what evaluate refuses") {
  MLP<float> model({2, 4, 2});
  CHECK_THROWS_WITH_AS(evaluate(model, plane<float>(10)), Contains("has no labels"), DataError);
  CHECK_THROWS_WITH_AS(evaluate(model, moons<float>(10).take(0)), Contains("the set is empty"),
                       DataError);
  Dataset<float> broken = moons<float>(10);
  broken.labels[3] = 2;
  CHECK_THROWS_WITH_AS(evaluate(model, broken), Contains("label 2 in row 3"), DataError);
}

TEST_CASE("outputs whose width depends on the number of rows are refused") {
  struct Gram : Module<double> {
    Gram() : Module("gram") {}
    void members(Members<double>&) override {}
    Var<double> forward(const Var<double>& x) override { return matmul(x, transpose(x)); }
  } gram;
  const Tensor<double> x({3, 1}, 2.0);
  CHECK(predict(gram, x).size() == 9);
  CHECK_THROWS_WITH_AS(predict(gram, x, 2), Contains("the rows from 2 on give (1, 1)"),
                       ramp::ShapeError);
}

TEST_CASE("a loss with class weights is one mean over all rows, whatever the batches") {
  MLP<double> model({2, 5, 2}, {.seed = 3});
  const Dataset<double> data = moons<double>(11, 0.1, 1);
  const Loss<double> weighted([](const Var<double>& scores, const Batch<double>& batch) {
    return cross_entropy(scores, batch.labels, {.weights = {1, 7}});
  });
  const Tensor<double> scores = predict(model, data.inputs);
  double sum = 0, weights = 0;
  for (std::size_t i = 0; i < data.labels.size(); ++i) {
    const double own = scores[2 * i + static_cast<std::size_t>(data.labels[i])],
                 other = scores[2 * i + 1 - static_cast<std::size_t>(data.labels[i])],
                 w = data.labels[i] == 1 ? 7 : 1;
    sum += w * std::log1p(std::exp(other - own));
    weights += w;
  }
  for (const std::size_t batch : {1u, 2u, 4u, 11u, 256u})
    CHECK(evaluate(model, data, weighted, {}, batch).at("loss") == Approx(sum / weights));
}

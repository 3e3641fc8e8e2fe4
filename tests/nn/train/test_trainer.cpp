#include <autodiff/inspect/dot.hpp>
#include <nn/nn.hpp>

#include "support/plane.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

using namespace ramp::nn;
using doctest::Approx;
using doctest::Contains;
using ramp::Shape, ramp::Tape, ramp::Tensor, ramp::Var;

namespace {

std::vector<double> losses(const TrainingResult& training) {
  std::vector<double> all;
  for (const EpochInfo& epoch : training.epochs) all.push_back(epoch.train_loss);
  return all;
}

// Notes whether what it records has gradients.
struct Probe : Module<double> {
  Probe() : Module("probe"), scale_(add_parameter("scale", Tensor<double>({2}, 1))) {}
  Var<double> forward(const Var<double>& x) override {
    const auto y = x * x.tape().parameter(scale_);
    varies = y.varies();
    return y;
  }
  ramp::Parameter<double>& scale_;
  bool varies = false;
};

// Numbers that no training changes, whatever comes in.
struct Fixed : Module<double> {
  explicit Fixed(Tensor<double> outputs)
      : Module("fixed"), outputs_(add_parameter("outputs", std::move(outputs))) {}
  Var<double> forward(const Var<double>& x) override { return x.tape().parameter(outputs_); }
  ramp::Parameter<double>& outputs_;
};

}  // namespace

TEST_CASE_TEMPLATE("a linear model finds the plane", T, float, double) {
  const Dataset<T> data = plane<T>(200);
  Linear<T> model(2, 1, Random(1));
  Trainer<T> trainer(model, data,
                     {.loss = Loss::mse, .sgd = {.learning_rate = 0.05}, .epochs = 40});
  const TrainingResult training = trainer.run();
  CHECK(training.epochs.size() == 40);
  CHECK(training.epochs.back().train_loss < 1e-5);
  CHECK_FALSE(training.epochs.back().train_accuracy);
  CHECK_FALSE(training.epochs.back().test_loss);
  CHECK(model.weight().value()[0] == Approx(2).epsilon(1e-3));
  CHECK(model.weight().value()[1] == Approx(-1).epsilon(1e-3));
  CHECK(model.bias()->value()[0] == Approx(0.5).epsilon(1e-3));
}

TEST_CASE("the trainer does what a loop written out does, to the last bit") {
  const Dataset<float> data = spiral<float>(100, 0, 1);
  MLP<float> a({2, 8, 2}, {.seed = 4}), b({2, 8, 2}, {.seed = 4});
  const SGDOptions sgd{.learning_rate = 0.1, .momentum = 0.9};
  Trainer<float> trainer(a, data, {.sgd = sgd, .epochs = 3, .batch_size = 32, .seed = 7});
  const TrainingResult training = trainer.run();

  Loader<float> loader(data, 32, 7);
  SGD<float> optimizer(b.parameters(), sgd);
  Tape<float> tape;
  double last = 0;
  for (std::uint64_t epoch = 0; epoch < 3; ++epoch) {
    last = 0;
    for (const auto& batch : loader.epoch(epoch)) {  // 32, 32, 32, 4
      tape.clear();
      const auto loss = ramp::nn::cross_entropy(b(tape.borrow(batch.inputs)), batch.labels);
      tape.backward(loss);
      optimizer.step();
      last += static_cast<double>(loss.item()) * static_cast<double>(batch.size()) / 100;
    }
  }
  CHECK(training.epochs.back().train_loss == Approx(last).epsilon(1e-12));
  CHECK(training.epochs.back().steps == 12);
  CHECK(training.epochs.back().samples == 100);
  for (std::size_t i = 0; i < a.parameters().size(); ++i)
    CHECK(std::ranges::equal(a.parameters()[i]->value(), b.parameters()[i]->value()));
}

TEST_CASE("the spiral is learnt: 99 % of points that the model has not seen") {
  const auto data = spiral<float>(2000, 0, 1).split(0.5, 2);
  MLP<float> model({2, 32, 32, 2}, {.activation = Activation::tanh, .seed = 3});
  Trainer<float> trainer(
      model, data.train,
      {.sgd = {.learning_rate = 0.1, .momentum = 0.9}, .epochs = 200, .batch_size = 32});
  const TrainingResult training = trainer.run(&data.test);
  CHECK(*training.epochs.back().test_accuracy >= 0.99);
  CHECK(*training.epochs.back().train_accuracy >= 0.99);
  const Evaluation found = evaluate(model, data.test);
  CHECK(found.accuracy == training.epochs.back().test_accuracy);
  CHECK(found.loss == Approx(*training.epochs.back().test_loss));
}

TEST_CASE("two classes by one output: hinge, squared error, binary cross-entropy") {
  for (const Loss loss : {Loss::hinge, Loss::mse, Loss::bce})
    for (const bool zero_one : {false, true}) {
      if (loss == Loss::hinge && zero_one) continue;
      if (loss == Loss::bce && !zero_one) continue;
      CAPTURE(to_string(loss));
      CAPTURE(zero_one);
      Dataset<double> data = moons<double>(300, 0.05, 1);
      if (zero_one) data.set_targets(0, 1);
      MLP<double> model({2, 16, 16, 1}, {.seed = 1});
      Trainer<double> trainer(model, data,
                              {.loss = loss,
                               .sgd = {.learning_rate = 0.1, .momentum = 0.9},
                               .epochs = 60,
                               .batch_size = 30});
      const TrainingResult training = trainer.run(&data);
      CHECK(*training.epochs.back().train_accuracy >= 0.99);
      CHECK(*training.epochs.back().test_accuracy >= 0.99);
    }
}

TEST_CASE("the same seeds give the same losses, bit for bit") {
  const Dataset<float> data = moons<float>(200, 0.1, 1);
  const auto train = [&](std::uint64_t weights, std::uint64_t order) {
    MLP<float> model({2, 16, 2}, {.seed = weights});
    Trainer<float> trainer(model, data, {.epochs = 5, .batch_size = 32, .seed = order});
    return losses(trainer.run());
  };
  CHECK(train(1, 1) == train(1, 1));
  CHECK(train(1, 1) != train(2, 1));
  CHECK(train(1, 1) != train(1, 2));

  MLP<float> model({2, 16, 2}, {.seed = 1});  // in two runs, the second going on
  Trainer<float> trainer(model, data, {.epochs = 3, .batch_size = 32, .seed = 1});
  std::vector<double> both = losses(trainer.run());
  const TrainingResult second = trainer.run();
  CHECK(second.epochs[0].epoch == 3);
  CHECK(second.epochs.back().steps == 6 * 7);
  for (const double loss : losses(second)) both.push_back(loss);
  MLP<float> other({2, 16, 2}, {.seed = 1});
  Trainer<float> at_once(other, data, {.epochs = 6, .batch_size = 32, .seed = 1});
  CHECK(losses(at_once.run()) == both);
}

TEST_CASE("a step can be watched, drawn and stopped before its update") {
  const Dataset<float> data = moons<float>(100, 0, 1);
  MLP<float> model({2, 4, 2}, {.seed = 1});
  Trainer<float> trainer(model, data,
                         {.sgd = {.learning_rate = step_decay(0.5, 1, 0.5)}, .batch_size = 10});
  std::string dot;
  std::vector<std::uint64_t> steps;
  std::vector<float> weight;
  trainer.on_step([&](const StepInfo<float>& info) {
    CHECK(info.batch.size() == 10);
    CHECK(info.outputs.shape() == Shape{10, 2});
    CHECK(info.loss_value == static_cast<double>(info.loss.item()));
    CHECK(&info.loss.tape() == &trainer.tape());
    CHECK(info.learning_rate == std::pow(0.5, static_cast<double>(info.step + 1)));
    steps.push_back(info.step);
    dot = to_dot(info.loss);
    weight.assign(model.parameters()[0]->value().begin(), model.parameters()[0]->value().end());
    const Tensor<float> gradient = model.parameters()[0]->gradient();
    info.loss.tape().backward(info.loss, {.retain = true});
    CHECK(std::ranges::equal(gradient, model.parameters()[0]->gradient()));
    return info.step < 12;
  });
  const TrainingResult training = trainer.run();
  CHECK(training.stop == Stop::callback);
  CHECK(training.epochs.size() == 1);  // the second was cut short
  CHECK(steps.size() == 13);
  CHECK(trainer.optimizer().steps() == 12);
  CHECK(std::ranges::equal(weight, model.parameters()[0]->value()));
  for (const char* part : {"inputs", "layer0.weight", "layer1.bias", "cross_entropy", "mean"})
    CHECK(dot.find(part) != dot.npos);
}

TEST_CASE("an epoch's report, and stopping after one") {
  const auto data = moons<double>(120, 0, 1).split(0.5, 1);
  MLP<double> model({2, 4, 2}, {.seed = 1});
  Trainer<double> trainer(model, data.train,
                          {.sgd = {.learning_rate = 0.25}, .batch_size = 32, .drop_last = true});
  std::vector<std::uint64_t> epochs;
  trainer.on_epoch([&](const EpochInfo& info) {
    epochs.push_back(info.epoch);
    CHECK(info.steps == info.epoch + 1);  // 32 of 60
    CHECK(info.samples == 32);
    CHECK(info.learning_rate == 0.25);
    CHECK(info.seconds > 0);
    CHECK(info.test_seconds > 0);
    CHECK(info.train_accuracy.has_value());
    const Evaluation found = evaluate(model, data.test, Loss::cross_entropy, 7);
    CHECK(*info.test_loss == Approx(found.loss).epsilon(1e-12));
    CHECK(info.test_accuracy == found.accuracy);
    return info.epoch < 2;
  });
  const TrainingResult training = trainer.run(&data.test);
  CHECK(training.stop == Stop::callback);
  CHECK(epochs == std::vector<std::uint64_t>{0, 1, 2});
  CHECK(training.epochs.size() == 3);
}

TEST_CASE("accuracy counts what is right, ties and NaN included") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Dataset<double> data;
  data.classes = 3;
  data.labels = {0, 1, 2, 0, 1, 0};
  data.inputs = Tensor<double>({6, 1});
  Fixed model(Tensor<double>({6, 3}, {5, 1, 1,    // right
                                      0, 0, 1,    // wrong
                                      0, 1, 1,    // a tie: the first, so wrong
                                      2, 2, 0,    // a tie: right
                                      nan, 9, 0,  // NaN
                                      1, nan, 0}));
  const Accuracy<double> accuracy(Loss::cross_entropy, data);
  CHECK(*accuracy.correct(model.outputs_.value().view(), data.labels) == 2);

  Dataset<double> two = data;
  two.classes = 2;
  two.labels = {0, 1, 1, 0, 1, 0};
  two.set_targets(0, 1);
  Fixed one(Tensor<double>({6, 1}, {0.4, 0.4, 0.6, 0.6, 0.5, 0.5}));
  const Evaluation by_half = evaluate(one, two, Loss::mse);  // 0.5 counts as class 0
  CHECK(*by_half.accuracy == Approx(3.0 / 6));
  CHECK(by_half.loss == Approx((0.16 + 0.36 + 0.16 + 0.36 + 0.25 + 0.25) / 6));
  CHECK(*evaluate(one, two, Loss::bce).accuracy == Approx(3.0 / 6));  // all above 0: class 1
  const Accuracy<double> logits(Loss::bce, two);  // a score of 0 is a probability of one half
  const Tensor<double> scores({2, 1}, {0.25, -0.25});
  const std::vector<std::int32_t> one_zero{1, 0}, zero_one{0, 1};
  CHECK(*logits.correct(scores.view(), one_zero) == 2);
  CHECK(*logits.correct(scores.view(), zero_one) == 0);
  Fixed wide(Tensor<double>({6, 4}));
  CHECK_FALSE(accuracy.correct(wide.outputs_.value().view(), data.labels));  // not 3, not 1
  CHECK_FALSE(accuracy.correct(model.outputs_.value().view(), {}));  // nothing to compare with
  const Tensor<double> row({3});
  CHECK_FALSE(accuracy.correct(row.view(), std::vector<std::int32_t>{0}));
}

TEST_CASE("evaluate weighs each sample alike, and leaves no gradients") {
  const Dataset<double> data = moons<double>(10, 0.1, 1);
  MLP<double> model({2, 4, 2}, {.seed = 1});
  for (auto* p : model.parameters()) std::ranges::fill(p->edit_gradient(), 7.0);
  const Evaluation whole = evaluate(model, data, Loss::cross_entropy, 10);
  for (const std::size_t batch : {1u, 3u, 4u, 100u}) {
    const Evaluation cut = evaluate(model, data, Loss::cross_entropy, batch);
    CHECK(cut.loss == Approx(whole.loss).epsilon(1e-12));
    CHECK(cut.accuracy == whole.accuracy);
  }
  for (const auto* p : model.parameters())
    for (const double g : p->gradient()) CHECK(g == 7.0);
  CHECK_THROWS_AS(evaluate(model, data, Loss::cross_entropy, 0), ramp::ValueError);
  Probe probe;
  evaluate(probe, data);
  CHECK_FALSE(probe.varies);
  Trainer<double>(probe, data, {.epochs = 1}).run();
  CHECK(probe.varies);
}

TEST_CASE("a set must have what the loss compares with, and outputs must fit") {
  const Dataset<float> regression = plane<float>(10);
  Dataset<float> labelled = moons<float>(10, 0, 1);
  MLP<float> two({2, 4, 2}), one({2, 4, 1});
  CHECK_THROWS_WITH_AS(Trainer<float>(two, regression), Contains("has no labels"), DataError);
  CHECK_THROWS_WITH_AS(evaluate(two, regression), Contains("has no labels"), DataError);
  Trainer<float> mismatch(two, labelled, {.loss = Loss::hinge});
  CHECK_THROWS_WITH_AS(mismatch.run(), Contains("outputs (10, 2), targets (10, 1)"),
                       ramp::ShapeError);
  Trainer<float> out_of_range(one, labelled);
  CHECK_THROWS_AS(out_of_range.run(), ramp::IndexError);
  labelled.targets = Tensor<float>({0, 0});
  CHECK_THROWS_WITH_AS(Trainer<float>(one, labelled, {.loss = Loss::bce}),
                       Contains("has no targets"), DataError);
  CHECK_THROWS_AS(Trainer<float>(two, labelled, {.batch_size = 0}), ramp::ValueError);
  Sequential<float> empty;
  CHECK_THROWS_WITH_AS(Trainer<float>(empty, labelled), Contains("no parameters"),
                       ramp::ValueError);
}

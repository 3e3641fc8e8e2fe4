// How a training ends, goes on, and fails.
#include <nn/nn.hpp>

#include "support/plane.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

using namespace ramp::nn;
using doctest::Contains;
using ramp::Var;

TEST_CASE("training stops early when the test set gets no better") {
  // The test set wants the opposite of the training set: it only gets worse.
  const Dataset<double> train = plane<double>(100);
  Dataset<double> test = train;
  for (double& y : test.targets) y = -y;
  const auto run = [&](std::uint64_t patience, const Dataset<double>& watched) {
    Linear<double> model(2, 1, Random(1), {.init = Init::zeros});
    Trainer<double> trainer(
        model, train,
        {.loss = Loss::mse, .sgd = {.learning_rate = 0.001}, .epochs = 20, .patience = patience});
    return trainer.run(&watched);
  };
  CHECK(run(3, test).stop == Stop::early);
  CHECK(run(3, test).epochs.size() == 4);
  CHECK(run(3, test).best == 0);
  CHECK(run(0, test).stop == Stop::finished);
  CHECK(run(0, test).epochs.size() == 20);
  CHECK(run(3, train).stop == Stop::finished);
  CHECK(run(3, train).best == 19);
}

TEST_CASE("early stopping can watch the accuracy, and needs something to watch") {
  const Dataset<double> data = gauss<double>(100, 0, 1);  // right from the first epoch on
  const TrainerOptions options{.epochs = 20, .patience = 2, .watch = Watch::accuracy};
  MLP<double> model({2, 4, 2}, {.seed = 1});
  Trainer<double> trainer(model, data, options);
  CHECK_THROWS_WITH_AS(trainer.run(), Contains("patience needs a test set"), ramp::ValueError);
  Trainer<double> impatient(model, data, {.epochs = 1, .patience = 1});
  CHECK_THROWS_WITH_AS(impatient.run(), Contains("patience needs a test set"), ramp::ValueError);
  const TrainingResult training = trainer.run(&data);
  CHECK(training.stop == Stop::early);
  CHECK(*training.epochs[training.best].test_accuracy == 1);
  CHECK(training.epochs.size() == training.best + 3);

  const Dataset<double> regression = plane<double>(20);
  Linear<double> line(2, 1, Random(1));
  Trainer<double> other(line, regression,
                        {.loss = Loss::mse, .patience = 2, .watch = Watch::accuracy});
  CHECK_THROWS_WITH_AS(other.run(&regression), Contains("no accuracy to watch"), ramp::ValueError);
}

TEST_CASE("a loss that isn't finite is an error that says when, and what to try") {
  const Dataset<float> data = plane<float>(100);
  // A parabola, on which a rate over 2 / curvature overshoots by more in each step.
  Linear<float> model(2, 1, Random(1));
  Trainer<float> trainer(model, data,
                         {.loss = Loss::mse, .sgd = {.learning_rate = 1000}, .batch_size = 10});
  CHECK_THROWS_WITH_AS(trainer.run(), Contains("lower the learning rate, now 1000"),
                       NonFiniteError);
  CHECK(trainer.optimizer().steps() > 0);

  Dataset<float> broken = plane<float>(10);
  broken.inputs[4] = std::numeric_limits<float>::quiet_NaN();
  MLP<float> fresh({2, 8, 1}, {.seed = 1});
  const float before = fresh.parameters()[0]->value()[0];
  Trainer<float> other(fresh, broken, {.loss = Loss::mse});
  CHECK_THROWS_WITH_AS(other.run(), Contains("the inputs have nan in row 2, column 0"),
                       NonFiniteError);
  CHECK(fresh.parameters()[0]->value()[0] == before);
}

TEST_CASE("a number of the data that isn't finite is named, wherever it stands") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const std::size_t row : {0u, 7u, 19u})
    for (const bool target : {false, true})
      for (const double bad : {nan, infinity, -infinity}) {
        Dataset<double> data = plane<double>(20);
        data.name = "set";
        const std::size_t column = target ? 0 : row % 2;
        (target ? data.targets[row] : data.inputs[2 * row + column]) = bad;
        const std::string message =
            fmt::format("[train] set: the {} have {} in row {}, column {}, seen in epoch 1",
                        target ? "targets" : "inputs", std::isnan(bad) ? nan : bad, row, column);
        CAPTURE(message);
        Linear<double> model(2, 1, Random(1));
        const TrainerOptions options{.loss = Loss::mse, .batch_size = 8};
        Trainer<double> trainer(model, data, options);
        CHECK_THROWS_WITH_AS(trainer.run(), Contains(message.c_str()), NonFiniteError);

        const Dataset<double> good = plane<double>(20);  // the set to test on has it
        Trainer<double> tested(model, good, options);
        CHECK_THROWS_WITH_AS(tested.run(&data), Contains(message.c_str()), NonFiniteError);
      }
}

TEST_CASE("epochs and steps are counted from 1 where an error tells of them") {
  const Dataset<double> data = plane<double>(20);
  Linear<double> model(2, 1, Random(1));
  Trainer<double> trainer(model, data, {.loss = Loss::mse, .epochs = 5, .batch_size = 10});
  trainer.on_step([&](const StepInfo<double>& step) {
    if (step.step == 4) std::ranges::fill(model.weight().edit_gradient(), 1e200);
    return true;
  });
  CHECK_THROWS_WITH_AS(trainer.run(), Contains("the loss is inf in epoch 3, at step 6: "),
                       NonFiniteError);
}

TEST_CASE("a second run goes on: its epochs, its best one, and one that was cut short") {
  const Dataset<double> data = plane<double>(40);
  Linear<double> model(2, 1, Random(1), {.init = Init::zeros});
  Trainer<double> trainer(model, data,
                          {.loss = Loss::mse,
                           .sgd = {.learning_rate =
                                       [](std::uint64_t step) {
                                         return step < 9 ? 0.01
                                                         : 1.0;  // from then on it gets worse
                                       }},
                           .epochs = 3,
                           .batch_size = 20});
  const auto numbers = [](const TrainingResult& training) {
    std::vector<std::uint64_t> all;
    for (const EpochInfo& epoch : training.epochs) all.push_back(epoch.epoch);
    return all;
  };
  using Numbers = std::vector<std::uint64_t>;
  const TrainingResult first = trainer.run(&data);
  CHECK(numbers(first) == Numbers{0, 1, 2});
  CHECK(first.best == 2);
  const TrainingResult second = trainer.run(&data);
  CHECK(numbers(second) == Numbers{3, 4, 5});
  CHECK(second.best == 0);  // a place in its own epochs, whatever the first run had
  CHECK(second.epochs[0].test_loss < first.epochs[2].test_loss);

  trainer.on_epoch([](const EpochInfo& epoch) { return epoch.epoch < 7; });
  CHECK(numbers(trainer.run()) == Numbers{6, 7});  // stopped after its second
  std::uint64_t cut = 8;
  trainer.on_step([&](const StepInfo<double>& step) { return step.epoch != cut; });
  CHECK(numbers(trainer.run()).empty());
  cut = 100;
  trainer.on_epoch([](const EpochInfo&) { return true; });
  CHECK(numbers(trainer.run()) == Numbers{8, 9, 10});
}

TEST_CASE("a first epoch whose test loss is no number isn't the best") {
  struct Starts : Module<double> {  // with NaN for the rows of the test set, once
    Starts() : Module("starts"), inner(add<Linear<double>>("inner", 2, 1, Random(1))) {}
    Var<double> forward(const Var<double>& x) override {
      const Var<double> y = inner(x);
      if (x.shape()[0] != 7 || seen++ > 0) return y;
      return y * std::numeric_limits<double>::quiet_NaN();
    }
    Linear<double>& inner;
    int seen = 0;
  } model;
  const Dataset<double> train = plane<double>(10), test = train.take(7);
  Trainer<double> trainer(model, train, {.loss = Loss::mse, .epochs = 3, .patience = 2});
  const TrainingResult training = trainer.run(&test);
  REQUIRE(training.epochs.size() == 3);
  CHECK(std::isnan(*training.epochs[0].test_loss));
  CHECK(training.best > 0);
}

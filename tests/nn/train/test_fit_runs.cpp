// How a training ends, what is best, and how it fails.
#include <nn/data/synthetic.hpp>
#include <nn/model/sequential.hpp>
#include <nn/train/fit.hpp>

#include "support/plane.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace ramp::nn;
using doctest::Approx;
using doctest::Contains;
using ramp::Tensor, ramp::Var;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

// Trains a line without noise from zeros.
struct Line {
  explicit Line(SGDOptions options) : sgd(model.parameters(), std::move(options)) {}
  Linear<double> model{2, 1, Random(1), {.init = "zeros"}};
  SGD<double> sgd;
};

}  // namespace

TEST_CASE("training stops early when the validation set gets no better") {
  // The validation set wants the opposite of the training set: it only gets worse.
  const Dataset<double> train = plane<double>(100);
  Dataset<double> valid = train;
  for (double& y : valid.targets) y = -y;
  const auto run = [&](std::uint64_t patience, const Dataset<double>& watched) {
    Line line({.learning_rate = 0.001});
    return fit(line.model, line.sgd, "mse", train, watched, {.epochs = 20, .patience = patience});
  };
  CHECK(run(3, valid).stop == Stop::early);
  CHECK(run(3, valid).epochs.size() == 4);
  CHECK(run(3, valid).best == 0);
  CHECK(run(0, valid).stop == Stop::finished);
  CHECK(run(0, valid).epochs.size() == 20);
  CHECK(run(3, train).stop == Stop::finished);
  CHECK(run(3, train).best == 19);
  CHECK(run(19, valid).stop == Stop::finished);  // it would have stopped there anyway
  CHECK(run(18, valid).stop == Stop::early);
}

TEST_CASE("the best epoch's parameters and buffers are restored, to the last bit") {
  const auto data = moons<float>(80, 0.3, 1).split(0.5, 1);
  for (const std::optional<bool> asked : {std::optional<bool>(), {true}, {false}})
    for (const std::uint64_t patience : {0u, 3u}) {
      Random random(1);
      Sequential<float> model(Linear<float>(2, 20, random), BatchNorm1d<float>(20),
                              ActivationLayer<float>("relu"), Linear<float>(20, 2, random));
      Adam<float> optimizer(model.parameters(), {.learning_rate = 0.1});
      std::vector<Sequential<float>> after;  // each epoch
      FitOptions<float> options{.epochs = 12, .batch_size = 8, .patience = patience};
      options.restore_best = asked;
      options.on_epoch = [&](const EpochInfo&) {
        after.push_back(model);
        return true;
      };
      const FitResult result =
          fit(model, optimizer, "cross_entropy", data.train, data.test, options);
      REQUIRE(after.size() == result.epochs.size());
      REQUIRE(result.best + 1 < after.size());  // else nothing would be shown
      const double loss = result.epochs[result.best].valid.at("loss");
      for (const EpochInfo& epoch : result.epochs) CHECK(epoch.valid.at("loss") >= loss);
      const bool restored = asked.value_or(patience > 0);
      Sequential<float>& expected = restored ? after[result.best] : after.back();
      const Members<float> a = model.contents(), b = expected.contents();
      REQUIRE(a.buffers.size() == 2);
      for (std::size_t i = 0; i < a.parameters.size(); ++i)
        CHECK(std::ranges::equal(a.parameters[i].parameter->value(),
                                 b.parameters[i].parameter->value()));
      for (std::size_t i = 0; i < a.buffers.size(); ++i)
        CHECK(std::ranges::equal(*a.buffers[i].buffer, *b.buffers[i].buffer));
      CHECK((evaluate(model, data.test).at("loss") == loss) == restored);
    }
}

TEST_CASE("a metric can be watched: a larger one is better, or a smaller") {
  const Dataset<double> data = gauss<double>(100, 0, 1);  // right from the first epoch on
  MLP<double> model({2, 4, 2}, {.seed = 1});
  SGD<double> sgd(model.parameters());
  const FitResult result = fit(model, sgd, "cross_entropy", data, data,
                               {.epochs = 20, .watch = "accuracy", .patience = 2});
  CHECK(result.stop == Stop::early);
  CHECK(result.epochs[result.best].valid.at("accuracy") == 1);
  CHECK(result.epochs.size() == result.best + 3);

  for (const bool larger : {false, true})
    for (const bool with_valid : {false, true}) {
      const std::vector<double> values{3, 2, 4, 1, 1, 5, 5, 2};  // of the epochs
      std::size_t epoch = 0;
      FitOptions<double> options{.epochs = values.size(), .batch_size = 100, .watch = "scripted"};
      options.metrics = {{[&](auto, auto&) { return values[epoch]; }, "scripted", larger}};
      options.on_epoch = [&](const EpochInfo&) {
        ++epoch;
        return true;
      };
      const FitResult scripted = with_valid ? fit(model, sgd, "cross_entropy", data, data, options)
                                            : fit(model, sgd, "cross_entropy", data, options);
      CHECK(scripted.best == (larger ? 5 : 3));
    }

  const Dataset<double> regression = plane<double>(20);
  Linear<double> line(2, 1, Random(1));
  SGD<double> other(line.parameters());
  CHECK_THROWS_WITH_AS(fit(line, other, "mse", regression, regression, {.watch = "accuracy"}),
                       Contains("there is no accuracy to watch"), ramp::ValueError);
}

TEST_CASE("on a plateau the learning rate falls, and is told of") {
  const Dataset<double> data = plane<double>(20);
  // Waited, with patience 2:         0  0  1  0  1    2  0  1  2  0
  const std::vector<double> values{9, 8, 8, 7, 7.5, 7, 6, 6, 6, 5};
  std::size_t epoch = 0;
  Line line({.learning_rate = step_decay(0.01, 5, 0.1)});  // which goes on, beneath the factor
  FitOptions<double> options{.epochs = values.size(), .batch_size = 20, .watch = "scripted"};
  options.metrics = {{[&](auto, auto&) { return values[epoch]; }, "scripted", false}};
  options.plateau = {.factor = 0.5, .patience = 2};
  std::vector<double> rates;
  options.on_epoch = [&](const EpochInfo& info) {
    rates.push_back(info.learning_rate);
    ++epoch;
    return true;
  };
  fit(line.model, line.sgd, "mse", data, data, options);
  const std::vector<double> factors{1, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25};
  for (std::size_t i = 0; i < rates.size(); ++i)
    CHECK(rates[i] == factors[i] * step_decay(0.01, 5, 0.1)(i));
  CHECK(line.sgd.rate_factor() == 0.25);
}

TEST_CASE("a loss that isn't finite is an error that says when, and what to try") {
  const Dataset<float> data = plane<float>(100);
  // A parabola, on which a rate over 2 / curvature overshoots by more in each step.
  Linear<float> model(2, 1, Random(1));
  SGD<float> sgd(model.parameters(), {.learning_rate = 1000});
  CHECK_THROWS_WITH_AS(fit(model, sgd, "mse", data, {.batch_size = 10}),
                       Contains("lower the learning rate, now 1000"), NonFiniteError);
  CHECK(sgd.steps() > 0);

  Dataset<float> broken = plane<float>(10);
  broken.inputs[4] = std::numeric_limits<float>::quiet_NaN();
  MLP<float> fresh({2, 8, 1}, {.seed = 1});
  SGD<float> of_fresh(fresh.parameters());
  const float before = fresh.parameters()[0]->value()[0];
  CHECK_THROWS_WITH_AS(fit(fresh, of_fresh, "mse", broken),
                       Contains("the inputs have nan in row 2, column 0"), NonFiniteError);
  CHECK(fresh.parameters()[0]->value()[0] == before);
  FitOptions<float> options;
  options.penalty = [](ramp::Tape<float>& tape) { return tape.leaf(1.0f) / 0.0f; };
  CHECK_THROWS_WITH_AS(fit(fresh, of_fresh, "mse", data, options),
                       Contains("the loss is inf in epoch 1, at step 1"), NonFiniteError);
}

TEST_CASE("a number of the data that isn't finite is named, wherever it stands") {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const std::size_t row : {0u, 7u, 19u})
    for (const bool target : {false, true})
      for (const double bad : {not_a_number, infinity, -infinity}) {
        Dataset<double> data = plane<double>(20);
        data.name = "set";
        const std::size_t column = target ? 0 : row % 2;
        (target ? data.targets[row] : data.inputs[2 * row + column]) = bad;
        const std::string message = fmt::format(
            "[train] set: the {} have {} in row {}, column {}, seen in epoch 1",
            target ? "targets" : "inputs", std::isnan(bad) ? not_a_number : bad, row, column);
        CAPTURE(message);
        for (const std::size_t micro : {0u, 3u}) {
          Line line({});
          CHECK_THROWS_WITH_AS(
              fit(line.model, line.sgd, "mse", data, {.batch_size = 8, .micro_batch = micro}),
              Contains(message.c_str()), NonFiniteError);
        }
        const Dataset<double> good = plane<double>(20);  // the validation set has it
        Line line({});
        CHECK_THROWS_WITH_AS(fit(line.model, line.sgd, "mse", good, data, {.batch_size = 8}),
                             Contains(message.c_str()), NonFiniteError);
      }
}

TEST_CASE("epochs and steps are counted from 1 where an error tells of them") {
  const Dataset<double> data = plane<double>(20);
  Line line({});
  FitOptions<double> options{.epochs = 5, .batch_size = 10};
  options.on_step = [&](const StepInfo<double>& step) {
    if (step.step == 4) std::ranges::fill(line.model.weight().edit_gradient(), 1e200);
    return true;
  };
  CHECK_THROWS_WITH_AS(fit(line.model, line.sgd, "mse", data, options),
                       Contains("the loss is inf in epoch 3, at step 6: "), NonFiniteError);
}

TEST_CASE("an exception of a callback leaves the sums of the epoch without its step") {
  const Dataset<double> data = gauss<double>(40, 0, 1);
  std::vector<Scores> scores;
  for (const bool thrown : {false, true}) {
    MLP<double> model({2, 4, 2}, {.seed = 1});
    SGD<double> sgd(model.parameters());
    bool once = thrown;
    FitOptions<double> options{.epochs = 1, .batch_size = 10};
    options.on_step = [&](const StepInfo<double>& step) {
      if (step.step == 2 && std::exchange(once, false)) throw std::runtime_error("once");
      return true;
    };
    Trainer<double> trainer(model, sgd, "cross_entropy", data, nullptr, options);
    if (thrown) CHECK_THROWS_WITH(trainer.run(), "once");
    scores.push_back(trainer.run().epochs.at(0).train);
  }
  CHECK(scores[0] == scores[1]);
}

TEST_CASE("two fits in a row: the second begins its own count of epochs, the optimizer goes on") {
  const Dataset<double> data = plane<double>(40);
  Line line({.learning_rate = [](std::uint64_t step) {
    return step < 9 ? 0.01 : 1.0;  // from then on it gets worse
  }});
  const auto numbers = [](const FitResult& result) {
    std::vector<std::uint64_t> all;
    for (const EpochInfo& epoch : result.epochs) all.push_back(epoch.epoch);
    return all;
  };
  using Numbers = std::vector<std::uint64_t>;
  const FitOptions<double> options{.epochs = 3, .batch_size = 20};
  const FitResult first = fit(line.model, line.sgd, "mse", data, data, options);
  CHECK(numbers(first) == Numbers{0, 1, 2});
  CHECK(first.best == 2);
  const FitResult second = fit(line.model, line.sgd, "mse", data, data, options);
  CHECK(numbers(second) == Numbers{0, 1, 2});
  CHECK(second.epochs[0].steps == 8);
  CHECK(second.epochs[2].steps == 12);
  CHECK(second.best == 0);
  CHECK(second.epochs[0].valid.at("loss") < first.epochs[2].valid.at("loss"));
}

TEST_CASE("a first epoch whose validation loss is no number isn't the best") {
  struct Starts : Module<double> {  // with NaN for the rows of the validation set, once
    Starts() : Module("starts") {}
    void members(Members<double>& m) override { m("inner", inner); }
    Var<double> forward(const Var<double>& x) override {
      const Var<double> y = inner(x);
      if (x.shape()[0] != 7 || seen++ > 0) return y;
      return y * not_a_number;
    }
    Linear<double> inner{2, 1, Random(1)};
    int seen = 0;
  } model;
  const Dataset<double> train = plane<double>(10), valid = train.take(7);
  SGD<double> sgd(model.parameters());
  const FitResult result = fit(model, sgd, "mse", train, valid, {.epochs = 3, .patience = 2});
  REQUIRE(result.epochs.size() == 3);
  CHECK(std::isnan(result.epochs[0].valid.at("loss")));
  CHECK(result.best > 0);
}

TEST_CASE("a model that was evaluated, or loaded, is trained in training mode") {
  const Dataset<float> data = moons<float>(60, 0.1, 1);
  Random random(1);
  Sequential<float> model(Linear<float>(2, 6, random), BatchNorm1d<float>(6), Dropout<float>(0.5),
                          Linear<float>(6, 2, random));
  SGD<float> sgd(model.parameters());
  const FitOptions<float> options{.epochs = 1, .batch_size = 20};
  const std::string name = model.contents().buffers.at(0).name;
  const auto running = [&] { return model.buffer(name)[0]; };
  model.eval();
  fit(model, sgd, "cross_entropy", data, options);
  CHECK(model.training());
  CHECK(model[2].training());
  CHECK(running() != 0);

  model[1].set_mode(false);  // of a model in training mode: a part that is to stay as it is
  const float before = running();
  fit(model, sgd, "cross_entropy", data, options);
  CHECK(!model[1].training());
  CHECK(running() == before);
}

TEST_CASE("what is no mean over samples has no score of the training set, nor of its batches") {
  Dataset<double> data = plane<double>(33);  // the last batch has one row: its r2 is NaN
  Line line({.learning_rate = 0.01});
  FitOptions<double> options{.epochs = 1, .batch_size = 16, .metrics = {"mae", "r2"}};
  const FitResult result = fit(line.model, line.sgd, "mse", data, data, options);
  CHECK(result.epochs[0].train.count("r2") == 0);
  CHECK(std::isfinite(result.epochs[0].train.at("mae")));
  CHECK(std::isfinite(result.epochs[0].valid.at("r2")));
  options.watch = "r2";
  CHECK(fit(line.model, line.sgd, "mse", data, data, options).epochs.size() == 1);
  CHECK_THROWS_WITH_AS(fit(line.model, line.sgd, "mse", data, options),
                       "[train] watch 'r2': it is no mean over samples, which is all that a "
                       "training set has: give a validation set",
                       ramp::ValueError);
}

// The training loop: what it computes, and what callbacks see of it.
#include <autodiff/inspect/dot.hpp>
#include <nn/data/synthetic.hpp>
#include <nn/model/sequential.hpp>
#include <nn/train/fit.hpp>

#include "support/plane.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

using namespace ramp::nn;
using doctest::Approx;
using doctest::Contains;
using ramp::Parameter, ramp::Shape, ramp::Tape, ramp::Tensor, ramp::Var;

namespace {

std::vector<double> losses(const FitResult& result) {
  std::vector<double> all;
  for (const EpochInfo& epoch : result.epochs) all.push_back(epoch.train.at("loss"));
  return all;
}

template <class T> void check_same_values(Module<T>& a, Module<T>& b) {
  const auto p = a.parameters(), q = b.parameters();
  REQUIRE(p.size() == q.size());
  for (std::size_t i = 0; i < p.size(); ++i)
    CHECK(std::ranges::equal(p[i]->value(), q[i]->value()));
}

// Answers that only change where training changes them.
struct Table : Module<double> {
  explicit Table(Tensor<double> its_rows) : rows("rows", std::move(its_rows)) {}
  void members(Members<double>& m) override { m("rows", rows); }
  Var<double> forward(const Var<double>& x) override { return matmul(x, x.tape().parameter(rows)); }
  Parameter<double> rows;
};

}  // namespace

TEST_CASE_TEMPLATE("a linear model finds the plane", T, float, double) {
  const Dataset<T> data = plane<T>(200);
  Linear<T> model(2, 1, Random(1));
  SGD<T> optimizer(model.parameters(), {.learning_rate = 0.05});
  const FitResult result = fit(model, optimizer, "mse", data, {.epochs = 40});
  CHECK(result.stop == Stop::finished);
  CHECK(result.epochs.size() == 40);
  CHECK(result.epochs.back().train.at("loss") < 1e-5);
  CHECK(result.epochs.back().train.size() == 1);  // there is no accuracy
  CHECK(result.epochs.back().valid.empty());
  CHECK(model.weight().value()[0] == Approx(2).epsilon(1e-3));
  CHECK(model.weight().value()[1] == Approx(-1).epsilon(1e-3));
  CHECK(model.bias()->value()[0] == Approx(0.5).epsilon(1e-3));
}

TEST_CASE("fit does what a loop written out does, to the last bit") {
  const Dataset<float> data = spiral<float>(100, 0, 1);
  MLP<float> a({2, 8, 2}, {.dropout = 0.2, .seed = 4}), b = a;
  const SGDOptions sgd{.learning_rate = 0.1, .momentum = 0.9};
  SGD<float> of_a(a.parameters(), sgd), of_b(b.parameters(), sgd);
  const FitResult result = fit(a, of_a, "cross_entropy", data,
                               {.epochs = 3, .batch_size = 32, .seed = 7, .metrics = {"accuracy"}});

  Loader<float> loader(data, 32, 7);
  Tape<float> tape;
  double last = 0, right = 0;
  for (std::uint64_t epoch = 0; epoch < 3; ++epoch) {
    last = right = 0;
    for (const auto& batch : loader.epoch(epoch)) {  // 32, 32, 32, 4
      tape.clear();
      const auto outputs = b(tape.borrow(batch.inputs));
      const auto loss = ramp::nn::cross_entropy(outputs, batch.labels);
      tape.backward(loss);
      of_b.step();
      last += static_cast<double>(loss.item()) * static_cast<double>(batch.size()) / 100;
      for (std::size_t i = 0; i < batch.size(); ++i)
        right += (outputs.view()[2 * i + 1] > outputs.view()[2 * i]) == (batch.labels[i] == 1);
    }
  }
  CHECK(result.epochs.back().train.at("loss") == Approx(last).epsilon(1e-12));
  CHECK(result.epochs.back().train.at("accuracy") == Approx(right / 100).epsilon(1e-12));
  CHECK(result.epochs.back().steps == 12);
  CHECK(result.epochs.back().samples == 100);
  check_same_values(a, b);
}

TEST_CASE("the spiral is learnt: 99 % of points that the model has not seen") {
  const auto data = spiral<float>(2000, 0, 1).split(0.5, 2);
  MLP<float> model({2, 32, 32, 2}, {.activation = "tanh", .seed = 3});
  SGD<float> optimizer(model.parameters(), {.learning_rate = 0.1, .momentum = 0.9});
  const FitResult result = fit(model, optimizer, "cross_entropy", data.train, data.test,
                               {.epochs = 200, .batch_size = 32});
  CHECK(result.epochs.back().valid.at("accuracy") >= 0.99);
  CHECK(result.epochs.back().train.at("accuracy") >= 0.99);
  CHECK(evaluate(model, data.test) == result.epochs.back().valid);
}

TEST_CASE("two classes by one output: hinge, squared error, binary cross-entropy") {
  for (const char* loss : {"hinge", "mse", "bce_with_logits"})
    for (const bool zero_one : {false, true}) {
      const bool squared = std::string(loss) == "mse";
      if (!squared && zero_one != (std::string(loss) == "bce_with_logits")) continue;
      CAPTURE(loss);
      CAPTURE(zero_one);
      Dataset<double> data = moons<double>(300, 0.05, 1);
      if (zero_one) data.set_targets(0, 1);
      FitOptions<double> options{.epochs = 60, .batch_size = 30};
      if (squared && zero_one)  // whose border lies elsewhere: a metric of one's own says so
        options.metrics = {{[](ramp::View<const double> y, const Batch<double>& all) {
                              return accuracy(y, all.labels, 0.5);
                            },
                            "accuracy"}};
      MLP<double> model({2, 16, 16, 1}, {.seed = 1});
      SGD<double> optimizer(model.parameters(), {.learning_rate = 0.1, .momentum = 0.9});
      const FitResult result = fit(model, optimizer, loss, data, data, options);
      CHECK(result.epochs.back().train.at("accuracy") >= 0.99);
      CHECK(result.epochs.back().valid.at("accuracy") >= 0.99);
    }
}

TEST_CASE("the same seeds give the same losses, bit for bit") {
  const Dataset<float> data = moons<float>(200, 0.1, 1);
  const auto train = [&](std::uint64_t weights, std::uint64_t order, bool shuffle = true) {
    MLP<float> model({2, 16, 2}, {.seed = weights});
    SGD<float> optimizer(model.parameters());
    return losses(fit(model, optimizer, "cross_entropy", data,
                      {.epochs = 5, .batch_size = 32, .shuffle = shuffle, .seed = order}));
  };
  CHECK(train(1, 1) == train(1, 1));
  CHECK(train(1, 1) != train(2, 1));
  CHECK(train(1, 1) != train(1, 2));
  CHECK(train(1, 1, false) == train(1, 2, false));
}

TEST_CASE("a step can be watched and drawn before its update") {
  const Dataset<float> data = moons<float>(100, 0, 1);
  MLP<float> model({2, 4, 2}, {.seed = 1});
  SGD<float> optimizer(model.parameters(), {.learning_rate = step_decay(0.5, 1, 0.5)});
  std::string dot;
  std::uint64_t steps = 0;
  FitOptions<float> options{.epochs = 2, .batch_size = 10};
  const Tape<float>* tape = nullptr;
  std::vector<float> weight;
  options.on_step = [&](const StepInfo<float>& info) {
    CHECK(info.step == steps);
    CHECK(info.epoch == steps / 10);
    CHECK(info.batch_index == steps % 10);
    CHECK(info.batches == 10);
    CHECK(info.batch.size() == 10);
    CHECK(info.outputs.shape() == Shape{10, 2});
    CHECK(info.loss_value == static_cast<double>(info.loss.item()));
    CHECK(&info.loss.tape() == tape);
    CHECK(info.learning_rate == std::pow(0.5, static_cast<double>(info.step + 1)));
    dot = to_dot(info.loss);
    const Parameter<float>& p = *model.parameters()[0];
    if (steps > 0) {  // the update that was made after the last call
      for (std::size_t i = 0; i < weight.size(); ++i) CHECK(p.value()[i] == weight[i]);
    }
    const auto rate = static_cast<float>(info.learning_rate);
    weight.assign(p.value().begin(), p.value().end());
    for (std::size_t i = 0; i < weight.size(); ++i) weight[i] -= rate * p.gradient()[i];
    const Tensor<float> gradient = p.gradient();
    info.loss.tape().backward(info.loss, {.retain = true});
    CHECK(std::ranges::equal(gradient, p.gradient()));
    ++steps;
    return true;
  };
  Trainer<float> trainer(model, optimizer, "cross_entropy", data, nullptr, options);
  tape = &trainer.tape();
  trainer.run();
  CHECK(steps == 20);
  CHECK(trainer.loader().batches() == 10);
  for (const char* part : {"inputs", "layer0.weight", "layer1.bias", "cross_entropy", "mean"})
    CHECK(dot.find(part) != dot.npos);
}

TEST_CASE("an epoch's report, and stopping after one") {
  const auto data = moons<double>(120, 0, 1).split(0.5, 1);
  MLP<double> model({2, 4, 2}, {.seed = 1});
  SGD<double> optimizer(model.parameters(), {.learning_rate = 0.25});
  std::vector<std::uint64_t> epochs;
  FitOptions<double> options{.batch_size = 32, .drop_last = true};
  options.metrics = {
      "accuracy",
      "f1",
      {[](auto, const Batch<double>& all) { return static_cast<double>(all.size()); }, "rows"}};
  options.on_epoch = [&](const EpochInfo& info) {
    epochs.push_back(info.epoch);
    CHECK(info.steps == info.epoch + 1);  // 32 of 60
    CHECK(info.samples == 32);
    CHECK(info.learning_rate == 0.25);
    CHECK(info.seconds > 0);
    CHECK(info.valid_seconds > 0);
    CHECK(info.train.size() == 3);  // f1 is no mean over samples
    CHECK(info.train.count("f1") == 0);
    CHECK(info.train.at("rows") == 32);
    CHECK(info.valid.at("rows") == 60);
    CHECK(info.valid ==
          evaluate(model, data.test, "cross_entropy", options.metrics));  // in the end
    return info.epoch < 2;
  };
  const FitResult result = fit(model, optimizer, "cross_entropy", data.train, data.test, options);
  CHECK(result.stop == Stop::callback);
  CHECK(epochs == std::vector<std::uint64_t>{0, 1, 2});
  CHECK(result.epochs.size() == 3);
}

TEST_CASE("micro batches give the gradient of the whole batch, its loss and its metrics") {
  Dataset<double> data = moons<double>(50, 0.1, 1);
  for (const char* loss : {"cross_entropy", "mse"})
    for (const std::size_t micro : {1u, 3u, 10u, 19u, 20u, 64u}) {
      const std::int64_t outputs = std::string(loss) == "mse" ? 1 : 2;
      std::vector<std::vector<double>> gradients[2];
      std::vector<double> values[2];
      std::size_t sizes[2]{};
      FitResult results[2];
      for (const int cut : {0, 1}) {
        MLP<double> model({2, 5, outputs}, {.activation = "tanh", .seed = 1});
        SGD<double> optimizer(model.parameters());
        FitOptions<double> options{.epochs = 2, .batch_size = 20};
        if (cut) options.micro_batch = micro;
        options.penalty = [&](Tape<double>& tape) {
          return sum(square(tape.parameter(*model.parameters()[0])));
        };
        options.on_step = [&, cut](const StepInfo<double>& info) {
          for (const auto* p : model.parameters())
            gradients[cut].emplace_back(p->gradient().begin(), p->gradient().end());
          values[cut].push_back(info.loss_value);
          sizes[cut] = std::max<std::size_t>(sizes[cut], info.outputs.shape()[0]);
          return true;
        };
        results[cut] = fit(model, optimizer, loss, data, options);
      }
      CHECK(sizes[0] == 20);
      CHECK(sizes[1] <= micro);
      REQUIRE(gradients[1].size() == gradients[0].size());
      for (std::size_t i = 0; i < gradients[0].size(); ++i)
        for (std::size_t k = 0; k < gradients[0][i].size(); ++k)
          CHECK(std::abs(gradients[1][i][k] - gradients[0][i][k]) < 1e-12);
      for (std::size_t i = 0; i < values[0].size(); ++i)
        CHECK(values[1][i] == Approx(values[0][i]).epsilon(1e-12));
      for (const auto& [name, value] : results[0].epochs[1].train)
        CHECK(results[1].epochs[1].train.at(name) == Approx(value).epsilon(1e-12));
    }
}

TEST_CASE("a penalty is in the gradient, and not in the losses that are reported") {
  const Dataset<double> data = plane<double>(40);
  Linear<double> with(2, 1, Random(1)), without = with;
  const double before = with.weight().value()[0];
  std::vector<double> gradients[2], values;
  for (auto* model : {&with, &without}) {
    SGD<double> optimizer(model->parameters(), {.learning_rate = 1e-3});
    FitOptions<double> options{.epochs = 1, .batch_size = 40};
    if (model == &with)
      options.penalty = [&](Tape<double>& tape) {
        return 0.25 * sum(square(tape.parameter(with.weight())));
      };
    options.on_step = [&](const StepInfo<double>& info) {
      gradients[model == &with].push_back(model->weight().gradient()[0]);
      values.push_back(info.loss_value);
      return true;
    };
    const FitResult result = fit(*model, optimizer, "mse", data, data, options);
    values.push_back(result.epochs[0].train.at("loss"));
    CHECK(result.epochs[0].valid == evaluate(*model, data, "mse"));
  }
  CHECK(values[0] == values[2]);
  CHECK(values[1] == values[3]);
  CHECK(gradients[1][0] - gradients[0][0] == Approx(0.5 * before));
}

TEST_CASE("a source that is a function, samples that are changed as they are loaded") {
  // Inputs 1 to 8, of which a table of one number learns the factor.
  const Source<double> source("counting", 8, 1, 1, 0, [](auto rows, const auto& to) {
    for (std::size_t i = 0; i < rows.size(); ++i)
      to.inputs[i] = 1 + rows[i], to.targets[i] = 3 * to.inputs[i];
  });
  for (const bool prefetch : {false, true})
    for (const bool doubled : {false, true}) {
      Table model(Tensor<double>(Shape{1, 1}));
      SGD<double> optimizer(model.parameters(), {.learning_rate = 0.01});
      FitOptions<double> options{.epochs = 60, .batch_size = 3, .prefetch = prefetch};
      if (doubled)
        options.augment = [](const BatchBuffers<double>& batch, Random&) {
          for (double& y : batch.targets) y *= 2;
        };
      CHECK(fit(model, optimizer, "mse", source, options).epochs.back().samples == 8);
      CHECK(model.rows.value()[0] == Approx(doubled ? 6 : 3).epsilon(1e-6));
    }
}

TEST_CASE("a set must have what the loss compares with, and outputs must fit") {
  const Dataset<float> regression = plane<float>(10);
  Dataset<float> labelled = moons<float>(10, 0, 1);
  MLP<float> two({2, 4, 2}), one({2, 4, 1});
  SGD<float> sgd(two.parameters()), of_one(one.parameters());
  CHECK_THROWS_WITH_AS(fit(two, sgd, "cross_entropy", regression), Contains("has no labels"),
                       DataError);
  CHECK_THROWS_WITH_AS(fit(two, sgd, "cross_entropy", labelled, regression),
                       Contains("has no labels"), DataError);
  CHECK_THROWS_WITH_AS(fit(two, sgd, "hinge", labelled),
                       Contains("outputs (10, 2), targets (10, 1)"), ramp::ShapeError);
  CHECK_THROWS_AS(fit(one, of_one, "cross_entropy", labelled), ramp::IndexError);
  labelled.targets = Tensor<float>(Shape{0, 0});
  CHECK_THROWS_WITH_AS(fit(one, of_one, "bce_with_logits", labelled), Contains("has no targets"),
                       DataError);
  CHECK_THROWS_WITH_AS(fit(two, sgd, "cross_entropy", labelled, labelled.take(0), {.epochs = 1}),
                       Contains("the set is empty"), DataError);
}

TEST_CASE("options that make no sense are refused") {
  const Dataset<float> data = moons<float>(10, 0, 1);
  MLP<float> model({2, 4, 2});
  SGD<float> sgd(model.parameters());
  const auto refused = [&](FitOptions<float> options, const char* message) {
    CHECK_THROWS_WITH_AS(fit(model, sgd, "cross_entropy", data, data, options), Contains(message),
                         ramp::ValueError);
  };
  refused({.batch_size = 0}, "batch size 0");
  refused({.watch = "f1"}, "watch 'f1': it is neither loss nor one of the metrics");
  refused({.plateau = {.factor = 0}}, "plateau.factor 0");
  refused({.plateau = {.factor = 1.5}}, "plateau.factor 1.5");
  refused({.plateau = {.factor = std::nan("")}}, "plateau.factor nan");
  refused({.metrics = {"f1", "accuracy", "f1"}}, "two scores are called 'f1'");
  refused({.metrics = {{[](auto, auto&) { return 0.0; }, "loss"}}}, "two scores are called 'loss'");
  CHECK_THROWS_WITH_AS(fit(model, sgd, "cross_entropy", data, {.patience = 1}),
                       Contains("patience needs a validation set"), ramp::ValueError);
}

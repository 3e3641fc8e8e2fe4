// Wherever memory ends in a training: the error has a name, nothing is counted twice, and the
// training goes on, to the bit, as if it had not happened.
#include <nn/data/synthetic.hpp>
#include <nn/model/layers.hpp>
#include <nn/model/normalization.hpp>
#include <nn/model/sequential.hpp>
#include <nn/train/fit.hpp>

#include "support/allocations.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

using namespace ramp::nn;

namespace {

struct Training {
  const char* name;
  std::function<std::unique_ptr<Optimizer<float>>(Module<float>&)> optimizer;
  FitOptions<float> options;
};

const std::vector<Training>& trainings() {
  static const std::vector<Training> all{
      {"SGD with patience",
       [](auto& model) {
         return std::make_unique<SGD<float>>(
             model.parameters(), SGDOptions{.learning_rate = 0.1, .momentum = 0.9, .clip_norm = 1});
       },
       {.epochs = 3, .batch_size = 8, .patience = 2, .plateau = {.factor = 0.5, .patience = 1}}},
      {"Adam in micro batches",
       [](auto& model) { return std::make_unique<Adam<float>>(model.parameters()); },
       {.epochs = 2, .batch_size = 10, .micro_batch = 4, .metrics = {"accuracy", "f1"}}},
  };
  return all;
}

// Its weights and what it said of its epochs.
std::string outcome(Module<float>& model, const FitResult& result) {
  std::string text;
  for (const auto* parameter : model.parameters())
    for (const float x : parameter->value()) text += std::to_string(x) + ' ';
  for (const EpochInfo& epoch : result.epochs) {
    text += "\n" + std::to_string(epoch.epoch) + " " + std::to_string(epoch.steps);
    for (const Scores* scores : {&epoch.train, &epoch.valid})
      for (const auto& [name, value] : *scores) text += " " + name + " " + std::to_string(value);
  }
  return text;
}

// Calls f, and again while it throws for want of memory; how often it did.
int until_it_works(const std::function<void()>& f) {
  for (int failures = 0;; ++failures) {
    try {
      f();
      return failures;
    } catch (const ramp::MemoryError& e) {
      CHECK(std::string(e.what()).substr(0, 1) == "[");
    } catch (const std::bad_alloc&) {  // of a container, which has nothing to say
    }
    REQUIRE(failures < 2);
  }
}

}  // namespace

TEST_CASE("a training in which any one allocation fails goes on as if none had") {
  const Dataset<float> train = moons<float>(30, 0.1, 1), valid = moons<float>(10, 0.1, 2);
  for (const Training& training : trainings()) {
    const std::string name = training.name;
    CAPTURE(name);
    std::string expected;
    std::size_t points = 0, seen = 0;
    for (bool failed = true; failed; ++points) {
      CAPTURE(points);
      MLP<float> model({2, 5, 2}, {.seed = 1});
      const auto optimizer = training.optimizer(model);
      Trainer<float> trainer(model, *optimizer, "cross_entropy", train, &valid, training.options);
      if (points > 0) support::fail_allocation_after(points - 1);
      const int failures = until_it_works([&] { trainer.run(); });
      failed = points == 0 || support::allocation_has_failed();
      seen += static_cast<std::size_t>(failures);
      if (points == 0) expected = outcome(model, trainer.result());
      REQUIRE(outcome(model, trainer.result()) == expected);
    }
    MESSAGE(name << ": " << points << " points, " << seen << " errors");
    CHECK(seen > 50);
  }
}

// Not in here: what reads or writes a model's file. The JSON library's destructor takes memory, and
// where that fails it ends the program.
TEST_CASE("what is built or copied without the memory for it leaves all as it was") {
  const Dataset<float> data = moons<float>(12, 0.1, 1);
  Random random(1);
  Sequential<float> model(Linear<float>(2, 6, random), BatchNorm1d<float>(6), Dropout<float>(0.5),
                          Linear<float>(6, 2, random));
  const auto before = predict(model, data.inputs);
  const std::vector<std::pair<const char*, std::function<void()>>> calls{
      {"a copy", [&] { (void)Sequential<float>(model); }},
      {"assign", [&] { Sequential<float>(model).assign(model); }},
      {"predict", [&] { (void)predict(model, data.inputs, 5); }},
      {"evaluate", [&] { (void)evaluate(model, data); }},
      {"a split", [&] { (void)data.split(0.5, 1); }},
      {"an optimizer", [&] { (void)Adam<float>(model.parameters()); }},
  };
  for (const auto& [text, call] : calls) {
    const std::string name = text;
    CAPTURE(name);
    int failures = 0;
    for (std::size_t n = 0, going = 1; going; ++n) {
      CAPTURE(n);
      support::fail_allocation_after(n);
      failures += until_it_works(call);
      going = support::allocation_has_failed();
      REQUIRE(std::ranges::equal(predict(model, data.inputs), before));
    }
    CHECK(failures > 0);
  }
}

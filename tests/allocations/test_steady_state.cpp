// What has been done once is done again without a call of the allocator. The library that computes
// large products is left out of account: it calls as it likes, on some CPUs more than on others.
#include <autodiff/autodiff.hpp>
#include <nn/data/synthetic.hpp>
#include <nn/model/sequential.hpp>
#include <nn/train/fit.hpp>

#include "support/allocations.hpp"
#include "support/recordings.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

using namespace ramp;

TEST_CASE_TEMPLATE("in the steady state recording and sweeping call no allocator", T, float,
                   double) {
  Tape<T> tape;
  Parameter<T> w("weight", Tensor<T>({20, 10}, T(0.01))), b("bias", Tensor<T>({10}, T(0.5))),
      s("scale", Tensor<T>({}, {2}));
  const Tensor<T> x({30, 20}, T(0.25));
  const std::vector<std::int32_t> labels(30, 3);
  const auto round = [&] {
    tape.clear();
    Var<T> total = tape.leaf(1, "start");
    for (int i = 0; i < 3; ++i) {
      const auto mark = tape.mark();
      const auto scope = tape.scope("layer");
      const auto y = relu(matmul(tape.borrow(x.view()), tape.parameter(w)) + tape.parameter(b));
      const auto z = concat({slice(y, 1, 0, 5), slice(y, 1, 5, 10)}, 1) * tape.parameter(s);
      const auto loss = mean(cross_entropy(log_softmax(z), labels)) + where(z > 1, z, 0).shape()[0];
      tape.backward(loss, {.retain = i == 1});
      if (i < 2) {
        tape.rewind(mark);
      } else {
        const auto guard = tape.no_grad();
        total = total * tanh(loss) + pow(total, 3);
      }
    }
    for (int i = 0; i < 100; ++i) total = total * 0.5 + sin(total) * maximum(total, 0.1);
    tape.backward(total + tape.parameter(s));
  };
  const std::size_t fresh = support::own_allocations();
  round();
  CHECK(support::own_allocations() > fresh);  // it does count: the tape was new
  round();
  const std::size_t before = support::own_allocations();
  for (int i = 0; i < 5; ++i) round();
  CHECK(support::own_allocations() == before);
}

TEST_CASE_TEMPLATE("a census taken on the way calls no allocator once it has seen the scopes", T,
                   float, double) {
  Tape<T> tape;
  Census run;
  for (int i = 0; i < 6; ++i) {
    support::record_layers(
        tape, T(i % 3),
        i == 4);  // once the scopes change places, and so do their numbers on the tape
    const std::size_t before = support::own_allocations();
    run.add(tape);
    if (i == 0)
      CHECK(support::own_allocations() > before);  // it does count
    else
      CHECK(support::own_allocations() == before);
  }
}

namespace {

using namespace ramp::nn;

// A training of 4 epochs of 4 steps: from the second epoch on none of them calls the allocator.
void check_steps(Module<float>& model, Optimizer<float>& optimizer, const Loss<float>& loss,
                 FitOptions<float> options = {}) {
  Dataset<float> data = spiral<float>(200, 0, 1);
  if (loss.name() == "bce_with_logits") data.set_targets(0, 1);
  std::vector<std::size_t> counts;
  counts.reserve(100);
  options.epochs = 4;
  options.batch_size = 64;  // and a last batch of 8
  options.on_step = [&](const StepInfo<float>&) {
    counts.push_back(support::own_allocations());
    return true;
  };
  options.on_epoch = [&](const EpochInfo&) {
    counts.push_back(support::own_allocations());
    return true;
  };
  Trainer<float> trainer(model, optimizer, loss, data, nullptr, options);
  const std::size_t before = support::own_allocations();
  trainer.run();
  REQUIRE(counts.size() == 20);
  for (std::size_t i = 6; i < counts.size(); ++i)  // the fifth is the epoch's, with its report
    if (i % 5 != 4) CHECK(counts[i] == counts[i - 1]);
  CHECK(counts[0] > before);  // it does count: the tape is new in the first step
}

}  // namespace

TEST_CASE("in the steady state a step of a training calls no allocator, whatever the loss") {
  for (const auto name : loss_names()) {
    CAPTURE(name);
    MLP<float> model({2, 32, 32, name == "cross_entropy" || name == "nll" ? 2 : 1}, {.seed = 1});
    SGD<float> sgd(model.parameters(), {.learning_rate = warm_up(3, cosine(0.05, 100)),
                                        .momentum = 0.9,
                                        .weight_decay = 1e-4,
                                        .clip_norm = 1});
    check_steps(model, sgd, name);
  }
}

TEST_CASE("nor with other optimizers, layers and options") {
  MLP<float> model({2, 32, 32, 2}, {.seed = 1});
  const auto all = model.parameters();
  Adam<float> adam(all, {.clip_value = 1});
  AdamW<float> adamw(all, {.weight_decay = 0.1, .groups = {no_decay_on_biases()}});
  RMSprop<float> rmsprop(all, {.momentum = 0.9});
  SGD<float> nesterov(all, {.momentum = 0.9, .nesterov = true});
  for (Optimizer<float>* optimizer :
       {static_cast<Optimizer<float>*>(&adam), static_cast<Optimizer<float>*>(&adamw),
        static_cast<Optimizer<float>*>(&rmsprop), static_cast<Optimizer<float>*>(&nesterov)}) {
    CAPTURE(optimizer->kind());
    check_steps(model, *optimizer, "cross_entropy");
  }
  SUBCASE("metrics") {
    check_steps(model, adam, "cross_entropy", {.metrics = {"accuracy", "top_5"}});
  }
  SUBCASE("a penalty") {
    FitOptions<float> options;
    options.penalty = [&](Tape<float>& tape) { return 0.01f * sum(abs(tape.parameter(*all[0]))); };
    check_steps(model, adam, "cross_entropy", options);
  }
  SUBCASE("prefetching") {
    FitOptions<float> options{.prefetch = true};
    options.augment = [](const BatchBuffers<float>& batch, Random& random) {
      for (float& x : batch.inputs) x += static_cast<float>(0.01 * random.normal());
    };
    check_steps(model, adam, "cross_entropy", options);
  }
  SUBCASE("dropout") {
    MLP<float> dropping({2, 32, 2}, {.dropout = 0.2, .seed = 1});
    Adam<float> its_own(dropping.parameters());
    check_steps(dropping, its_own, "cross_entropy");
  }
  SUBCASE("normalization") {
    Random random(1);
    Sequential<float> normalized(Linear<float>(2, 16, random), BatchNorm1d<float>(16),
                                 ActivationLayer<float>("relu"), LayerNorm<float>(16),
                                 Linear<float>(16, 2, random));
    Adam<float> its_own(normalized.parameters());
    check_steps(normalized, its_own, "cross_entropy");
  }
}

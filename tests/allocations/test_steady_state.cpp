// What has been done once is done again without a call of the allocator. The library that computes
// large products is left out of account: it calls as it likes, on some CPUs more than on others.
#include <autodiff/autodiff.hpp>
#include <nn/nn.hpp>

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

TEST_CASE("in the steady state a step of a training calls no allocator") {
  using namespace ramp::nn;
  for (const auto name : loss_names()) {
    const Loss loss = loss_named(name);
    CAPTURE(name);
    Dataset<float> data = spiral<float>(200, 0, 1);
    if (loss == Loss::bce) data.set_targets(0, 1);
    MLP<float> model({2, 32, 32, loss == Loss::cross_entropy ? 2 : 1}, {.seed = 1});
    Trainer<float> trainer(model, data,
                           {.loss = loss,
                            .sgd = {.learning_rate = warm_up(3, cosine(0.05, 100)),
                                    .momentum = 0.9,
                                    .weight_decay = 1e-4,
                                    .clip_norm = 1},
                            .epochs = 4,
                            .batch_size = 64});  // and a last batch of 8
    std::vector<std::size_t> counts;
    counts.reserve(100);
    trainer.on_step([&](const StepInfo<float>&) {
      counts.push_back(support::own_allocations());
      return true;
    });
    const std::size_t before = support::own_allocations();
    trainer.run();
    REQUIRE(counts.size() == 16);
    for (std::size_t i = 5; i < counts.size(); ++i)              // from the second epoch on
      CHECK(counts[i] - counts[i - 1] <= (i % 4 == 0 ? 1 : 0));  // 1: the list of epochs grows
    CHECK(counts[0] > before);  // it does count: the tape is new in the first step
  }
}

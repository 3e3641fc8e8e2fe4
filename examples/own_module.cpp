// A module of one's own, with parts, a parameter and a part of its own kind, in a loop of one's
// own.
#include <nn/nn.hpp>

#include <cstdio>
#include <vector>

using namespace ramp::nn;
using ramp::Parameter, ramp::Shape, ramp::Tape, ramp::Tensor, ramp::Var;

// x + scale * inner(x): what it begins with passes by (He et al. 2016).
struct Residual : Module<float> {
  Residual(std::int64_t width, Random& random)
      : inner(width, width, random, {.activation = "tanh"}),
        scale("scale", Tensor<float>(Shape{width}, 0.5f)) {}
  void members(Members<float>& m) override {
    m("inner", inner);
    m("scale", scale);
  }
  Var<float> forward(const Var<float>& x) override {
    return x + x.tape().parameter(scale) * inner(x);
  }

  Linear<float> inner;
  Parameter<float> scale;
};

struct Net : Module<float> {
  explicit Net(Random random) : Module("net"), enter(2, 8, random), leave(8, 2, random) {
    for (int i = 0; i < 3; ++i) blocks.emplace_back(8, random);
  }
  void members(Members<float>& m) override {
    m("enter", enter);
    m("blocks", blocks);
    m("leave", leave);
  }
  Var<float> forward(const Var<float>& x) override {
    Var<float> h = enter(x);
    for (Residual& block : blocks) h = block(h);
    return leave(h);
  }

  Linear<float> enter, leave;
  std::vector<Residual> blocks;
};

int main() {
  const Dataset<float> data = moons<float>(300, 0.05, 1);
  Net model(Random(1));
  const Net before = model;  // a copy, which shares nothing with it
  for (const auto* p : model.parameters()) std::printf("%s\n", p->name().c_str());

  AdamW<float> optimizer(model.parameters(),
                         {.learning_rate = 0.01, .groups = {no_decay_on_biases()}});
  Loader<float> loader(data, 32);
  Tape<float> tape;
  for (std::uint64_t epoch = 0; epoch < 60; ++epoch)
    for (const Batch<float>& batch : loader.epoch(epoch)) {
      tape.clear();
      const auto loss = cross_entropy(model(tape.borrow(batch.inputs)), batch.labels);
      tape.backward(loss);
      optimizer.step();
    }
  Net untrained = before;
  std::printf(
      "loss fell below a tenth: %s\n",
      evaluate(model, data).at("loss") < 0.1 * evaluate(untrained, data).at("loss") ? "yes" : "no");
}

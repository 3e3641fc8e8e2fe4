// A loss of one's own: the pinball loss (Koenker, Bassett 1978), whose minimum is a quantile. The
// same network is taught to say what a value stays below nine times out of ten.
#include <nn/nn.hpp>

#include <cstdio>
#include <vector>

using namespace ramp::nn;
using ramp::Var;

int main() {
  std::vector<std::vector<double>> x;
  std::vector<double> y;  // spread grows with x
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    x.push_back({random.uniform(0, 1)});
    y.push_back(x.back()[0] + (0.1 + 0.5 * x.back()[0]) * random.normal());
  }
  const Dataset<float> data = dataset<float>(x, y);

  const auto pinball = [](const Var<float>& guess, const Batch<float>& batch) {
    const Var<float> e = targets_of(batch, guess) - guess;
    return mean(maximum(0.9f * e, -0.1f * e));
  };
  MLP<float> model({1, 16, 1}, {.seed = 1});
  Adam<float> optimizer(model.parameters(), {.learning_rate = 0.01});
  fit(model, optimizer, pinball, data, {.epochs = 30});

  const auto guess = predict(model, data.inputs);
  int below = 0;
  for (std::size_t i = 0; i < y.size(); ++i) below += data.targets[i] <= guess[i];
  std::printf("about nine in ten lie below: %s\n", below > 1700 && below < 1900 ? "yes" : "no");
}

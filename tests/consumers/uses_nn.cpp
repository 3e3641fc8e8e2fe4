// A network that somebody else trains, keeps and loads.
#include <nn/nn.hpp>

int main() {
  using namespace ramp::nn;
  const auto [train, test] = moons(200, 0.1).split(0.8, 1);
  MLP<float> model({2, 8, 2}, {.activation = "relu", .seed = 1});
  Adam<float> optimizer(model.parameters(), {.learning_rate = 0.01});
  fit(model, optimizer, "cross_entropy", train, test, {.epochs = 2});
  save(model, "consumer.safetensors");
  auto [loaded, info] = load_model<float>("consumer.safetensors");
  const ramp::Tensor<float> x({1, 2}, {0, 1});
  return predict(loaded, x)[0] == predict(model, x)[0] ? 0 : 1;
}

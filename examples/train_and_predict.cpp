// A network trained on numbers in memory, and used.
#include <nn/nn.hpp>

#include <cstdio>
#include <vector>

using namespace ramp::nn;

int main() {
  std::vector<std::vector<double>> rows;  // points of a square, and whether they lie in a circle
  std::vector<int> inside;
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    const double x = random.uniform(-1, 1), y = random.uniform(-1, 1);
    rows.push_back({x, y});
    inside.push_back(x * x + y * y < 0.6);
  }
  const auto [train, test] = dataset<float>(rows, inside).split({0.8, 0.2}, {.seed = 1});

  MLP<float> model({2, 24, 24, 2}, {.seed = 1});
  Adam<float> optimizer(model.parameters(), {.learning_rate = 0.01});
  const FitResult result =
      fit(model, optimizer, "cross_entropy", train, test, {.epochs = 60, .patience = 15});
  std::printf("learned: %s\n",
              result.epochs[result.best].valid.at("accuracy") > 0.95 ? "yes" : "no");

  const ramp::Tensor<float> points(ramp::Shape{3, 2}, {0, 0, 0.9f, 0.9f, -0.2f, 0.3f});
  for (const int answer : answers(predict(model, points)))
    std::printf("%s\n", answer == 1 ? "inside" : "outside");
}

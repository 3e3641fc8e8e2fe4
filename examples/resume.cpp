// A training that is interrupted and picked up again ends, to the bit, where it would have ended.
#include <nn/nn.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>

using namespace ramp::nn;

namespace {

const Dataset<float> data = moons<float>(500, 0.1, 1);

// Trains for 20 epochs, or to this step; `folder` keeps its state.
MLP<float> train(const std::filesystem::path& folder, std::uint64_t last_step) {
  MLP<float> model({2, 16, 2}, {.dropout = 0.1, .seed = 1});
  Adam<float> optimizer(model.parameters(), {.learning_rate = cosine(0.01, 320)});
  FitOptions<float> options{.epochs = 20, .batch_size = 32};
  options.keep = {.folder = folder, .resume = true};
  options.on_step = [&](const StepInfo<float>& step) { return step.step < last_step; };
  const FitResult result = fit(model, optimizer, "cross_entropy", data, options);
  std::printf("%s after %d epochs\n", result.stop == Stop::finished ? "ended" : "interrupted",
              static_cast<int>(result.epochs.size()));
  return model;
}

}  // namespace

int main() {
  std::filesystem::remove_all("resume-example");
  MLP<float> whole = train("resume-example/whole", 1000);
  train("resume-example/parts", 100);  // this model and its optimizer are gone after the line
  train("resume-example/parts", 205);
  MLP<float> parts = train("resume-example/parts", 1000);
  bool same = true;
  for (std::size_t i = 0; i < whole.parameters().size(); ++i)
    same &= std::ranges::equal(whole.parameters()[i]->value(), parts.parameters()[i]->value());
  std::printf("the same weights: %s\n", same ? "yes" : "no");
  std::filesystem::remove_all("resume-example");
}

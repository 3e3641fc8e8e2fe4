// A small character model: it learns which letter follows the last eight, and writes a text by
// itself. The recurrent cell goes over these letters, and its last state gives the scores.
#include <nn/nn.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

using namespace ramp::nn;
using ramp::Shape, ramp::Tensor, ramp::Var;

const std::string text =
    "relu is not differentiable at zero, yet descent by its gradient works: a step seldom ends "
    "right there, and what a tape gives for the slope is a number between nought and one.";
constexpr std::int64_t window = 8;

struct CharacterModel : Module<float> {
  CharacterModel(std::int64_t letters, Random random)
      : Module("letters"),
        embed(letters, 16, random),
        cell(16, 48, random),
        scores(48, letters, random) {}
  void members(Members<float>& m) override {
    m("embed", embed);
    m("cell", cell);
    m("scores", scores);
  }
  Var<float> forward(const Var<float>& x) override {  // (n, window), numbers of letters
    const auto letter = [&](int t) {
      return embed(reshape(slice(x, 1, t, t + 1), x.shape().without(1)));
    };
    Var<float> state = cell(letter(0));
    for (int t = 1; t < window; ++t) state = call(cell, letter(t), state);
    return scores(state);
  }

  Embedding<float> embed;
  GRUCell<float> cell;
  Linear<float> scores;
};

int main() {
  std::string letters = text;
  std::ranges::sort(letters);
  letters.erase(std::unique(letters.begin(), letters.end()), letters.end());
  const auto number = [&](char c) { return static_cast<int>(letters.find(c)); };

  std::vector<std::vector<int>> windows;
  std::vector<int> next;
  for (std::size_t i = window; i < text.size(); ++i) {
    windows.emplace_back();
    for (std::size_t k = i - window; k < i; ++k) windows.back().push_back(number(text[k]));
    next.push_back(number(text[i]));
  }
  const Dataset<float> data = dataset<float>(windows, next, static_cast<int>(letters.size()));

  CharacterModel model(data.classes, Random(1));
  Adam<float> optimizer(model.parameters(), {.learning_rate = 0.01});
  fit(model, optimizer, "cross_entropy", data, {.epochs = 60, .batch_size = 16});

  std::string written = text.substr(0, window);
  while (written.size() < text.size()) {
    Tensor<float> last(Shape{1, window});
    for (std::size_t k = 0; k < window; ++k)
      last[k] = static_cast<float>(number(written[written.size() - window + k]));
    written += letters[static_cast<std::size_t>(answers(predict(model, last))[0])];
  }
  std::printf("%s\n", written.c_str());
}

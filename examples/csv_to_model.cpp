// From a table of numbers and words to a model in a file, which knows how to read such rows again.
#include <nn/nn.hpp>

#include <cstdio>
#include <fstream>
#include <sstream>

using namespace ramp::nn;

// Fruit by weight in grams and colour; there is no such table, so it is made up.
void write_table(const char* path) {
  std::ofstream file(path);
  file << "weight,colour,fruit\n";
  Random random(1);
  for (int i = 0; i < 300; ++i) {
    const double noise = random.normal();
    if (i % 3 == 0) file << 150 + 15 * noise << ",red,apple\n";
    if (i % 3 == 1) file << 120 + 15 * noise << ",yellow,banana\n";
    if (i % 3 == 2) file << 10 + 2 * noise << ",red,cherry\n";
  }
}

int main() {
  write_table("fruit.csv");
  const auto [data, encoding] = read_csv<float>("fruit.csv", "fruit");
  const auto [train, test] = data.split({0.8, 0.2}, {.seed = 1, .stratified = true});
  std::printf("%zu inputs:", data.features());
  for (const auto& name : data.feature_names) std::printf(" %s", name.c_str());
  std::printf("\n");

  const auto [mean, deviation] = column_statistics(train.inputs);  // of the training part only
  Random random(1);
  Sequential<float> model(
      Standardize<float>(mean, deviation),
      Linear<float>(static_cast<std::int64_t>(data.features()), 16, random, {.activation = "relu"}),
      Linear<float>(16, data.classes, random));
  Adam<float> optimizer(model.parameters(), {.learning_rate = 0.01});
  fit(model, optimizer, "cross_entropy", train, test, {.epochs = 40});
  save(model, "fruit.safetensors", {.classes = encoding.classes, .encoding = encoding});

  auto [loaded, info] = load_model<float>("fruit.safetensors");  // in another program, say
  std::istringstream rows("colour,weight\nred,9\nyellow,118\nred,160\n");
  const auto questions = encode<float>(read_table(rows, "rows"), *info.encoding, false);
  for (const int k : answers(predict(loaded, questions.inputs)))
    std::printf("%s\n", info.classes[static_cast<std::size_t>(k)].c_str());
}

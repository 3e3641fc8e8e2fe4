// Training from end to end: shuffling, epochs, and the accuracy on the test set after each, until
// it is high enough. Both sides start from the same weights and see the same order.
#include "bench.hpp"

#include <nn/nn.hpp>

#include <fmt/format.h>

#include <numeric>

namespace ramp::bench {
namespace {

const Network network{"", {784, 256, 128, 10}, 32, 0.1f};

void compare(Table& table, const Options& options, const std::string& name, const std::string& set,
             double accuracy) {
  if (!options.wants(name) || (options.only.empty() && !options.full)) return;
  nn::Split<float> data;
  try {
    data = nn::load_named_dataset<float>(set);
  } catch (const nn::DataError& e) {
    table.note += fmt::format(" {} left out: {}", name, e.what());
    return;
  }
  const auto model_of = [](std::uint64_t seed) {
    return nn::MLP<float>({784, 256, 128, 10}, {.seed = seed});
  };
  const auto train = [&](const std::function<double(std::uint64_t)>& epoch) {
    for (std::uint64_t number = 0; number < 15; ++number)
      if (epoch(number) >= accuracy) return static_cast<double>(number + 1);
    table.failures.push_back(fmt::format("{}: {} isn't reached", name, accuracy));
    return 0.0;
  };

  // Ramp's loader, optimizer and evaluation, as any user has them.
  const auto by_ramp = [&](std::uint64_t seed) {
    auto model = model_of(seed);
    nn::SGD<float> sgd(model.parameters(), {.learning_rate = double{network.rate}});
    nn::Loader<float> loader(data.train, static_cast<std::size_t>(network.batch), seed);
    Tape<float> tape;
    return train([&](std::uint64_t number) {
      for (const nn::Batch<float>& b : loader.epoch(number)) {
        tape.clear();
        tape.backward(nn::cross_entropy<float>(model(tape.borrow(b.inputs)), b.labels));
        sgd.step();
      }
      return nn::evaluate(model, data.test).at("accuracy");
    });
  };
  // In the loader's order, for whoever brings no loader.
  const auto by_rival = [&](const Rival& rival, std::uint64_t seed) {
    const auto images = [](const nn::Dataset<float>& of) {
      return Images{of.size(), of.inputs.data(), of.labels.data()};
    };
    auto model = model_of(seed);
    Task task{network};
    for (const Parameter<float>* p : model.parameters())
      task.initial.emplace_back(p->value().data(), p->value().size());
    const Epoch epoch = rival.epochs(task, images(data.train), images(data.test));
    std::vector<std::uint32_t> order(data.train.size());
    return train([&](std::uint64_t number) {
      std::iota(order.begin(), order.end(), 0u);
      nn::Random(seed).stream(number).shuffle(order);
      return epoch(order);
    });
  };
  // A round is one call, with a seed of its own.
  std::vector<Contender> contenders{
      {"ramp", [&, seed = std::uint64_t{0}]() mutable { return by_ramp(++seed); }}};
  for (const Rival& rival : rivals())
    if (rival.epochs)
      contenders.push_back(
          {rival.name, [&, seed = std::uint64_t{0}]() mutable { return by_rival(rival, ++seed); }});
  table.add({{"name", name}, {"accuracy", accuracy}}, contenders, {options.quick ? 1 : 3, 0.02},
            "s", 1e9);
  table.add_ratios(contenders, "s");
}

}  // namespace

Table training(const Options& options) {
  Table table{"training", "training: seconds to an accuracy on the test set"};
  table.note =
      "784-256-128-10, batch 32, SGD 0.1, three seeds; shuffling and the test after each"
      " epoch are in it.";
  compare(table, options, "train-mnist", "mnist", 0.98);
  compare(table, options, "train-fashion", "fashion-mnist", 0.875);
  return table;
}

}  // namespace ramp::bench

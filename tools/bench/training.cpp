// Training from end to end: shuffling, epochs, and the accuracy on the test set after each, until
// it is high enough. All start from the same weights and see the same order.
#include "bench.hpp"

#include <nn/nn.hpp>

#include <fmt/format.h>

#include <numeric>

namespace ramp::bench {
namespace {

const Network network{"", {784, 256, 128, 10}, 32, 0.1f};

using Numbered = std::function<double(std::uint64_t)>;  // an epoch; it returns the accuracy

// Ramp's own loader, model, optimizer and evaluation, as any user has them.
Numbered by_ramp(nn::MLP<float>& model, const nn::Split<float>& data, std::uint64_t seed) {
  const auto sgd = std::make_shared<nn::SGD<float>>(
      model.parameters(), nn::SGDOptions{.learning_rate = double{network.rate}});
  const auto loader = std::make_shared<nn::Loader<float>>(data.train, network.batch, seed);
  const auto tape = std::make_shared<Tape<float>>();
  return [&model, &data, sgd, loader, tape](std::uint64_t number) {
    for (const nn::Batch<float>& b : loader->epoch(number)) {
      tape->clear();
      tape->backward(nn::cross_entropy<float>(model(tape->borrow(b.inputs)), b.labels));
      sgd->step();
    }
    return *nn::evaluate(model, data.test).accuracy;
  };
}

// In the loader's order, for whoever brings no loader of its own.
Numbered by_rival(const Rival& rival, nn::MLP<float>& model, const nn::Split<float>& data,
                  std::uint64_t seed) {
  Task task{network};
  for (const Parameter<float>* p : model.parameters())
    task.initial.emplace_back(p->value().data(), p->value().size());
  const auto images = [](const nn::Dataset<float>& of) {
    return Images{of.size(), of.inputs.data(), of.labels.data()};
  };
  const Epoch epoch = rival.epochs(task, images(data.train), images(data.test));
  return [epoch, seed,
          order = std::vector<std::uint32_t>(data.train.size())](std::uint64_t number) mutable {
    std::iota(order.begin(), order.end(), 0u);
    nn::Random(seed).stream(number).shuffle(order);
    return epoch(order);
  };
}

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
  std::vector<Contender> contenders;
  const auto add = [&](const std::string& who, const auto& start) {
    // A call is longer than a round, so each round is one call, with a seed of its own.
    contenders.push_back({who, [&, start, who, seed = std::uint64_t{0}]() mutable {
                            nn::MLP<float> model({784, 256, 128, 10}, {.seed = ++seed});
                            const Numbered epoch = start(model, seed);
                            for (std::uint64_t number = 0; number < 15; ++number)
                              if (epoch(number) >= accuracy) return static_cast<double>(number + 1);
                            table.failures.push_back(
                                fmt::format("{}: {} doesn't reach {}", name, who, accuracy));
                            return 0.0;
                          }});
  };
  add("ramp", [&](auto& model, std::uint64_t seed) { return by_ramp(model, data, seed); });
  for (const Rival& rival : rivals())
    if (rival.name == "torch")
      add(rival.name,
          [&](auto& model, std::uint64_t seed) { return by_rival(rival, model, data, seed); });
  const auto timings = race("training/" + name, contenders, {options.quick ? 1 : 3, 0.02});
  nlohmann::ordered_json row{{"name", name}, {"accuracy", accuracy}};
  add_times(row, timings, "s", 1e9);
  add_ratios(row, table.name, timings);
  table.rows.push_back(std::move(row));
}

}  // namespace

Table training(const Options& options) {
  Table table{"training", "training: seconds to an accuracy on the test set"};
  table.note =
      "784-256-128-10, batch 32, SGD 0.1; shuffling and the test after each epoch are in"
      " it. A round is a seed, and there are three.";
  compare(table, options, "train-mnist", "mnist", 0.98);
  compare(table, options, "train-fashion", "fashion-mnist", 0.875);
  return table;
}

}  // namespace ramp::bench

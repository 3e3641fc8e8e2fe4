// Training from end to end: reading the images, shuffling, epochs, and the accuracy on the test
// set after each, until it is high enough. Epochs turn about; all start from the same weights and
// see the same order.
#include "networks.hpp"
#include "peers.hpp"
#include "report.hpp"

#include <nn/nn.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <optional>

namespace ramp::bench {
namespace {

double seconds(const std::function<void()>& call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct Runner {
  std::string name;
  std::function<double(std::uint64_t)> epoch;  // its number; returns the accuracy after it
  double seconds = 0, accuracy = 0;
  std::uint64_t epochs = 0;
};

constexpr std::uint64_t most_epochs = 15;

// Ramp's own loader, model, optimizer and evaluation, as any user has them.
Runner ramp_runner(nn::MLP<float>& model, const nn::Split<float>& data, int batch, double rate,
                   std::uint64_t seed) {
  const auto sgd =
      std::make_shared<nn::SGD<float>>(model.parameters(), nn::SGDOptions{.learning_rate = rate});
  const auto loader = std::make_shared<nn::Loader<float>>(data.train, batch, seed);
  const auto tape = std::make_shared<Tape<float>>();
  return {"ramp", [&model, &data, sgd, loader, tape](std::uint64_t number) {
            for (const nn::Batch<float>& b : loader->epoch(number)) {
              tape->clear();
              tape->backward(nn::cross_entropy<float>(model(tape->borrow(b.inputs)), b.labels));
              sgd->step();
            }
            return *nn::evaluate(model, data.test).accuracy;
          }};
}

// The loader's order, for whoever brings no loader of its own.
Runner peer_runner(Peer& peer, const Task& task, const nn::Split<float>& data, std::uint64_t seed) {
  const auto images = [](const nn::Dataset<float>& of) {
    return Images{of.size(), of.inputs.data(), of.labels.data()};
  };
  auto call = peer.epochs(task, images(data.train), images(data.test));
  if (!call) return {};
  return {peer.name(), [call, seed, n = data.train.size()](std::uint64_t number) {
            std::vector<std::uint32_t> order(n);
            std::iota(order.begin(), order.end(), 0u);
            nn::Random(seed).stream(number).shuffle(order);
            return call(order);
          }};
}

struct Run {
  double ramp, torch;  // seconds; torch 0 if it isn't there
  std::uint64_t ramp_epochs, torch_epochs;
  double ramp_accuracy, torch_accuracy, reading;
};

std::optional<Run> run(const std::string& set, double accuracy, std::uint64_t seed) {
  nn::Split<float> data;
  const double reading = seconds([&] { data = nn::load_named_dataset<float>(set); });
  constexpr int batch = 32;
  constexpr double rate = 0.1;
  nn::MLP<float> model({784, 256, 128, 10}, {.seed = seed});
  Task task{{784, 256, 128, 10}, batch, static_cast<float>(rate), nullptr, nullptr, nullptr, {}};
  for (const Parameter<float>* p : model.parameters())
    task.initial.emplace_back(p->value().data(), p->value().size());

  std::vector<Runner> runners{ramp_runner(model, data, batch, rate, seed)};
  for (const auto& peer : peers())
    if (Runner r = peer_runner(*peer, task, data, seed); r.epoch) runners.push_back(std::move(r));
  for (Runner& r : runners) r.seconds = reading;
  for (std::uint64_t e = 0; e < most_epochs; ++e)
    for (Runner& r : runners) {
      if (r.accuracy >= accuracy) continue;
      r.seconds += seconds([&] { r.accuracy = r.epoch(e); });
      ++r.epochs;
    }
  Run found{runners[0].seconds, 0, runners[0].epochs, 0, runners[0].accuracy, 0, reading};
  for (const Runner& r : runners)
    if (r.name == "torch")
      found.torch = r.seconds, found.torch_epochs = r.epochs, found.torch_accuracy = r.accuracy;
  if (std::any_of(runners.begin(), runners.end(),
                  [&](const Runner& r) { return r.accuracy < accuracy; }))
    return {};
  return found;
}

}  // namespace

Table training(const Options& options) {
  Table table{
      "training",
      "training: seconds to an accuracy on the test set (784-256-128-10, batch 32, SGD 0.1)",
      {{"name", "data"},
       {"accuracy", "accuracy", "{:.3f}"},
       {"ramp_s", "Ramp", "{:.2f}"},
       {"ramp_median_s", "median", "{:.2f}"},
       {"torch_s", "libtorch", "{:.2f}"},
       {"torch_median_s", "median", "{:.2f}"},
       {"ratio", "ratio", "{:.2f}"},
       {"target", "target", "{:.2f}"},
       {"epochs", "epochs"},
       {"torch_epochs", "libtorch's"},
       {"reading_s", "of it reading", "{:.2f}"}}};
  table.note = "Reading, shuffling and the test after each epoch included; the best of the seeds.";
  struct Case {
    std::string name, set;
    double accuracy;
  };
  for (const Case& c :
       {Case{"train-mnist", "mnist", 0.98}, Case{"train-fashion", "fashion-mnist", 0.875}}) {
    if (!options.wants_long(c.name)) continue;
    progress(c.name);
    std::vector<Run> runs;
    nlohmann::ordered_json row{{"name", c.name}, {"accuracy", c.accuracy}};
    try {
      nn::find_named_dataset(c.set);
    } catch (const nn::DataError& e) {
      table.note += fmt::format(" {} left out: {}", c.name, e.what());
      continue;
    }
    constexpr std::uint64_t seeds = 3;
    for (std::uint64_t seed = 1; seed <= (options.quick ? 1 : seeds); ++seed)
      if (const auto found = run(c.set, c.accuracy, seed)) runs.push_back(*found);
    if (runs.empty()) {
      table.failures.push_back(fmt::format("{}: no seed reaches {} in {} epochs on all sides",
                                           c.name, c.accuracy, most_epochs));
      continue;
    }
    const auto put = [&](const std::string& who, double Run::*member) {
      std::sort(runs.begin(), runs.end(),
                [&](const Run& a, const Run& b) { return a.*member < b.*member; });
      if (runs.front().*member <= 0) return;
      row[who + "_s"] = runs.front().*member;
      row[who + "_median_s"] = runs[runs.size() / 2].*member;
    };
    put("torch", &Run::torch);
    put("ramp", &Run::ramp);  // last: the epochs are those of its best run
    if (row.contains("torch_s")) {
      row["ratio"] = row["ramp_s"].get<double>() / row["torch_s"].get<double>();
      row["target"] = *target(table.name, c.name);
      row["torch_epochs"] = runs.front().torch_epochs;
    }
    row["epochs"] = runs.front().ramp_epochs;
    row["reading_s"] = runs.front().reading;
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace ramp::bench

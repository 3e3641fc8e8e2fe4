// The TensorFlow Playground's work (github.com/tensorflow/playground), which is batches of ten on
// networks of a dozen units: what a step costs, and how many seeds end well. Its own numbers are
// given, not measured here: its TypeScript, timed in a JavaScript engine on a machine of this
// class.
#include "report.hpp"

#include <autodiff/autodiff.hpp>
#include <nn/joined.hpp>
#include <nn/nn.hpp>

#include <fmt/format.h>

#include <cmath>

namespace ramp::bench {
namespace {

struct Net {
  std::string name;
  std::vector<std::int64_t> sizes;
  nn::Activation activation;
  double given_us;  // the Playground's step
};
const Net plain{"default", {2, 4, 2, 1}, nn::Activation::tanh, 6.8};
const Net seven{"7-features", {7, 8, 8, 1}, nn::Activation::relu, 20};

constexpr std::size_t points = 500, batch_size = 10;

// x, y, and with seven inputs x², y², x y, sin x, sin y.
Tensor<float> features(const nn::Dataset<float>& data, std::int64_t count) {
  if (count == 2) return data.inputs;
  Tensor<float> all({static_cast<std::int64_t>(data.size()), count});
  for (std::size_t i = 0; i < data.size(); ++i) {
    const float x = data.inputs[2 * i], y = data.inputs[2 * i + 1];
    const float row[]{x, y, x * x, y * y, x * y, std::sin(x), std::sin(y)};
    std::copy_n(row, 7, all.data() + 7 * i);
  }
  return all;
}

// Squared error halved, tanh at the output, weights uniform from -0.5 to 0.5 and biases 0.1, a
// rate of 0.03; the first half of the points trains, in one order, the other half tests.
class Playground {
 public:
  Playground(const Net& net, std::string_view set, std::uint64_t seed)
      : data_(nn::synthetic<float>(set, points, 0, seed)),
        inputs_(features(data_, net.sizes.front())),
        model_(net.sizes, {.activation = net.activation}),
        sgd_(model_.parameters(), {.learning_rate = 0.03}) {
    nn::Random random(seed + 1000);
    for (Parameter<float>* p : sgd_.parameters())
      for (float& w : p->edit())
        w = p->shape().rank() == 1 ? 0.1f : static_cast<float>(random.uniform(-0.5, 0.5));
  }

  static constexpr std::size_t steps = points / 2 / batch_size;  // of an epoch

  void epoch() {
    for (std::size_t i = 0; i < steps; ++i) {
      tape_.clear();
      const Var<float> y = output(i * batch_size, batch_size);
      const Var<float> target = tape_.borrow(rows(data_.targets, i * batch_size, batch_size));
      tape_.backward(mean(square(y - target)) * 0.5);
      sgd_.step();
    }
  }
  double test_accuracy() {
    tape_.clear();
    const auto without = tape_.no_grad();
    const View<const float> y = output(points / 2, points / 2).view();
    std::size_t right = 0;
    for (std::size_t i = 0; i < y.size(); ++i)
      right += (y[i] > 0) == (data_.targets[points / 2 + i] > 0);
    return static_cast<double>(right) / static_cast<double>(y.size());
  }

 private:
  static View<const float> rows(const Tensor<float>& of, std::size_t first, std::size_t count) {
    return {of.data() + first * of.shape()[1],
            of.shape().with(0, static_cast<std::uint32_t>(count))};
  }
  Var<float> output(std::size_t first, std::size_t count) {
    return tanh(model_(tape_.borrow(rows(inputs_, first, count))));
  }

  nn::Dataset<float> data_;
  Tensor<float> inputs_;
  nn::MLP<float> model_;
  nn::SGD<float> sgd_;
  Tape<float> tape_;
};

}  // namespace

Table playground(const Options& options) {
  Table table{
      "playground",
      "playground: a step of the TensorFlow Playground's networks in microseconds (batch 10)",
      {{"name", "network"},
       {"layers", "layers"},
       {"ramp_us", "Ramp", "{:.2f}"},
       {"ramp_median_us", "median", "{:.2f}"},
       {"given_us", "Playground (given)", "{:.1f}"},
       {"ratio", "ratio", "{:.2f}"},
       {"target", "target", "{:.2f}"}}};
  table.note = "The Playground's times are given, not measured in this run.";
  if (!options.wants("playground")) return table;
  for (const Net& net : {plain, seven}) {
    progress("playground " + net.name);
    Playground here(net, "circle", 1);
    auto t = options.race({{"ramp", [&] { here.epoch(); }}});
    t[0].best /= Playground::steps, t[0].median /= Playground::steps;
    nlohmann::ordered_json row{
        {"name", net.name},
        {"layers", fmt::format("{} {}", nn::joined(net.sizes, "-"), nn::to_string(net.activation))},
        {"given_us", net.given_us}};
    add_timings(row, table.name, t);
    row["ratio"] = row["ramp_us"].get<double>() / net.given_us;
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table quality(const Options& options) {
  Table table{"quality",
              "playground, quality: seeds of 20 that reach the accuracy on the test half in time",
              {{"name", "network and data"},
               {"accuracy", "accuracy", "{:.2f}"},
               {"epochs", "within epochs"},
               {"solved", "Ramp"},
               {"given", "Playground (given)"},
               {"median_epoch", "median epoch"}}};
  if (!options.wants("playground")) return table;
  struct Case {
    const Net& net;
    const char* set;
    double accuracy;
    std::uint64_t epochs;
    int given;
  };
  for (const Case& c :
       {Case{plain, "circle", 1, 100, 20}, Case{plain, "gauss", 1, 100, 20},
        Case{plain, "spiral", 0.95, 300, 0}, Case{seven, "spiral", 0.95, 300, 19}}) {
    const std::string name = fmt::format("{} {}", c.net.name, c.set);
    progress(name);
    constexpr std::uint64_t seeds = 20;
    std::vector<std::uint64_t> reached;
    for (std::uint64_t seed = 0; seed < (options.quick ? 3 : seeds); ++seed) {
      Playground here(c.net, c.set, seed);
      for (std::uint64_t epoch = 1; epoch <= c.epochs; ++epoch) {
        here.epoch();
        if (here.test_accuracy() < c.accuracy) continue;
        reached.push_back(epoch);
        break;
      }
    }
    std::sort(reached.begin(), reached.end());
    nlohmann::ordered_json row{{"name", name},
                               {"accuracy", c.accuracy},
                               {"epochs", c.epochs},
                               {"solved", reached.size()},
                               {"given", c.given}};
    if (!reached.empty()) row["median_epoch"] = reached[reached.size() / 2];
    if (!options.quick && c.given > 0) {  // of shares: at most 1 if Ramp solves as many
      row["ratio"] = c.given / (static_cast<double>(reached.size()) + 1e-9);
      row["target"] = *target(table.name, name);
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace ramp::bench

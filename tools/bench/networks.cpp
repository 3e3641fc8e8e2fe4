// The five networks by Ramp, by hand and by other tools: a step of training and what it takes in
// memory, a forward pass, a step on two threads, a step that somebody watches.
#include "bench.hpp"

#include <autodiff/autodiff.hpp>
#include <autodiff/kernels/gemm.hpp>
#include <nn/nn.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <fstream>

namespace ramp::bench {
namespace {

const Network all_networks[] = {
    {"moons", {2, 16, 16, 1}, 100},
    {"digits", {64, 64, 64, 10}, 32},
    {"mnist", {784, 256, 128, 10}, 128},
    {"glorot", {784, 1000, 1000, 1000, 10}, 10},
    {"wide", {784, 1000, 1000, 1000, 10}, 128},
};

struct Batch {
  Tensor<float> x, targets;
  std::vector<std::int32_t> labels;

  explicit Batch(const Network& n) : x({n.batch, n.sizes.front()}), targets({n.batch, 1}) {
    nn::Random random(1);
    for (float& v : x) v = static_cast<float>(random.uniform());
    for (float& v : targets) v = static_cast<float>(random.uniform(-1, 1));
    const auto classes = static_cast<std::uint64_t>(n.sizes.back());
    for (int i = 0; i < n.batch; ++i)
      labels.push_back(static_cast<std::int32_t>(random.below(classes)));
  }
  /// For a rival; `initial` is still empty.
  Task task(const Network& n) const {
    return {n, x.data(), n.sizes.back() > 1 ? labels.data() : nullptr, targets.data()};
  }
};

class RampMlp {
 public:
  RampMlp(const Network& n, const Batch& batch, TapeOptions options = {})
      : network_(n),
        batch_(batch),
        model_({n.sizes.begin(), n.sizes.end()},
               {.activation = n.tanh ? "tanh" : "relu", .seed = 1}),
        sgd_(model_.parameters(), {.learning_rate = double{n.rate}}),
        tape_(options) {}

  template <class Watch> double step(const Watch& watch) {
    tape_.clear();
    const Var<float> y = output(), loss = loss_of(y);
    tape_.backward(loss);
    watch(tape_);
    sgd_.step();
    return loss.item();
  }
  double step() {
    return step([](const Tape<float>&) {});
  }

  double predict() {
    tape_.clear();
    const auto without = tape_.no_grad();
    return output().view()[0];
  }

  /// For a rival, from the parameters as they are now.
  Task task() const {
    Task task = batch_.task(network_);
    for (const Parameter<float>* p : sgd_.parameters())
      task.initial.emplace_back(p->value().data(), p->value().size());
    return task;
  }
  nn::MLP<float>& model() { return model_; }

 private:
  Var<float> output() {
    const Var<float> y = model_(tape_.borrow(batch_.x.view()));
    return network_.playground ? tanh(y) : y;
  }
  Var<float> loss_of(const Var<float>& y) {
    if (network_.sizes.back() > 1) return nn::cross_entropy<float>(y, batch_.labels);
    const Var<float> loss = nn::mse(y, tape_.borrow(batch_.targets.view()));
    return network_.playground ? loss * 0.5f : loss;
  }

  const Network& network_;
  const Batch& batch_;
  nn::MLP<float> model_;
  nn::SGD<float> sgd_;
  Tape<float> tape_;
};

std::array<double, 10> ten_of(const Call& call) {
  std::array<double, 10> values;
  for (double& value : values) value = call();
  return values;
}

// In the first number, and in what then becomes of it: how far the steps bring the loss down. A
// wrong gradient shows there, long before it shows in the loss itself.
double difference(const std::array<double, 10>& a, const std::array<double, 10>& b) {
  double apart = 0, way = 0;
  for (std::size_t i = 1; i < a.size(); ++i) {
    apart += std::abs((a[i] - a[0]) - (b[i] - b[0]));
    way += std::abs(b[i] - b[0]);
  }
  return std::abs(a[0] - b[0]) / std::abs(b[0]) + (way > 0 ? apart / way : apart);
}

// Steps of training, or else forward passes.
void compare(Table& table, const Options& options, const Network& n, const std::string& name,
             bool learns) {
  const Batch batch(n);
  RampMlp ramp(n, batch);
  const Task task = ramp.task();
  std::vector<Contender> contenders{{"ramp", [&] { return ramp.step(); }}};
  if (!learns) contenders[0].call = [&] { return ramp.predict(); };
  // All before anybody's first step, so that all start from the same parameters.
  for (const Rival& rival : rivals())
    if (const auto& make = learns ? rival.training : rival.inference)
      if (Call call = make(task)) contenders.push_back({rival.name, std::move(call)});

  const auto by_ramp = ten_of(contenders[0].call), by_hand = ten_of(contenders[1].call);
  table.check(name, "ramp", difference(by_ramp, by_hand), 1e-3);
  for (std::size_t i = 2; i < contenders.size(); ++i)
    table.check(name, contenders[i].who, difference(ten_of(contenders[i].call), by_hand), 1e-3);

  const auto layers = fmt::format("{}{}", fmt::join(n.sizes, "-"), n.tanh ? " tanh" : "");
  auto& row = table.add({{"name", name}, {"layers", layers}, {"batch", n.batch}}, contenders,
                        options.rounds());
  table.add_ratios(contenders);
  row["differs_by"] = difference(by_ramp, by_hand);
  row["allocations"] = allocations_of(contenders[0].call);
}

void watch(Table& table, const Options& options, const Network& n, int samples) {
  const Batch batch(n);
  RampMlp ramp(n, batch), checked(n, batch, {.checked = true});
  nn::Random random(1);
  nn::Dataset<float> data;
  data.inputs = Tensor<float>({samples, n.sizes.front()});
  for (float& x : data.inputs) x = static_cast<float>(random.uniform(-1, 1));
  data.targets = Tensor<float>({samples, n.sizes.back()});
  // As `ramp train` does them: the census on each step, the units once an epoch on a part of it.
  Census census;
  const nn::MonitorOptions part{.samples = static_cast<std::size_t>(std::max(1000, samples / 6))};
  const auto units = [&] { return nn::monitor_units(ramp.model(), data, part).size(); };
  // Many short rounds: what is to be seen is smaller than what a busy machine adds to a long one.
  auto& row = table.add({{"name", fmt::format("{}-{}", n.name, n.batch)}},
                        {{"plain", [&] { return ramp.step(); }},
                         {"census", [&] { return ramp.step([&](auto& t) { census.add(t); }); }},
                         {"checked", [&] { return checked.step(); }},
                         {"monitor", [&] { return static_cast<double>(units()); }}},
                        {options.quick ? 3 : 101, 0.002});
  const auto cost = [&](const char* key) {
    return row[key].get<double>() / row["plain_us"].get<double>();
  };
  row["census_to_plain"] = cost("census_us");
  row["checked_to_plain"] = cost("checked_us");
  row["monitor_to_plain"] = 1 + cost("monitor_us") * n.batch / samples;
}

}  // namespace

Table networks(const Options& options) {
  Table table{"networks", "networks: a step of training (float; forward, backward, SGD)"};
  for (const Network& n : all_networks)
    if (options.wants(n.name)) compare(table, options, n, n.name, true);
  return table;
}

Table inference(const Options& options) {
  Table table{"inference", "inference: a forward pass (float; no gradients recorded)"};
  table.note = "NAME-1 is the network at batch 1.";
  for (Network n : all_networks) {
    if (!options.wants("inference") && !options.wants(n.name)) continue;
    compare(table, options, n, n.name, false);
    n.batch = 1;
    compare(table, options, n, n.name + "-1", false);
  }
  return table;
}

// github.com/tensorflow/playground: its first network, and one of all its features.
Table playground(const Options& options) {
  Table table{"playground", "playground: a step of the TensorFlow Playground's networks"};
  table.note = "The loop is what its TypeScript does, in C++: a point at a time, in double.";
  for (const Network& n : {Network{"default", {2, 4, 2, 1}, 10, 0.03f, true, true},
                           Network{"7-features", {7, 8, 8, 1}, 10, 0.03f, true, false}})
    if (options.wants(table.name)) compare(table, options, n, n.name, true);
  return table;
}

Table threads(const Options& options) {
  Table table{"threads", "threads: a step of training on two threads of the BLAS, and on one"};
  for (const Network& n : all_networks) {
    if (n.name != "mnist" && n.name != "wide") continue;
    if (!options.wants("threads") && !options.wants(n.name)) continue;
    const Batch batch(n);
    RampMlp ramp(n, batch);
    const auto step_on = [&](int count) { return set_blas_threads(count), ramp.step(); };
    const std::vector<Contender> contenders{{"two", [&] { return step_on(2); }},
                                            {"one", [&] { return step_on(1); }}};
    // Long rounds: OpenBLAS's new workers spin for some 20 ms before they sleep.
    table.add({{"name", n.name}}, contenders, {options.quick ? 3 : 7, options.quick ? 0.02 : 0.2});
    table.add_ratios(contenders);
  }
  return table;
}

Table instruments(const Options& options) {
  Table table{"instruments", "instruments: a step of training, and what watching makes of it"};
  table.note = "The monitor runs once an epoch; its ratio is that of all steps of one.";
  if (!options.wants("instruments")) return table;
  watch(table, options, {"moons", {2, 16, 16, 1}, 100, 1e-4f}, 1000);
  watch(table, options, {"mnist", {784, 256, 128, 10}, 64, 1e-4f}, 12000);
  watch(table, options, {"mnist", {784, 256, 128, 10}, 128, 1e-4f}, 12000);
  return table;
}

// This program is started anew for each row and rival, since what one has touched stays with the
// process.
void print_peak(const std::string& who, const std::string& network) {
  if (who != "torch") without_modules();  // the others don't pay for it
  for (const Network& n : all_networks) {
    if (n.name != network) continue;
    const Batch batch(n);
    Task task = batch.task(n);
    const std::vector<float> anything(1000 * 1000, 0.01f);  // no layer has more weights
    for (std::size_t l = 1; l < n.sizes.size(); ++l)
      for (const int size : {n.sizes[l - 1] * n.sizes[l], n.sizes[l]})
        task.initial.push_back(std::span(anything).first(static_cast<std::size_t>(size)));
    Call call;
    if (who == "ramp") call = [mlp = std::make_shared<RampMlp>(n, batch)] { return mlp->step(); };
    for (const Rival& rival : rivals())
      if (rival.name == who && rival.training) call = rival.training(task);
    if (!call && who != "nothing") return;
    for (int i = 0; call && i < 5; ++i) call();
  }
  // Not getrusage, which still knows the peak of who started this process.
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) fmt::print("{}\n", std::stod(line.substr(6)) / 1024);
}

Table memory(const Options& options) {
  Table table{"memory", "memory: peak of a process that trains the network, in MiB"};
  table.note =
      "The program itself, its libraries and the batch are in it: so much as no training takes.";
  for (const Network& n : all_networks) {
    if (!options.wants("memory") && !options.wants(n.name)) continue;
    nlohmann::ordered_json row{{"name", n.name}};
    for (const std::string who : {"ramp", "hand", "torch", "nothing"}) {
      const auto command = fmt::format("/proc/{}/exe --peak {} {}", getpid(), who, n.name);
      std::FILE* const out = popen(command.c_str(), "r");
      double peak = 0;
      if (out && std::fscanf(out, "%lf", &peak) == 1) row[who + "_mib"] = peak;
      if (out) pclose(out);
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace ramp::bench

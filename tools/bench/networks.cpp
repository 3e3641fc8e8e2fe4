// Networks beside the same by hand and by other tools: a full step of training, a forward pass
// without gradients, and a step on one thread and on two.
#include "networks.hpp"
#include "bench.hpp"

#include <autodiff/kernels/gemm.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cmath>
#include <thread>

namespace ramp::bench {
namespace {

enum class Does { learn, predict };

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

void compare(Table& table, const Options& options, const Network& n, const std::string& name,
             Does what) {
  const Batch batch(n);
  RampMlp ramp(n, batch);
  const Task task = ramp.task();
  std::vector<Contender> contenders{{"ramp", what == Does::learn
                                                 ? Call([&] { return ramp.step(); })
                                                 : Call([&] { return ramp.predict(); })}};
  // All before anybody's first step, so that all start from the same parameters.
  for (const Rival& rival : rivals())
    if (Call call = what == Does::learn ? rival.training(task) : rival.inference(task))
      contenders.push_back({rival.name, std::move(call)});

  const auto by_ramp = ten_of(contenders[0].call), by_hand = ten_of(contenders[1].call);
  table.check(name, "ramp", difference(by_ramp, by_hand), 1e-3);
  for (std::size_t i = 2; i < contenders.size(); ++i)
    table.check(name, contenders[i].who, difference(ten_of(contenders[i].call), by_hand), 1e-3);

  nlohmann::ordered_json row{{"name", name}};
  row["layers"] = fmt::format("{}{}", fmt::join(n.sizes, "-"), n.tanh ? " tanh" : "");
  row["batch"] = n.batch;
  row["allocations"] = allocations_of(contenders[0].call);
  row["differs_by"] = difference(by_ramp, by_hand);
  const auto timings = race(table.name + "/" + name, contenders, options.rounds());
  add_times(row, timings);
  add_ratios(row, table.name, timings);
  table.rows.push_back(std::move(row));
}

}  // namespace

Table networks(const Options& options) {
  Table table{"networks", "networks: a step of training (float; forward, backward, SGD)"};
  for (const Network& n : all_networks)
    if (options.wants(n.name)) compare(table, options, n, n.name, Does::learn);
  return table;
}

Table inference(const Options& options) {
  Table table{"inference", "inference: a forward pass (float; no gradients recorded)"};
  table.note = "NAME-1 is the network at batch 1.";
  for (Network n : all_networks) {
    if (!options.wants("inference") && !options.wants(n.name)) continue;
    compare(table, options, n, n.name, Does::predict);
    n.batch = 1;
    compare(table, options, n, n.name + "-1", Does::predict);
  }
  return table;
}

// github.com/tensorflow/playground: its first network, and one of all its features.
Table playground(const Options& options) {
  Table table{"playground", "playground: a step of the TensorFlow Playground's networks"};
  table.note = "The loop is what its TypeScript does, in C++: a point at a time, in double.";
  for (const Network& n : {Network{"default", {2, 4, 2, 1}, 10, 0.03f, true, true},
                           Network{"7-features", {7, 8, 8, 1}, 10, 0.03f, true, false}})
    if (options.wants(table.name)) compare(table, options, n, n.name, Does::learn);
  return table;
}

Table threads(const Options& options) {
  Table table{"threads", "threads: a step of training on two threads of the BLAS, and on one"};
  table.note =
      "two-tapes: 200,000 nodes each, recorded and swept, side by side or one after the other.";
  const auto add = [&](const std::string& name, const Call& two, const Call& one, Rounds rounds) {
    const auto timings = race("threads/" + name, {{"two", two}, {"one", one}}, rounds);
    nlohmann::ordered_json row{{"name", name}};
    add_times(row, timings);
    add_ratios(row, table.name, timings);
    table.rows.push_back(std::move(row));
  };
  for (const Network& n : all_networks) {
    if (n.name != "mnist" && n.name != "wide") continue;
    if (!options.wants("threads") && !options.wants(n.name)) continue;
    const Batch batch(n);
    RampMlp ramp(n, batch);
    const auto on = [&](int count) {
      return [&ramp, count] {
        set_blas_threads(count);
        return ramp.step();
      };
    };
    // Long rounds: OpenBLAS's new workers spin for some 20 ms before they sleep.
    add(n.name, on(2), on(1), {options.rounds().count / 2, options.quick ? 0.02 : 0.2});
    set_blas_threads(1);
  }
  if (!options.wants("threads") && !options.wants("scalars")) return table;
  // A tape belongs to one thread, so two of them take two: one call is the work of both.
  std::array<Tape<double>, 2> tapes;
  const auto work = [&](std::size_t i) {
    tapes[i].clear();
    Var<double> x = tapes[i].leaf(1.0);
    const Var<double> a = tapes[i].leaf(1.0), b = tapes[i].leaf(1e-9);
    for (int k = 0; k < 100'000; ++k) x = x * a + b;
    tapes[i].backward(x);
    return x.item();
  };
  const auto side_by_side = [&] {
    std::jthread other(work, 1);
    return work(0);
  };
  add(
      "two-tapes", side_by_side, [&] { return work(0) + work(1); }, options.rounds());
  return table;
}

}  // namespace ramp::bench

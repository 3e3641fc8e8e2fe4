// The two networks that are large enough for it on one thread of the BLAS and on two, and two tapes
// on a thread each.
#include "networks.hpp"
#include "peers.hpp"
#include "report.hpp"

#include <autodiff/gemm.hpp>

#include <array>
#include <string>
#include <thread>

extern "C" {  // OpenBLAS's; another BLAS leaves them undefined, and the table empty
[[gnu::weak]] int openblas_get_num_threads();
}

namespace ramp::bench {
namespace {

void set_threads(int n) {
  set_blas_threads(n);  // Ramp's products, and OpenBLAS for the hand-written ones
  for (const auto& peer : peers()) peer->set_threads(n);
}

}  // namespace

Table threads(const Options& options) {
  Table table{"threads",
              "threads: a step of training in microseconds, on one thread and on two",
              {{"name", "network"},
               {"two_us", "Ramp, 2", "{:.0f}"},
               {"one_us", "Ramp, 1", "{:.0f}"},
               {"ratio", "2 to 1", "{:.2f}"},
               {"target", "target", "{:.3f}"},
               {"hand_two_us", "by hand, 2", "{:.0f}"},
               {"hand_one_us", "by hand, 1", "{:.0f}"},
               {"torch_two_us", "libtorch, 2", "{:.0f}"},
               {"torch_one_us", "libtorch, 1", "{:.0f}"}}};
  table.note =
      "two tapes: 200,000 nodes each, recorded and swept, one after the other or side by side.";
  if (!openblas_get_num_threads) return table;
  const int before = openblas_get_num_threads();
  for (const Network& n : all_networks) {
    if (n.name != "mnist" && n.name != "wide") continue;
    if (!options.wants("threads") && !options.wants(n.name)) continue;
    progress("threads " + n.name);
    nn::Random random(1);
    const Batch batch(n, random);
    RampMlp ramp(n);
    const Task given = task(n, batch, ramp);
    HandMlp hand = by_hand(given);
    // Side by side only with itself: a tool's idle workers spin for a while before they sleep.
    std::vector<Timing> timings;
    const auto add = [&](const std::string& who, const std::function<float()>& call) {
      const auto on = [&call](int count) {
        return [&call, count] {
          set_threads(count);
          keep(call());
        };
      };
      const auto t = options.race({{who + "two", on(2)}, {who + "one", on(1)}});
      timings.insert(timings.end(), t.begin(), t.end());
    };
    add("", [&] { return ramp.step(batch); });
    add("hand_", [&] { return step(hand, given); });
    for (const auto& peer : peers())
      if (auto training = peer->training(given)) add(peer->name() + "_", training);
    nlohmann::ordered_json row{{"name", n.name}};
    add_timings(row, table.name, timings);
    table.rows.push_back(std::move(row));
  }
  set_threads(before);
  if (options.wants("threads") || options.wants("scalars")) {
    // A tape belongs to one thread, so two of them take two: one call is the work of both.
    std::array<Tape<double>, 2> tapes;
    const auto work = [&](std::size_t i) {
      tapes[i].clear();
      Var<double> x = tapes[i].leaf(1.0);
      const Var<double> a = tapes[i].leaf(1.0), b = tapes[i].leaf(1e-9);
      for (int k = 0; k < 100'000; ++k) x = x * a + b;
      tapes[i].backward(x);
    };
    nlohmann::ordered_json row{{"name", "two tapes"}};
    add_timings(row, table.name,
                options.race({{"two",
                               [&] {
                                 std::jthread other(work, 1);
                                 work(0);
                               }},
                              {"one", [&] {
                                 work(1);
                                 work(0);
                               }}}));
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace ramp::bench

// The two networks that are large enough for it on one thread of the BLAS and on two, and two tapes
// on a thread each.
#include "networks.hpp"
#include "peers.hpp"
#include "report.hpp"

#include <autodiff/kernels/gemm.hpp>

#include <array>
#include <string>
#include <thread>

extern "C" {  // OpenBLAS's; another BLAS leaves them undefined, and the table empty
[[gnu::weak]] void openblas_set_num_threads(int);
[[gnu::weak]] int openblas_get_num_threads();
}

namespace ramp::bench {
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
  // Each only beside itself, and Ramp first: a tool's idle workers spin for a while before they
  // sleep, and take the other core meanwhile.
  std::array<std::vector<Timing>, 2> timings;
  for (const bool ramp_alone : {true, false}) {
    std::size_t at = 0;
    for (const Network& n : all_networks) {
      if (n.name != "mnist" && n.name != "wide") continue;
      if (!options.wants("threads") && !options.wants(n.name)) continue;
      progress("threads " + n.name);
      nn::Random random(1);
      const Batch batch(n, random);
      RampMlp ramp(n);
      const Task given = task(n, batch, ramp);
      if (ramp_alone) table.rows.push_back({{"name", n.name}});
      const auto add = [&](const std::string& who, const std::function<void(int)>& set_threads,
                           const std::function<float()>& call) {
        const auto on = [&](int count) {
          return [&, count] {
            set_threads(count);
            keep(call());
          };
        };
        // Long chunks: OpenBLAS's new workers spin for some 20 ms.
        const auto chunk = std::chrono::milliseconds(options.quick ? 20 : 200);
        const auto t = race({{who + "two", on(2)}, {who + "one", on(1)}}, 7, chunk);
        timings[at].insert(timings[at].end(), t.begin(), t.end());
        set_threads(before);
      };
      if (ramp_alone) {
        add("", set_blas_threads, [&] { return ramp.step(batch); });
      } else {
        HandMlp hand = by_hand(given);
        add("hand_", openblas_set_num_threads, [&] { return step(hand, given); });
        for (const auto& peer : peers())
          if (auto training = peer->training(given))
            add(
                peer->name() + "_", [&](int count) { peer->set_threads(count); }, training);
      }
      ++at;
    }
  }
  for (std::size_t i = 0; i < table.rows.size(); ++i)
    add_timings(table.rows[i], table.name, timings[i]);
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

// A forward pass without gradients: what a trained network costs in use.
#include "allocations.hpp"
#include "networks.hpp"
#include "peers.hpp"
#include "report.hpp"

#include <fmt/format.h>

#include <cmath>

namespace ramp::bench {

Table inference(const Options& options) {
  Table table{"inference",
              "inference: a forward pass in microseconds (float; no gradients recorded)",
              {{"name", "network"},
               {"ramp_us", "Ramp", "{:.2f}"},
               {"ramp_median_us", "median", "{:.2f}"},
               {"hand_us", "by hand", "{:.2f}"},
               {"hand_median_us", "median", "{:.2f}"},
               {"ratio", "ratio", "{:.2f}"},
               {"target", "target", "{:.2f}"},
               {"torch_us", "libtorch", "{:.2f}"},
               {"torch_ratio", "ratio", "{:.2f}"},
               {"allocations", "allocations"}}};
  table.note = "NAME-1 is the network at batch 1.";
  for (Network n : all_networks)
    for (const bool single : {false, true}) {
      if (!options.wants("inference") && !options.wants(n.name)) continue;
      if (single) n.batch = 1;
      const std::string name = n.name + (single ? "-1" : "");
      progress("inference " + name);
      nn::Random random(1);
      const Batch batch(n, random);
      RampMlp ramp(n);
      const Task given = task(n, batch, ramp);
      HandMlp hand = by_hand(given);
      std::vector<Contender> contenders{{"ramp", [&] { keep(ramp.predict(batch)); }},
                                        {"hand", [&] { keep(hand.predict(given.x)[0]); }}};
      const float expected = hand.predict(given.x)[0];
      const auto check = [&](const std::string& who, float y) {
        if (!(std::abs(y - expected) <= 1e-3f * (1 + std::abs(expected))))
          table.failures.push_back(
              fmt::format("inference of {}: {} gives {}, not {}", name, who, y, expected));
      };
      check("Ramp", ramp.predict(batch));
      for (const auto& peer : peers())
        if (auto call = peer->inference(given)) {
          check(peer->name(), call());
          contenders.push_back({peer->name(), [call] { keep(call()); }});
        }

      keep(ramp.predict(batch));
      const std::size_t before = allocations();
      keep(ramp.predict(batch));
      const auto allocated = static_cast<std::int64_t>(allocations() - before);
      nlohmann::ordered_json row{{"name", name}};
      add_timings(row, table.name, options.race(contenders));
      row["allocations"] = allocated;
      table.rows.push_back(std::move(row));
    }
  return table;
}

}  // namespace ramp::bench

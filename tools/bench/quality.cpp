// How many seeds of the Playground's networks end well, by Ramp and by the plain loop.
#include "playground.hpp"
#include "report.hpp"

#include <fmt/format.h>

namespace ramp::bench {

using tf::Net, tf::Playground;

namespace {

// The first epoch after which the accuracy is there, for each seed that gets so far.
template <class Epoch>
std::vector<std::uint64_t> solved(std::uint64_t seeds, std::uint64_t epochs, const Epoch& epoch) {
  std::vector<std::uint64_t> reached;
  for (std::uint64_t seed = 0; seed < seeds; ++seed)
    if (const std::uint64_t at = epoch(seed, epochs); at > 0) reached.push_back(at);
  std::sort(reached.begin(), reached.end());
  return reached;
}

}  // namespace

Table quality(const Options& options) {
  const std::uint64_t seeds = options.quick ? 3 : 100;
  Table table{
      "quality",
      fmt::format("playground, quality: seeds of {} that reach the accuracy in time", seeds),
      {{"name", "network and data"},
       {"accuracy", "test accuracy", "{:.2f}"},
       {"epochs", "within epochs"},
       {"solved", "Ramp"},
       {"plain", "its loop in C++"},
       {"median_epoch", "Ramp's median epoch"},
       {"given", "Playground, of 20 (given)"},
       {"ratio", "loop's to Ramp's", "{:.2f}"},
       {"target", "target", "{:.2f}"}}};
  table.note =
      "The same points and first weights on both sides. The given "
      "numbers are of a run of 20 seeds of its own.";
  if (!options.wants("playground")) return table;
  struct Case {
    const Net& net;
    const char* set;
    double accuracy;
    std::uint64_t epochs;
    int given;
  };
  for (const Case& c :
       {Case{tf::plain, "circle", 1, 100, 20}, Case{tf::plain, "gauss", 1, 100, 20},
        Case{tf::plain, "spiral", 0.95, 300, 0}, Case{tf::seven, "spiral", 0.95, 300, 19}}) {
    const std::string name = fmt::format("{} {}", c.net.name, c.set);
    progress(name);
    const auto by_ramp = solved(seeds, c.epochs, [&](std::uint64_t seed, std::uint64_t epochs) {
      Playground here(c.net, c.set, seed);
      for (std::uint64_t e = 1; e <= epochs; ++e)
        if (here.epoch(); here.test_accuracy() >= c.accuracy) return e;
      return std::uint64_t{0};
    });
    const auto by_loop = solved(seeds, c.epochs, [&](std::uint64_t seed, std::uint64_t epochs) {
      Playground here(c.net, c.set, seed);
      for (std::uint64_t e = 1; e <= epochs; ++e)
        if (here.plain_epoch(); here.plain_test_accuracy() >= c.accuracy) return e;
      return std::uint64_t{0};
    });
    nlohmann::ordered_json row{{"name", name},
                               {"accuracy", c.accuracy},
                               {"epochs", c.epochs},
                               {"solved", by_ramp.size()},
                               {"plain", by_loop.size()},
                               {"given", c.given}};
    if (!by_ramp.empty()) row["median_epoch"] = by_ramp[by_ramp.size() / 2];
    if (!by_loop.empty()) {
      row["ratio"] =
          static_cast<double>(by_loop.size()) / (static_cast<double>(by_ramp.size()) + 1e-9);
      row["target"] = *target(table.name, name);
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace ramp::bench

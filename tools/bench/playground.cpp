// What a step of the Playground's networks costs.
#include "playground.hpp"
#include "report.hpp"

#include <nn/joined.hpp>

#include <fmt/format.h>

namespace ramp::bench {

using tf::Net, tf::Playground;

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
       {"target", "target", "{:.2f}"},
       {"plain_us", "its loop in C++", "{:.2f}"},
       {"plain_ratio", "ratio", "{:.2f}"}}};
  table.note = "The Playground's times are given, not measured in this run.";
  if (!options.wants("playground")) return table;
  for (const Net& net : {tf::plain, tf::seven}) {
    progress("playground " + net.name);
    Playground here(net, "circle", 1);
    for (int i = 0; i < 2; ++i) here.epoch(), here.plain_epoch();
    if (const double a = here.ramp_output(), b = here.plain_output(); !(std::abs(a - b) < 1e-3))
      table.failures.push_back(fmt::format(
          "playground {}: after two epochs Ramp gives {}, the plain loop {}", net.name, a, b));
    auto t =
        options.race({{"ramp", [&] { here.epoch(); }}, {"plain", [&] { here.plain_epoch(); }}});
    for (Timing& timing : t) timing.best /= Playground::steps, timing.median /= Playground::steps;
    nlohmann::ordered_json row{
        {"name", net.name},
        {"layers", fmt::format("{} {}", nn::joined(net.sizes, "-"), nn::to_string(net.activation))},
        {"given_us", net.given_us}};
    add_timings(row, table.name, t);
    row["plain_ratio"] = row["ratio"];
    row["ratio"] = row["ramp_us"].get<double>() / net.given_us;
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace ramp::bench

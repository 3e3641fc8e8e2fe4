// What it costs to watch a training: the instruments of `ramp train`, beside a step without them.
#include "bench.hpp"
#include "networks.hpp"

#include <nn/nn.hpp>

#include <fmt/format.h>

namespace ramp::bench {
namespace {

nn::Dataset<float> images_for(const Network& n, int samples) {
  nn::Random random(1);
  nn::Dataset<float> data;
  data.inputs = Tensor<float>({samples, n.sizes.front()});
  for (float& x : data.inputs) x = static_cast<float>(random.uniform(-1, 1));
  data.targets = Tensor<float>({samples, n.sizes.back()});
  return data;
}

void watch(Table& table, const Options& options, const Network& n, int samples) {
  const Batch batch(n);
  RampMlp ramp(n, batch), checked(n, batch, {.checked = true});
  const nn::Dataset<float> data = images_for(n, samples);
  Census census;
  // As `ramp train` does them: the census on each step, the units once an epoch on a part of it.
  const nn::MonitorOptions part{.samples = static_cast<std::size_t>(std::max(1000, samples / 6))};
  const auto monitor = [&] {
    return static_cast<double>(nn::monitor_units(ramp.model(), data, part).size());
  };
  const std::string name = fmt::format("{}-{}", n.name, n.batch);
  // Many short rounds: what is to be seen is smaller than what a busy machine adds to a long one.
  const auto t =
      race(table.name + "/" + name,
           {{"plain", [&] { return ramp.step(); }},
            {"census", [&] { return ramp.step([&](const auto& tape) { census.add(tape); }); }},
            {"checked", [&] { return checked.step(); }},
            {"monitor", monitor}},
           {options.quick ? 3 : 101, 0.002});
  nlohmann::ordered_json row{{"name", name}};
  add_times(row, {t[0]});
  row["census_ratio"] = t[1].best / t[0].best;
  row["checked_ratio"] = t[2].best / t[0].best;
  row["monitor_ratio"] = 1 + t[3].best / t[0].best * n.batch / samples;
  table.rows.push_back(std::move(row));
}

}  // namespace

Table instruments(const Options& options) {
  Table table{"instruments", "instruments: a step of training, and what watching makes of it"};
  if (!options.wants("instruments")) return table;
  watch(table, options, {"moons", {2, 16, 16, 1}, 100, 1e-4f}, 1000);
  watch(table, options, {"mnist", {784, 256, 128, 10}, 64, 1e-4f}, 12000);
  watch(table, options, {"mnist", {784, 256, 128, 10}, 128, 1e-4f}, 12000);
  return table;
}

}  // namespace ramp::bench

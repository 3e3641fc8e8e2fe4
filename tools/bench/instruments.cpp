// What it costs to watch a training: the instruments of `ramp train`, beside a step without them.
#include "report.hpp"

#include <autodiff/autodiff.hpp>
#include <nn/nn.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace ramp::bench {
namespace {

struct Watched {
  std::string name;
  std::vector<std::int64_t> sizes;
  std::size_t batch, samples;  // of a step, and of an epoch
};
const Watched all_watched[] = {
    {"moons", {2, 16, 16, 1}, 100, 1000},
    {"mnist", {784, 256, 128, 10}, 64, 12000},
    {"mnist", {784, 256, 128, 10}, 128, 12000},
};

nn::Dataset<float> random_set(const Watched& w) {
  nn::Random random(1);
  nn::Dataset<float> data;
  data.name = w.name;
  data.inputs = Tensor<float>({static_cast<std::int64_t>(w.samples), w.sizes.front()});
  for (float& x : data.inputs) x = static_cast<float>(random.uniform(-1, 1));
  if (w.sizes.back() == 1) {
    data.targets = Tensor<float>({static_cast<std::int64_t>(w.samples), 1});
    for (float& y : data.targets) y = static_cast<float>(random.uniform(-1, 1));
  } else {
    data.classes = static_cast<std::int32_t>(w.sizes.back());
    for (std::size_t i = 0; i < w.samples; ++i)
      data.labels.push_back(
          static_cast<std::int32_t>(random.below(static_cast<std::uint32_t>(data.classes))));
  }
  return data;
}

class Training {
 public:
  Training(const Watched& w, const nn::Dataset<float>& data)
      : model_(w.sizes, {.seed = 1}),
        sgd_(model_.parameters(), {.learning_rate = 1e-4}),
        loss_(w.sizes.back() == 1 ? nn::Loss::mse : nn::Loss::cross_entropy),
        loader_(data, w.batch, 1),
        batch_(*loader_.epoch(0).begin()) {}

  template <class Watch> void step(Tape<float>& tape, Watch watch) {
    tape.clear();
    const Var<float> y = model_(tape.borrow(batch_.inputs));
    const Var<float> loss = nn::batch_loss(loss_, y, batch_.targets, batch_.labels);
    tape.backward(loss);
    watch(tape);
    sgd_.step();
  }
  nn::MLP<float>& model() { return model_; }

 private:
  nn::MLP<float> model_;
  nn::SGD<float> sgd_;
  nn::Loss loss_;
  nn::Loader<float> loader_;
  nn::Batch<float> batch_;  // in the loader's memory
};

}  // namespace

Table instruments(const Options& options) {
  Table table{"instruments",
              "instruments: what watching costs, a step in microseconds and as a ratio to it",
              {{"name", "network"},
               {"layers", "layers"},
               {"batch", "batch"},
               {"plain_us", "plain", "{:.1f}"},
               {"census_ratio", "kink census", "{:.3f}"},
               {"checked_ratio", "checked tape", "{:.3f}"},
               {"monitor_ratio", "unit monitor", "{:.3f}"}}};
  if (!options.wants("instruments")) return table;
  for (const Watched& w : all_watched) {
    progress("instruments: " + w.name);
    const nn::Dataset<float> data = random_set(w);
    Training training(w, data);
    Tape<float> tape, checked({.checked = true});
    const auto nothing = [](const Tape<float>&) {};
    Census census;
    // As `ramp train` does them: the census on each step, the units once an epoch on a part of it.
    const nn::MonitorOptions part{.samples = std::max<std::size_t>(1000, w.samples / 6)};
    // Many short rounds: what is to be seen is smaller than what a busy machine adds to a long one.
    // The monitor leaves the caches cold; "warm-up" is to bear that.
    using namespace std::chrono_literals;
    const auto plain = [&] { training.step(tape, nothing); };
    const auto t =
        race({{"monitor", [&] { keep(nn::monitor_units(training.model(), data, part)); }},
              {"warm-up", plain},
              {"plain", plain},
              {"census", [&] { training.step(tape, [&](auto& now) { census.add(now); }); }},
              {"checked", [&] { training.step(checked, nothing); }}},
             options.quick ? 3 : 101, 2ms);
    const double step = t[2].best;
    const double steps = static_cast<double>((w.samples + w.batch - 1) / w.batch);
    table.rows.push_back({{"name", w.name},
                          {"layers", fmt::format("{}", fmt::join(w.sizes, "-"))},
                          {"batch", w.batch},
                          {"plain_us", step / 1e3},
                          {"census_ratio", t[3].best / step},
                          {"checked_ratio", t[4].best / step},
                          {"monitor_ratio", 1 + t[0].best / steps / step}});
  }
  return table;
}

}  // namespace ramp::bench

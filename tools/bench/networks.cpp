// The five networks: a full step of training, beside the same written by hand and by other tools.
#include "networks.hpp"
#include "allocations.hpp"
#include "peers.hpp"
#include "report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

namespace ramp::bench {
namespace {

// The largest difference of any two, as a share of the largest of the second.
class Difference {
 public:
  void compare(double a, double b) {
    worst_ = std::max(worst_, a == b ? 0 : std::isfinite(a - b) ? std::abs(a - b) : INFINITY);
    largest_ = std::max(largest_, std::abs(b));
  }
  double relative() const { return worst_ == 0 ? 0 : worst_ / largest_; }

 private:
  double worst_ = 0, largest_ = 0;
};

std::vector<std::pair<std::string, std::function<float()>>> other_steps(const Task& given) {
  std::vector<std::pair<std::string, std::function<float()>>> all;
  for (const auto& peer : peers()) {
    if (auto training = peer->training(given))
      all.emplace_back(peer->name(), std::move(training));
    else if (const Gemm gemm = peer->gemm())
      all.emplace_back(peer->name(), [&given, mlp = std::make_shared<HandMlp>(by_hand(
                                                  given, gemm))] { return step(*mlp, given); });
  }
  return all;
}

}  // namespace

Table networks(const Options& options) {
  Table table{"networks",
              "networks: a step of training in microseconds (float; forward, backward, SGD)",
              {{"name", "network"},
               {"layers", "layers"},
               {"batch", "batch"},
               {"ramp_us", "Ramp", "{:.1f}"},
               {"ramp_median_us", "median", "{:.1f}"},
               {"hand_us", "by hand", "{:.1f}"},
               {"hand_median_us", "median", "{:.1f}"},
               {"ratio", "ratio", "{:.2f}"},
               {"target", "target", "{:.2f}"},
               {"dnnl_us", "over oneDNN", "{:.1f}"},
               {"dnnl_ratio", "ratio", "{:.2f}"},
               {"torch_us", "libtorch", "{:.1f}"},
               {"torch_ratio", "ratio", "{:.2f}"},
               {"difference", "differs by", "{:.0e}"},
               {"allocations", "allocations", "{:g}"}}};
  for (const Network& n : all_networks) {
    if (!options.wants(n.name)) continue;
    progress(n.name);
    nn::Random random(1);
    const Batch batch(n, random);
    RampMlp ramp(n);
    const Task given = task(n, batch, ramp);
    HandMlp hand = by_hand(given);
    std::vector<Tensor<float>> initial;
    for (const Parameter<float>* p : ramp.parameters()) initial.push_back(p->value());
    const auto others = other_steps(given);

    Difference losses, changes;  // of what the steps changed, not of the weights themselves
    std::vector<float> expected;
    for (int i = 0; i < 10; ++i) {
      expected.push_back(step(hand, given));
      losses.compare(ramp.step(batch), expected.back());
    }
    for (std::size_t k = 0; k < initial.size(); ++k)
      for (std::size_t i = 0; i < initial[k].size(); ++i)
        changes.compare(ramp.parameters()[k]->value()[i] - initial[k][i],
                        parameter(hand, k)[i] - initial[k][i]);
    // A unit at the kink that rounding tips over moves single weights more than the loss.
    const double difference = std::max(losses.relative(), changes.relative());
    if (!(losses.relative() < 1e-3 && changes.relative() < 1e-2))
      table.failures.push_back(
          fmt::format("{}: after 10 steps both sides differ by {:.1e}", n.name, difference));
    for (const auto& [name, other] : others) {
      Difference theirs;
      for (const float loss : expected) theirs.compare(other(), loss);
      if (!(theirs.relative() < 1e-3))
        table.failures.push_back(
            fmt::format("{}: the losses of {} differ by {:.1e}", n.name, name, theirs.relative()));
    }

    constexpr int counted = 10;
    const std::size_t before = allocations();
    for (int i = 0; i < counted; ++i) keep(ramp.step(batch));
    const double allocated = static_cast<double>(allocations() - before) / counted;

    std::vector<Contender> contenders{{"ramp", [&] { keep(ramp.step(batch)); }},
                                      {"hand", [&] { keep(step(hand, given)); }}};
    for (const auto& [name, other] : others)
      contenders.push_back({name, [&call = other] { keep(call()); }});
    nlohmann::ordered_json row{{"name", n.name},
                               {"layers", fmt::format("{}", fmt::join(n.sizes, "-"))},
                               {"batch", n.batch}};
    add_timings(row, table.name, options.race(contenders));
    row["difference"] = difference;
    row["allocations"] = allocated;
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace ramp::bench

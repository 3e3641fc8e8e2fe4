// Scalar programs, recorded and swept again for each evaluation, beside their hand-written
// adjoints.
#include "allocations.hpp"
#include "formulas.hpp"
#include "peers.hpp"
#include "report.hpp"
#include "scalar_by_hand.hpp"

#include <autodiff/autodiff.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ramp::bench {
namespace {

class ScalarMlp {
 public:
  std::size_t nodes = 0;  // of the last call

  double operator()(std::span<const double> parameters, std::span<const Point> points,
                    std::span<double> out) {
    tape_.clear();
    leaves_.clear();
    for (const double p : parameters) leaves_.push_back(tape_.leaf(p));
    const Var<double> loss = scalar_mlp_loss<Var<double>>(leaves_, points);
    tape_.backward(loss);
    for (std::size_t i = 0; i < leaves_.size(); ++i) out[i] = tape_.derivative(leaves_[i]);
    nodes = tape_.size();
    return loss.item();
  }

 private:
  Tape<double> tape_;
  std::vector<Var<double>> leaves_;
};

// The whole simulation on one tape.
class AsianOneTape {
 public:
  std::size_t nodes = 0;

  double operator()(double spot, double vol, double rate, std::span<const double> normals,
                    std::span<double, 3> out) {
    tape_.clear();
    const Var<double> s = tape_.leaf(spot), v = tape_.leaf(vol), r = tape_.leaf(rate);
    const Var<double> price = asian_price(s, v, r, normals);
    tape_.backward(price);
    out[0] = tape_.derivative(s), out[1] = tape_.derivative(v), out[2] = tape_.derivative(r);
    nodes = tape_.size();
    return price.item();
  }

 private:
  Tape<double> tape_;
};

// Path by path: each is recorded where the one before it was, so the tape stays in cache.
class AsianByPath {
 public:
  std::size_t nodes = 0;  // recorded, over all paths

  double operator()(double spot, double vol, double rate, std::span<const double> normals,
                    std::span<double, 3> out) {
    constexpr double dt = maturity / asian_steps;
    tape_.clear();
    const Var<double> s = tape_.leaf(spot), v = tape_.leaf(vol), r = tape_.leaf(rate);
    const Var<double> drift = (r - 0.5 * v * v) * dt, diffusion = v * std::sqrt(dt);
    const Tape<double>::Mark start = tape_.mark();
    const std::size_t paths = normals.size() / asian_steps;
    const std::size_t before = nodes = tape_.size();
    double total = 0, g_s = 0, g_v = 0, g_r = 0;
    for (std::size_t p = 0; p < paths; ++p) {
      tape_.rewind(start);
      const Var<double> payoff =
          asian_payoff(s, drift, diffusion, normals.subspan(p * asian_steps).first<asian_steps>());
      tape_.backward(payoff);
      nodes += tape_.size() - before;
      total += payoff.item();
      g_s += tape_.derivative(s), g_v += tape_.derivative(v), g_r += tape_.derivative(r);
    }
    const double discount = std::exp(-rate * maturity) / static_cast<double>(paths);
    out[0] = discount * g_s, out[1] = discount * g_v;
    out[2] = discount * (g_r - maturity * total);
    return discount * total;
  }

 private:
  Tape<double> tape_;
};

using Others = std::vector<std::pair<std::string, Peer::Gradient>>;

// `make` asks a peer for the program, recorded each time or replayed.
template <class Make> Others other_programs(const Make& make) {
  Others all;
  for (const auto& peer : peers())
    for (const bool replay : {false, true})
      if (Peer::Gradient gradient = make(*peer, replay))
        all.emplace_back(peer->name() + (replay ? "_replay" : ""), std::move(gradient));
  return all;
}

// Ramp's gradient of a formula beside its plain value, and beside its derivatives in each
// direction, which must be the same.
template <class Formula> void compare_plain(Table& table, const Options& options,
                                            const std::string& name, std::vector<double> at,
                                            const Formula& formula) {
  if (!options.wants(name)) return;
  progress(name);
  Tape<double> tape;
  std::vector<Var<double>> leaves;
  std::vector<double> g(at.size());
  const auto gradient = [&] {
    tape.clear();
    leaves.clear();
    for (const double x : at) leaves.push_back(tape.leaf(x));
    const Var<double> y = formula(std::span<const Var<double>>(leaves));
    tape.backward(y);
    for (std::size_t i = 0; i < at.size(); ++i) g[i] = tape.derivative(leaves[i]);
    return y.item();
  };
  const double value = gradient();
  double worst = std::abs(value - formula(std::span<const double>(at))) / std::abs(value);
  for (std::size_t i = 0; i < at.size(); ++i) {
    std::vector<Dual> along(at.begin(), at.end());
    along[i].d = 1;
    const double d = formula(std::span<const Dual>(along)).d;
    worst = std::max(worst, std::abs(g[i] - d) / std::max(1.0, std::abs(d)));
  }
  if (!(worst < 1e-9))
    table.failures.push_back(fmt::format("{}: both sides differ by {:.1e}", name, worst));
  std::size_t turn = 0;
  const auto plain = [&] {  // at a point that the compiler doesn't know
    at[turn++ % at.size()] += 1e-12;
    return formula(std::span<const double>(at));
  };
  const std::size_t before = allocations();
  keep(gradient());
  const auto allocated = static_cast<std::int64_t>(allocations() - before);
  nlohmann::ordered_json row{{"name", name}, {"inputs", at.size()}, {"nodes", tape.size()}};
  row["allocations"] = allocated;
  add_timings(
      row, table.name,
      options.race({{"ramp", [&] { keep(gradient()); }}, {"hand", [&] { keep(plain()); }}}));
  row["ns_a_node"] = row["ramp_us"].get<double>() * 1e3 / static_cast<double>(tape.size());
  row["difference"] = worst;
  table.rows.push_back(std::move(row));
}

// Both sides write a gradient and return the value.
template <class Program, class Ramp, class Hand, class Simd>
void compare(Table& table, const Options& options, const std::string& name, std::size_t inputs,
             const Program& program, Ramp ramp, Hand hand, Simd simd, const Others& others) {
  progress(name);
  std::vector<double> g(inputs), g_hand(inputs), g_other(inputs);
  const double expected = hand(g_hand);
  const auto differs = [&](double value, const std::vector<double>& gradient) {
    double worst = 0, largest = 0;
    for (std::size_t i = 0; i < inputs; ++i) {
      worst = std::max(worst, std::abs(gradient[i] - g_hand[i]));
      largest = std::max(largest, std::abs(g_hand[i]));
    }
    return std::max(worst / largest, std::abs(value - expected) / std::abs(expected));
  };
  const double value = ramp(g), difference = differs(value, g);
  if (!(difference < 1e-9))
    table.failures.push_back(fmt::format("{}: both sides differ by {:.1e}", name, difference));

  std::vector<Contender> contenders{{"ramp", [&] { keep(ramp(g)); }},
                                    {"hand", [&] { keep(hand(g_hand)); }},
                                    {"simd", [&] { keep(simd(g_other)); }}};
  if (const double theirs = differs(simd(g_other), g_other); !(theirs < 1e-9))
    table.failures.push_back(fmt::format("{}: both by hand differ by {:.1e}", name, theirs));
  for (const auto& [who, gradient] : others) {
    gradient(g_other);  // a replay is recorded by its first call
    if (const double theirs = differs(gradient(g_other), g_other); !(theirs < 1e-9))
      table.failures.push_back(fmt::format("{}: {} differs by {:.1e}", name, who, theirs));
    contenders.push_back({who, [&call = gradient, &g_other] { keep(call(g_other)); }});
  }

  const std::size_t before = allocations();
  keep(ramp(g));
  const auto allocated = static_cast<std::int64_t>(allocations() - before);

  nlohmann::ordered_json row{{"name", name}, {"inputs", inputs}, {"nodes", program.nodes}};
  add_timings(row, table.name, options.race(contenders));
  row["ns_a_node"] = row["ramp_us"].get<double>() * 1e3 / static_cast<double>(program.nodes);
  row["difference"] = difference;
  row["allocations"] = allocated;
  table.rows.push_back(std::move(row));
}

}  // namespace

Table programs(const Options& options) {
  Table table{"programs",
              "scalar programs: a gradient in microseconds (double; recorded and swept each time)",
              {{"name", "program"},
               {"inputs", "inputs"},
               {"nodes", "nodes"},
               {"ramp_us", "Ramp", "{:.1f}"},
               {"ramp_median_us", "median", "{:.1f}"},
               {"hand_us", "by hand", "{:.1f}"},
               {"hand_median_us", "median", "{:.1f}"},
               {"ratio", "ratio", "{:.2f}"},
               {"target", "target", "{:.1f}"},
               {"simd_us", "in SIMD", "{:.1f}"},
               {"simd_ratio", "ratio", "{:.2f}"},
               {"adolc_us", "ADOL-C", "{:.0f}"},
               {"adolc_ratio", "ratio", "{:.2f}"},
               {"adolc_replay_us", "its replay", "{:.0f}"},
               {"adolc_replay_ratio", "ratio", "{:.2f}"},
               {"ns_a_node", "ns a node", "{:.2f}"},
               {"difference", "differs by", "{:.0e}"},
               {"allocations", "allocations"}}};

  table.note =
      "asian records path by path, asian-one-tape all paths on one tape, as ADOL-C does in both "
      "rows."
      " A replay runs a tape again that was recorded before. By hand: plain loops, as the compiler"
      " vectorises them; in SIMD: a layer's outputs or eight paths side by side. long-chain, "
      "pendulum "
      "and"
      " rosenbrock stand beside the plain function, which computes no gradient.";
  if (options.wants("scalar-mlp")) {
    const std::vector<Point> points = moons();
    const std::vector<double> parameters = mlp_initial();
    ScalarMlp program;
    compare(
        table, options, "scalar-mlp", mlp_parameters, program,
        [&](std::span<double> g) { return program(parameters, points, g); },
        [&](std::span<double> g) { return scalar_mlp_by_hand(parameters, points, g); },
        [&](std::span<double> g) { return scalar_mlp_by_hand_simd(parameters, points, g); },
        other_programs(
            [&](Peer& peer, bool replay) { return peer.scalar_mlp(replay, parameters, points); }));
  }

  constexpr double spot = 100, vol = 0.2, rate = 0.05;
  const std::vector<double> normals = asian_normals(options.quick ? 1'000 : 10'000);
  const auto asian = [&](const std::string& name, auto program) {
    if (!options.wants("asian") && !options.wants(name)) return;
    compare(
        table, options, name, 3, program,
        [&](std::span<double> g) { return program(spot, vol, rate, normals, g.first<3>()); },
        [&](std::span<double> g) { return asian_by_hand(spot, vol, rate, normals, g.first<3>()); },
        [&](std::span<double> g) {
          return asian_by_hand_simd(spot, vol, rate, normals, g.first<3>());
        },
        other_programs([&](Peer& peer, bool replay) {
          return peer.asian(replay, {spot, vol, rate}, normals);
        }));
  };
  asian("asian", AsianByPath());
  asian("asian-one-tape", AsianOneTape());

  compare_plain(table, options, "long-chain", {1}, [](auto x) { return long_chain(x); });
  compare_plain(table, options, "pendulum", {1, 1.2, 0, 0}, [](auto x) { return pendulum(x); });
  compare_plain(table, options, "rosenbrock", std::vector<double>(rosenbrock_inputs, 0.5),
                [](auto x) { return rosenbrock(x); });
  return table;
}

}  // namespace ramp::bench

// Gradients of scalar programs, recorded and swept again for each evaluation, beside their
// hand-written adjoints, or beside the plain function where nobody wrote one.
#include "programs.hpp"
#include "bench.hpp"

#include <autodiff/autodiff.hpp>
#include <nn/random.hpp>

#include <algorithm>
#include <memory>
#include <numbers>

namespace ramp::bench {
namespace {

// The value, then the derivatives: a step so small, and imaginary, cancels no digits (Squire and
// Trapp 1998).
std::vector<double> expected(const Program& p) {
  return p.visit([&](const auto& f) {
    constexpr double step = 1e-100;
    std::vector<std::complex<double>> x(p.at.begin(), p.at.end());
    std::vector<double> all{f(std::span<const double>(p.at))};
    for (auto& along : x) {
      along.imag(step);
      all.push_back(f(std::span<const std::complex<double>>(x)).imag() / step);
      along.imag(0);
    }
    return all;
  });
}

double difference(const Gradient& gradient, const std::vector<double>& expected) {
  std::vector<double> found(expected.size());
  for (int i = 0; i < 2; ++i)  // a replay is recorded by its first call
    found[0] = gradient(std::span(found).subspan(1));
  double worst = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double apart = std::abs(found[i] - expected[i]) / std::max(1.0, std::abs(expected[i]));
    if (!(apart <= worst)) worst = apart;  // NaN as well
  }
  return worst;
}

// The whole program on one tape; `nodes` gets what a call records.
Gradient on_one_tape(const Program& p, std::size_t& nodes) {
  return p.visit([&](const auto& f) -> Gradient {
    const auto tape = std::make_shared<Tape<double>>();
    return
        [&f, &p, &nodes, tape, leaves = std::vector<Var<double>>()](std::span<double> g) mutable {
          tape->clear();
          leaves.clear();
          for (const double x : p.at) leaves.push_back(tape->leaf(x));
          const Var<double> y = f(std::span<const Var<double>>(leaves));
          tape->backward(y);
          for (std::size_t i = 0; i < leaves.size(); ++i) g[i] = tape->derivative(leaves[i]);
          nodes = tape->size();
          return y.item();
        };
  });
}

// The same, each path recorded where the one before it was, so that the tape stays in cache.
Gradient asian_by_path(const Program& p, std::size_t& nodes) {
  return [&nodes, &at = p.at, &asian = std::get<Asian>(p.formula),
          tape = std::make_shared<Tape<double>>()](std::span<double> g) {
    tape->clear();
    const Var<double> s = tape->leaf(at[0]), v = tape->leaf(at[1]), r = tape->leaf(at[2]);
    const Var<double> drift = (r - 0.5 * v * v) * Asian::dt, diffusion = v * std::sqrt(Asian::dt);
    const Tape<double>::Mark start = tape->mark();
    const std::size_t before = nodes = tape->size();
    double total = 0, g_s = 0, g_v = 0, g_r = 0;
    for (std::size_t path = 0; path < asian.paths(); ++path) {
      tape->rewind(start);
      const Var<double> payoff = asian.payoff(path, s, drift, diffusion);
      tape->backward(payoff);
      nodes += tape->size() - before;
      total += payoff.item();
      g_s += tape->derivative(s), g_v += tape->derivative(v), g_r += tape->derivative(r);
    }
    const double discount = std::exp(-at[2] * Asian::maturity) / static_cast<double>(asian.paths());
    g[0] = discount * g_s, g[1] = discount * g_v;
    g[2] = discount * (g_r - Asian::maturity * total);
    return discount * total;
  };
}

Call plain(const Program& p) {
  return p.visit([&](const auto& f) -> Call {
    return [&f, at = p.at, turn = std::size_t{0}]() mutable {
      at[turn++ % at.size()] += 1e-12;  // a point that the compiler doesn't know
      return f(std::span<const double>(at));
    };
  });
}

void compare(Table& table, const Options& options, const Program& p, bool by_path = false) {
  if (!options.wants(p.name)) return;
  std::size_t nodes = 0;
  std::vector<std::pair<std::string, Gradient>> gradients{
      {"ramp", by_path ? asian_by_path(p, nodes) : on_one_tape(p, nodes)}};
  for (const Rival& rival : rivals())
    if (Gradient gradient = rival.gradient ? rival.gradient(p) : nullptr)
      gradients.emplace_back(rival.name, gradient);

  const std::vector<double> right = expected(p);
  std::vector<double> g(p.at.size());
  std::vector<Contender> contenders;
  for (const auto& [who, gradient] : gradients) {
    table.check(p.name, who, difference(gradient, right), 1e-9);
    contenders.push_back({who, [&call = gradient, &g] { return call(g); }});
  }
  if (p.formula.index() > 1) contenders.insert(contenders.begin() + 1, {"plain", plain(p)});

  auto& row = table.add({{"name", p.name}, {"inputs", p.at.size()}, {"nodes", nodes}}, contenders,
                        options.rounds());
  table.add_ratios(contenders);
  row["ns_a_node"] = row["ramp_us"].get<double>() * 1e3 / static_cast<double>(nodes);
  row["differs_by"] = difference(gradients[0].second, right);
  row["allocations"] = allocations_of(contenders[0].call);
}

ScalarMlp two_moons() {
  ScalarMlp mlp;
  nn::Random random(1);
  for (int i = 0; i < 100; ++i) {  // two interleaved half circles, the classes in turn
    const double side = i % 2 == 0 ? 1 : -1, angle = random.uniform(0, std::numbers::pi);
    const double x = (1 - side) / 2 + side * std::cos(angle) + 0.1 * random.normal();
    const double y = (1 - side) / 4 + side * std::sin(angle) + 0.1 * random.normal();
    mlp.points.push_back({{x, y}, -side});
  }
  return mlp;
}

}  // namespace

Table programs(const Options& options) {
  Table table{"programs", "scalar programs: a gradient (double; recorded and swept each time)"};
  table.note =
      "asian records path by path, asian-one-tape all paths on one tape, as ADOL-C does in both"
      " rows. A replay runs a tape again that was recorded before. By hand: plain loops; in SIMD:"
      " eight paths side by side. Plain: the function alone, which computes no gradient.";
  nn::Random random(1);
  std::vector<double> parameters, normals((options.quick ? 1'000 : 10'000) * Asian::steps);
  for (const auto& [in, out] : {std::pair{2, 16}, {16, 16}, {16, 1}}) {
    const double bound = std::sqrt(6.0 / in);  // He
    for (int i = 0; i < in * out; ++i) parameters.push_back(random.uniform(-bound, bound));
    parameters.resize(parameters.size() + static_cast<std::size_t>(out));
  }
  for (double& z : normals) z = random.normal();
  const std::vector<double> spot_vol_rate{100, 0.2, 0.05};
  compare(table, options, {"scalar-mlp", parameters, two_moons()});
  compare(table, options, {"asian", spot_vol_rate, Asian{normals}}, true);
  compare(table, options, {"asian-one-tape", spot_vol_rate, Asian{normals}});
  compare(table, options, {"long-chain", {1}, LongChain()});
  compare(table, options, {"pendulum", {1, 1.2, 0, 0}, Pendulum()});
  compare(table, options, {"rosenbrock", std::vector<double>(100, 0.5), Rosenbrock()});
  return table;
}

}  // namespace ramp::bench

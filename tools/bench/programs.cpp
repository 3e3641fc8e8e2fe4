// Gradients of scalar programs, recorded and swept again for each evaluation, beside their
// hand-written adjoints, or beside the plain function where nobody wrote one.
#include "programs.hpp"
#include "bench.hpp"

#include <autodiff/autodiff.hpp>
#include <nn/random.hpp>

#include <algorithm>
#include <numbers>

namespace ramp::bench {
namespace {

// The value, then the derivatives: a step so small, and imaginary, cancels no digits (Squire and
// Trapp 1998).
std::vector<double> expected(const Program& p) {
  return with_formula(p, [&](auto f) {
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
  gradient({found.data() + 1, found.size() - 1});  // a replay is recorded by its first call
  found[0] = gradient({found.data() + 1, found.size() - 1});
  double worst = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double apart = std::abs(found[i] - expected[i]) / std::max(1.0, std::abs(expected[i]));
    if (!(apart <= worst)) worst = apart;  // NaN as well
  }
  return worst;
}

// The whole program on one tape; `nodes` gets what a call records.
Gradient on_one_tape(const Program& p, std::size_t& nodes) {
  return with_formula(p, [&](auto f) -> Gradient {
    const auto tape = std::make_shared<Tape<double>>();
    return [f, &p, &nodes, tape,
            leaves = std::vector<Var<double>>()](std::span<double> gradient) mutable {
      tape->clear();
      leaves.clear();
      for (const double x : p.at) leaves.push_back(tape->leaf(x));
      const Var<double> y = f(std::span<const Var<double>>(leaves));
      tape->backward(y);
      for (std::size_t i = 0; i < leaves.size(); ++i) gradient[i] = tape->derivative(leaves[i]);
      nodes = tape->size();
      return y.item();
    };
  });
}

// The same, each path recorded where the one before it was, so that the tape stays in cache.
Gradient asian_by_path(const Program& program, std::size_t& nodes) {
  const auto shared = std::make_shared<Tape<double>>();
  return [&program, &nodes, shared](std::span<double> gradient) {
    constexpr double dt = maturity / asian_steps;
    Tape<double>& tape = *shared;
    const std::span<const double> normals = program.normals;
    const double rate = program.at[2];
    tape.clear();
    const Var<double> s = tape.leaf(program.at[0]), v = tape.leaf(program.at[1]),
                      r = tape.leaf(rate);
    const Var<double> drift = (r - 0.5 * v * v) * dt, diffusion = v * std::sqrt(dt);
    const Tape<double>::Mark start = tape.mark();
    const std::size_t paths = normals.size() / asian_steps, before = tape.size();
    double total = 0, g_s = 0, g_v = 0, g_r = 0;
    nodes = before;
    for (std::size_t p = 0; p < paths; ++p) {
      tape.rewind(start);
      const Var<double> payoff =
          asian_payoff(s, drift, diffusion, normals.subspan(p * asian_steps).first<asian_steps>());
      tape.backward(payoff);
      nodes += tape.size() - before;
      total += payoff.item();
      g_s += tape.derivative(s), g_v += tape.derivative(v), g_r += tape.derivative(r);
    }
    const double discount = std::exp(-rate * maturity) / static_cast<double>(paths);
    gradient[0] = discount * g_s, gradient[1] = discount * g_v;
    gradient[2] = discount * (g_r - maturity * total);
    return discount * total;
  };
}

Call plain(const Program& p) {
  return with_formula(p, [&](auto f) -> Call {
    return [f, at = p.at, turn = std::size_t{0}]() mutable {
      at[turn++ % at.size()] += 1e-12;  // a point that the compiler doesn't know
      return f(std::span<const double>(at));
    };
  });
}

void compare(Table& table, const Options& options, const Program& p, bool by_path) {
  std::size_t nodes = 0;
  std::vector<std::pair<std::string, Gradient>> gradients{
      {"ramp", by_path ? asian_by_path(p, nodes) : on_one_tape(p, nodes)}};
  for (const Rival& rival : rivals())
    if (Gradient gradient = rival.gradient(p))
      gradients.emplace_back(rival.name, std::move(gradient));

  const std::vector<double> right = expected(p);
  std::vector<double> g(p.at.size());
  std::vector<Contender> contenders;
  for (const auto& [who, gradient] : gradients) {
    table.check(p.name, who, difference(gradient, right), 1e-9);
    contenders.push_back({who, [&call = gradient, &g] { return call(g); }});
  }
  if (p.formula != Formula::scalar_mlp && p.formula != Formula::asian)
    contenders.insert(contenders.begin() + 1, {"plain", plain(p)});

  nlohmann::ordered_json row{{"name", p.name}, {"inputs", p.at.size()}, {"nodes", nodes}};
  row["allocations"] = allocations_of(contenders[0].call);
  row["differs_by"] = difference(gradients[0].second, right);
  const auto timings = race(table.name + "/" + p.name, contenders, options.rounds());
  row["ns_a_node"] = timings[0].best / static_cast<double>(nodes);
  add_times(row, timings);
  add_ratios(row, table.name, timings);
  table.rows.push_back(std::move(row));
}

Program scalar_mlp() {
  Program p{"scalar-mlp", Formula::scalar_mlp, {}};
  nn::Random random(1);
  for (int i = 0; i < 100; ++i) {  // two interleaved half circles, the classes in turn
    const bool lower = i % 2 == 1;
    const double angle = random.uniform(0, std::numbers::pi);
    const double x = lower ? 1 - std::cos(angle) : std::cos(angle);
    const double y = lower ? 0.5 - std::sin(angle) : std::sin(angle);
    const double dx = 0.1 * random.normal(), dy = 0.1 * random.normal();
    p.points.push_back({{x + dx, y + dy}, lower ? 1.0 : -1.0});
  }
  for (const auto& [in, out] : {std::pair{std::size_t{2}, hidden}, {hidden, hidden}, {hidden, 1}}) {
    const double bound = std::sqrt(6 / static_cast<double>(in));  // He
    for (std::size_t i = 0; i < in * out; ++i) p.at.push_back(random.uniform(-bound, bound));
    p.at.insert(p.at.end(), out, 0.0);
  }
  return p;
}

Program asian(const std::string& name, std::size_t paths) {
  Program p{name, Formula::asian, {100, 0.2, 0.05}};  // spot, vol, rate
  nn::Random random(1);
  for (std::size_t i = 0; i < paths * asian_steps; ++i) p.normals.push_back(random.normal());
  return p;
}

}  // namespace

Table programs(const Options& options) {
  Table table{"programs", "scalar programs: a gradient (double; recorded and swept each time)"};
  table.note =
      "asian records path by path, asian-one-tape all paths on one tape, as ADOL-C does in both"
      " rows. A replay runs a tape again that was recorded before. By hand: plain loops, as the"
      " compiler vectorises them; in SIMD: a layer's outputs or eight paths side by side. Plain:"
      " the function alone, which computes no gradient.";
  const std::size_t paths = options.quick ? 1'000 : 10'000;
  if (options.wants("scalar-mlp")) compare(table, options, scalar_mlp(), false);
  if (options.wants("asian")) compare(table, options, asian("asian", paths), true);
  if (options.wants("asian") || options.wants("asian-one-tape"))
    compare(table, options, asian("asian-one-tape", paths), false);
  for (const Program& p :
       {Program{"long-chain", Formula::long_chain, {1}},
        Program{"pendulum", Formula::pendulum, {1, 1.2, 0, 0}},
        Program{"rosenbrock", Formula::rosenbrock, std::vector<double>(100, .5)}})
    if (options.wants(p.name)) compare(table, options, p, false);
  return table;
}

}  // namespace ramp::bench

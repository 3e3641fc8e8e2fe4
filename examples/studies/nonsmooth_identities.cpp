// Nonsmooth identities: Bolte and Pauwels, "A mathematical model for automatic differentiation in
// machine learning", NeurIPS 2020, arXiv 2006.02080. Claim: relu2(t) = relu(-t) + t and relu3 =
// (relu + relu2) / 2 equal relu, and zero(t) = relu2(t) - relu(t) equals 0, but automatic
// differentiation gives them other slopes at t = 0; stochastic gradient descent almost never gets
// there. Measured: the slopes under c, and when, if ever, networks spelled so part in training.

#include "study.hpp"

#include <autodiff/autodiff.hpp>
#include <nn/nn.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

using namespace ramp;

namespace {

constexpr std::array spellings{"relu", "relu2", "relu3", "relu + zero"};

template <class X> X relu2(const X& t) { return relu(-t) + t; }
template <class X> X zero(const X& t) { return relu2(t) - relu(t); }
template <class X> X spelled(std::size_t spelling, const X& t) {
  if (spelling == 0) return relu(t);
  if (spelling == 1) return relu2(t);
  return spelling == 2 ? 0.5 * (relu(t) + relu2(t)) : relu(t) + zero(t);
}

// --- What automatic differentiation says

double slope_at(double t, double c, std::size_t function) {
  Tape<double> tape({.at_zero = c});
  const Var<double> x = tape.leaf(t);
  const Var<double> y = function < 4 ? spelled(function, x) : zero(x);
  tape.backward(y);
  return tape.gradient(x).item();
}

void print_slopes(study::Checks& checks) {
  constexpr std::array names{"relu", "relu2", "relu3", "relu + zero", "zero"};
  fmt::print("slope at        t = -1   t = 1   t = 0: c = 0   c = 1/2   c = 1   in c\n");
  const std::array<std::array<double, 2>, 5> laws{
      {{0, 1}, {1, -1}, {0.5, 0}, {1, -1}, {1, -2}}};  // a + b c
  constexpr std::array formulas{"c", "1 - c", "1/2", "1 - c", "1 - 2c"};
  for (std::size_t f = 0; f < names.size(); ++f) {
    fmt::print("{:<12}   {:8} {:7}", names[f], slope_at(-1, 0, f), slope_at(1, 0, f));
    for (const double c : {0.0, 0.5, 1.0}) {
      fmt::print("{:{}}", slope_at(0, c, f), c == 0 ? 15 : c == 1 ? 8 : 10);
      checks.expect(slope_at(0, c, f) == laws[f][0] + laws[f][1] * c,
                    fmt::format("{}: slope at 0 under c = {}", names[f], c));
      checks.expect(slope_at(-1, c, f) == 0 && slope_at(1, c, f) == (f < 4 ? 1 : 0),
                    fmt::format("{}: slope beside 0 under c = {}", names[f], c));
    }
    fmt::print("   {}\n", formulas[f]);
  }
}

// --- What training makes of it

class Net : public nn::Module<float> {
 public:
  Net(std::size_t spelling, std::uint64_t seed) : Module("net"), spelling_(spelling) {
    const std::array<std::int64_t, 4> sizes{2, 16, 16, 2};
    for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
      nn::Random random = nn::Random(seed).stream(i);
      layers_.emplace_back(sizes[i], sizes[i + 1], random, nn::LinearOptions{.gain = 1});
    }
  }
  void members(nn::Members<float>& m) override { m("layers", layers_); }
  const std::vector<Var<float>>& pre_activations() const { return z_; }  // of the last call

  Var<float> forward(const Var<float>& x) override {
    z_.clear();
    Var<float> h = x;
    for (nn::Linear<float>& layer : layers_) {
      h = layer(h);
      if (&layer == &layers_.back()) break;
      z_.push_back(h);
      h = spelled(spelling_, h);
    }
    return h;
  }

 private:
  std::size_t spelling_;
  std::vector<nn::Linear<float>> layers_;
  std::vector<Var<float>> z_;
};

using Step = std::optional<std::uint64_t>;

struct Run {
  std::vector<double> losses;  // of each step
  Step first_zero;             // in which some pre-activation is exactly 0
  std::uint64_t zeros = 0, seen = 0;
  double accuracy = 0;
};

Run train(const nn::Dataset<float>& data, std::size_t batch, std::size_t spelling, double c,
          std::uint64_t epochs, std::uint64_t seed) {
  Net net(spelling, seed);
  nn::FitOptions<float> options{.epochs = epochs, .batch_size = batch, .seed = seed};
  options.tape.at_zero = c;
  Run run;
  options.on_step = [&](const nn::StepInfo<float>& step) {
    run.losses.push_back(step.loss_value);
    for (const Var<float>& z : net.pre_activations()) {
      const View<const float> values = z.view();
      const auto zeros = std::count(values.begin(), values.end(), 0.0f);
      if (zeros > 0 && !run.first_zero) run.first_zero = step.step;
      run.zeros += static_cast<std::uint64_t>(zeros);
      run.seen += values.size();
    }
    return true;
  };
  nn::SGD<float> sgd(net.parameters(), {.learning_rate = 0.05});
  nn::fit(net, sgd, "cross_entropy", data, options);
  run.accuracy = nn::evaluate(net, data).at("accuracy");
  return run;
}

// The first step whose loss isn't the same to the last bit.
Step parting(const Run& a, const Run& b) {
  const auto [x, y] = std::mismatch(a.losses.begin(), a.losses.end(), b.losses.begin());
  if (x == a.losses.end()) return {};
  return static_cast<std::uint64_t>(x - a.losses.begin());
}

std::string written(Step step) { return step ? fmt::format("{}", *step) : "never"; }
struct Case {
  nn::Dataset<float> data;
  std::size_t batch;
};

// The arms of a spiral without noise begin at the origin. There all first pre-activations are
// exactly 0 as long as biases are: in the first step, if it sees the whole set. (Of two origins
// with opposite labels the slopes would cancel: one is left out.)
Case spiral_with_origin(std::uint64_t seed) {
  const auto data = nn::spiral<float>(301, 0.0, seed);
  std::vector<std::uint32_t> rows;
  for (std::uint32_t i = 0; i < data.size(); ++i)
    if (data.labels[i] == 0 || data.inputs[2 * i] != 0 || data.inputs[2 * i + 1] != 0)
      rows.push_back(i);
  return {data.select(rows), rows.size()};
}

}  // namespace

int main(int argc, char** argv) {
  const study::Options options = study::parse(
      argc, argv, "nonsmooth_identities: relu spelled so that its slope at 0 is another one");
  study::Checks checks;
  print_slopes(checks);

  const std::uint64_t epochs = options.full ? 10000 : 50, seeds = options.runs   ? options.runs
                                                                  : options.full ? 3
                                                                                 : 1;
  const std::array cases{Case{nn::moons<float>(300, 0.1, options.seed), 10},
                         spiral_with_origin(options.seed)};
  fmt::print(
      "\nnetwork 2-16-16-2, {} epochs; parting: the first loss that isn't relu's under c = 0\n\n"
      "data    batch  seed  spelling       c   slope at 0   zeros / pre-activations   first 0 "
      "  parting   loss      accuracy\n",
      epochs);
  for (const auto& [data, batch] : cases) {
    for (std::uint64_t seed = options.seed; seed < options.seed + seeds; ++seed) {
      std::map<double, Run> by_slope;
      for (std::size_t spelling = 0; spelling < spellings.size(); ++spelling) {
        for (const double c : {0.0, 0.5, 1.0}) {
          study::progress("{}, seed {}, {}, c = {}", data.name, seed, spellings[spelling], c);
          const Run run = train(data, batch, spelling, c, epochs, seed);
          const double slope = slope_at(0, c, spelling);
          const Run& same = by_slope.try_emplace(slope, run).first->second;
          const Run& plain = by_slope.at(0);  // relu under c = 0 comes first
          const Step part = parting(plain, run);
          study::progress("{}", "");
          fmt::print(
              "{:<7} {:5}  {:4}  {:<12} {:3}   {:10}   {:7} / {:<13}   {:>7}   {:>7}   "
              "{:.6f}  {:.4f}\n",
              data.name, batch, seed, spellings[spelling], c, slope, run.zeros, run.seen,
              written(run.first_zero), written(part), run.losses.back(), run.accuracy);
          // Values are the same to the last bit, and so are slopes beside 0: only an exact 0 parts
          // runs, and the spelling adds nothing. (relu + zero under 1/2 sums to 3/2 g: rounded.)
          const auto name = fmt::format("{}, {}, c = {}: ", data.name, spellings[spelling], c);
          checks.expect(!part || (plain.first_zero && *part > *plain.first_zero),
                        name + "parts without an exact 0");
          checks.expect(!parting(same, run) || (spelling == 3 && c == 0.5),
                        name + "parts from a run with the same slope at 0");
        }
      }
      if (batch == data.size())
        checks.expect(parting(by_slope.at(0), by_slope.at(1)) == 1, "the origin has no effect");
    }
  }
  return checks.report();
}

// relu'(0) = 0 or 1: Bertoin, Bolte, Gerchinovitz, Pauwels, "Numerical influence of ReLU'(0) on
// backpropagation", NeurIPS 2021, arXiv 2106.12915. Claim: in 32 bits about half of all networks
// have a minibatch on which the choice changes the gradient, in 16 bits nearly all, in 64 bits
// none. Measured: that share for untrained MLPs on MNIST; then test accuracy against c = relu'(0).
// Their code sets the adjoint at 0 to c where the chain rule multiplies it by c: both rules are
// run.

#include "relu_at_zero.hpp"
#include "study.hpp"

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

using namespace ramp;
using study::Net, study::Rule, study::Zeros;

namespace {

// --- Twins: the same network under c = 0 and c = 1

struct Twins {
  bool differ = false, differ_overwriting = false;
  Zeros zeros;
  std::size_t checked = 0, wrong = 0;  // batches without an exact 0 whose gradients differ
};

// Only at a pre-activation that is exactly 0 is c read, so batches without one need no comparison.
// That is not taken on trust: the first `checked` batches are compared all the same.
template <class T> Twins compare(Net<T>& net, const nn::Dataset<T>& data, std::size_t checked) {
  constexpr std::size_t batch = 256;
  static Tape<T> zero({.at_zero = 0}), one({.at_zero = 1});
  Twins twins;
  for (std::size_t at = 0; at < data.size(); at += batch) {
    const std::size_t n = std::min(batch, data.size() - at);
    const auto loss = [&](Tape<T>& tape, Rule rule) {
      tape.clear();
      net.rule = rule;
      const Shape shape{static_cast<std::int64_t>(n), static_cast<std::int64_t>(data.features())};
      const Var<T> x = tape.borrow({data.inputs.data() + at * data.features(), shape});
      return nn::cross_entropy(net(x), std::span(data.labels).subspan(at, n));
    };
    const Var<T> under_zero = loss(zero, Rule::multiply);
    const Zeros here = study::pre_activations(zero);
    twins.zeros.zeros += here.zeros;
    twins.zeros.seen += here.seen;
    if (here.zeros == 0 && at / batch >= checked) continue;
    zero.backward(under_zero);  // the same under both rules
    const Tensor<T> g = net.first_gradient();
    const auto differs = [&](Rule rule) {
      one.backward(loss(one, rule));
      return !std::equal(g.begin(), g.end(), net.first_gradient().begin());
    };
    const bool multiplied = differs(Rule::multiply), overwritten = differs(Rule::overwrite);
    twins.differ |= multiplied;
    twins.differ_overwriting |= overwritten;
    twins.checked += here.zeros == 0;
    twins.wrong += here.zeros == 0 && (multiplied || overwritten);
    if (twins.differ && twins.differ_overwriting) break;
  }
  return twins;
}

struct Cell {
  int layers;
  std::int64_t width;
  std::array<double, 3> published;  // percent in 16, 32 and 64 bits, of 1,000 networks
};                                  // 3 x 256 comes twice there, in 32 bits with 46.3 and with 47.8
constexpr std::array<Cell, 9> cells{{{1, 256, {87.1, 5.4, 0}},
                                     {2, 256, {99.9, 25.8, 0}},
                                     {3, 256, {100, 46.3, 0}},
                                     {5, 256, {100, 64.7, 0}},
                                     {6, 256, {100, 69.7, 0}},
                                     {3, 16, {33.3, 2.1, 0}},
                                     {3, 64, {100, 16.3, 0}},
                                     {3, 512, {100, 58.2, 0}},
                                     {3, 1024, {100, 87.3, 0}}}};

template <class T> void print_twins(unsigned bits, const nn::Dataset<T>& data,
                                    std::span<const Cell> some, std::size_t all_runs,
                                    std::uint64_t seed, study::Checks& checks) {
  std::size_t checked = 0, wrong = 0, any = 0;
  for (const Cell& cell : some) {
    const std::size_t runs = cell.width > 256 ? (all_runs + 3) / 4 : all_runs;
    std::size_t differ = 0, overwriting = 0;
    Zeros zeros;
    for (std::size_t run = 0; run < runs; ++run) {
      study::progress("{} bits, {} x {}: {} of {}", bits, cell.layers, cell.width, run, runs);
      Net<T> net(static_cast<std::int64_t>(data.features()), cell.layers, cell.width, bits == 16,
                 nn::Random(seed).stream(run));
      const Twins twins = compare(net, data, 2);
      differ += twins.differ;
      overwriting += twins.differ_overwriting;
      zeros.zeros += twins.zeros.zeros;
      zeros.seen += twins.zeros.seen;
      checked += twins.checked;
      wrong += twins.wrong;
    }
    const study::Share a = study::share(differ, runs), b = study::share(overwriting, runs);
    study::progress("{}", "");
    const double theirs = cell.published[static_cast<std::size_t>(std::countr_zero(bits / 16u))];
    // As many zeros as would give their share if they came independently of each other.
    const double units = 60000.0 * cell.layers * static_cast<double>(cell.width);
    const double implied = -1e9 * std::log(1 - theirs / 100) / units;
    fmt::print(
        "{:4}  {:6} x {:<4}  {:4}   {:5.1f} +- {:4.1f}   {:5.1f} +- {:4.1f}   {:>8}   "
        "{:12.1f}   {:>13}\n",
        bits, cell.layers, cell.width, runs, a.percent, a.error, b.percent, b.error,
        theirs < 0 ? "" : fmt::format("{:.1f}", theirs), zeros.per_billion(),
        theirs < 0 || theirs == 100 ? "" : fmt::format("{:.1f}", implied));
    std::fflush(stdout);
    any += differ + overwriting;
    checks.expect(overwriting >= differ, "the overwriting rule differs less often");
  }
  fmt::print("{} bits: {} batches without an exact 0 were compared all the same, {} differ\n", bits,
             checked, wrong);
  checks.expect(wrong == 0, "gradients differ without an exact 0");
  checks.expect(bits != 16 || any > 0, "no difference even in 16 bits");
  checks.expect(bits != 64 || any == 0, "a difference in 64 bits");
}

// --- Training

void print_training(const nn::Split<float>& data, std::uint64_t epochs, std::size_t seeds,
                    std::uint64_t seed, std::span<const double> cs, std::int64_t width) {
  fmt::print(
      "\nTraining: 2 x {}, batch 128, learning rate 0.1, {} epochs, {} seeds\n"
      "bits  rule            c   test accuracy, seed by seed   zeros per 10^9\n",
      width, epochs, seeds);
  for (const bool half : {false, true})
    for (const Rule rule : {Rule::multiply, Rule::overwrite})
      for (const double c : cs) {
        std::string accuracies;
        Zeros zeros;
        for (std::size_t run = 0; run < seeds; ++run) {
          Net<float> net(static_cast<std::int64_t>(data.train.features()), 2, width, half,
                         nn::Random(seed).stream(run));
          net.rule = rule;
          nn::FitOptions<float> options{
              .epochs = epochs, .batch_size = 128, .seed = seed + run, .tape = {.at_zero = c}};
          options.on_step = [&](const nn::StepInfo<float>& step) {
            const Zeros here = study::pre_activations(step.loss.tape());
            zeros.zeros += here.zeros;
            zeros.seen += here.seen;
            study::progress("training, {} bits, c = {}, step {}", half ? 16 : 32, c, step.step);
            return true;
          };
          nn::SGD<float> sgd(net.parameters(), {.learning_rate = 0.1});
          try {
            nn::fit(net, sgd, "cross_entropy", data.train, options);
            accuracies +=
                fmt::format(" {:6.2f}", 100 * nn::evaluate(net, data.test).at("accuracy"));
          } catch (const nn::NonFiniteError&) {
            accuracies += "   lost";
          }
        }
        study::progress("{}", "");
        fmt::print("{:4}  {:<9}  {:6}  {:<28}   {:14.1f}\n", half ? 16 : 32,
                   rule == Rule::multiply ? "multiply" : "overwrite", c, accuracies,
                   zeros.per_billion());
        std::fflush(stdout);
      }
}

}  // namespace

int main(int argc, char** argv) {
  const study::Options options =
      study::parse(argc, argv, "relu_at_zero: how often, and how much, relu'(0) matters");
  const std::size_t runs = options.runs ? options.runs : options.full ? 40 : 6;
  study::Checks checks;
  const nn::Split<float> data =
      options.full ? study::images()
                   : nn::Split<float>{study::synthetic_pixels(20000, options.seed),
                                      study::synthetic_pixels(500, options.seed + 1)};
  constexpr std::array<Cell, 2> small{{{1, 256, {-1, -1, -1}}, {3, 256, {-1, -1, -1}}}};
  const std::span<const Cell> some = options.full ? std::span<const Cell>(cells) : small;
  fmt::print(
      "{}: {} images; percent of networks whose first gradient depends on c in a minibatch\n"
      "(published: under the overwriting rule, of 1,000 networks)\n\n"
      "bits  layers         nets   multiplying     overwriting    published   zeros / 10^9   "
      "implied by it\n",
      options.full ? data.train.name : "synthetic pixels", data.train.size());
  print_twins<float>(16, data.train, some, runs, options.seed, checks);
  print_twins<float>(32, data.train, some, runs, options.seed, checks);
  print_twins<double>(64, study::in_double(data.train), some, (runs + 15) / 16, options.seed,
                      checks);
  constexpr std::array<double, 5> all{0, 0.5, 1, 10, 100};
  if (options.full)
    print_training(data, 3, 2, options.seed, all, 256);
  else
    print_training({data.train.take(2000), data.test}, 5, 1, options.seed, std::span(all).first(3),
                   32);
  return checks.report();
}

// Study: deep sparse rectifier networks, after Glorot, Bordes & Bengio (AISTATS 2011), without
// pre-training. Claims, their numbers from memory: rectifiers do as well as tanh or better, with
// about 83 % true zeros on MNIST, and more zeros don't hurt until about 85 %.
#include "study.hpp"

#include <autodiff/kernels/gemm.hpp>
#include <nn/data/file_writer.hpp>
#include <nn/nn.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <exception>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

using namespace ramp::nn;
using ramp::Tape, ramp::Var;

namespace {

constexpr std::string_view about =
    "Rectifier, tanh and softplus on MNIST, as in Glorot, Bordes & Bengio (2011): three hidden\n"
    "layers, minibatches of 10, the learning rate chosen on a grid by the held-out error, several\n"
    "seeds; test error and true zeros, also with an L1 penalty on activations. Data: MNIST, else\n"
    "Fashion-MNIST, else points in the plane. Full mode: 3 layers of 1000, 50,000 images, 10,000\n"
    "held out; one to three hours of processor time. With --resume DIR it can be stopped, or "
    "killed,\n"
    "and goes on when it is started again.";

constexpr std::array<std::string_view, 3> kinds{"relu", "tanh", "softplus"};
constexpr std::array rates{0.003, 0.01, 0.03, 0.1, 0.3};

struct Plan {
  std::int64_t width;
  std::size_t seeds, epochs, grid_epochs, rows, held_out;
  std::vector<double> penalties;  // of the sweep, besides 0
};

struct Data {
  std::string name;
  Dataset<float> train, held_out, test;
};

Data load(const Plan& plan, bool full, std::uint64_t seed) {
  for (const char* name : {"mnist", "fashion-mnist"}) {
    try {
      find_named_dataset(name);
    } catch (const DataError&) {
      continue;
    }  // not installed
    Split<float> all = load_named_dataset(name);
    const auto n = static_cast<double>(all.train.size()), out = static_cast<double>(plan.held_out);
    auto [train, held_out] = all.train.split(1 - out / n, seed);
    if (!full) all.test = all.test.take(plan.held_out);
    return {name, train.take(std::min(plan.rows, train.size())), std::move(held_out),
            std::move(all.test)};
  }
  const auto points = [&](std::size_t n, std::uint64_t of) { return moons<float>(n, 0.1, of); };
  return {"moons (MNIST and Fashion-MNIST not found)", points(2000, seed), points(500, seed + 1),
          points(500, seed + 2)};
}

// An MLP that keeps hold of what its hidden layers give, for the penalty.
struct Deep : Module<float> {
  Deep(const std::vector<std::int64_t>& sizes, Activation activation, Random random)
      : Module("deep") {
    for (std::size_t i = 0; i + 1 < sizes.size(); ++i)
      layers.emplace_back(
          sizes[i], sizes[i + 1], random,
          LinearOptions{.activation = i + 2 < sizes.size() ? activation : "identity",
                        .init = "glorot_uniform"});
  }
  void members(Members<float>& m) override { m("layers", layers); }
  Var<float> forward(const Var<float>& x) override {
    hidden.clear();
    Var<float> y = x;
    for (Linear<float>& layer : layers) hidden.push_back(y = layer(y));
    hidden.pop_back();
    return y;
  }

  std::vector<Linear<float>> layers;
  std::vector<Var<float>> hidden;
};

struct Job {
  std::string_view activation;
  double rate, penalty;
  std::uint64_t seed;
  std::size_t epochs;
};
struct Result {
  double held_out = 1, test = 1;  // errors after the epoch that was best on the held-out set
  double zeros = 0, dead = 0;     // shares on the test set, after that epoch, of all hidden units
  std::size_t best = 0;           // that epoch, from 1
};

// With checkpoints in `folder`, if it isn't empty.
Result train(const Data& data, const Plan& plan, const Job& job,
             const std::filesystem::path& folder) {
  const auto in = static_cast<std::int64_t>(data.train.features());
  Deep model({in, plan.width, plan.width, plan.width, data.train.classes}, job.activation,
             Random(job.seed).stream(0));
  SGD<float> optimizer(model.parameters(), {.learning_rate = job.rate});
  FitOptions<float> options{
      .epochs = job.epochs, .batch_size = 10, .seed = job.seed, .restore_best = true};
  options.watch = "accuracy";
  if (job.penalty > 0)  // of a sample's activations, summed over all units: mean over the batch
    options.penalty = [&](Tape<float>& tape) {
      Var<float> sum_of_all = tape.constant(0.0f);
      for (const Var<float>& h : model.hidden)
        sum_of_all += job.penalty / static_cast<double>(h.shape()[0]) * sum(abs(h));
      return sum_of_all;
    };
  if (!folder.empty()) options.keep = {.folder = folder, .resume = true};
  Trainer<float> trainer(model, optimizer, "cross_entropy", data.train, &data.held_out, options);
  Result result;
  try {
    trainer.run();
  } catch (const NonFiniteError&) {  // the rate is too high: what there was
    trainer.take_best();
  }
  if (const FitResult& fitted = trainer.result(); !fitted.epochs.empty()) {
    result = {1 - fitted.epochs[fitted.best].valid.at("accuracy"),
              1 - evaluate(model, data.test).at("accuracy"), 0, 0, fitted.best + 1};
    const auto layers = monitor_units(model, data.test, {.smooth = true});
    for (const UnitReport& layer : layers) {
      result.zeros += layer.sparsity / static_cast<double>(layers.size());
      result.dead += layer.dead_share() / static_cast<double>(layers.size());
    }
  }
  return result;
}

// The result of a training that has ended, in its folder; nothing where it hasn't.
std::optional<Result> result_in(const std::filesystem::path& folder) {
  std::ifstream file(folder / "result");
  Result r;
  if (!(file >> r.held_out >> r.test >> r.zeros >> r.dead >> r.best)) return {};
  return r;
}

// The same, but once: what is done stays in a folder of this training, below `all`.
Result train_once(const Data& data, const Plan& plan, const Job& job,
                  const std::filesystem::path& all) {
  if (all.empty()) return train(data, plan, job, {});
  const auto folder = all / fmt::format("{}-{}-{}-{}-{}", job.activation, job.rate, job.penalty,
                                        job.seed, job.epochs);
  if (const auto done = result_in(folder)) return *done;
  const Result r = train(data, plan, job, folder);
  replace_file(folder / "result",
               fmt::format("{} {} {} {} {}\n", r.held_out, r.test, r.zeros, r.dead, r.best));
  CheckpointFolder<float>(folder).clear();
  return r;
}

// Jobs are independent of each other: a tape, a model and a loader each.
std::vector<Result> train_all(const Data& data, const Plan& plan, const std::vector<Job>& jobs,
                              const std::filesystem::path& folder) {
  std::vector<Result> results(jobs.size());
  std::atomic<std::size_t> next = 0, done = 0;
  std::exception_ptr failed;
  std::mutex failing;
  const auto work = [&] {
    try {
      for (std::size_t i; (i = next++) < jobs.size();) {
        results[i] = train_once(data, plan, jobs[i], folder);
        study::progress("{} of {} trainings", ++done, jobs.size());
      }
    } catch (...) {  // a full disk, say: the others end the one they are at
      next = jobs.size();
      const std::lock_guard lock(failing);
      failed = std::current_exception();
    }
  };
  std::vector<std::thread> workers(std::max(1u, std::thread::hardware_concurrency()));
  for (std::thread& worker : workers) worker = std::thread(work);
  for (std::thread& worker : workers) worker.join();
  study::progress("");
  if (failed) std::rethrow_exception(failed);
  return results;
}

// In percent: the mean over the seeds, and the standard deviation of one.
double mean(std::span<const Result> results, double Result::*member) {
  double sum = 0;
  for (const Result& r : results) sum += 100 * r.*member;
  return sum / static_cast<double>(results.size());
}
std::string spread(std::span<const Result> results, double Result::*member) {
  const double center = mean(results, member);
  if (results.size() < 2) return fmt::format("{:.2f}", center);
  double squares = 0;
  for (const Result& r : results) squares += std::pow(100 * r.*member - center, 2);
  return fmt::format("{:.2f} ± {:.2f}", center,
                     std::sqrt(squares / static_cast<double>(results.size() - 1)));
}

constexpr const char* head = "| test error % | true zeros % | dead % | best epoch |\n";
void row(const std::string& name, std::span<const Result> results) {
  fmt::print("| {} | {} | {} | {:.1f} | {} |\n", name, spread(results, &Result::test),
             spread(results, &Result::zeros), mean(results, &Result::dead),
             std::ranges::max(results, {}, &Result::best).best);
}

// Results of another study would be taken for this one's.
void check_same(const std::filesystem::path& file, const std::string& study) {
  if (std::string line; std::getline(std::ifstream(file) >> std::ws, line) && line != study)
    throw ramp::ValueError(
        fmt::format("{} is of another study, '{}', and this one is '{}': give "
                    "--resume another folder",
                    file.parent_path().string(), line, study));
  replace_file(file, study + "\n");
}

int run(const study::Options& options) {
  ramp::set_blas_threads(1);  // its threads and ours together are slower by tens
  Plan plan = options.full ? Plan{1000, 2, 15, 2, 50000, 10000, {1e-4, 3e-4, 1e-3, 3e-3}}
                           : Plan{64, 2, 3, 2, 2000, 500, {1e-3, 1e-2}};
  if (options.runs > 0) plan.seeds = options.runs;
  if (options.epochs > 0) plan.epochs = options.epochs;
  if (options.rows > 0) plan.rows = options.rows;
  plan.grid_epochs = std::min(plan.grid_epochs, plan.epochs);
  const Data data = load(plan, options.full, options.seed);
  const std::string what =
      fmt::format("{}: {} rows to train, {} held out, {} to test; 3 hidden layers of {}", data.name,
                  data.train.size(), data.held_out.size(), data.test.size(), plan.width);
  std::optional<CheckpointFolder<float>> ours;  // a second run on the folder is refused
  if (!options.resume.empty()) {
    ours.emplace(options.resume);
    check_same(ours->folder() / "study", fmt::format("{}; seed {}", what, options.seed));
  }
  fmt::print("{}\n", what);
  fmt::print("{} epochs, {} seeds; {} epochs on the grid\n\n| held-out error % at rate |",
             plan.epochs, plan.seeds, plan.grid_epochs);
  for (const double rate : rates) fmt::print(" {} |", rate);
  fmt::print("\n|---|---|---|---|---|---|\n");

  std::vector<Job> jobs;
  for (const std::string_view a : kinds)
    for (const double rate : rates) jobs.push_back({a, rate, 0, options.seed, plan.grid_epochs});
  const std::vector<Result> grid = train_all(data, plan, jobs, options.resume);
  std::array<double, kinds.size()> best{};
  for (std::size_t a = 0; a < kinds.size(); ++a) {
    const std::span all = std::span(grid).subspan(a * rates.size(), rates.size());
    const auto better = [](const Result& x, const Result& y) { return x.held_out < y.held_out; };
    best[a] = rates[static_cast<std::size_t>(std::ranges::min_element(all, better) - all.begin())];
    fmt::print("| {} |", kinds[a]);
    for (const Result& r : all) fmt::print(" {:.2f} |", 100 * r.held_out);
    fmt::print("\n");
  }

  jobs.clear();
  for (std::size_t a = 0; a < kinds.size(); ++a)
    for (std::size_t s = 0; s < plan.seeds; ++s)
      jobs.push_back({kinds[a], best[a], 0, options.seed + s, plan.epochs});
  for (const double penalty : plan.penalties)
    jobs.push_back({kinds[0], best[0], penalty, options.seed, plan.epochs});
  const std::vector<Result> all = train_all(data, plan, jobs, options.resume);
  const auto of = [&](std::size_t a) { return std::span(all).subspan(a * plan.seeds, plan.seeds); };
  fmt::print("\n| activation {}|---|---|---|---|---|\n", head);
  for (std::size_t a = 0; a < kinds.size(); ++a)
    row(fmt::format("{} at {}", kinds[a], best[a]), of(a));
  fmt::print("\n| relu with L1 {}|---|---|---|---|---|\n", head);
  row("0", of(0).first(1));
  const std::span sweep = std::span(all).subspan(kinds.size() * plan.seeds);
  for (std::size_t i = 0; i < sweep.size(); ++i)
    row(fmt::format("{}", plan.penalties[i]), sweep.subspan(i, 1));

  study::Checks checks;
  checks.expect(mean(of(0), &Result::zeros) > 20, "a rectifier network has true zeros");
  checks.expect(std::max(mean(of(1), &Result::zeros), mean(of(2), &Result::zeros)) < 1,
                "tanh and softplus have almost none");
  checks.expect(sweep.back().zeros > of(0)[0].zeros, "the L1 penalty makes more zeros");
  checks.expect(mean(of(0), &Result::test) < mean(of(1), &Result::test) + (options.full ? 0.5 : 10),
                "rectifiers do as well as tanh");
  return checks.report();
}

}  // namespace

int main(int argc, char** argv) {
  const study::Options options = study::parse(argc, argv, about);
  try {
    return run(options);
  } catch (const ramp::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  }
}

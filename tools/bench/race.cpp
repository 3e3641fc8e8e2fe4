// The contenders of a row as benchmarks of Google Benchmark. All repetitions of all of them are
// shuffled, so that a noisy neighbour or a change of clock hits them all.
#include "allocations.hpp"
#include "bench.hpp"

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>

namespace ramp::bench {
namespace {

class Collector : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs)
      if (run.run_type == Run::RT_Iteration)
        rounds[run.run_name.function_name].push_back(run.real_accumulated_time * 1e9 /
                                                     static_cast<double>(run.iterations));
  }
  std::map<std::string, std::vector<double>> rounds;  // ns a call
};

void initialize() {
  std::string program = "ramp_bench", shuffle = "--benchmark_enable_random_interleaving=true";
  char* arguments[] = {program.data(), shuffle.data(), nullptr};
  int count = 2;
  benchmark::Initialize(&count, arguments);
}

void progress(const std::string& what) {  // for somebody who is looking
  static const bool watched = isatty(STDERR_FILENO);
  if (watched) fmt::print(stderr, "\r\033[K{}", what);
}

}  // namespace

std::vector<Timing> race(const std::string& row, const std::vector<Contender>& contenders,
                         const Rounds& rounds) {
  [[maybe_unused]] static const bool once = (initialize(), true);
  progress(row + " ...");
  for (const Contender& c : contenders)
    benchmark::RegisterBenchmark(fmt::format("{}/{}", row, c.who).c_str(),
                                 [&call = c.call](benchmark::State& state) {
                                   for (auto _ : state) benchmark::DoNotOptimize(call());
                                 })
        ->Repetitions(rounds.count)
        ->MinTime(rounds.seconds)
        ->UseRealTime();
  Collector collector;
  benchmark::RunSpecifiedBenchmarks(&collector);
  benchmark::ClearRegisteredBenchmarks();
  progress("");

  std::vector<Timing> timings;
  for (const Contender& c : contenders) {
    auto& all = collector.rounds.at(fmt::format("{}/{}", row, c.who));
    std::sort(all.begin(), all.end());
    timings.push_back({c.who, all.front(), all[all.size() / 2]});
  }
  return timings;
}

double allocations_of(const Call& call) {
  constexpr int calls = 10;
  call();
  const std::size_t before = allocations();
  for (int i = 0; i < calls; ++i) benchmark::DoNotOptimize(call());
  return static_cast<double>(allocations() - before) / calls;
}

}  // namespace ramp::bench

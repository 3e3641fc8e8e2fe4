// The contenders of a row as benchmarks of Google Benchmark. All repetitions of all of them are
// shuffled, so that a noisy neighbour or a change of clock hits them all.
#include "../../tests/support/allocations.hpp"
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

}  // namespace

nlohmann::ordered_json& Table::add(nlohmann::ordered_json row,
                                   const std::vector<Contender>& contenders, const Rounds& rounds,
                                   const std::string& unit, double ns) {
  [[maybe_unused]] static const bool once = (initialize(), true);
  static const bool watched = isatty(STDERR_FILENO);  // somebody is looking
  const auto name_of = [&](const Contender& c) {
    return fmt::format("{}/{}/{}", name, row["name"].get<std::string>(), c.who);
  };
  for (const Contender& c : contenders)
    benchmark::RegisterBenchmark(name_of(c).c_str(),
                                 [&call = c.call](benchmark::State& state) {
                                   for (auto _ : state) benchmark::DoNotOptimize(call());
                                 })
        ->Repetitions(rounds.count)
        ->MinTime(rounds.seconds)
        ->UseRealTime();
  if (watched) fmt::print(stderr, "\r\033[K{} ...", name_of(contenders[0]));
  Collector collector;
  benchmark::RunSpecifiedBenchmarks(&collector);
  benchmark::ClearRegisteredBenchmarks();
  if (watched) fmt::print(stderr, "\r\033[K");

  for (const Contender& c : contenders) {
    auto& all = collector.rounds.at(name_of(c));
    std::sort(all.begin(), all.end());
    row[c.who + "_" + unit] = all.front() / ns;
    row[c.who + "_median_" + unit] = all[all.size() / 2] / ns;
  }
  return rows.emplace_back(std::move(row));
}

double allocations_of(const Call& call) {
  constexpr int calls = 10;
  call();
  const std::size_t before = support::allocations();
  for (int i = 0; i < calls; ++i) benchmark::DoNotOptimize(call());
  return static_cast<double>(support::allocations() - before) / calls;
}

}  // namespace ramp::bench

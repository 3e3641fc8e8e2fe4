// ramp_bench: Ramp beside code by hand and other tools, in one run and turn about. Ratios are
// results; times are this machine's. Fails if the sides don't compute the same.
#include "bench.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <fstream>
#include <thread>

// OpenBLAS says what it is; any other BLAS leaves these undefined.
extern "C" {
[[gnu::weak]] char* openblas_get_config();
[[gnu::weak]] int openblas_get_num_threads();
}

namespace ramp::bench {
namespace {

nlohmann::ordered_json machine(const Options& options) {
  std::string cpu = "unknown", beside;
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; cpu == "unknown" && std::getline(file, line);)
    if (line.starts_with("model name")) cpu = line.substr(line.find(": ") + 2);
  for (const Rival& rival : rivals())
    if (!rival.version.empty()) beside += (beside.empty() ? "" : ", ") + rival.version;
#if defined __AVX512F__
  const char* const compiled_for = "AVX-512";
#elif defined __AVX2__
  const char* const compiled_for = "AVX2";
#else
  const char* const compiled_for = "the baseline CPU";
#endif
  return {{"cpu", cpu},
          {"cores", std::thread::hardware_concurrency()},
          {"compiler", __VERSION__},
          {"compiled_for", compiled_for},
          {"blas", openblas_get_config ? openblas_get_config() : "not OpenBLAS"},
          {"blas_threads", openblas_get_num_threads ? openblas_get_num_threads() : 0},
          {"beside", beside},
          {"rounds", options.rounds().count}};
}

int run(int argc, char** argv) {
  Options options;
  bool json = false, markdown = false;
  std::vector<std::string> added, peak;
  CLI::App app("Measures Ramp beside hand-written code.");
  app.add_flag("--quick", options.quick, "Fewer and shorter rounds, and no large tapes");
  app.add_flag("--full", options.full, "Also what takes minutes: training from end to end");
  app.add_option("--only", options.only, "Only these")
      ->check(CLI::IsMember({"moons",      "digits",         "mnist",         "glorot",
                             "wide",       "scalars",        "tensors-16",    "scalar-mlp",
                             "asian",      "asian-one-tape", "long-chain",    "pendulum",
                             "rosenbrock", "inference",      "threads",       "playground",
                             "memory",     "train-mnist",    "train-fashion", "instruments"}));
  app.add_flag("--json", json, "Write JSON");
  app.add_flag("--markdown", markdown, "Write Markdown, and at its end where we lose");
  app.add_option("--add", added, "Tables measured elsewhere, as JSON files");
  app.add_option("--peak", peak)->expected(2)->group("");  // what --only memory starts
  app.add_flag_callback("--no-peers", without_modules, "Without libtorch, oneDNN, ADOL-C");
  CLI11_PARSE(app, argc, argv);
  if (!peak.empty()) {
    print_peak(peak);
    return 0;
  }

  nlohmann::ordered_json all = machine(options);
  if (!json) {
    for (const auto& [key, value] : all.items())
      fmt::print("{}{}: {}\n", markdown ? "- " : "", key, value.dump());
    fmt::print(
        "\nTimes are the best of the rounds, which run turn about, and in parentheses their "
        "median; a ratio is Ramp's best to the other's.\n");
  }
  std::vector<Table> tables;
  const auto report = [&](const Table& table) {
    all[table.name] = table.rows;
    if (!json && !table.rows.empty()) fmt::print("\n{}", table.text(markdown));
    std::fflush(stdout);
    tables.push_back(table);
  };
  for (const auto& part :
       {networks, inference, chains, programs, playground, instruments, memory, training, threads})
    report(part(options));
  for (const std::string& path : added) report(read_table(path));
  if (json) fmt::print("{}\n", all.dump(2));
  if (markdown) fmt::print("\n{}", where_we_lose(tables));
  bool failed = false;
  for (const Table& table : tables)
    for (const std::string& failure : table.failures) {
      fmt::print(stderr, "ramp_bench: {}\n", failure);
      failed = true;
    }
  return failed;
}

}  // namespace
}  // namespace ramp::bench

int main(int argc, char** argv) try {
  return ramp::bench::run(argc, argv);
} catch (const std::exception& e) {
  fmt::print(stderr, "ramp_bench: {}\n", e.what());
  return 1;
}

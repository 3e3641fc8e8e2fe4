// ramp_bench: Ramp beside hand-written code, both in one run and turn about. Ratios are results;
// times are this machine's. Fails if the two sides don't compute the same.
#include "peers.hpp"
#include "report.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <fstream>
#include <thread>

// OpenBLAS says what it is; any other BLAS leaves these undefined.
extern "C" {
[[gnu::weak]] char* openblas_get_config();
[[gnu::weak]] char* openblas_get_corename();
[[gnu::weak]] int openblas_get_num_threads();
}

namespace {

using nlohmann::ordered_json;
namespace bench = ramp::bench;

constexpr const char* compiled_for =
#if defined __AVX512F__
    "AVX-512";
#elif defined __AVX2__
    "AVX2";
#else
    "the baseline CPU";
#endif

std::string cpu() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return line.substr(line.find(": ") + 2);
  return "unknown CPU";
}

ordered_json machine(const bench::Options& options) {
  ordered_json m {
    {"cpu", cpu()}, {"cores", std::thread::hardware_concurrency()},
#if defined __clang__
        {"compiler", "Clang " __clang_version__},
#elif defined __GNUC__
        {"compiler", "GCC " __VERSION__},
#else
        {"compiler", "unknown"},
#endif
    {
      "compiled_for", compiled_for
    }
  };
  m["blas"] = openblas_get_config ? openblas_get_config() : "not OpenBLAS";
  if (openblas_get_corename) m["blas_kernels"] = openblas_get_corename();
  if (openblas_get_num_threads) m["blas_threads"] = openblas_get_num_threads();
  std::string names;
  for (const auto& peer : bench::peers()) names += (names.empty() ? "" : ", ") + peer->version();
  m["peers"] = names.empty() ? "hand-written code alone" : "hand-written code, " + names;
  m["rounds"] = options.rounds();
  return m;
}

void print_head(const ordered_json& m, bool markdown) {
  const char* const end = markdown ? "  \n" : "\n";  // two spaces: a line of its own
  fmt::print("{}, {} cores; {} for {}{}", m["cpu"].get<std::string>(), m["cores"].get<unsigned>(),
             m["compiler"].get<std::string>(), m["compiled_for"].get<std::string>(), end);
  fmt::print("BLAS, the same on all sides: {}", m["blas"].get<std::string>());
  if (m.contains("blas_kernels")) fmt::print("; kernels {}", m["blas_kernels"].get<std::string>());
  if (m.contains("blas_threads")) fmt::print("; threads {}", m["blas_threads"].get<int>());
  // An OpenBLAS older than the CPU falls back to kernels for narrower registers.
  if (m["compiled_for"] == "AVX-512" && m.value("blas_kernels", "") == "Haswell")
    fmt::print(", for AVX2: OPENBLAS_CORETYPE=SkylakeX would make all sides faster");
  fmt::print("{}Beside: {}{}", end, m["peers"].get<std::string>(), end);
  fmt::print(
      "Best of {} rounds, turn about, unless a median; a ratio is Ramp's best to the other's.\n",
      m["rounds"].get<int>());
}

}  // namespace

int main(int argc, char** argv) try {
  const std::vector<std::string> names{
      "moons",      "digits",     "mnist",       "glorot",        "wide",
      "scalars",    "tensors-16", "scalar-mlp",  "asian",         "asian-one-tape",
      "long-chain", "pendulum",   "rosenbrock",  "inference",     "threads",
      "playground", "memory",     "train-mnist", "train-fashion", "instruments"};
  bench::Options options;
  bool json = false, markdown = false;
  std::vector<std::string> added, peak;
  CLI::App app("Measures Ramp beside hand-written code.");
  app.add_flag("--quick", options.quick, "Fewer and shorter rounds, and no large tapes");
  app.add_flag("--full", options.full, "Also what takes minutes: training from end to end");
  app.add_option("--only", options.only, "Only these")->check(CLI::IsMember(names));
  app.add_flag("--json", json, "Write JSON");
  app.add_flag("--markdown", markdown, "Write Markdown, and at its end where we lose");
  app.add_option("--add", added, "Tables measured elsewhere, as JSON files");
  app.add_option("--peak", peak)->expected(2)->group("");  // what --only memory starts
  app.add_flag_callback("--no-peers", bench::without_peers, "Without libtorch, oneDNN, ADOL-C");
  CLI11_PARSE(app, argc, argv);

  if (!peak.empty()) {
    bench::print_peak(peak);
    return 0;
  }
  ordered_json all = machine(options);
  if (!json) print_head(all, markdown);
  std::vector<bench::Table> tables;
  std::vector<std::string> failures;
  const auto report = [&](const bench::Table& table) {
    bench::progress("");
    all[table.name] = table.rows;
    if (!json && !table.rows.empty())
      fmt::print("\n{}", markdown ? table.markdown() : table.text());
    std::fflush(stdout);
    failures.insert(failures.end(), table.failures.begin(), table.failures.end());
    tables.push_back(table);
  };
  for (const auto& part :
       {bench::networks, bench::inference, bench::chains, bench::programs, bench::playground,
        bench::quality, bench::instruments, bench::memory, bench::training, bench::threads})
    report(part(options));
  for (const std::string& path : added) report(bench::read_table(path));
  if (json) fmt::print("{}\n", all.dump(2));
  if (markdown) fmt::print("\n{}", bench::where_we_lose(tables));
  for (const std::string& failure : failures) fmt::print(stderr, "ramp_bench: {}\n", failure);
  return failures.empty() ? 0 : 1;
} catch (const std::exception& e) {
  fmt::print(stderr, "ramp_bench: {}\n", e.what());
  return 1;
}

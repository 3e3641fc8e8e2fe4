// ramp_bench: Ramp beside code by hand and other tools, in one run and turn about. Ratios are
// results; times are this machine's. Fails if the sides don't compute the same.
#include "bench.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

// OpenBLAS says what it is; any other BLAS leaves it undefined.
extern "C" [[gnu::weak]] char* openblas_get_config();

namespace ramp::bench {

using nlohmann::ordered_json;

bool Options::wants(const std::string& name) const {
  return only.empty() || std::find(only.begin(), only.end(), name) != only.end();
}

namespace {

bool modules_wanted = true;

Rivals find_rivals() {
  Rivals all;
  add_networks_by_hand(all);
  add_programs_by_hand(all);
  add_playground_loop(all);
  std::error_code error;
  const auto folder = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  for (const char* name : {"onednn", "torch", "adolc"}) {  // modules beside the program, if built
    const auto path = folder / fmt::format("ramp_bench_{}.so", name);
    if (!modules_wanted || error || !std::filesystem::exists(path)) continue;
    void* const module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (void* const add = module ? dlsym(module, "ramp_bench_add") : nullptr)
      reinterpret_cast<decltype(&ramp_bench_add)>(add)(all);
    else
      fmt::print(stderr, "ramp_bench: going on without {}: {}\n", name, dlerror());
  }
  return all;
}

#if defined __AVX512F__
constexpr const char* lanes = "AVX-512";
#elif defined __AVX2__
constexpr const char* lanes = "AVX2";
#else
constexpr const char* lanes = "the baseline CPU";
#endif

ordered_json machine(const Options& options) {
  std::string cpu = "unknown", beside;
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; cpu == "unknown" && std::getline(file, line);)
    if (line.starts_with("model name")) cpu = line.substr(line.find(": ") + 2);
  for (const Rival& rival : rivals())
    if (!rival.version.empty()) beside += (beside.empty() ? "" : ", ") + rival.version;
  const char* const threads = std::getenv("OPENBLAS_NUM_THREADS");
  return {{"cpu", cpu},
          {"cores", std::thread::hardware_concurrency()},
          {"compiler", RAMP_COMPILER},
          {"compiled_for", lanes},
          {"blas", openblas_get_config ? openblas_get_config() : "not OpenBLAS"},
          {"blas_threads", threads ? threads : "as many as it likes"},
          {"beside", beside},
          {"rounds", options.rounds().count}};
}

int run(int argc, char** argv) {
  Options options;
  bool json = false, markdown = false;
  std::vector<std::string> added, peak;
  const std::string names =
      "moons digits mnist glorot wide scalars tensors-16 scalar-mlp asian asian-one-tape "
      "long-chain "
      "pendulum rosenbrock inference threads playground memory train-mnist train-fashion "
      "instruments";
  CLI::App app("Measures Ramp beside hand-written code.");
  app.add_flag("--quick", options.quick, "Fewer and shorter rounds, and no large tapes");
  app.add_flag("--full", options.full, "Also what takes minutes: training from end to end");
  app.add_option("--only", options.only, "Only these")
      ->check(CLI::IsMember(CLI::detail::split(names, ' ')));
  app.add_flag("--json", json, "Write JSON");
  app.add_flag("--markdown", markdown, "Write Markdown, and at its end where we lose");
  app.add_option("--add", added, "Tables measured elsewhere, as JSON files");
  app.add_option("--peak", peak)->expected(2)->group("");  // what --only memory starts
  app.add_flag_callback("--no-peers", without_modules, "Without libtorch, oneDNN, ADOL-C");
  CLI11_PARSE(app, argc, argv);
  if (!peak.empty()) {
    print_peak(peak.at(0), peak.at(1));
    return 0;
  }

  ordered_json all = machine(options);
  if (!json) {
    for (const auto& [key, value] : all.items()) fmt::print("- {}: {}\n", key, value.dump());
    fmt::print(
        "\nTimes are the best of the rounds, turn about, and in parentheses their median; a "
        "ratio is Ramp's best to the other's.\n");
  }
  std::vector<Table> tables;
  bool failed = false;
  const auto report = [&](const Table& table) {
    all[table.name] = table.rows;
    if (!json && !table.rows.empty()) fmt::print("\n{}", table.text(markdown));
    std::fflush(stdout);
    for (const auto& failure : table.failures) fmt::print(stderr, "ramp_bench: {}\n", failure);
    failed |= !table.failures.empty();
    tables.push_back(table);
  };
  // Threads last: a library's idle workers spin for a while, and take a core from whoever is next.
  for (const auto& part :
       {networks, inference, chains, programs, playground, instruments, memory, training, threads})
    report(part(options));
  for (const std::string& path : added) report(read_table(path));
  if (json) fmt::print("{}\n", all.dump(2));
  if (markdown) fmt::print("\n{}", where_we_lose(tables));
  return failed;
}

}  // namespace

void without_modules() { modules_wanted = false; }

const Rivals& rivals() {
  // Never destroyed: at exit the tools' own destructors have an order of their own.
  static const Rivals& all = *new Rivals(find_rivals());
  return all;
}

}  // namespace ramp::bench

int main(int argc, char** argv) try {
  return ramp::bench::run(argc, argv);
} catch (const std::exception& e) {
  fmt::print(stderr, "ramp_bench: {}\n", e.what());
  return 1;
}

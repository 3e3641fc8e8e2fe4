// Who there is to be measured beside: those by hand, and the modules that were built.
#include "bench.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>

namespace ramp::bench {
namespace {

bool modules_wanted = true;

void load_modules(Rivals& rivals) {  // those beside the program; they stay loaded
  std::error_code error;
  const auto folder = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  for (const char* name : {"onednn", "torch", "adolc"}) {
    const auto path = folder / fmt::format("ramp_bench_{}.so", name);
    if (error || !std::filesystem::exists(path)) continue;
    void* const module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (void* const add = module ? dlsym(module, "ramp_bench_add") : nullptr)
      reinterpret_cast<decltype(&ramp_bench_add)>(add)(rivals);
    else
      fmt::print(stderr, "ramp_bench: going on without {}: {}\n", name, dlerror());
  }
}

Rivals find() {
  Rivals all;
  add_networks_by_hand(all);
  add_scalars_by_hand(all);
  add_playground_loop(all);
  if (modules_wanted) load_modules(all);
  return all;
}

}  // namespace

void without_modules() { modules_wanted = false; }

const Rivals& rivals() {
  // Never destroyed: at exit the tools' own destructors have an order of their own.
  static const Rivals& all = *new Rivals(find());
  return all;
}

}  // namespace ramp::bench

#include "peers.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

namespace ramp::bench {
namespace {

bool wanted = true;

std::vector<std::unique_ptr<Peer>> load() {
  std::vector<std::unique_ptr<Peer>> found;
  std::error_code error;
  const auto folder = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  if (error) return found;
  for (const char* name : {"torch", "dnnl", "adolc"}) {
    const auto path = folder / fmt::format("ramp_bench_{}.so", name);
    if (!std::filesystem::exists(path)) continue;
    void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    void* make = module ? dlsym(module, "ramp_bench_peer") : nullptr;
    if (make)
      found.emplace_back(reinterpret_cast<decltype(&ramp_bench_peer)>(make)());
    else
      fmt::print(stderr, "ramp_bench: going on without {}: {}\n", name, dlerror());
  }
  return found;
}

}  // namespace

void without_peers() { wanted = false; }

const std::vector<std::unique_ptr<Peer>>& peers() {
  static const std::vector<std::unique_ptr<Peer>> none;
  if (!wanted) return none;
  // Never destroyed: at exit the tools' own destructors have an order of their own.
  static const auto& all = *new std::vector<std::unique_ptr<Peer>>(load());
  return all;
}

}  // namespace ramp::bench

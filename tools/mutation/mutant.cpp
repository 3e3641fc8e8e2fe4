// Reads from the environment which mutant this run is of, or that all uses are to be noted.
#include "mutant.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ramp_mutation {

constexpr int most = 100000;
unsigned char watched[most];

namespace {

unsigned char used[most];
int chosen = 0;

// Before all other initialisers, which may use mutants already.
[[gnu::constructor(101)]] void start() {
  if (const char* number = std::getenv("RAMP_MUTANT")) chosen = std::atoi(number);
  if (chosen > 0 && chosen < most) watched[chosen] = 1;
  if (std::getenv("RAMP_MUTANTS_USED")) std::memset(watched, 1, sizeof(watched));
}

// Appended, so that the programs that a test starts add to the test's own.
[[gnu::destructor(101)]] void finish() {
  const char* path = std::getenv("RAMP_MUTANTS_USED");
  std::FILE* file = path ? std::fopen(path, "a") : nullptr;
  if (!file) return;
  for (int i = 1; i < most; ++i)
    if (used[i]) std::fprintf(file, "%d\n", i);
  std::fclose(file);
}

}  // namespace

bool met(int mutant) {
  used[mutant] = 1;
  if (mutant == chosen) return true;
  watched[mutant] = 0;  // noted once
  return false;
}

}  // namespace ramp_mutation

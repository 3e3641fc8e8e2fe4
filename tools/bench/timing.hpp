// Times several contenders turn about, so that a noisy neighbour or a clock change hits them all.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace ramp::bench {

struct Contender {
  std::string name;
  std::function<void()> call;
};

struct Timing {
  std::string name;
  double best = 0, median = 0;  // ns per call, over the rounds
};

/// Tells the compiler that somebody reads `value`.
template <class T> inline void keep(const T& value) { asm volatile("" : : "r"(&value) : "memory"); }

/// Each round times each contender once, with as many calls as fill a `chunk`. Finding that number
/// warms it up.
inline std::vector<Timing> race(const std::vector<Contender>& contenders, int rounds = 11,
                                std::chrono::nanoseconds chunk = std::chrono::milliseconds(20)) {
  using Clock = std::chrono::steady_clock;
  const auto time = [](const Contender& c, long calls) {
    const auto start = Clock::now();
    for (long i = 0; i < calls; ++i) c.call();
    return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
  };

  std::vector<long> calls;
  for (const Contender& c : contenders) {
    long n = 1;
    while (time(c, n) < static_cast<double>(chunk.count())) n *= 2;
    calls.push_back(n);
  }
  std::vector<std::vector<double>> samples(contenders.size());
  for (int round = 0; round < rounds; ++round)
    for (std::size_t i = 0; i < contenders.size(); ++i)
      samples[i].push_back(time(contenders[i], calls[i]) / static_cast<double>(calls[i]));

  std::vector<Timing> timings;
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    std::sort(samples[i].begin(), samples[i].end());
    timings.push_back({contenders[i].name, samples[i].front(), samples[i][samples[i].size() / 2]});
  }
  return timings;
}

}  // namespace ramp::bench

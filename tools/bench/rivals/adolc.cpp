// ADOL-C: the same templates as everyone's, on its active type. Recorded each time, and recorded
// once and run again on the inputs.
#include "rival.hpp"

#include <adolc/adolc.h>

#include <utility>

// Found by argument-dependent look-up. fmax, not a branch, so that a replay decides anew.
static adouble relu(const badouble& x) { return fmax(x, 0.0); }

#include "../programs.hpp"

namespace ramp::bench {
namespace {

Gradient gradient(const Program& p, bool replay) {
  static short tag = 0;
  return p.visit([&](const auto& f) -> Gradient {
    return [&p, &f, replay, tag = ++tag, recorded = false](std::span<double> g) mutable {
      constexpr unsigned buffer = 1 << 24;  // keeps the longest of the tapes out of files
      const int n = static_cast<int>(g.size());
      double value = 0;
      if (std::exchange(recorded, replay)) {
        zos_forward(tag, 1, n, 1, p.at.data(), &value);
      } else {
        trace_on(tag, 1, buffer, buffer, buffer, buffer);  // 1: keep what the sweep back needs
        std::vector<adouble> x(p.at.size());
        for (std::size_t i = 0; i < x.size(); ++i) x[i] <<= p.at[i];
        adouble y = f(std::span<const adouble>(x));
        y >>= value;
        trace_off();
      }
      reverse(tag, 1, n, 0, 1.0, g.data());
      return value;
    };
  });
}

}  // namespace
}  // namespace ramp::bench

using namespace ramp::bench;

extern "C" void ramp_bench_add(Rivals& rivals) {
  rivals.push_back({"adolc", "ADOL-C"});
  rivals.back().gradient = [](const Program& p) { return gradient(p, false); };
  rivals.push_back({"adolc_replay"});
  rivals.back().gradient = [](const Program& p) { return gradient(p, true); };
}

// ADOL-C: the same templates as everyone's, on its active type. Recorded each time, and recorded
// once and run again on the inputs.
#include "rival.hpp"

#include <adolc/adolc.h>

#include <memory>
#include <utility>

// Found by argument-dependent look-up. fmax, not a branch, so that a replay decides anew.
static adouble relu(const badouble& x) { return fmax(x, 0.0); }

#include "../programs.hpp"

namespace ramp::bench {
namespace {

template <class Formula> class Recorded {
 public:
  Recorded(short tag, const Program& p, Formula f) : tag_(tag), inputs_(p.at), f_(f) {}

  double record(std::span<double> gradient) {
    constexpr unsigned buffer = 1 << 24;  // keeps the longest of the tapes out of files
    double value = 0;
    trace_on(tag_, 1, buffer, buffer, buffer, buffer);  // 1: keep what the sweep back needs
    {
      std::vector<adouble> x(inputs_.size());
      for (std::size_t i = 0; i < x.size(); ++i) x[i] <<= inputs_[i];
      adouble y = f_(std::span<const adouble>(x));
      y >>= value;
    }
    trace_off();
    reverse(tag_, 1, size(), 0, 1.0, gradient.data());
    return value;
  }
  double replay(std::span<double> gradient) {
    double value = 0;
    zos_forward(tag_, 1, size(), 1, inputs_.data(), &value);
    reverse(tag_, 1, size(), 0, 1.0, gradient.data());
    return value;
  }

 private:
  int size() const { return static_cast<int>(inputs_.size()); }

  short tag_;
  std::vector<double> inputs_;
  Formula f_;
};

Gradient gradient(bool replay, const Program& p) {
  static short tag = 0;
  return with_formula(p, [&](auto f) -> Gradient {
    const auto recorded = std::make_shared<Recorded<decltype(f)>>(++tag, p, f);
    return [recorded, replay, again = false](std::span<double> g) mutable {
      return std::exchange(again, replay) ? recorded->replay(g) : recorded->record(g);
    };
  });
}

}  // namespace

extern "C" void ramp_bench_add(Rivals& rivals) {
  rivals.push_back({"adolc", "ADOL-C"});
  rivals.back().gradient = [](const Program& p) { return gradient(false, p); };
  rivals.push_back({"adolc_replay"});
  rivals.back().gradient = [](const Program& p) { return gradient(true, p); };
}

}  // namespace ramp::bench

// ADOL-C: the same templates as everyone's, on its active type.
#include "peer.hpp"

#include <adolc/adolc.h>

#include <memory>
#include <utility>
#include <vector>

// Found by argument-dependent look-up. fmax, not a branch, so that a replay decides anew.
static adouble relu(const badouble& x) { return fmax(x, 0.0); }

#include "../scalar_by_hand.hpp"

namespace ramp::bench {
namespace {

// Large enough to keep the longest of the tapes out of files.
constexpr unsigned buffer = 1 << 24;

template <class Function>  // adouble(std::span<const adouble>)
class Recorded {
 public:
  Recorded(short tag, std::vector<double> inputs, Function f)
      : tag_(tag), inputs_(std::move(inputs)), f_(std::move(f)) {}

  double record(std::span<double> gradient) {
    double value = 0;
    trace_on(tag_, 1, buffer, buffer, buffer, buffer);  // 1: keep what the sweep back needs
    {
      std::vector<adouble> x(inputs_.size());
      for (std::size_t i = 0; i < x.size(); ++i) x[i] <<= inputs_[i];
      f_(x) >>= value;
    }
    trace_off();
    reverse(tag_, 1, static_cast<int>(inputs_.size()), 0, 1.0, gradient.data());
    return value;
  }
  double replay(std::span<double> gradient) {
    const int n = static_cast<int>(inputs_.size());
    double value = 0;
    zos_forward(tag_, 1, n, 1, inputs_.data(), &value);
    reverse(tag_, 1, n, 0, 1.0, gradient.data());
    return value;
  }

 private:
  short tag_;
  std::vector<double> inputs_;
  Function f_;
};

template <class Function>
Peer::Gradient gradient(bool replay, short tag, std::vector<double> inputs, Function f) {
  const auto recorded = std::make_shared<Recorded<Function>>(tag, std::move(inputs), std::move(f));
  if (!replay) return [recorded](std::span<double> g) { return recorded->record(g); };
  return [recorded, first = true](std::span<double> g) mutable {
    return std::exchange(first, false) ? recorded->record(g) : recorded->replay(g);
  };
}

class AdolC : public Peer {
 public:
  std::string name() const override { return "adolc"; }
  std::string version() const override { return "ADOL-C"; }

  Gradient scalar_mlp(bool replay, std::span<const double> parameters,
                      std::span<const Point> points) override {
    return gradient(replay, replay ? 1 : 2, {parameters.begin(), parameters.end()},
                    [points](std::span<const adouble> p) -> adouble {
                      return scalar_mlp_loss<adouble>(p, points);
                    });
  }
  Gradient asian(bool replay, std::array<double, 3> inputs,
                 std::span<const double> normals) override {
    return gradient(replay, replay ? 3 : 4, {inputs.begin(), inputs.end()},
                    [normals](std::span<const adouble> in) -> adouble {
                      return asian_price<adouble>(in[0], in[1], in[2], normals);
                    });
  }
};

}  // namespace

extern "C" Peer* ramp_bench_peer() { return new AdolC; }

}  // namespace ramp::bench

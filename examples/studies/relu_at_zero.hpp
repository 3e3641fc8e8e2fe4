// The networks of relu_at_zero.cpp, and two ops of their own: a relu with the rule of Bertoin et
// al.'s published code, and the rounding of 16-bit numbers.
#pragma once

#include <autodiff/autodiff.hpp>
#include <autodiff/own_op.hpp>
#include <nn/nn.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <tuple>
#include <vector>

namespace study {

using namespace ramp;

// Their code sets the adjoint at 0 to c; the chain rule, and Ramp, multiply it by c.
struct OverwritingRelu : Elementwise<1> {
  static constexpr About about{"overwriting_relu", "max(x, 0)",
                               "relu that at 0 replaces the adjoint instead of scaling it.",
                               "x = 0: c, whatever comes in"};
  static constexpr auto value = [](auto x) { return where(x <= 0, 0, x); };
  static constexpr auto pullbacks = std::tuple{
      [](auto g, auto x, auto, auto at) { return where(x == 0, at.at_zero, gate(x, 0, g, 0)); }};
  static constexpr auto kink = [](auto x) { return x; };
  static Examples examples() { return {{{-2}, 0}, {{0}, 0}, {{3}, 3}}; }
};
RAMP_UNARY(overwriting_relu, OverwritingRelu)

// To 11 bits of mantissa, ties to even, and below 2^-14 to multiples of 2^-24: IEEE binary16.
inline float rounded(float x) {
  if (std::abs(x) < 0x1p-14f) return x + 0.75f - 0.75f;
  if (std::abs(x) >= 65520.0f) return std::copysign(std::numeric_limits<float>::infinity(), x);
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return std::bit_cast<float>((bits + 0xfffu + ((bits >> 13) & 1u)) & ~0x1fffu);
}
struct Half : Structural<1> {
  static constexpr About about{"half", "x, rounded to 16 bits", "Rounds values and adjoints."};
  static Shape shape(const Shape& x) { return x; }
  static constexpr auto value = [](auto x) {
    return Writes{[x](auto y, bool add) {
      for (std::size_t i = 0; i < y.size(); ++i) {
        const float h = rounded(static_cast<float>(x.data[i]));
        y[i] = add ? y[i] + h : h;
      }
    }};
  };
  static constexpr auto pullbacks = std::tuple{[](auto g) { return record<Half>({}, g); }};
  static Examples examples() { return {{{1.0001}, 1}}; }
};

// --- The networks

enum class Rule { multiply, overwrite };

/// 784 (or other) inputs, layers of one width, 10 outputs; weights and biases uniform within
/// 1 / sqrt(fan_in), as PyTorch has it. `half` rounds layers' values and adjoints to 16 bits,
/// once after product and bias, whose sums are kept in T as GPUs do. (Rounded before the bias, too,
/// they would be 0 about 300 times as often.)
template <class T> class Net : public nn::Module<T> {
 public:
  Rule rule = Rule::multiply;

  Net(std::int64_t inputs, int layers, std::int64_t width, bool half, nn::Random random)
      : half_(half) {
    for (int i = 0; i <= layers; ++i) {
      const std::int64_t in = i == 0 ? inputs : width, out = i == layers ? 10 : width;
      const double bound = 1 / std::sqrt(static_cast<double>(in));
      for (const Shape& shape : {Shape{in, out}, Shape{out}}) {
        Tensor<T> t(shape);
        for (T& x : t) x = static_cast<T>(random.uniform(-bound, bound));
        parameters_.emplace_back(fmt::format("{}{}", shape.rank() == 2 ? 'w' : 'b', i), t);
      }
    }
  }
  const Tensor<T>& first_gradient() const { return parameters_[0].gradient(); }

  void members(nn::Members<T>& m) override {
    for (Parameter<T>& p : parameters_) m(p.name(), p);
  }
  Var<T> forward(const Var<T>& x) override {
    Var<T> h = in_precision(x);
    for (std::size_t i = 0; i < parameters_.size(); i += 2) {
      const auto parameter = [&](std::size_t k) {
        return in_precision(x.tape().parameter(parameters_[k]));
      };
      if (i > 0) h = rule == Rule::multiply ? relu(h) : overwriting_relu(h);
      h = in_precision(matmul(h, parameter(i)) + parameter(i + 1));
    }
    return h;
  }

 private:
  Var<T> in_precision(const Var<T>& x) const { return half_ ? record<Half>({}, x) : x; }

  bool half_;
  std::vector<Parameter<T>> parameters_;
};

struct Zeros {
  std::size_t zeros = 0, seen = 0;
  double per_billion() const {
    return 1e9 * static_cast<double>(zeros) / static_cast<double>(seen);
  }
};

/// How many operands of the activations on the tape are exactly 0.
template <class T> Zeros pre_activations(const Tape<T>& tape) {
  Zeros count;
  for (std::uint32_t i = 1; i <= tape.size(); ++i) {
    const OpId op = tape.op(i);
    if (op != op_id<Relu>() && op != op_id<OverwritingRelu>()) continue;
    const View<const T> z = tape.value_of(tape.operands(i)[0].node);
    count.zeros += static_cast<std::size_t>(std::count(z.begin(), z.end(), T(0)));
    count.seen += z.size();
  }
  return count;
}

// --- Data

// Pixels from 0 to 1 in steps of 1/255, most of them 0; the label is the brightest tenth.
inline nn::Dataset<float> synthetic_pixels(std::size_t n, std::uint64_t seed) {
  nn::Dataset<float> data;
  data.classes = 10;
  data.inputs = Tensor<float>(Shape{static_cast<std::int64_t>(n), 100});
  nn::Random random(seed);
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t label = random.below(10);
    for (std::size_t k = 0; k < 100; ++k) {
      const bool bright = k / 10 == label || random.below(5) == 0;
      data.inputs[i * 100 + k] = bright ? static_cast<float>(random.below(256)) / 255 : 0;
    }
    data.labels.push_back(static_cast<std::int32_t>(label));
  }
  data.check();
  return data;
}

inline nn::Dataset<double> in_double(const nn::Dataset<float>& from) {
  nn::Dataset<double> data;
  data.inputs = Tensor<double>(from.inputs.shape());
  std::transform(from.inputs.begin(), from.inputs.end(), data.inputs.begin(),
                 [](float x) { return std::round(255.0 * x) / 255; });
  data.labels = from.labels;
  data.classes = from.classes;
  return data;
}

inline nn::Split<float> images() {
  try {
    return nn::load_named_dataset<float>("mnist");
  } catch (const nn::DataError& error) {
    fmt::print("{}\nFashion-MNIST instead: the published figures aren't of this set\n\n",
               error.what());
    return nn::load_named_dataset<float>("fashion-mnist");
  }
}

}  // namespace study

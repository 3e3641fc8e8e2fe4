// The Playground's training loop as its TypeScript has it: a point at a time, forward, backward,
// and after ten points an update by the mean gradient. In C++ with arrays, in double.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace ramp::bench {

/// A network whose hidden units are tanh or relu and whose one output is tanh.
class PlainNet {
 public:
  PlainNet(std::vector<std::size_t> sizes, bool relu) : sizes_(std::move(sizes)), relu_(relu) {
    for (std::size_t l = 0; l + 1 < sizes_.size(); ++l)
      layers_.push_back(
          {std::vector<double>(sizes_[l] * sizes_[l + 1]), std::vector<double>(sizes_[l + 1], 0.1),
           std::vector<double>(sizes_[l] * sizes_[l + 1]), std::vector<double>(sizes_[l + 1]),
           std::vector<double>(sizes_[l + 1]), std::vector<double>(sizes_[l + 1])});
  }
  /// The weight (in, out) of a layer, to set.
  std::span<double> weight(std::size_t layer) { return layers_[layer].w; }

  double output(const float* x) {
    input_.assign(x, x + sizes_[0]);
    const double* in = input_.data();
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      Layer& layer = layers_[l];
      const std::size_t width = sizes_[l + 1];
      layer.h = layer.b;
      for (std::size_t i = 0; i < sizes_[l]; ++i)
        for (std::size_t j = 0; j < width; ++j) layer.h[j] += in[i] * layer.w[i * width + j];
      for (double& h : layer.h)
        h = relu_ && l + 1 < layers_.size() ? (h > 0 ? h : 0) : std::tanh(h);
      in = layer.h.data();
    }
    return layers_.back().h[0];
  }

  /// Adds the gradient of (output - target)² / 2.
  void learn(const float* x, double target) {
    layers_.back().g[0] = output(x) - target;
    for (std::size_t l = layers_.size(); l-- > 0;) {
      Layer& layer = layers_[l];
      const std::size_t width = sizes_[l + 1];
      for (std::size_t j = 0; j < width; ++j) {
        const double h = layer.h[j];
        layer.g[j] *= relu_ && l + 1 < layers_.size() ? (h > 0 ? 1 : 0) : 1 - h * h;
        layer.gb[j] += layer.g[j];
      }
      const std::vector<double>& in = l > 0 ? layers_[l - 1].h : input_;
      for (std::size_t i = 0; i < sizes_[l]; ++i) {
        double back = 0;
        for (std::size_t j = 0; j < width; ++j) {
          layer.gw[i * width + j] += layer.g[j] * in[i];
          back += layer.g[j] * layer.w[i * width + j];
        }
        if (l > 0) layers_[l - 1].g[i] = back;
      }
    }
  }

  void update(double rate, double count) {
    for (Layer& layer : layers_) {
      descend(layer.w, layer.gw, rate / count);
      descend(layer.b, layer.gb, rate / count);
    }
  }

 private:
  struct Layer {
    std::vector<double> w, b, gw, gb, h, g;  // g: the gradient of what tanh or relu is applied to
  };
  static void descend(std::vector<double>& w, std::vector<double>& g, double rate) {
    for (std::size_t i = 0; i < w.size(); ++i) {
      w[i] -= rate * g[i];
      g[i] = 0;
    }
  }

  std::vector<std::size_t> sizes_;
  bool relu_;
  std::vector<Layer> layers_;
  std::vector<double> input_;
};

}  // namespace ramp::bench

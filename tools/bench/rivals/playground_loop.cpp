// The TensorFlow Playground's training as its TypeScript has it: a point at a time, forward,
// backward, and after a batch an update by the mean gradient. In C++ with arrays, in double.
#include "rival.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

namespace ramp::bench {
namespace {

// Hidden units are tanh or relu, and the one output is tanh; half the squared error.
class Loop {
 public:
  explicit Loop(const Task& task) : task_(task), input_(width(0)) {
    for (std::size_t l = 0; l + 1 < task.sizes.size(); ++l) {
      const std::vector<double> units(width(l + 1)), weights(width(l) * units.size());
      layers_.push_back({weights, units, weights, units, units, units});
      std::ranges::copy(task.initial[2 * l], layers_[l].w.begin());
      std::ranges::copy(task.initial[2 * l + 1], layers_[l].b.begin());
    }
  }

  double step() {
    double loss = 0;
    for (int i = 0; i < task_.batch; ++i) {
      const double error = forward(i) - double{task_.targets[i]};
      loss += error * error / 2;
      backward(error);
    }
    for (Layer& layer : layers_) {
      descend(layer.w, layer.gw);
      descend(layer.b, layer.gb);
    }
    return loss / task_.batch;
  }

 private:
  struct Layer {
    std::vector<double> w, b, gw, gb, h, g;  // g: the gradient of what tanh or relu is applied to
  };
  std::size_t width(std::size_t layer) const {
    return static_cast<std::size_t>(task_.sizes[layer]);
  }
  bool relu(std::size_t layer) const { return !task_.tanh && layer + 1 < layers_.size(); }

  double forward(int point) {
    const float* const x = task_.x + point * task_.sizes[0];
    input_.assign(x, x + width(0));
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      Layer& layer = layers_[l];
      const std::vector<double>& in = l > 0 ? layers_[l - 1].h : input_;
      layer.h = layer.b;
      for (std::size_t i = 0; i < in.size(); ++i)
        for (std::size_t j = 0; j < layer.h.size(); ++j)
          layer.h[j] += in[i] * layer.w[i * layer.h.size() + j];
      for (double& h : layer.h) h = relu(l) ? (h > 0 ? h : 0) : std::tanh(h);
    }
    return layers_.back().h[0];
  }

  void backward(double error) {
    layers_.back().g[0] = error;
    for (std::size_t l = layers_.size(); l-- > 0;) {
      Layer& layer = layers_[l];
      for (std::size_t j = 0; j < layer.h.size(); ++j) {
        const double h = layer.h[j];
        layer.g[j] *= relu(l) ? (h > 0 ? 1 : 0) : 1 - h * h;
        layer.gb[j] += layer.g[j];
      }
      const std::vector<double>& in = l > 0 ? layers_[l - 1].h : input_;
      for (std::size_t i = 0; i < in.size(); ++i) {
        double back = 0;
        for (std::size_t j = 0; j < layer.g.size(); ++j) {
          layer.gw[i * layer.g.size() + j] += layer.g[j] * in[i];
          back += layer.g[j] * layer.w[i * layer.g.size() + j];
        }
        if (l > 0) layers_[l - 1].g[i] = back;
      }
    }
  }

  void descend(std::vector<double>& w, std::vector<double>& g) const {
    for (std::size_t i = 0; i < w.size(); ++i) {
      w[i] -= double{task_.rate} / task_.batch * g[i];
      g[i] = 0;
    }
  }

  Task task_;
  std::vector<Layer> layers_;
  std::vector<double> input_;
};

}  // namespace

void add_playground_loop(Rivals& rivals) {
  rivals.push_back({"loop"});
  rivals.back().training = [](const Task& task) -> Call {
    if (!task.playground) return {};
    return [loop = std::make_shared<Loop>(task)] { return loop->step(); };
  };
}

}  // namespace ramp::bench

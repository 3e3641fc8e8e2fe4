// The TensorFlow Playground's training as its TypeScript has it: a point at a time, forward,
// backward, and after a batch an update by the mean gradient. In C++ with arrays, in double.
#include "rival.hpp"

#include <cmath>
#include <memory>
#include <utility>

namespace ramp::bench {
namespace {

// Hidden units are tanh or relu, and the one output is tanh; half the squared error.
class Loop {
 public:
  explicit Loop(const Task& task) : task_(task) {
    layers_.push_back({.h = std::vector<double>(static_cast<std::size_t>(task.sizes[0]))});
    for (std::size_t k = 0; k < task.initial.size(); k += 2) {
      const auto &w = task.initial[k], &b = task.initial[k + 1];
      Layer layer{{w.begin(), w.end()}, {b.begin(), b.end()}};
      layer.gw.resize(w.size());
      layer.gb = layer.h = layer.g = std::vector<double>(b.size());
      layers_.push_back(layer);
    }
  }

  double step() {
    double loss = 0;
    for (int i = 0; i < task_.batch; ++i) {
      const double error = forward(task_.x + i * task_.sizes[0]) - double{task_.targets[i]};
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
  struct Layer {  // the first is the input
    // h: the units; g: the gradient of what tanh or relu is applied to
    std::vector<double> w = {}, b = {}, gw = {}, gb = {}, h = {}, g = {};
  };
  bool relu(std::size_t layer) const { return !task_.tanh && layer + 1 < layers_.size(); }

  double forward(const float* x) {
    layers_[0].h.assign(x, x + layers_[0].h.size());
    for (std::size_t l = 1; l < layers_.size(); ++l) {
      Layer &layer = layers_[l], &below = layers_[l - 1];
      const double* w = layer.w.data();
      layer.h = layer.b;
      for (const double in : below.h)
        for (double& h : layer.h) h += in * *w++;
      for (double& h : layer.h) h = relu(l) ? (h > 0 ? h : 0) : std::tanh(h);
    }
    return layers_.back().h[0];
  }

  void backward(double error) {
    layers_.back().g[0] = error;
    for (std::size_t l = layers_.size() - 1; l > 0; --l) {
      Layer &layer = layers_[l], &below = layers_[l - 1];
      const std::size_t width = layer.h.size();
      for (std::size_t j = 0; j < width; ++j) {
        const double h = layer.h[j];
        layer.g[j] *= relu(l) ? (h > 0 ? 1 : 0) : 1 - h * h;
        layer.gb[j] += layer.g[j];
      }
      for (std::size_t i = 0; i < below.h.size(); ++i) {
        double back = 0;
        for (std::size_t j = 0; j < width; ++j) {
          layer.gw[i * width + j] += layer.g[j] * below.h[i];
          back += layer.g[j] * layer.w[i * width + j];
        }
        if (l > 1) below.g[i] = back;
      }
    }
  }

  void descend(std::vector<double>& w, std::vector<double>& g) const {
    for (std::size_t i = 0; i < w.size(); ++i)
      w[i] -= double{task_.rate} / task_.batch * std::exchange(g[i], 0.0);
  }

  Task task_;
  std::vector<Layer> layers_;
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

// Another tool that Ramp is measured beside. Each is a module that ramp_bench loads while it runs,
// if it was built: a program that links libtorch starts slowly and holds much memory before it does
// anything, which would spoil the rows of everyone else. This file knows no tool, and not Ramp.
#pragma once

#include "../by_hand.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace ramp::bench {

struct Point;  // of scalar_by_hand.hpp

/// A network to train: ReLU between the layers, none after the last; softmax cross-entropy if there
/// are labels, else squared error; plain SGD. What is pointed to outlives whoever trains it.
struct Task {
  std::vector<int> sizes;  // from input to output
  int batch;
  float learning_rate;
  const float* x;              // (batch, in)
  const std::int32_t* labels;  // (batch), or null
  const float* targets;        // (batch, out), or null
  // weight (in, out), bias, weight, bias, ...: what training starts from.
  std::vector<std::span<const float>> initial;
};

/// A set of images to train on from end to end; `sizes`, `batch` and so on are those of a Task.
struct Images {
  std::size_t count;
  const float* x;              // (count, in)
  const std::int32_t* labels;  // (count)
};

/// An empty function, or null, says that the tool isn't meant for this.
class Peer {
 public:
  virtual ~Peer() = default;
  virtual std::string name() const = 0;     // a column's key: "torch"
  virtual std::string version() const = 0;  // for the head: "libtorch 1.13.1"
  virtual void set_threads(int) {}          // until then as many as OMP_NUM_THREADS says

  /// One step of training a call; it returns the loss before it.
  virtual std::function<float()> training(const Task&) { return {}; }
  /// One forward pass a call, without gradients; it returns the first output.
  virtual std::function<float()> inference(const Task&) { return {}; }
  /// One epoch a call over `train` in the given order of rows, then the accuracy on `test`.
  virtual std::function<double(std::span<const std::uint32_t> order)> epochs(
      const Task&, const Images& /*train*/, const Images& /*test*/) {
    return {};
  }
  /// Only a matrix product, for the hand-written networks.
  virtual Gemm gemm() { return nullptr; }

  /// The scalar programs: each writes a gradient and returns the value. `replay` asks for a tape
  /// that is recorded once and run again on the inputs, else it is recorded each time.
  using Gradient = std::function<double(std::span<double>)>;
  virtual Gradient scalar_mlp(bool /*replay*/, std::span<const double> /*parameters*/,
                              std::span<const Point>) {
    return {};
  }
  virtual Gradient asian(bool /*replay*/, std::array<double, 3> /*spot, vol, rate*/,
                         std::span<const double> /*normals*/) {
    return {};
  }
};

/// What a module defines.
extern "C" Peer* ramp_bench_peer();

}  // namespace ramp::bench

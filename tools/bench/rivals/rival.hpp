// What Ramp is measured beside: code written by hand, which is part of ramp_bench, and other tools,
// each a module that it loads if it was built. (Whoever is linked to libtorch starts slowly and
// holds much memory before anything is done.) No rival knows Ramp.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace ramp::bench {

struct Program;  // of programs.hpp

/// ReLU between the layers, none after the last; softmax cross-entropy, or squared error if there
/// is one output.
struct Network {
  std::string name;
  std::vector<int> sizes;  // from input to output
  int batch;
  float rate = 0.01f;       // of plain SGD
  bool playground = false;  // tanh at the output, and half the squared error
  bool tanh = false;        // instead of ReLU
};

/// A network on a batch, to be trained or asked. What is pointed to outlives whoever does it.
struct Task : Network {
  const float* x = nullptr;                          // (batch, in)
  const std::int32_t* labels = nullptr;              // (batch), of a network with several outputs
  const float* targets = nullptr;                    // (batch, 1), of another
  std::vector<std::span<const float>> initial = {};  // weight (in, out), bias, weight, bias, ...
};

/// A set of images to train on from end to end.
struct Images {
  std::size_t count;
  const float* x;              // (count, in)
  const std::int32_t* labels;  // (count)
};

/// What is timed: it returns a number, so that somebody needs what it computes.
using Call = std::function<double()>;
using Gradient = std::function<double(std::span<double>)>;  // writes it and returns the value
using Epoch = std::function<double(std::span<const std::uint32_t> order)>;  // returns an accuracy

/// Each function makes what is timed. One that is missing, or returns an empty one, says that the
/// rival isn't meant for this.
struct Rival {
  std::string name;          // in tables and JSON: "torch"
  std::string version = {};  // for the head: "libtorch 1.13.1"
  /// One step of training a call; it returns the loss before it.
  std::function<Call(const Task&)> training = {};
  /// One forward pass a call, without gradients; it returns the first output.
  std::function<Call(const Task&)> inference = {};
  /// One epoch a call over `train` in the given order of rows, then the accuracy on `test`.
  std::function<Epoch(const Task&, const Images& train, const Images& test)> epochs = {};
  std::function<Gradient(const Program&)> gradient = {};
};

using Rivals = std::vector<Rival>;

void add_networks_by_hand(Rivals& rivals);
void add_programs_by_hand(Rivals& rivals);
void add_playground_loop(Rivals& rivals);

}  // namespace ramp::bench

/// What a module defines.
extern "C" void ramp_bench_add(ramp::bench::Rivals& rivals);

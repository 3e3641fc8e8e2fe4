// Parameters live outside any tape, with their gradients.
#pragma once

#include <autodiff/values/tensor.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

namespace ramp {

template <class T> class Tape;

/// A value that training changes. It stays where it is: tapes hold its address.
template <class T> class Parameter {
 public:
  Parameter(std::string name, Tensor<T> value)
      : name_(std::move(name)), value_(std::move(value)), gradient_(value_.shape()) {}
  Parameter(const Parameter&) = delete;
  Parameter& operator=(const Parameter&) = delete;

  const std::string& name() const { return name_; }
  void rename(std::string name) { name_ = std::move(name); }
  const Shape& shape() const { return value_.shape(); }
  const Tensor<T>& value() const { return value_; }
  /// To change the value, but not its shape. A tape that has read the old one then refuses to go
  /// backward.
  View<T> edit() {
    version_ = next_version();
    return value_.view();
  }
  std::uint64_t version() const { return version_; }

  /// What the last backward() over a tape with this parameter wrote. It stays to be looked at after
  /// the optimizer has used it; has_gradient() tells whether it is still to be used.
  const Tensor<T>& gradient() const { return gradient_; }
  /// Whether gradient() is of this step: since the last step() of an optimizer, or zero_grad(), a
  /// backward() has reached this parameter, or somebody has called edit_gradient(). A parameter
  /// without one is left alone by optimizers, and counts as 0 where backward() accumulates.
  ///
  /// What reaches it is decided by the graph, not by numbers: behind a closed relu the gradient is
  /// there, and 0. A parameter that was read, but isn't part of the root, has none, as if it had
  /// not been read.
  bool has_gradient() const { return has_gradient_; }
  /// To write the gradient by hand, or to scale it. It is then of this step; where there was none,
  /// it begins with zeros.
  View<T> edit_gradient() {
    if (!has_gradient_) zero_grad();
    has_gradient_ = true;
    return gradient_.view();
  }
  /// No gradient, and zeros where it was. Training needs no call of it: a step() uses gradients up,
  /// and a backward() replaces them.
  void zero_grad() {
    std::fill(gradient_.begin(), gradient_.end(), T(0));
    has_gradient_ = false;
  }
  /// For optimizers, in step(): the gradient stays to be looked at, and is no longer of this step.
  void use_up_gradient() { has_gradient_ = false; }

 private:
  friend Tape<T>;  // its sweep writes the gradient in place

  std::string name_;
  Tensor<T> value_, gradient_;
  bool has_gradient_ = false;
  // One count for all, so that a parameter built where another one died is known to be new.
  static std::uint64_t next_version() {
    static std::atomic<std::uint64_t> count = 0;
    return ++count;
  }
  std::uint64_t version_ = next_version();
};

}  // namespace ramp

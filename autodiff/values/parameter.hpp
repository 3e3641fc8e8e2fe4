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

/// A value that training changes. Tapes hold its address: clear those that have read it before it
/// is moved or dies.
template <class T> class Parameter {
 public:
  Parameter(std::string name, Tensor<T> value)
      : name_(std::move(name)), value_(std::move(value)), gradient_(value_.shape()) {}
  /// A copy has the value, no gradient, and a version of its own; so has what is moved to.
  Parameter(const Parameter& other) : Parameter(other.name_, other.value_) {
    frozen_ = other.frozen_;
  }
  Parameter(Parameter&& other) noexcept
      : name_(std::move(other.name_)),
        value_(std::move(other.value_)),
        gradient_(std::move(other.gradient_)),
        has_gradient_(std::exchange(other.has_gradient_, false)),
        frozen_(other.frozen_) {
    other.version_ = next_version();  // a tape that has read it refuses to go backward
  }
  Parameter& operator=(Parameter other) noexcept {
    std::swap(name_, other.name_);
    std::swap(value_, other.value_);
    std::swap(gradient_, other.gradient_);
    has_gradient_ = other.has_gradient_;
    frozen_ = other.frozen_;
    version_ = next_version();
    return *this;
  }
  ~Parameter() = default;

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

  /// A frozen one is read as a constant: it gets no gradient, so optimizers leave it alone.
  void freeze(bool on = true) {
    frozen_ = on;
    version_ = next_version();
    if (on) zero_grad();
  }
  bool frozen() const { return frozen_; }

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
  bool has_gradient_ = false, frozen_ = false;
  // One count for all, so that a parameter built where another one died is known to be new.
  static std::uint64_t next_version() {
    static std::atomic<std::uint64_t> count = 0;
    return ++count;
  }
  std::uint64_t version_ = next_version();
};

}  // namespace ramp

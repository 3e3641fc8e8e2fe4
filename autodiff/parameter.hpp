// Parameters live outside any tape, with their gradients.
#pragma once

#include <autodiff/tensor.hpp>

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

namespace ramp {

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
  /// What the last backward() wrote; an optimizer may scale it.
  Tensor<T>& gradient() { return gradient_; }
  const Tensor<T>& gradient() const { return gradient_; }
  std::uint64_t version() const { return version_; }

 private:
  std::string name_;
  Tensor<T> value_, gradient_;
  // One count for all, so that a parameter built where another one died is known to be new.
  static std::uint64_t next_version() {
    static std::atomic<std::uint64_t> count = 0;
    return ++count;
  }
  std::uint64_t version_ = next_version();
};

}  // namespace ramp

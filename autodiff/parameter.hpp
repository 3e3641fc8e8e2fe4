// Parameters live outside any tape, with their gradients.
#pragma once

#include <autodiff/tensor.hpp>

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
    ++version_;
    return value_.view();
  }
  /// What the last backward() wrote; an optimizer may scale it.
  Tensor<T>& gradient() { return gradient_; }
  const Tensor<T>& gradient() const { return gradient_; }
  std::uint64_t version() const { return version_; }

 private:
  std::string name_;
  Tensor<T> value_, gradient_;
  std::uint64_t version_ = 0;
};

}  // namespace ramp

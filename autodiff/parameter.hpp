// Parameters live outside any tape, with their gradients.
#pragma once

#include <autodiff/tensor.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace ramp {

/// A value that training changes. It stays where it is: tapes hold its address.
template <class T>
class Parameter {
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

// Which node reads a parameter: an open-addressing table that keeps its memory when it is emptied.
class BindingTable {
 public:
  static constexpr std::uint32_t none = UINT32_MAX;

  std::uint32_t find(const void* key) const;
  void insert(const void* key, std::uint32_t node);
  void clear() {
    ++round_;
    count_ = 0;
  }

 private:
  struct Slot {
    const void* key = nullptr;
    std::uint32_t node = 0;
    std::uint64_t round = 0;  // of another round: empty
  };
  std::size_t place(const void* key) const;  // where it stands, or would

  std::vector<Slot> slots_;
  std::size_t count_ = 0;
  std::uint64_t round_ = 1;
};

}  // namespace ramp

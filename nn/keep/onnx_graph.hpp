// What an ONNX graph is made of, as it is read: constants and nodes. The room's own.
#pragma once

#include <autodiff/values/tensor.hpp>
#include <nn/keep/protobuf.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ramp::nn::onnx {

/// A TensorProto. The numbers lie where they are in the file, or are put together where each is a
/// field of its own. Damaged for a type that can't be read, numbers in another file, and another
/// number of bytes than the shape takes.
class Numbers {
 public:
  explicit Numbers(std::string_view message);
  Numbers(const Numbers&) = delete;
  Numbers& operator=(const Numbers&) = delete;

  const std::vector<std::uint64_t>& shape() const { return shape_; }
  bool is_double() const { return type_ == "F64"; }
  /// As T, with so many axes, 0 to 2; sizes 1 in front may be left out. Damaged.
  template <class T> Tensor<T> tensor(int rank) const;

 private:
  std::string name_;
  std::string_view type_, numbers_;
  std::vector<std::uint64_t> shape_;
  std::string own_;
};

/// A NodeProto.
struct Node {
  explicit Node(std::string_view message);

  /// A field of an attribute; null where it isn't there.
  const protobuf::Field* find(const std::string& attribute, int field) const;
  std::int64_t integer(const std::string& attribute, std::int64_t otherwise) const;
  double real(const std::string& attribute, double otherwise) const;

  std::vector<std::string> in, out;
  std::string name, op, domain;
  std::map<std::string, std::vector<protobuf::Field>> attributes;
};

/// The decimal number that a float was meant to be: 1e-5, not the float next to it.
double as_written(float x);

}  // namespace ramp::nn::onnx

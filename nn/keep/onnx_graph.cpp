#include <nn/data/convert.hpp>
#include <nn/joined.hpp>
#include <nn/keep/onnx_format.hpp>
#include <nn/keep/onnx_graph.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <span>

namespace ramp::nn::onnx {

using protobuf::Damaged;
using protobuf::Field;
using protobuf::Fields;

namespace {

template <class F> void each(const Field& field, F f) {  // of one number, or of a packed list
  if (field.type != 2) return f(field.number());
  for (Fields list(field.bytes); !list.empty();) f(list.varint());
}

}  // namespace

Numbers::Numbers(std::string_view message) {
  std::vector<std::uint64_t> whole;
  for (Fields fields(message); const auto f = fields.next();) {
    if (f->id == tensor_dims) each(*f, [&](std::uint64_t n) { shape_.push_back(n); });
    if (f->id == tensor_name) name_ = f->text();
    if (f->id == tensor_raw) numbers_ = f->text();
    if (f->id == tensor_ints || f->id == tensor_longs)
      each(*f, [&](std::uint64_t n) { whole.push_back(n); });
    if (f->id == tensor_type)
      for (const auto& [number, type] : types)
        if (std::cmp_equal(number, f->number())) type_ = type;
    if (f->id == tensor_location && f->number() == 1)
      throw Damaged("its numbers lie in another file: save it with all in one");
    if (f->id == tensor_floats || f->id == tensor_doubles) {
      if (f->type == 2)
        own_ += f->text();
      else
        own_.append(reinterpret_cast<const char*>(&f->value), f->id == tensor_floats ? 4 : 8);
    }
  }
  const std::size_t size = size_of_type(type_);
  if (size == 0) throw Damaged(fmt::format("the numbers of '{}' are of an unknown type", name_));
  for (const std::uint64_t& n : whole) own_.append(reinterpret_cast<const char*>(&n), size);
  if (numbers_.empty()) numbers_ = own_;
  std::size_t bytes = size;
  bool wraps = false;
  for (const std::uint64_t n : shape_) wraps |= __builtin_mul_overflow(bytes, n, &bytes);
  if (wraps || bytes != numbers_.size())
    throw Damaged(fmt::format("'{}' has {} bytes, and its shape ({}) takes another number", name_,
                              numbers_.size(), joined(shape_)));
}

template <class T> Tensor<T> Numbers::tensor(int rank) const {
  std::vector<std::uint64_t> sizes = shape_;
  while (std::cmp_greater(sizes.size(), rank) && sizes.front() == 1) sizes.erase(sizes.begin());
  if (!std::cmp_equal(sizes.size(), rank))
    throw Damaged(fmt::format("'{}' has the shape ({}), and {} axes are wanted", name_,
                              joined(shape_), rank));
  std::array<std::uint32_t, 4> small{};
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] > std::numeric_limits<std::uint32_t>::max())
      throw Damaged(fmt::format("'{}' is too large", name_));
    small[i] = static_cast<std::uint32_t>(sizes[i]);
  }
  Tensor<T> x(Shape::of(small, rank));
  if (convert(type_, numbers_.data(), std::span(x.data(), x.size())) < x.size())
    throw Damaged(fmt::format("'{}' has a number that doesn't fit", name_));
  return x;
}
template Tensor<float> Numbers::tensor(int) const;
template Tensor<double> Numbers::tensor(int) const;

Node::Node(std::string_view message) {
  for (Fields fields(message); const auto f = fields.next();) {
    if (f->id == node_input) in.emplace_back(f->text());
    if (f->id == node_output) out.emplace_back(f->text());
    if (f->id == node_name) name = f->text();
    if (f->id == node_op) op = f->text();
    if (f->id == node_domain) domain = f->text();
    if (f->id != node_attribute) continue;
    std::string its;
    std::vector<Field> values;
    for (Fields attribute(f->text()); const auto a = attribute.next();)
      if (a->id == attribute_name)
        its = a->text();
      else
        values.push_back(*a);
    attributes.emplace(std::move(its), std::move(values));
  }
}

const Field* Node::find(const std::string& attribute, int field) const {
  const auto at = attributes.find(attribute);
  if (at == attributes.end()) return nullptr;
  const auto it = std::ranges::find(at->second, field, &Field::id);
  return it == at->second.end() ? nullptr : &*it;
}
std::int64_t Node::integer(const std::string& attribute, std::int64_t otherwise) const {
  const Field* const f = find(attribute, attribute_i);
  return f ? static_cast<std::int64_t>(f->number()) : otherwise;
}
double Node::real(const std::string& attribute, double otherwise) const {
  const Field* const f = find(attribute, attribute_f);
  return f ? as_written(f->real()) : otherwise;
}

double as_written(float x) { return std::strtod(fmt::format("{}", x).c_str(), nullptr); }

}  // namespace ramp::nn::onnx

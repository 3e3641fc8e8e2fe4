// What readers of a tape see of its nodes.
#include <autodiff/tape/tape.hpp>
#include <autodiff/values/changes.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace ramp {

template <class T> Operands<T> Tape<T>::operands(std::uint32_t i) const {
  const Node<T>& node = trace_.nodes[i];
  const Tag tag = trace_.tags[i];
  if (node.is_general())
    return {node.in[1], pool_.data() + (node.in[0] & ~Node<T>::general), attrs_.data()};
  if (tag.op() == leaf_op) return {};
  if (tag.is(Tag::number_first)) return {2, {0, node.in[0]}, node.second};
  if (tag.is(Tag::number_second)) return {2, {node.in[0], 0}, node.second};
  return {node.in[1] ? 2u : 1u, node.in, T(0)};
}

template <class T> AnyAttr Tape<T>::attr_of(std::uint32_t i) const {
  const OpInfo& info = op_info(op(i));
  AnyAttr attr;
  if (info.attr_bytes == 0) return attr;
  const Node<T>& node = trace_.nodes[i];
  const double number = static_cast<double>(node.second);
  const bool is_number = !node.is_general() && info.attr_bytes == sizeof number;
  std::memcpy(attr.bytes.data(),
              is_number ? &number : static_cast<const void*>(&attrs_[node.place]), info.attr_bytes);
  return attr;
}

template <class T> Conventions Tape<T>::conventions(std::uint32_t i) const {
  const Operands<T> in = operands(i);
  const bool both = varies(i) && in.size() > 1 && passes(i, 0) && passes(i, 1);
  return {options_.at_zero, share_at_tie(options_.at_zero, both)};
}

template <class T> Shape Tape<T>::shape_of(std::uint32_t i) const {
  return rank(i) ? Shape::of(tensors_[trace_.nodes[i].tensor].sizes, rank(i)) : Shape{};
}

template <class T> View<const T> Tape<T>::value_of(std::uint32_t i) const {
  const Node<T>& node = trace_.nodes[i];
  if (rank(i) == 0) return {&node.value, Shape{}};
  return {tensors_[node.tensor].data, shape_of(i)};
}

template <class T> std::optional<Location> Tape<T>::location_of(std::uint32_t i) const {
  const auto* place = latest(places_, i);
  return place ? std::optional(place->second) : std::nullopt;
}

std::string to_string(const Location& location) {
  const std::string_view file = location.file;
  return fmt::format("{}:{}", file.substr(file.find_last_of("/\\") + 1), location.line);
}

template <class T> std::vector<bool> Tape<T>::needed_by(std::uint32_t root) const {
  std::vector<bool> needed(root + 1);
  needed[root] = true;
  for (std::uint32_t i = root; i > 0; --i)
    if (needed[i])
      for (const Input<T> x : operands(i)) needed[x.node] = true;
  return needed;
}

template <class T> std::string Tape<T>::describe(std::uint32_t i, bool where) const {
  const OpInfo& op = op_info(this->op(i));
  std::string text = op.label           ? op.label(attr_of(i).bytes.data())
                     : is_parameter(i)  ? "parameter"
                     : op.id != leaf_op ? op.about.name
                     : varies(i)        ? "leaf"
                                        : "constant";
  if (const auto name = name_of(i); !name.empty()) text += fmt::format(" '{}'", name);
  if (rank(i) > 0) text += fmt::format(" {}", to_string(shape_of(i)));
  if (const auto scope = where ? scope_of(i) : 0) text += fmt::format(" in {}", scope_path(scope));
  if (const auto place = location_of(i); where && place)
    text += fmt::format(" at {}", to_string(*place));
  return text;
}

template <class T> std::string Tape<T>::operands_at(std::uint32_t i, std::size_t e,
                                                    std::optional<std::size_t> via) const {
  const Operands<T> in = operands(i);
  const auto place = [&](std::size_t k, std::size_t element) {
    const Broadcasting how(shape_of(in[k]), shape_of(i));
    return how.offset(element / how.inner()) + element % how.inner() * how.inner_step();
  };
  // A value without elements has none that an operand's goes into.
  const bool elementwise = op_info(op(i)).elementwise && shape_of(i).size() > 0;
  if (via && elementwise)
    for (const std::size_t of_operand = std::exchange(e, 0); place(*via, e) != of_operand;) ++e;
  std::string text;
  for (std::size_t k = 0; k < in.size(); ++k) {
    text += k ? ", " : "; operands: ";
    if (in[k].node == 0) {
      text += fmt::format("{:.4g}", printable(in[k].number));
      continue;
    }
    const View<const T> x = value_of(in[k].node);
    const std::size_t at = elementwise ? place(k, e) : x.shape.rank() == 0 ? 0 : first_bad(x);
    text += describe(in[k].node, false);
    if (at < x.size()) text += fmt::format(" with {:.4g} at element {}", printable(x[at]), at);
  }
  return text;
}

template class Tape<float>;
template class Tape<double>;

}  // namespace ramp

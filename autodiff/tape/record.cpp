// Recording what isn't inline in record.hpp: leaves, tensors, and all that is to be looked at.
#include <autodiff/tape/tape.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace ramp {

// Node and record are filled in place: a copy would wait for what is written piece by piece.
template <class T> Var<T> Tape<T>::push(Tag tag, std::uint32_t attr, std::uint32_t operands,
                                        std::size_t count, T* data, const Shape& shape) {
  if (trace_.nodes.full()) grow();
  const bool tensor = shape.rank() > 0;
  if (tensor && tensors_.full()) tensors_.reserve(tensors_.size() + 1);
  tag.word |= static_cast<std::uint32_t>(shape.rank()) << 16;
  const std::uint32_t i = end();
  Node<T>& node = trace_.nodes.add_unchecked();
  trace_.tags[i] = tag;
  node.first = 0;
  node.second = 0;
  node.place = attr;
  node.in = {Node<T>::general | operands, static_cast<std::uint32_t>(count)};
  if (!tensor) {
    node.value = *data;
  } else {
    node.tensor = static_cast<std::uint32_t>(tensors_.size());
    TensorRecord<T>& record = tensors_.add_unchecked();
    record.data = data;
    record.sizes = shape.sizes();
  }
  return handle_on(i, !tensor && tag.is(Tag::varies));
}

template <class T> Var<T> Tape<T>::add_leaf(const View<const T>& value, bool varies, bool copied,
                                            Name name, Parameter<T>* p) {
  const Mark before = mark();
  const std::size_t had = options_.memory_budget ? in_use() : 0;
  try {
    const Var<T> leaf = new_leaf(value, varies, copied, name, p);
    check_budget_since(before, had);
    return checking_ ? checked(leaf, before) : leaf;
  } catch (const std::bad_alloc&) {
    undo(before);
    throw_memory_error(fmt::format("[{}] {}",
                                   p        ? "parameter"
                                   : varies ? "leaf"
                                   : copied ? "constant"
                                            : "borrow",
                                   to_string(value.shape)));
  } catch (...) {
    undo(before);
    throw;
  }
}

template <class T> Var<T> Tape<T>::new_leaf(const View<const T>& value, bool varies, bool copied,
                                            Name name, Parameter<T>* p) {
  T* data = Value<T>::of(value).data;
  if (copied && value.shape.rank() > 0) {
    check_budget(value.size() * sizeof(T));
    data = values_.template take_array<T>(value.size());
    std::copy_n(value.data, value.size(), data);
  }
  const Tag tag{leaf_op, (varies ? Tag::varies : 0) | (p ? Tag::bound : 0)};
  const Var<T> leaf = push(tag, 0, 0, 0, data, value.shape);
  if (p) bindings_.push_back({p, leaf.place(), p->version()});
  if (!name.text.empty()) named(leaf, name.text);
  return leaf;
}

// On a checked tape: what was just recorded, if its value is finite.
template <class T> Var<T> Tape<T>::checked(const Var<T>& x, const Mark& before) {
  const std::uint32_t i = x.place();
  const View<const T> value = value_of(i);
  const std::size_t e = first_bad(value);
  if (e == value.size()) return x;
  const std::string text =
      fmt::format("[{}] the value of {} is {} at element {}{}", op_info(op(i)).about.name,
                  describe(i), printable(value[e]), e, operands_at(i, e));
  drop(before);
  throw NonFiniteError(text);
}

template <class T> Var<T> Tape<T>::parameter(Parameter<T>& p) {
  // A plain search: it costs less than a table where there are few, and a step of a network with
  // many takes far longer.
  for (const Binding& b : bindings_) {
    if (b.parameter != &p) continue;
    if (b.version == p.version()) return handle(b.node);
    throw GradientError(fmt::format(
        "[tape] parameter '{}' was changed after this tape read it: clear or rewind the tape first",
        p.name()));
  }
  return add_leaf(std::as_const(p).value().view(), !p.frozen(), false, {}, &p);
}

// In place, not returned: a copy waits for what has just been written piece by piece. A number is
// put into scratch memory.
template <class T> void Tape<T>::read(const Input<T>& x, Value<T>& to) {
  to.scratch = &scratch_;
  if (x.node == 0) {
    to.data = scratch<T>(1);
    *to.data = x.number;
    return;
  }
  Node<T>& node = trace_.nodes[x.node];
  to.data = &node.value;
  if (rank(x.node) == 0) return;
  const TensorRecord<T>& tensor = tensors_[node.tensor];
  to.data = tensor.data;
  to.shape = Shape::of(tensor.sizes, rank(x.node));
}

template <class T> Var<T> Tape<T>::record(OpId id, std::span<const Var<T>> in, const void* attr) {
  if (!is_op(id)) throw ValueError(fmt::format("[record] there is no op number {}", id));
  const OpInfo& op = op_info(id);
  const Mark before = mark();
  const std::size_t had = options_.memory_budget ? in_use() : 0;
  try {
    const Var<T> y = new_node(op, in, attr);
    check_budget_since(before, had);
    return checking_ ? checked(y, before) : y;
  } catch (const std::bad_alloc&) {
    undo(before);
    std::string shapes;
    for (const Var<T>& x : in)
      shapes += (shapes.empty() ? "" : " and ") + to_string(ramp::shape_of(x, op.about.name));
    throw_memory_error(fmt::format("[{}] of {}", op.about.name, shapes));
  } catch (...) {
    undo(before);
    throw;
  }
}

// An op of one or two numbers that vary, of which one may be none of the tape's.
template <class T>
Var<T> Tape<T>::push_partials(const OpInfo& op, std::span<const Input<T>> in, const void* attr) {
  if (trace_.nodes.full()) grow();
  std::array<T, 2> x{}, slope{};
  std::array<std::uint32_t, 2> nodes{};
  std::size_t count = 0;
  unsigned flags = Tag::varies;
  for (std::size_t k = 0; k < in.size(); ++k) {
    x[k] = in[k].node ? trace_.nodes[in[k].node].value : in[k].number;
    if (in[k].node == 0)
      flags |= k == 0 ? Tag::number_first : Tag::number_second;
    else
      nodes[count++] = in[k].node;
  }
  const Rules<T>& rules = op.rules<T>();
  const T y = rules.scalar(x.data(), attr);
  const Conventions c{options_.at_zero, share_at_tie(options_.at_zero, count == 2)};
  count = 0;
  for (std::size_t k = 0; k < in.size(); ++k)
    if (in[k].node) slope[count++] = rules.partials[k](x.data(), y, attr, c);
  if (flags & Tag::number_first) slope[1] = in[0].number;
  if (flags & Tag::number_second) slope[1] = in[1].number;
  if (op.attr_bytes) slope[1] = trace_.kept_attr(attr, op.attr_bytes);
  return handle_on(trace_.push({op.id, flags}, y, slope[0], slope[1], nodes), true);
}

// The general form of an op of numbers, where the call has computed the value.
template <class T> Var<T> Tape<T>::push_number(OpId op, bool varies, const void* attr,
                                               std::size_t attr_bytes, std::span<const Input<T>> in,
                                               T value) {
  if (options_.memory_budget) check_budget(sizeof(Node<T>) + sizeof(Tag));
  const std::size_t attrs = attrs_.size(), operands = pool_.size();
  try {
    const std::uint32_t at = attr_bytes ? keep_attr(attr, attr_bytes) : 0;
    keep_operands(in);
    const Tag tag{op, varies ? Tag::varies : 0};
    return push(tag, at, static_cast<std::uint32_t>(operands), in.size(), &value, Shape{});
  } catch (...) {
    attrs_.resize(attrs);
    pool_.resize(operands);
    throw;
  }
}

template <class T> void Tape<T>::keep_operands(std::span<const Input<T>> in) {
  if (pool_.size() >= Node<T>::general - in.size())
    throw BudgetError("[tape] 2^31 operands are most: clear or rewind it");
  try {
    for (const Input<T>& x : in)
      pool_.push(x.node ? x.node : Node<T>::general | keep_number(x.number));
  } catch (const std::bad_alloc&) {
    throw_memory_error(fmt::format("[tape] room for more than {} operands", pool_.size()));
  }
}

template <class T>
Var<T> Tape<T>::new_node(const OpInfo& op, std::span<const Var<T>> in, const void* attr) {
  if (!op.shape) throw ValueError("[record] a leaf isn't recorded by an op: call leaf() instead");
  if (op.attr_bytes && !attr)
    throw ValueError(fmt::format("[{}] it has attributes: attr must point to them", op.about.name));
  static constexpr AnyAttr no_attr{};
  if (!op.attr_bytes) attr = &no_attr;  // formulas take attributes by reference, empty ones too
  if (op.arity != variadic && in.size() != static_cast<std::size_t>(op.arity))
    throw ValueError(
        fmt::format("[{}] takes {} operands, not {}", op.about.name, op.arity, in.size()));
  if (trace_.nodes.full()) grow();  // operands of rank 0 are read where their nodes lie
  const Arena::Temporary temporary(scratch_);
  Input<T>* const operands = scratch<Input<T>>(in.size());
  Shape* const shapes = scratch<Shape>(in.size());
  Value<T>* const values = scratch<Value<T>>(in.size());
  bool numbers = true, varies = false;  // numbers of which each node varies; any that does
  for (std::size_t k = 0; k < in.size(); ++k) {
    const std::uint32_t i = in[k].is_number() ? 0 : at(in[k], op.about.name);
    operands[k] = {i, i ? T(0) : in[k].number_};
    read(operands[k], values[k]);
    shapes[k] = values[k].shape;
    if (i == 0) continue;
    numbers = numbers && rank(i) == 0 && this->varies(i);
    varies = varies || (this->varies(i) && op.differentiable_in(static_cast<int>(k)));
  }
  varies = varies && varying_;
  if (op.check) op.check(attr);
  const Shape shape = op.shape({shapes, in.size()}, attr);
  shape.check_size(op.about.name);
  const std::size_t bytes = shape.rank() && !op.aliases ? shape.size() * sizeof(T) : 0;
  check_budget(bytes + sizeof(Node<T>) + sizeof(Tag));

  // Nothing has changed so far, and nothing below throws but for want of memory, or at the end.
  std::uint32_t attr_at = 0;
  std::array<double, max_attr_bytes / sizeof(double)> seen;  // by a float tape, as floats
  if (op.attr_bytes) {
    if (op.elementwise && sizeof(T) == 4) {
      std::memcpy(seen.data(), attr, op.attr_bytes);
      for (std::size_t k = 0; k < op.attr_bytes / sizeof(double); ++k) seen[k] = as_float(seen[k]);
      attr = seen.data();
    }
    if (!numbers || !varies || !op.has_partials) {
      attr_at = keep_attr(attr, op.attr_bytes);
      if (op.adopt) op.adopt(&attrs_[attr_at], values_);
      attr = &attrs_[attr_at];
    }
  }
  if (numbers && varies && op.has_partials) return push_partials(op, {operands, in.size()}, attr);
  const auto place = static_cast<std::uint32_t>(pool_.size());
  keep_operands({operands, in.size()});
  if (op.attr_bytes) attr = &attrs_[attr_at];
  T number;
  T* data = shape.rank() == 0 ? &number : values[0].data;
  if (shape.rank() == 0 || !op.aliases || shapes[0].rank() == 0) {
    if (shape.rank() > 0) data = values_.template take_array<T>(shape.size());
    evaluate<T>(op, {values, in.size()}, attr, {data, shape}, false);
  }
  const Tag tag{op.id, varies ? Tag::varies : 0};
  return push(tag, attr_at, place, in.size(), data, shape);
}

// The axes that are given become one, of which a place is cut out.
template <class T> Var<T> Var<T>::part(std::span<const std::int64_t> places) const {
  const Shape shape = ramp::shape_of(*this, "element");
  if (static_cast<int>(places.size()) > shape.rank())
    throw IndexError(fmt::format("[element] {} has no {} axes", to_string(shape), places.size()));
  std::int64_t at = 0, all = 1;
  Shape rest = shape;
  for (int axis = 0; axis < static_cast<int>(places.size()); ++axis) {
    const std::int64_t n = shape[axis], place = places[static_cast<std::size_t>(axis)];
    if (place < -n || place >= n)
      throw IndexError(fmt::format("[element] place {} lies outside axis {} of {}", place, axis,
                                   to_string(shape)));
    at = at * n + (place < 0 ? place + n : place);
    all *= n;
    rest = rest.without(0);
  }
  if (places.empty()) return *this;
  const Shape rows = rest.inserted(0, static_cast<std::uint32_t>(all));
  return reshape(slice(reshape(*this, rows), 0, at, at + 1), rest);
}

// An op on whole tensors, of numbers alone.
template <class T> Var<T> Var<T>::compute(OpId id, std::span<const Var> numbers, const void* attr) {
  const OpInfo& op = op_info(id);
  const Shape shape = op.shape(std::vector<Shape>(numbers.size()), attr);
  if (shape.rank() > 0)
    throw HandleError(
        fmt::format("[{}] numbers alone are on no tape, and what it gives is a tensor: make one of "
                    "them a leaf() or constant()",
                    op.about.name));
  Arena scratch;
  std::vector<Value<T>> in;
  for (const Var& x : numbers) in.push_back(Value<T>::of({&x.number_, Shape{}}, &scratch));
  T y;
  evaluate<T>(op, in, attr, {&y, Shape{}}, false);
  return y;
}

template class Var<float>;
template class Var<double>;
template class Tape<float>;
template class Tape<double>;

}  // namespace ramp

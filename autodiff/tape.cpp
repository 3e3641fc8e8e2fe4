// Recording: nodes, leaves, scopes, marks. The way back is in backward.cpp.
#include <autodiff/tape.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace ramp {

// --- Handles ---------------------------------------------------------------------------------

template <class T> Shape Var<T>::shape() const {
  return tape_->shape_of(tape_->at(*this, "shape"));
}

template <class T> bool Var<T>::varies() const {
  return tape_->node(tape_->at(*this, "varies")).is(Node<T>::varies);
}

template <class T> View<const T> Var<T>::read(const char* call) const {
  return tape_->value_of(tape_->at(*this, call));
}

template <class T> View<const T> Var<T>::view() const { return read("view"); }

template <class T> T Var<T>::item() const {
  const View<const T> v = read("item");
  if (v.size() != 1) throw_not_a_scalar("item", v.shape);
  return v[0];
}

// What holds at node i, of a list of changes; null before the first.
template <class Change> const Change* latest(const std::vector<Change>& changes, std::uint32_t i) {
  const auto after = std::upper_bound(changes.begin(), changes.end(), i,
                                      [](std::uint32_t n, const Change& c) { return n < c.first; });
  return after == changes.begin() ? nullptr : &*std::prev(after);
}

template <class T> std::uint64_t Tape<T>::epoch_of(std::uint32_t i) const {
  const std::size_t n = epochs_.size();  // mostly it is one of the last two
  if (epochs_[n - 1].first <= i) return epochs_[n - 1].number;
  if (epochs_[n - 2].first <= i) return epochs_[n - 2].number;
  return latest(epochs_, i)->number;
}

template <class T> Var<T> Tape<T>::handle(std::uint32_t i) {
  if (i >= size()) throw IndexError(fmt::format("[handle] node {} of a tape of {}", i, size()));
  return {this, Word::of(i, stamp_of(epoch_of(i)) | kind_of(i))};
}

// --- Recording -------------------------------------------------------------------------------

template <class T> Tape<T>::Tape(TapeOptions options)
    : options_(options), varying_(Node<T>::varies | (options.checked ? Node<T>::rank_mask : 0)) {
  if (!std::isfinite(options.at_zero))
    throw ValueError("[tape] at_zero, the slope of relu at 0, must be a finite number");
  attrs_.push(0);
  end_pool(0);
  vary(varying_);
}

template <class T> void Tape<T>::grow() {
  if (nodes_.size() == UINT32_MAX)
    throw BudgetError("[tape] more than 2^32 - 1 nodes: clear or rewind it");
  if (options_.memory_budget) check_budget(nodes_.size() * sizeof(Node<T>));
  try {
    nodes_.reserve(nodes_.size() + 2);
  } catch (const std::bad_alloc&) {
    throw_memory_error(fmt::format("[tape] room for more than {} nodes", nodes_.size()));
  }
}

template <class T> std::size_t Tape<T>::bytes() const {
  return nodes_.size() * sizeof(Node<T>) + tensors_.size() * sizeof(TensorRecord<T>) +
         attrs_.size() * sizeof(std::uint64_t) + Word::place(end_) * sizeof(std::uint32_t) +
         values_.used();
}

template <class T> void Tape<T>::check_budget(std::size_t more) const {
  if (options_.memory_budget == 0 || bytes() + more <= options_.memory_budget) return;
  std::map<std::uint32_t, std::size_t> used;  // by scope
  const auto& changes = scopes_.changes();
  for (std::size_t c = 0; c < changes.size(); ++c) {
    const std::uint32_t last =
        c + 1 < changes.size() ? changes[c + 1].first : static_cast<std::uint32_t>(nodes_.size());
    for (std::uint32_t i = changes[c].first; i < last; ++i)
      used[changes[c].scope] +=
          sizeof(Node<T>) + (nodes_[i].rank() ? value_of(i).size() * sizeof(T) : 0);
  }
  std::string text;
  for (const auto& [scope, count] : used)
    text += fmt::format("{}{} {} bytes", text.empty() ? "" : ", ",
                        scope == 0 ? "outside of any scope" : scope_path(scope), count);
  throw BudgetError(
      fmt::format("[tape] {} bytes are in use and {} more are asked for, over the budget of {}: {}",
                  bytes(), more, options_.memory_budget, text.empty() ? "nothing yet" : text));
}

template <class T> std::uint32_t Tape<T>::keep_attr(const void* attr, std::size_t bytes) {
  const std::size_t words = (bytes + 7) / 8, at = attrs_.size();
  try {
    attrs_.resize(at + words);
  } catch (const std::bad_alloc&) {
    throw_memory_error(fmt::format("[tape] room for more than {} words of attributes", at));
  }
  std::memcpy(&attrs_[at], attr, bytes);
  return static_cast<std::uint32_t>(at);
}

// Node and record are filled in place: a copy would wait for what is written piece by piece.
template <class T> Var<T> Tape<T>::push(OpId op, unsigned flags, std::uint32_t attr,
                                        const std::array<std::uint32_t, 2>& in, T* data,
                                        const Shape& shape) {
  if (nodes_.full()) grow();
  const bool tensor = shape.rank() > 0;
  if (tensor && tensors_.full()) tensors_.reserve(tensors_.size() + 1);
  const std::uint64_t word =
      Word::of(nodes_.size(), stamp_ | (tensor ? Word::tensor : Word::scalar));
  Node<T>& node = nodes_.add_unchecked();
  node.op = op;
  node.flags = static_cast<std::uint16_t>(
      flags | (tensor ? static_cast<unsigned>(shape.rank()) | Node<T>::shaped : 0u));
  node.attr = attr;
  node.in = in;
  if (!tensor) {
    node.value = *data;
  } else {
    node.tensor = tensors_.size();
    TensorRecord<T>& record = tensors_.add_unchecked();
    record.data = data;
    record.sizes = shape.sizes();
  }
  return {this, word};
}

template <class T> Var<T> Tape<T>::add_leaf(const View<const T>& value, bool varies, bool copied,
                                            Name name, Parameter<T>* p) {
  const Mark before = mark();
  try {
    return new_leaf(value, varies, copied, name, p, before);
  } catch (const std::bad_alloc&) {
    undo(before);
    throw_memory_error(fmt::format("[{}] {}",
                                   p        ? "parameter"
                                   : varies ? "leaf"
                                   : copied ? "constant"
                                            : "borrow",
                                   to_string(value.shape)));
  } catch (const MemoryError&) {
    undo(before);
    throw;
  }
}

// What a call recorded before it threw, and gave no handle to. Other than after a rewind() no
// handle need be refused.
template <class T> void Tape<T>::undo(const Mark& before) noexcept {
  nodes_.resize(before.nodes);
  tensors_.resize(before.tensors);
  attrs_.resize(before.attrs);
  names_.resize(before.names);
  bindings_.resize(before.bindings);
  values_.rewind(before.values);
  end_pool(before.pool);
}

template <class T> Var<T> Tape<T>::new_leaf(const View<const T>& value, bool varies, bool copied,
                                            Name name, Parameter<T>* p, const Mark& before) {
  T* data = Value<T>::of(value).data;
  if (copied && value.shape.rank() > 0) {
    check_budget(value.size() * sizeof(T));
    data = values_.template take_array<T>(value.size());
    std::copy_n(value.data, value.size(), data);
  }
  const Var<T> leaf = push(leaf_op, (varies ? Node<T>::varies : 0u) | (p ? Node<T>::bound : 0u), 0,
                           {}, data, value.shape);
  if (p) bindings_.push_back({p, Word::place(leaf.word_), p->version()});
  if (!name.text.empty()) named(leaf, name.text);
  return checking_ ? finished(before) : leaf;
}

// On a checked tape: the node that was just recorded, if its value is finite.
template <class T> Var<T> Tape<T>::finished(const Mark& before) {
  const std::uint32_t i = size() - 1;
  const View<const T> value = value_of(i);
  const std::size_t e = first_bad(value);
  if (e == value.size()) return last();
  const std::string text =
      fmt::format("[{}] the value of {} is {} at element {}{}", op_info(nodes_[i].op).about.name,
                  describe(i), plain(value[e]), e, operands_at(i, e));
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
  return add_leaf(std::as_const(p).value().view(), true, false, {}, &p);
}

template <class T> auto Tape<T>::binding_of(std::uint32_t i) const -> const Binding* {
  const auto it = std::lower_bound(bindings_.begin(), bindings_.end(), i,
                                   [](const Binding& b, std::uint32_t n) { return b.node < n; });
  return it != bindings_.end() && it->node == i ? &*it : nullptr;
}

// In place, not returned: a copy waits for what has just been written piece by piece.
template <class T> void Tape<T>::read(std::uint32_t i, Value<T>& to) {
  Node<T>& node = nodes_[i];
  to.scratch = &scratch_;
  to.data = &node.value;
  if (node.rank() == 0) return;
  const TensorRecord<T>& tensor = tensors_[node.tensor];
  to.data = tensor.data;
  to.shape = Shape::of(tensor.sizes, node.rank());
}

template <class T> Var<T> Tape<T>::record(OpId id, std::span<const Var<T>> in, const void* attr) {
  const OpInfo& op = op_info(id);
  const Mark before = mark();
  try {
    return new_node(id, in, attr, before);
  } catch (const std::bad_alloc&) {
    undo(before);
    std::string shapes;
    for (const Var<T>& x : in)
      shapes += (shapes.empty() ? "" : " and ") + to_string(shape_of(at(x, id)));
    throw_memory_error(fmt::format("[{}] of {}", op.about.name, shapes));
  } catch (const MemoryError&) {
    undo(before);
    throw;
  }
}

template <class T> Var<T> Tape<T>::new_node(OpId id, std::span<const Var<T>> in, const void* attr,
                                            const Mark& before) {
  const OpInfo& op = op_info(id);
  if (!op.shape) throw ValueError("[record] a leaf isn't recorded by an op: call leaf() instead");
  if (op.attr_bytes && !attr)
    throw ValueError(fmt::format("[{}] it has attributes: attr must point to them", op.about.name));
  if (!op.attr_bytes)
    attr = attrs_.data();  // formulas take attributes by reference, empty ones too
  if (op.arity != variadic && in.size() != static_cast<std::size_t>(op.arity))
    throw ValueError(
        fmt::format("[{}] takes {} operands, not {}", op.about.name, op.arity, in.size()));
  const Arena::Temporary temporary(scratch_);
  std::uint32_t* const at = scratch<std::uint32_t>(in.size());
  for (std::size_t k = 0; k < in.size(); ++k) at[k] = this->at(in[k], id);
  settle();
  Shape* const shapes = scratch<Shape>(in.size());
  Value<T>* const values = scratch<Value<T>>(in.size());
  using N = Node<T>;
  bool shaped = !op.elementwise;
  unsigned flags = 0;
  for (std::size_t k = 0; k < in.size(); ++k) {
    const std::uint32_t i = at[k];
    shapes[k] = shape_of(i);
    shaped |= shapes[k].rank() > 0;
    if (!nodes_[i].is(N::varies) || !op.differentiable_in(static_cast<int>(k))) continue;
    flags |= N::varies;
    if (k < 2) flags |= k == 0 ? N::first_varies : N::second_varies;
  }
  const Shape shape = op.shape({shapes, in.size()}, attr);
  shape.check_size(op.about.name);
  const std::size_t bytes = shape.rank() && !op.aliases ? shape.size() * sizeof(T) : 0;
  check_budget(bytes + sizeof(N));

  // Nothing has changed so far, and nothing below throws but for want of memory, or at the end.
  if (!(varying_ & N::varies)) flags = 0;
  if (shaped) flags |= N::shaped;
  if (op.rules<T>().kinks) flags |= N::kinked;
  std::uint32_t attr_at = 0;
  if (op.attr_bytes) {
    attr_at = keep_attr(attr, op.attr_bytes);
    if constexpr (sizeof(T) == 4)
      if (op.elementwise) {
        auto* numbers = reinterpret_cast<double*>(&attrs_[attr_at]);
        for (std::size_t k = 0; k < op.attr_bytes / sizeof(double); ++k)
          numbers[k] = as_float(numbers[k]);
      }
    if (op.adopt) op.adopt(&attrs_[attr_at], values_);
    attr = &attrs_[attr_at];
  }
  std::array<std::uint32_t, 2> operands{};
  if (in.size() > 2 || op.arity == variadic) {
    operands = {Word::place(end_), static_cast<std::uint32_t>(in.size())};
    for (std::size_t k = 0; k < in.size(); ++k) pool(at[k]);
    flags |= N::pooled;
  } else {
    for (std::size_t k = 0; k < in.size(); ++k) operands[k] = at[k];
    flags |= static_cast<unsigned>(in.size()) << 3;
  }
  if (nodes_.full()) grow();  // operands of rank 0 are read where their nodes lie
  for (std::size_t k = 0; k < in.size(); ++k) read(at[k], values[k]);
  T number;
  T* data = shape.rank() == 0 ? &number : values[0].data;
  if (shape.rank() == 0 || !op.aliases || shapes[0].rank() == 0) {
    if (shape.rank() > 0) data = values_.template take_array<T>(shape.size());
    evaluate<T>(op, {values, in.size()}, attr, {data, shape}, false);
  }
  const Var<T> y = push(id, flags, attr_at, operands, data, shape);
  return checking_ ? finished(before) : y;
}

// --- Regions and names -----------------------------------------------------------------------

template <class T> auto Tape<T>::mark() const -> Mark {
  const auto n = [](const auto& list) { return static_cast<std::uint32_t>(list.size()); };
  const std::uint32_t nodes = size();  // first: it settles
  return {nodes,          n(tensors_), Word::place(end_),
          n(attrs_),      n(names_),   n(scopes_.changes()),
          n(bindings_),   n(places_),  epoch_,
          values_.mark(), this};
}

template <class T> void Tape<T>::rewind(const Mark& mark) {
  if (mark.tape != this) throw HandleError("[rewind] the mark is another tape's");
  if (mark.nodes > size() || (mark.nodes > 0 && epoch_of(mark.nodes - 1) > mark.epoch))
    throw HandleError(
        "[rewind] an earlier rewind or clear has dropped what the mark stands behind");
  drop(mark);
}

template <class T> void Tape<T>::drop(const Mark& mark) {
  // A mark may count more than is left of what is no node, if an earlier one was rewound to since.
  const auto shorten = [](auto& list, std::size_t n) {
    if (n < list.size()) list.resize(n);
  };
  shorten(places_, mark.places);
  if (mark.nodes == nodes_.size() && settled()) return;
  pending_ = idle;
  nodes_.resize(mark.nodes);
  tensors_.resize(mark.tensors);
  attrs_.resize(std::max(1u, mark.attrs));
  shorten(names_, mark.names);
  shorten(bindings_, mark.bindings);
  values_.rewind(mark.values);
  while (epochs_.size() > 1 && epochs_.back().first >= mark.nodes) epochs_.pop_back();
  stamp_ = stamp_of(++epoch_);
  end_pool(mark.pool);
  if (mark.nodes == 0)
    epochs_.assign(1, {0, epoch_});
  else
    epochs_.push_back({mark.nodes, epoch_});
  vary(varying_);
  // What earlier nodes got from the last backward is theirs still.
  adjoints_.swept = std::min(adjoints_.swept, mark.nodes);
  if (mark.nodes == 0) adjoints_.whole = false;
  scopes_.rewind(mark.scopes, mark.nodes);
}

template <class T> std::uint64_t Tape<T>::open_scope(std::string_view name) {
  try {
    return scopes_.open(name, size());
  } catch (const std::bad_alloc&) {
    throw_memory_error(fmt::format("[scope] '{}'", name));
  }
}

template <class T> Var<T> Tape<T>::named(const Var<T>& x, std::string_view name) {
  const std::uint32_t node = at(x, "named");
  const Arena::Mark before = values_.mark();
  try {
    char* text = values_.template take_array<char>(name.size());
    std::copy(name.begin(), name.end(), text);
    names_.push_back({node, {text, name.size()}});
  } catch (const std::bad_alloc&) {
    values_.rewind(before);
    throw_memory_error(fmt::format("[named] {}", describe(node)));
  }
  return x;
}

template <class T> std::string_view Tape<T>::name_of(std::uint32_t i) const {
  if (nodes_[i].is(Node<T>::bound)) return binding_of(i)->parameter->name();
  const auto it =
      std::find_if(names_.rbegin(), names_.rend(), [i](const NodeName& n) { return n.node == i; });
  return it == names_.rend() ? std::string_view{} : it->text;
}

template <class T> const Parameter<T>* Tape<T>::parameter_of(std::uint32_t i) const {
  return nodes_[i].is(Node<T>::bound) ? binding_of(i)->parameter : nullptr;
}

// --- Readers ---------------------------------------------------------------------------------

template <class T> std::span<const std::uint32_t> Tape<T>::operands(std::uint32_t i) const {
  const Node<T>& node = nodes_[i];
  if (node.is(Node<T>::pooled)) return {pool_.data() + node.in[0], node.in[1]};
  return {node.in.data(), static_cast<std::size_t>((node.flags & Node<T>::arity_mask) >> 3)};
}

template <class T> Shape Tape<T>::shape_of(std::uint32_t i) const {
  const Node<T>& node = nodes_[i];
  return node.rank() ? Shape::of(tensors_[node.tensor].sizes, node.rank()) : Shape{};
}

template <class T> View<const T> Tape<T>::value_of(std::uint32_t i) const {
  const Node<T>& node = nodes_[i];
  if (node.rank() == 0) return {&node.value, Shape{}};
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
  for (std::uint32_t i = root + 1; i-- > 0;)
    if (needed[i])
      for (const std::uint32_t k : operands(i)) needed[k] = true;
  return needed;
}

template <class T> std::string Tape<T>::describe(std::uint32_t i, bool where) const {
  const Node<T>& node = nodes_[i];
  const OpInfo& op = op_info(node.op);
  std::string text = op.label                   ? op.label(attr_of(i))
                     : node.is(Node<T>::bound)  ? "parameter"
                     : node.op != leaf_op       ? op.about.name
                     : node.is(Node<T>::varies) ? "leaf"
                                                : "constant";
  if (const auto name = name_of(i); !name.empty()) text += fmt::format(" '{}'", name);
  if (node.rank() > 0) text += fmt::format(" {}", to_string(shape_of(i)));
  if (const auto scope = where ? scope_of(i) : 0) text += fmt::format(" in {}", scope_path(scope));
  if (const auto place = location_of(i); where && place)
    text += fmt::format(" at {}", to_string(*place));
  return text;
}

template <class T> std::string Tape<T>::operands_at(std::uint32_t i, std::size_t e,
                                                    std::optional<std::size_t> via) const {
  const std::span<const std::uint32_t> in = operands(i);
  const auto place = [&](std::size_t k, std::size_t element) {
    const Broadcasting how(shape_of(in[k]), shape_of(i));
    return how.offset(element / how.inner()) + element % how.inner() * how.inner_step();
  };
  const bool elementwise = op_info(nodes_[i].op).elementwise;
  if (via && elementwise)
    for (const std::size_t of_operand = std::exchange(e, 0); place(*via, e) != of_operand;) ++e;
  std::string text;
  for (std::size_t k = 0; k < in.size(); ++k) {
    const View<const T> x = value_of(in[k]);
    const std::size_t at = elementwise ? place(k, e) : x.shape.rank() == 0 ? 0 : first_bad(x);
    text += fmt::format("{}{}", k ? ", " : "; operands: ", describe(in[k], false));
    if (at < x.size()) text += fmt::format(" with {:.4g} at element {}", plain(x[at]), at);
  }
  return text;
}

template class Var<float>;
template class Var<double>;
template class Tape<float>;
template class Tape<double>;

}  // namespace ramp

// A tape's memory, its marks, its regions and names. Recording is in record.cpp, the way back in
// sweep.cpp.
#include <autodiff/tape/tape.hpp>
#include <autodiff/values/changes.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace ramp {

template <class T> Tape<T>::Tape(TapeOptions options) try
    : options_(options), own_trace_(take_trace<T>()) {
  if (!std::isfinite(options.at_zero))
    throw ValueError("[tape] at_zero, the slope of relu at 0, must be a finite number");
  trace_.tape = this;
  trace_.at_zero = options.at_zero;
  trace_.first_epoch = ++trace_.epoch;
  epochs_.push_back({1, trace_.epoch});
  grow();
  trace_.push({leaf_op, 0}, T(0), T(0), T(0), {});  // no one's
  vary(true);
} catch (const std::bad_alloc&) {
  throw_memory_error("[tape] a new one");
}

// --- Handles ---------------------------------------------------------------------------------

template <class T> std::uint32_t Var<T>::index() const { return tape("index").at(*this, "index"); }
template <class T> Shape Var<T>::shape() const { return shape_of(*this, "shape"); }

template <class T> bool Var<T>::varies() const {
  return !is_number() && tape("varies").varies(tape().at(*this, "varies"));
}

template <class T> View<const T> Var<T>::read(const char* call) const {
  if (is_number()) return {&number_, Shape{}};
  const Tape<T>& on = tape(call);
  return on.value_of(on.at(*this, call));
}

template <class T> T Var<T>::read_item() const {
  const View<const T> v = read("item");
  if (v.size() != 1) throw_not_a_scalar("item", v.shape);
  return v[0];
}

template <class T> void Var<T>::throw_without_tape(const char* call) const {
  throw HandleError(fmt::format("[{}] the handle {}", call,
                                is_number() ? "is a number, on no tape"
                                            : "is of a tape that is gone: its node went with it"));
}

template <class T> std::uint32_t Tape<T>::epoch_of(std::uint32_t i) const {
  const std::size_t n = epochs_.size();  // mostly it is one of the last two
  if (epochs_[n - 1].first <= i) return epochs_[n - 1].number;
  if (epochs_[n - 2].first <= i) return epochs_[n - 2].number;
  return latest(epochs_, i)->number;
}

template <class T> std::uint32_t Tape<T>::find(const Var<T>& x, const char* call) const {
  const auto fail = [=](const char* why) {
    throw HandleError(fmt::format("[{}] the handle{}", call, why));
  };
  if (x.is_number()) fail(" is a number, on no tape");
  if (x.trace_->tape == nullptr) x.throw_without_tape(call);
  if (x.trace_ != &trace_) fail(" is on another tape: record all on one");
  const std::uint32_t i = x.place(), epoch = static_cast<std::uint32_t>(x.word_ >> 32);
  if (i < end() && epoch_of(i) == epoch) return i;
  // Epochs come again after 2^32: their distance counts.
  if (epoch - trace_.first_epoch > trace_.epoch - trace_.first_epoch)
    fail(" is of a tape that is gone: its node went with it");
  fail("'s node was dropped by clear() or rewind(): record it again");
  return 0;
}

template <class T> Var<T> Tape<T>::handle(std::uint32_t i) const {
  if (i == 0 || i >= end())
    throw IndexError(fmt::format("[handle] node {} of a tape of {}", i, size()));
  const bool near = varies(i) && rank(i) == 0;
  return {&trace_, Trace<T>::of_epoch(epoch_of(i)) | i | (near ? 0 : Trace<T>::aside)};
}

// --- Memory ----------------------------------------------------------------------------------

template <class T> void Tape<T>::grow() {
  const std::size_t n = trace_.nodes.size();
  if (n >= Trace<T>::aside) throw BudgetError("[tape] 2^31 nodes are most: clear or rewind it");
  if (options_.memory_budget && n > 0) check_budget(n * (sizeof(Node<T>) + sizeof(Tag)));
  try {
    trace_.tags.resize(n);  // what is to be kept
    trace_.tags.reserve(n + 1);
    trace_.nodes.reserve(n + 1);
  } catch (const std::bad_alloc&) {
    throw_memory_error(fmt::format("[tape] room for more than {} nodes", n));
  }
}

template <class T> std::size_t Tape<T>::bytes() const {
  return size() * (sizeof(Node<T>) + sizeof(Tag)) + tensors_.size() * sizeof(TensorRecord<T>) +
         attrs_.size() * sizeof(std::uint64_t) + pool_.size() * sizeof(std::uint32_t) +
         names_.size() * sizeof(NodeName) + bindings_.size() * sizeof(Binding) +
         places_.size() * sizeof places_[0] + values_.used();
}

// Of a node and its value, if that is its own: no parameter's, and none that it shares.
template <class T> std::size_t Tape<T>::bytes_of(std::uint32_t i) const {
  const std::size_t node = sizeof(Node<T>) + sizeof(Tag);
  if (rank(i) == 0) return node;
  const View<const T> value = value_of(i);
  const bool shared = op_info(op(i)).aliases && value.data == value_of(operands(i)[0]).data;
  const bool own = !shared && values_.holds(value.data);
  return node + sizeof(TensorRecord<T>) + (own ? Arena::whole(value.size() * sizeof(T)) : 0);
}

template <class T> void Tape<T>::check_budget(std::size_t more) const {
  const std::size_t all = in_use(), adjoints = adjoints_.bytes() + grads_.bytes();
  if (options_.memory_budget == 0 || all + more <= options_.memory_budget) return;
  std::size_t rest = all - adjoints;
  std::map<std::uint32_t, std::size_t> used;  // by scope
  const auto& changes = scopes_.changes();
  for (std::size_t c = 0; c < changes.size(); ++c) {
    const std::uint32_t last = c + 1 < changes.size() ? changes[c + 1].first : end();
    for (std::uint32_t i = std::max(1u, changes[c].first); i < last; ++i) {
      const std::size_t bytes = bytes_of(i);
      used[changes[c].scope] += bytes;
      rest -= bytes;
    }
  }
  std::string text;
  const auto add = [&](const std::string& what, std::size_t count) {
    if (count > 0) text += fmt::format("{}{} {} bytes", text.empty() ? "" : ", ", what, count);
  };
  for (const auto& [scope, count] : used)
    add(scope == 0 ? "outside of any scope" : scope_path(scope), count);
  add("names, lines, attributes and operands", rest);
  add("gradients", adjoints);
  throw BudgetError(
      fmt::format("[tape] {} bytes are in use and {} more are asked for, over the budget of {}: {}",
                  all, more, options_.memory_budget, text.empty() ? "nothing yet" : text));
}

// Of a call that may have taken more than its value, and is undone if that was too much.
template <class T> void Tape<T>::check_budget_since(const Mark& before, std::size_t had) {
  if (options_.memory_budget == 0 || in_use() <= options_.memory_budget) return;
  const std::size_t more = in_use() - had;
  undo(before);
  check_budget(more);
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

// --- Marks -----------------------------------------------------------------------------------

template <class T> void Tape<T>::vary(bool varying) noexcept {
  varying_ = varying;
  const bool looks = options_.checked || !varying;  // at each op
  const std::size_t n = epochs_.size();
  trace_.now = looks ? Trace<T>::no_handle : Trace<T>::of_epoch(trace_.epoch);
  trace_.before = looks || n < 2 ? Trace<T>::no_handle : Trace<T>::of_epoch(epochs_[n - 2].number);
  trace_.before_end = epochs_[n - 1].first;
}

// Of a call that threw, which gave no handle to what it recorded, so that none need be refused. A
// mark may count more than is left of what is no node, if an earlier one was rewound to since.
template <class T> void Tape<T>::undo(const Mark& before) noexcept {
  const auto shorten = [](auto& list, std::size_t n) {
    if (n < list.size()) list.resize(n);
  };
  trace_.nodes.resize(before.nodes);
  tensors_.resize(before.tensors);
  pool_.resize(before.pool);
  attrs_.resize(before.attrs);
  shorten(names_, before.names);
  shorten(bindings_, before.bindings);
  values_.rewind(before.values);
}

template <class T> auto Tape<T>::mark() const -> Mark {
  const auto n = [](const auto& list) { return static_cast<std::uint32_t>(list.size()); };
  const Location line = places_.empty() ? Location{} : places_.back().second;
  return {end(),      n(tensors_),  n(pool_),       n(attrs_), n(names_), n(bindings_),
          n(places_), trace_.epoch, values_.mark(), this,      line};
}

template <class T> void Tape<T>::rewind(const Mark& mark) {
  const std::uint32_t since = trace_.first_epoch;  // epochs come again after 2^32
  // A tape that is gone may have stood where this one does.
  if (mark.tape != this || mark.epoch - since > trace_.epoch - since)
    throw HandleError("[rewind] the mark is another tape's");
  if (mark.nodes > end() ||
      (mark.nodes > 1 && epoch_of(mark.nodes - 1) - since > mark.epoch - since))
    throw HandleError(
        "[rewind] an earlier rewind or clear has dropped what the mark stands behind");
  drop(mark);
}

template <class T> void Tape<T>::drop(const Mark& mark) {
  while (!places_.empty() && places_.back().first >= mark.nodes) places_.pop_back();
  if (places_.size() < mark.places) places_.push_back({mark.nodes, mark.line});  // there was room
  const bool dropped = mark.nodes < end();
  undo(mark);  // a name may have been given since, if nothing else
  scopes_.rewind(mark.nodes);
  if (!dropped) return;
  while (!epochs_.empty() && epochs_.back().first >= mark.nodes) epochs_.pop_back();
  if (++trace_.epoch == UINT32_MAX) trace_.epoch = 1;  // that one is `no_handle`
  epochs_.push_back({mark.nodes, trace_.epoch});
  vary(varying_);
  // What earlier nodes got from the last backward is theirs still.
  adjoints_.swept = std::min(adjoints_.swept, mark.nodes);
  if (mark.nodes == 1) adjoints_.forget();
}

template <class T> std::uint64_t Tape<T>::open_scope(std::string_view name) {
  try {
    return scopes_.open(name, end());
  } catch (const std::bad_alloc&) {
    throw_memory_error(fmt::format("[scope] '{}'", name));
  }
}

template <class T> Var<T> Tape<T>::named(const Var<T>& x, std::string_view name) {
  const std::uint32_t node = at(x, "named");
  check_budget(Arena::whole(name.size()) + sizeof(NodeName));
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
  if (is_parameter(i)) return binding_of(i)->parameter->name();
  const auto it =
      std::find_if(names_.rbegin(), names_.rend(), [i](const NodeName& n) { return n.node == i; });
  return it == names_.rend() ? std::string_view{} : it->text;
}

template <class T> auto Tape<T>::binding_of(std::uint32_t i) const -> const Binding* {
  const auto it = std::lower_bound(bindings_.begin(), bindings_.end(), i,
                                   [](const Binding& b, std::uint32_t n) { return b.node < n; });
  return it != bindings_.end() && it->node == i ? &*it : nullptr;
}

// The members that this file defines; so in the others.
template class Var<float>;
template class Var<double>;
template class Tape<float>;
template class Tape<double>;

}  // namespace ramp

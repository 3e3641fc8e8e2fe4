// Recording an op of numbers: its value and its partial derivatives, from its one formula and that
// formula's pullbacks of 1, inlined where the op is known. All else is recorded by record.cpp.
#pragma once

#include <autodiff/tape/tape.hpp>

namespace ramp {

// Numbers among the attributes as a float tape sees them: compared with a float, 0.1 is 0.1f.
inline double as_float(double x) {
  const volatile float f = static_cast<float>(x);  // g++ 12 drops the two conversions of a pair
  return f;
}
template <class T, class O> typename O::Attr as_seen(const typename O::Attr& attr) {
  using Attr = typename O::Attr;
  if constexpr (O::elementwise && sizeof(T) == 4 && !std::is_empty_v<Attr>) {
    auto numbers = std::bit_cast<std::array<double, sizeof(Attr) / sizeof(double)>>(attr);
    for (double& x : numbers) x = as_float(x);
    return std::bit_cast<Attr>(numbers);
  } else {
    return attr;
  }
}

template <class O, class T, class... X>
[[gnu::always_inline]] inline T value_of_numbers(const typename O::Attr& attr, const X&... x) {
  return static_cast<T>(call(O::value, x..., attr));
}
// d y / d x[K]: what the pullback makes of 1.
template <class O, std::size_t K, class T, class... X>
[[gnu::always_inline]] inline T partial(const At<typename O::Attr>& at, const T& y, const X&... x) {
  return static_cast<T>(call(std::get<K>(O::pullbacks), T(1), x..., y, at));
}

// --- The form with partials: always inline, which Clang wants where they are declared ------------

// The next node's place; there must be room for it.
template <class T> inline std::uint32_t Trace<T>::push(Tag tag, T value, T first, T second,
                                                       std::array<std::uint32_t, 2> in) {
  const auto i = static_cast<std::uint32_t>(nodes.size());
  Node<T>& node = nodes.add_unchecked();
  node.value = value;
  node.first = first;
  node.second = second;
  node.in = in;
  tags[i] = tag;
  return i;
}

template <class T> template <class O>
inline std::uint64_t Trace<T>::record(const typename O::Attr& attr, std::uint32_t a) {
  using Attr = typename O::Attr;
  if (nodes.full()) [[unlikely]]
    tape->grow();  // before the value, which would wait in memory for it
  const T x = nodes[a].value;
  const T y = value_of_numbers<O, T>(attr, x);
  const T first = partial<O, 0, T>({attr, at_zero, at_zero}, y, x);
  T second = 0;
  if constexpr (!std::is_empty_v<Attr>) second = kept_attr(&attr, sizeof(Attr));
  return now | push({op_id<O>(), Tag::varies}, y, first, second, {a, 0});
}

template <class T> template <class O>
inline std::uint64_t Trace<T>::record(std::uint32_t a, std::uint32_t b) {
  if (nodes.full()) [[unlikely]]
    tape->grow();
  const T x0 = nodes[a].value, x1 = nodes[b].value;
  const At<typename O::Attr> at{{}, at_zero, share_at_tie(at_zero, true)};
  const T y = value_of_numbers<O, T>(at, x0, x1);
  const T first = partial<O, 0, T>(at, y, x0, x1), second = partial<O, 1, T>(at, y, x0, x1);
  return now | push({op_id<O>(), Tag::varies}, y, first, second, {a, b});
}

template <class T> template <class O, bool first>
inline std::uint64_t Trace<T>::record_with(T number, std::uint32_t a) {
  if (nodes.full()) [[unlikely]]
    tape->grow();
  const T x0 = first ? number : nodes[a].value, x1 = first ? nodes[a].value : number;
  const At<typename O::Attr> at{{}, at_zero, share_at_tie(at_zero, false)};
  const T y = value_of_numbers<O, T>(at, x0, x1), d = partial<O, first, T>(at, y, x0, x1);
  return now | push({op_id<O>(), Tag::varies | (first ? Tag::number_first : Tag::number_second)}, y,
                    d, number, {a, 0});
}

// Before the node, which isn't there if there is no room for them.
template <class T> inline T Trace<T>::kept_attr(const void* attr, std::size_t bytes) {
  double number;
  if (bytes == sizeof number) {
    std::memcpy(&number, attr, bytes);
    return static_cast<T>(number);
  }
  const std::uint32_t place = tape->keep_attr(attr, bytes);
  T second = 0;
  std::memcpy(&second, &place, sizeof place);  // as Node::place lies
  return second;
}

// --- Handles ---------------------------------------------------------------------------------

template <class T> template <class X> inline decltype(auto) Var<T>::lifted(const X& x) {
  if constexpr (std::is_same_v<X, Var<T>>) {
    return (x);
  } else if constexpr (is_comparison<X>) {
    return x.recorded();
  } else {
    return Var(x);  // which refuses the handle of another type
  }
}

template <class T> template <class O, class... X>
inline Var<T> Var<T>::record(const typename O::Attr& attr, const X&... x) {
  return record_vars<O>(as_seen<T, O>(attr), lifted(x)...);
}

template <class T> template <class O>
Var<T> Var<T>::record_list(const typename O::Attr& attr, std::span<const Var> in) {
  const auto first = std::find_if(in.begin(), in.end(), [](const Var& v) { return v.trace_; });
  if (first == in.end()) return compute(op_id<O>(), in, &attr);
  return first->tape(O::about.name).record(op_id<O>(), in, &attr);
}

template <class T> template <class O>
inline Var<T> Var<T>::record_vars(const typename O::Attr& attr, const Var& x) {
  if constexpr (has_partials<O>)
    if (x.is_near()) [[likely]]
      return {x.trace_, x.trace_->template record<O>(attr, x.near_place())};
  return record_slowly<O>(attr, x);
}

template <class T> template <class O>
inline Var<T> Var<T>::record_vars(const typename O::Attr& attr, const Var& a, const Var& b) {
  if constexpr (has_partials<O>) {
    if (a.trace_ == b.trace_ && a.trace_ && a.trace_->are_near(a.word_, b.word_)) [[likely]]
      return {a.trace_, a.trace_->template record<O>(a.near_place(), b.near_place())};
    if (b.is_number() && a.is_near())
      return {a.trace_, a.trace_->template record_with<O, false>(b.number_, a.near_place())};
    if (a.is_number() && b.is_near())
      return {b.trace_, b.trace_->template record_with<O, true>(a.number_, b.near_place())};
  }
  return record_slowly<O>(attr, a, b);
}

template <class T> template <class O>
inline Var<T> Var<T>::record_vars(const typename O::Attr& attr, const Var& a, const Var& b,
                                  const Var& c) {
  return record_slowly<O>(attr, a, b, c);
}

template <class T> template <class O, class... X>
[[gnu::noinline]] Var<T> Var<T>::record_slowly(const typename O::Attr& attr, const X... x) {
  static_assert(sizeof...(X) == O::arity);
  const std::array<Var, sizeof...(X)> all{x...};
  if ((x.is_number() && ...)) {
    if constexpr (O::elementwise)
      return value_of_numbers<O, T>(attr, x.number_...);
    else
      return compute(op_id<O>(), all, &attr);
  }
  const auto first = std::find_if(all.begin(), all.end() - 1, [](Var v) { return v.trace_; });
  Tape<T>& on = first->tape(O::about.name);
  if constexpr (O::elementwise)
    if (const auto y = on.template record_numbers<O>(attr, all)) return *y;
  return on.record(op_id<O>(), all, &attr);
}

template <class T> template <class... X>
void Var<T>::check_together(const char* call, const X&... x) {
  const auto check = [call]<class A, class B>(const A& a, const B& b) {
    if constexpr (std::is_same_v<A, Var> && std::is_same_v<B, Var>)
      if (!a.is_number() && !b.is_number()) a.tape(call).at(b, call);
  };
  const auto with_all = [&](const auto& a) { (check(a, x), ...); };
  (with_all(x), ...);
}

// An op of numbers that isn't recorded with partials: there are three of them, or one doesn't vary.
// Nothing if it is, if a tensor is among them, or if each value is to be looked at.
template <class T> template <class O, std::size_t n>
std::optional<Var<T>> Tape<T>::record_numbers(const typename O::Attr& attr,
                                              const std::array<Var<T>, n>& in) {
  if (options_.checked) return {};
  std::array<Input<T>, n> operands;
  std::array<T, n> x;
  bool all = varying_, any = false;  // vary; do so where there is a slope
  for (std::size_t k = 0; k < n; ++k) {
    if (in[k].is_number()) {
      x[k] = operands[k].number = in[k].number_;
      continue;
    }
    const std::uint32_t i = operands[k].node = at(in[k], O::about.name);
    if (rank(i) > 0) return {};
    x[k] = trace_.nodes[i].value;
    all = all && varies(i);
    any = any || (varies(i) && (differentiable_inputs<O> >> k & 1));
  }
  if (has_partials<O> && all) return {};
  const T y = [&]<std::size_t... I>(std::index_sequence<I...>) {
    return value_of_numbers<O, T>(attr, x[I]...);
  }
  (std::make_index_sequence<n>{});
  const std::size_t attr_bytes = std::is_empty_v<typename O::Attr> ? 0 : sizeof attr;
  return push_number(op_id<O>(), any && varying_, &attr, attr_bytes, operands, y);
}

template <class T>
[[gnu::always_inline]] inline Var<T> Tape<T>::leaf_number(T value, bool varies, Name name) {
  if (checking_ || !name.text.empty()) return add_leaf({&value, Shape{}}, varies, true, name);
  if (trace_.nodes.full()) grow();
  const std::uint32_t i = trace_.push({leaf_op, varies ? Tag::varies : 0}, value, T(0), T(0), {});
  return handle_on(i, varies);
}

}  // namespace ramp

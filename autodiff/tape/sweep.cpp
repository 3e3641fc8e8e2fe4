// The way back: one loop from the root down. No recursion, no sort; an adjoint is stored where it
// comes first and added to where it comes again.
#include <autodiff/tape/tape.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace ramp {

// A path may be closed: where() took the other branch, a relu is off, a maximum chose the other
// operand, a slice left an element out. Nothing passes there, whatever slopes lie behind it, while
// a 0 that was computed stays a number, and 0 times infinity NaN. Which of the two a 0 is makes a
// difference only where something isn't finite. So the quick sweep doesn't ask, and if it met a
// number that isn't finite, the careful one goes the way again and keeps the two apart: an
// adjoint's element is -0 as long as nothing has reached it. On a checked tape it also names the
// pullback that the first bad adjoint comes from.
template <class T> void Tape<T>::sweep(std::uint32_t root, const Tensor<T>* seed) {
  begin_sweep(root, seed, T(0));
  if (sweep_quickly(root) && !(options_.checked && has_bad_adjoint(root))) return;
  begin_sweep(root, seed, T(-0.0));
  sweep_carefully(root);
  for (std::uint32_t i = 0; i <= root; ++i) {  // what is closed is 0 to its reader
    adjoints_.scalars[i] += T(0);
    T* const data = rank(i) > 0 ? adjoints_.tensors[trace_.nodes[i].tensor] : nullptr;
    for (std::size_t e = 0; data && e < shape_of(i).size(); ++e) data[e] += T(0);
  }
}

template <class T> void Tape<T>::begin_sweep(std::uint32_t root, const Tensor<T>* seed, T nothing) {
  adjoints_.forget();
  check_budget((root + std::size_t{1}) * sizeof(T) + tensors_.size() * sizeof(T*));
  adjoints_.swept = root + 1;
  adjoints_.scalars.resize(adjoints_.swept);
  std::fill_n(adjoints_.scalars.data(), adjoints_.swept, nothing);
  adjoints_.tensors.resize(tensors_.size());
  std::fill_n(adjoints_.tensors.data(), tensors_.size(), nullptr);
  bool add;
  const View<T> at_root = adjoint(root, add);
  for (std::size_t i = 0; i < at_root.size(); ++i) at_root[i] = seed ? (*seed)[i] + T(0) : T(1);
}

// Over nodes with partials, from node i down to the next general one, which it returns, or 0. It
// knows no op and calls nothing. `bad` turns NaN where an adjoint isn't finite.
template <class T>
std::uint32_t sweep_partials(const Node<T>* nodes, T* adjoints, std::uint32_t i, T& bad) {
  T not_finite = 0, g = adjoints[i];
  for (; i > 0 && !nodes[i].is_general(); --i) {
    const Node<T>& node = nodes[i];
    // The next node's adjoint, in a register if this node adds to it: a chain would wait for each
    // store to come back as a load.
    T next = adjoints[i - 1];
    if (g != 0) {
      not_finite += g - g;
      const auto [a, b] = node.in;
      const T to_a = adjoints[a] += node.first * g;
      if (a == i - 1) next = to_a;
      if (b != 0) {
        const T to_b = adjoints[b] += node.second * g;
        if (b == i - 1) next = to_b;
      }
    } else {  // which would hide a partial that isn't finite (or a number, which only costs time)
      not_finite += (node.first + node.second) * g;
    }
    g = next;
  }
  bad += not_finite;
  return i;
}

// False if something wasn't finite.
template <class T> bool Tape<T>::sweep_quickly(std::uint32_t root) {
  const Node<T>* const nodes = trace_.nodes.data();
  T* const adjoints = adjoints_.scalars.data();
  const Arena::Temporary temporary(scratch_);
  const bool* part = nullptr;  // asked for where a 0 may stand for nothing
  bool finite = true;
  T bad = 0;
  for (std::uint32_t i = root; (i = sweep_partials(nodes, adjoints, i, bad)) > 0; --i) {
    if (!varies(i)) continue;
    const T g = adjoints[i];
    bad += g - g;  // of a tensor's node it is 0
    if (op(i) == leaf_op) continue;
    if (rank(i) == 0) {
      if (g == 0 && part == nullptr) part = parts_of(root);
      if (g == 0 && !part[i]) continue;
    }
    const OpInfo& op = op_info(this->op(i));
    finite &= rank(i) == 0 && op.has_slopes ? sweep_numbers(i, op) : sweep_general(i, false);
  }
  return finite && bad == 0;
}

// An op of numbers that didn't keep its partials.
template <class T> bool Tape<T>::sweep_numbers(std::uint32_t i, const OpInfo& op) {
  const Operands<T> in = operands(i);
  std::array<T, 3> x;
  for (std::size_t k = 0; k < in.size(); ++k) x[k] = value_of(in[k])[0];
  const AnyAttr attr = attr_of(i);
  const Conventions c = conventions(i);
  const T g = adjoints_.scalars[i], y = trace_.nodes[i].value;
  T bad = 0;
  for (std::size_t k = 0; k < in.size(); ++k) {
    if (!passes(i, k)) continue;
    const T to = g * op.rules<T>().partials[k](x.data(), y, attr.bytes.data(), c);
    bad += to - to;
    adjoints_.scalars[in[k].node] += to;
  }
  return bad == 0;
}

template <class T> void Tape<T>::sweep_carefully(std::uint32_t root) {
  for (std::uint32_t i = root; i > 0; --i) {
    sweep_general(i, true);
    if (options_.checked) check_adjoints(i);
  }
}

// Which nodes the root gets to by way of pullbacks; in scratch memory.
template <class T> const bool* Tape<T>::parts_of(std::uint32_t root) {
  bool* const part = scratch<bool>(root + std::size_t{1});
  std::fill_n(part, root, false);
  part[root] = true;
  for (std::uint32_t i = root; i > 0; --i) {
    if (!part[i] || op(i) == leaf_op) continue;
    const Operands<T> in = operands(i);
    for (std::size_t k = 0; k < in.size(); ++k)
      if (passes(i, k)) part[in[k].node] = true;
  }
  return part;
}

// The adjoint of node i, to be stored or, with `add`, added to.
template <class T> View<T> Tape<T>::adjoint(std::uint32_t i, bool& add) {
  if (rank(i) == 0) {
    add = true;
    return {&adjoints_.scalars[i], Shape{}};
  }
  const Shape shape = shape_of(i);
  T*& data = adjoints_.tensors[trace_.nodes[i].tensor];
  add = data != nullptr;
  if (add) return {data, shape};
  const bool given = adjoints_.into_parameters && is_parameter(i);
  if (options_.memory_budget && !given) check_budget(Arena::whole(shape.size() * sizeof(T)));
  try {
    data = given ? binding_of(i)->parameter->gradient_.data()
                 : adjoints_.memory.template take_array<T>(shape.size());
  } catch (const std::bad_alloc&) {
    throw_memory_error("[backward] the adjoint of " + describe(i));
  }
  return {data, shape};
}

template <class T> bool Tape<T>::has_bad_adjoint(std::uint32_t root) const {
  for (std::uint32_t i = 1; i <= root; ++i)
    if (const auto g = gradient_of(i); g && first_bad(*g) < g->size()) return true;
  return false;
}

// On a checked tape: whether the adjoints that node i has added to are finite.
template <class T> void Tape<T>::check_adjoints(std::uint32_t i) {
  const Operands<T> in = operands(i);
  for (std::size_t k = 0; k < in.size(); ++k) {
    const auto g = passes(i, k) ? gradient_of(in[k].node) : std::nullopt;
    if (!g || first_bad(*g) == g->size()) continue;
    throw_bad_adjoint(i, k, *g);
  }
}

template <class T>
void Tape<T>::throw_bad_adjoint(std::uint32_t i, std::size_t k, View<const T> g) const {
  const std::size_t e = first_bad(g);
  throw NonFiniteError(
      fmt::format("[{}] the adjoint of {} turns {} at element {} in the pullback of {}{}",
                  op_info(op(i)).about.name, describe(operands(i)[k].node, false), printable(g[e]),
                  e, describe(i), operands_at(i, e, k)));
}

// By way of the op's own pullbacks.
template <class T> bool Tape<T>::sweep_general(std::uint32_t i, bool careful) {
  const OpInfo& op = op_info(this->op(i));
  if (!varies(i) || op.id == leaf_op) return true;
  const Shape shape = shape_of(i);
  Value<T> g{nullptr, shape, &scratch_};
  if (shape.rank() > 0)
    g.data = adjoints_.tensors[trace_.nodes[i].tensor];
  else if (reached(adjoints_.scalars[i]))
    g.data = &adjoints_.scalars[i];
  if (g.data == nullptr) return true;

  const Operands<T> in = operands(i);
  const Arena::Temporary temporary(scratch_);
  Value<T>* const values = scratch<Value<T>>(in.size());
  for (std::size_t k = 0; k < in.size(); ++k) read(in[k], values[k]);
  const auto wanted = [&](std::size_t k) {
    return op.differentiable_in(static_cast<int>(k)) && varies(in[k].node);
  };
  const AnyAttr attr = attr_of(i);
  const bool both = in.size() > 1 && wanted(0) && wanted(1);  // as in conventions(i), which looks
  const double at_zero = options_.at_zero;                    // for what is here
  Call<T> call{{values, in.size()}, {}, attr.bytes.data(), {at_zero, share_at_tie(at_zero, both)}};
  read({i, 0}, call.y);

  // The last operand of this node's size that has no adjoint yet takes over g's memory: nobody
  // reads g again.
  std::size_t heir = in.size();
  if (!careful && !adjoints_.retained && shape.rank() > 0 && (op.elementwise || op.aliases)) {
    for (std::size_t k = 0; k < in.size(); ++k) {
      const std::uint32_t to = in[k].node;
      if (wanted(k) && rank(to) > 0 && values[k].shape.size() == shape.size() &&
          adjoints_.tensors[trace_.nodes[to].tensor] == nullptr &&
          !(adjoints_.into_parameters && is_parameter(to)))
        heir = k;
    }
    for (std::size_t k = 0; k < heir && heir < in.size(); ++k)
      if (in[k].node == in[heir].node)
        heir = in.size();  // f(x, x): the second must add to the first
  }
  bool finite = true;
  const auto pull = [&](std::size_t k, const View<T>& to, bool add) {
    const Arena::Temporary formula(scratch_);
    if (careful)
      pull_carefully(op, call, static_cast<int>(k), g, to, add);
    else
      finite &= pull_back(op, call, static_cast<int>(k), g, to, add);
  };
  for (std::size_t k = 0; k < in.size(); ++k) {
    if (k == heir || !wanted(k)) continue;
    bool add;
    const View<T> to = adjoint(in[k].node, add);
    pull(k, to, add);
  }
  if (heir < in.size()) {
    adjoints_.tensors[trace_.nodes[in[heir].node].tensor] = g.data;
    if (!op.aliases && !op.passes_on_to(static_cast<int>(heir)))
      pull(heir, {g.data, values[heir].shape}, false);
  }
  return finite;
}

// to = pullback(g), or to += pullback(g), where -0 marks what nothing has reached. An element-wise
// op passes nothing on from a closed element. And what a NaN in place of g doesn't get to, the
// formula has closed: it selects there.
template <class T> void Tape<T>::pull_carefully(const OpInfo& op, const Call<T>& call, int input,
                                                const Value<T>& g, const View<T>& to, bool add) {
  constexpr T nan = std::numeric_limits<T>::quiet_NaN();
  const auto temporary = [&](const Shape& shape) {
    return View<T>{scratch<T>(shape.size()), shape};
  };
  const Shape& shape = op.elementwise ? g.shape : to.shape;
  View<T> came = temporary(shape), reach = temporary(shape);
  const View<T> probe = temporary(g.shape);
  for (std::size_t e = 0; e < g.shape.size(); ++e) probe[e] = reached(g.data[e]) ? nan : T(0);
  pull_back(op, call, input, g, came, false);
  pull_back(op, call, input, Value<T>::of(probe, &scratch_), reach, false);
  for (std::size_t e = 0; e < came.size(); ++e) {
    const bool closed = !std::isnan(reach[e]) || (op.elementwise && !reached(g.data[e]));
    if (closed) came[e] = 0;
    reach[e] = closed ? 0 : 1;
  }
  if (!(shape == to.shape)) {  // undo the broadcast
    const Broadcasting how(to.shape, shape);
    for (View<T>* const x : {&came, &reach}) {
      const View<T> sums = temporary(to.shape);
      std::fill(sums.begin(), sums.end(), T(0));
      Folded(sums, scratch_).add(how, x->data, 0, x->size());
      *x = sums;
    }
  }
  for (std::size_t e = 0; e < to.size(); ++e) {
    const T before = add ? to[e] : T(-0.0);
    to[e] = reach[e] == 0 ? before : before + (came[e] + T(0));
  }
}

template class Tape<float>;
template class Tape<double>;

}  // namespace ramp

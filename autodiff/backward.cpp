// The way back: one loop from the root down. No recursion, no sort; an adjoint is stored where it
// comes first and added to where it comes again.
#include <autodiff/tape.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace ramp {

template <class T>
void Tape<T>::check_root(const Var<T>& root, const Shape* seed, const char* call) const {
  const std::uint32_t i = at(root, call);
  const Shape shape = shape_of(i);
  if (seed == nullptr && shape.size() != 1)
    throw GradientError(
        fmt::format("[{}] the root, {}, is no scalar: reduce it by sum() or mean(), or give a "
                    "seed of its shape",
                    call, describe(i)));
  if (seed != nullptr && !(*seed == shape))
    throw ShapeError(fmt::format("[{}] the seed {} must have the root's shape {}", call,
                                 to_string(*seed), to_string(shape)));
}

template <class T> void Tape<T>::backward(const Var<T>& root, BackwardOptions options) {
  run_backward(root, nullptr, options);
}

template <class T>
void Tape<T>::backward(const Var<T>& root, const Tensor<T>& seed, BackwardOptions options) {
  run_backward(root, &seed, options);
}

template <class T>
void Tape<T>::run_backward(const Var<T>& root, const Tensor<T>* seed, BackwardOptions options) {
  const Shape* const seed_shape = seed ? &seed->shape() : nullptr;
  check_root(root, seed_shape, "backward");
  if (!root.varies())  // the gradient is 0, but whoever trains on it has made a mistake
    throw GradientError(
        fmt::format("[backward] the root, {}, depends on no variable: was it "
                    "recorded under no_grad(), or detached? grad() gives zeros",
                    describe(root.index())));
  if (!options.accumulate) return sweep_whole(root, seed, options.retain, true);
  std::vector<std::pair<std::uint32_t, Tensor<T>>> before;  // leaves and what they had
  for (std::uint32_t i = 0; i < size(); ++i) {
    if (nodes_[i].op != leaf_op) continue;
    if (nodes_[i].is(Node<T>::bound))
      before.emplace_back(i, binding_of(i)->parameter->gradient());
    else if (const auto g = gradient_of(i))
      before.emplace_back(i, Tensor<T>(*g));
  }
  const std::uint32_t further = adjoints_.swept;
  sweep_whole(root, seed, options.retain, true);
  if (further > adjoints_.swept) {  // leaves that only the last root reached
    adjoints_.scalars.resize(further);
    std::fill(&adjoints_.scalars[adjoints_.swept], adjoints_.scalars.data() + further, T(-0.0));
    adjoints_.swept = further;
  }
  adjoints_.whole = false;
  const auto begun = [this](void*) {
    if (!adjoints_.whole) adjoints_.swept = 0;
  };
  const std::unique_ptr<void, decltype(begun)> guard(this, begun);
  for (const auto& [i, old] : before) {
    if (nodes_[i].is(Node<T>::bound)) {
      Tensor<T>& gradient = binding_of(i)->parameter->gradient();
      copy(old.size(), old.data(), gradient.data(), true);
      if (nodes_[i].rank() == 0 && i < adjoints_.swept) adjoints_.scalars[i] = gradient[0] + T(0);
    } else {
      bool add;
      const View<T> to = adjoint(i, add);
      copy(old.size(), old.data(), to.data, add);
    }
  }
  adjoints_.whole = true;
}

template <class T>
std::vector<Tensor<T>> Tape<T>::grad(const Var<T>& root, std::span<const Var<T>> inputs) {
  check_root(root, nullptr, "grad");
  check_inputs(inputs, "grad");
  std::swap(adjoints_, grads_);  // what backward() gave stays
  const auto back = [this](void*) { std::swap(adjoints_, grads_); };
  const std::unique_ptr<void, decltype(back)> guard(this, back);
  sweep_whole(root, nullptr, true, false);
  std::vector<Tensor<T>> all;
  for (const Var<T>& x : inputs) all.push_back(gradient(x));
  return all;
}

template <class T>
void Tape<T>::check_inputs(std::span<const Var<T>> inputs, const char* call) const {
  for (const Var<T>& x : inputs) {
    const std::uint32_t i = at(x, call);
    if (!nodes_[i].is(Node<T>::varies))
      throw GradientError(fmt::format("[{}] {} doesn't vary: make it a leaf()", call, describe(i)));
  }
}

template <class T> Tensor<T> Tape<T>::gradient(const Var<T>& x) const {
  const std::uint32_t i = at(x, "gradient");
  const Node<T>& node = nodes_[i];
  const auto fail = [&](const char* why) {
    throw GradientError(fmt::format("[gradient] {}: {}", describe(i), why));
  };
  if (!adjoints_.whole) fail("no backward() has run to its end on this recording");
  if (!node.is(Node<T>::varies)) fail("it doesn't vary, so it has no gradient: make it a leaf()");
  if (i < adjoints_.swept && node.rank() > 0 && node.op != leaf_op && !adjoints_.retained)
    fail("the gradients of interior tensors aren't kept: backward(root, {.retain = true})");
  const auto g = gradient_of(i);
  return g ? Tensor<T>(*g) : Tensor<T>(shape_of(i));
}

template <class T> std::optional<View<const T>> Tape<T>::gradient_of(std::uint32_t i) const {
  const Node<T>& node = nodes_[i];
  if (i >= adjoints_.swept || !node.is(Node<T>::varies)) return {};
  if (node.rank() == 0) {
    if (!reached(adjoints_.scalars[i])) return {};
    return View<const T>{&adjoints_.scalars[i], Shape{}};
  }
  if (node.op != leaf_op && !adjoints_.retained) return {};
  const T* data = adjoints_.tensors[node.tensor];
  if (data == nullptr) return {};
  return View<const T>{data, shape_of(i)};
}

// The adjoint of node i, to be stored or, with `add`, added to.
template <class T> View<T> Tape<T>::adjoint(std::uint32_t i, bool& add) {
  const Node<T>& node = nodes_[i];
  if (node.rank() == 0) {
    add = reached(adjoints_.scalars[i]);
    return {&adjoints_.scalars[i], Shape{}};
  }
  const Shape shape = shape_of(i);
  T*& data = adjoints_.tensors[node.tensor];
  add = data != nullptr;
  if (add) return {data, shape};
  try {
    data = adjoints_.into_parameters && node.is(Node<T>::bound)
               ? binding_of(i)->parameter->gradient().data()
               : adjoints_.memory.template take_array<T>(shape.size());
  } catch (const std::bad_alloc&) {
    throw_memory_error("[backward] the adjoint of " + describe(i));
  }
  return {data, shape};
}

// Half a sweep leaves no gradients.
template <class T> void Tape<T>::sweep_whole(const Var<T>& root, const Tensor<T>* seed, bool retain,
                                             bool into_parameters) {
  try {
    sweep(root, seed, retain, into_parameters);
    adjoints_.whole = true;
  } catch (const std::bad_alloc&) {
    adjoints_.swept = 0;
    throw_memory_error(fmt::format("[backward] the adjoints of {} nodes", root.index() + 1));
  } catch (...) {
    if (!adjoints_.whole) adjoints_.swept = 0;  // it had begun
    throw;
  }
}

template <class T>
void Tape<T>::sweep(const Var<T>& root, const Tensor<T>* seed, bool retain, bool into_parameters) {
  settle();
  const std::uint32_t root_index = root.index();
  for (const Binding& b : bindings_)
    if (b.parameter->version() != b.version)
      throw GradientError(
          fmt::format("[backward] parameter '{}' was changed after this tape read it, so the "
                      "recorded values no "
                      "longer fit: record again",
                      b.parameter->name()));
  if (options_.checked && seed && first_bad(seed->view()) < seed->size())
    throw NonFiniteError("[backward] the seed isn't finite");
  adjoints_.swept = root_index + 1;
  adjoints_.whole = false;
  adjoints_.retained = retain || options_.checked;
  adjoints_.into_parameters = into_parameters;
  adjoints_.scalars.resize(adjoints_.swept);
  std::fill_n(adjoints_.scalars.data(), adjoints_.swept, T(-0.0));
  adjoints_.tensors.resize(tensors_.size());
  std::fill_n(adjoints_.tensors.data(), tensors_.size(), nullptr);
  adjoints_.memory.rewind({});

  bool add;
  const View<T> at_root = adjoint(root_index, add);
  for (std::size_t i = 0; i < at_root.size(); ++i) at_root[i] = seed ? (*seed)[i] + T(0) : T(1);

  const Rules<T>* const* const rules = all_rules<T>();
  const Sweep<T> scalars{nodes_.data(), adjoints_.scalars.data(), pool_.data(), attrs_.data(),
                         options_.at_zero};
  using N = Node<T>;
  const bool checked = options_.checked;
  for (std::uint32_t i = adjoints_.swept; i-- > 0;) {
    const N& node = nodes_[i];
    if (!node.is(N::varies) || node.op == leaf_op) continue;
    if (node.is(N::shaped)) {
      sweep_tensor(i);
    } else {
      const T g = adjoints_.scalars[i];
      if (reached(g)) rules[node.op]->sweep(node, g, scalars);
    }
    if (checked) check_adjoints(i);
  }
  if (!into_parameters) return;
  for (const Binding& b : bindings_) {  // scalars swept in the tape's own, and the unreached
    Tensor<T>& gradient = b.parameter->gradient();
    if (nodes_[b.node].rank() == 0)
      gradient[0] = b.node < adjoints_.swept ? adjoints_.scalars[b.node] + T(0) : T(0);
    else if (b.node >= adjoints_.swept || adjoints_.tensors[nodes_[b.node].tensor] == nullptr)
      std::fill(gradient.begin(), gradient.end(), T(0));
  }
}

// On a checked tape: whether the adjoints that node i has added to are finite.
template <class T> void Tape<T>::check_adjoints(std::uint32_t i) {
  const std::span<const std::uint32_t> in = operands(i);
  for (std::size_t k = 0; k < in.size(); ++k) {
    const auto g = passes(i, k) ? gradient_of(in[k]) : std::nullopt;
    const std::size_t e = g ? first_bad(*g) : 0;
    if (!g || e == g->size()) continue;
    adjoints_.swept = 0;  // half a sweep leaves no gradients
    throw NonFiniteError(
        fmt::format("[{}] the adjoint of {} turns {} at element {} in the pullback of {}{}",
                    op_info(nodes_[i].op).about.name, describe(in[k], false), plain((*g)[e]), e,
                    describe(i), operands_at(i, e, k)));
  }
}

template <class T> void Tape<T>::sweep_tensor(std::uint32_t i) {
  using N = Node<T>;
  const N& node = nodes_[i];
  const Shape shape = shape_of(i);
  Value<T> g{nullptr, shape, &scratch_};
  if (node.rank() > 0)
    g.data = adjoints_.tensors[node.tensor];
  else if (reached(adjoints_.scalars[i]))
    g.data = &adjoints_.scalars[i];
  if (g.data == nullptr) return;

  const OpInfo& op = op_info(node.op);
  const std::span<const std::uint32_t> in = operands(i);
  const Arena::Temporary temporary(scratch_);
  Value<T>* const values = scratch<Value<T>>(in.size());
  for (std::size_t k = 0; k < in.size(); ++k) read(in[k], values[k]);
  Call<T> call{{values, in.size()}, {}, attr_of(i), conventions(node)};
  read(i, call.y);
  const auto wanted = [&](std::size_t k) {
    return op.differentiable_in(static_cast<int>(k)) && operand_varies(node, k, in[k]);
  };

  // The last operand of this node's size that has no adjoint yet takes over g's memory: nobody
  // reads g again.
  std::size_t heir = in.size();
  if (!adjoints_.retained && node.rank() > 0 && (op.elementwise || op.aliases)) {
    for (std::size_t k = 0; k < in.size(); ++k) {
      const N& to = nodes_[in[k]];
      if (wanted(k) && to.rank() > 0 && values[k].shape.size() == shape.size() &&
          adjoints_.tensors[to.tensor] == nullptr &&
          !(adjoints_.into_parameters && to.is(N::bound)))
        heir = k;
    }
    for (std::size_t k = 0; k < heir && heir < in.size(); ++k)
      if (in[k] == in[heir]) heir = in.size();  // f(x, x): the second must add to the first
  }
  const auto pull = [&](std::size_t k, const View<T>& to, bool add) {
    const Arena::Temporary formula(scratch_);
    pull_back(op, call, static_cast<int>(k), g, to, add);
  };
  for (std::size_t k = 0; k < in.size(); ++k) {
    if (k == heir || !wanted(k)) continue;
    bool add;
    const View<T> to = adjoint(in[k], add);
    pull(k, to, add);
    if (to.shape.rank() == 0) to[0] = to[0] + T(0);  // reached, even by -0
  }
  if (heir < in.size()) {
    adjoints_.tensors[nodes_[in[heir]].tensor] = g.data;
    if (!op.aliases && !op.passes_on_to(static_cast<int>(heir)))
      pull(heir, {g.data, values[heir].shape}, false);
  }
}

template <class T> std::vector<Var<T>> Tape<T>::grad_on_tape(const Var<T>& root,
                                                             std::span<const Var<T>> inputs,
                                                             std::optional<Var<T>> seed) {
  const Shape seed_shape = seed ? shape_of(at(*seed, "grad_on_tape")) : Shape{};
  check_root(root, seed ? &seed_shape : nullptr, "grad_on_tape");
  check_inputs(inputs, "grad_on_tape");
  const Mark before = mark();
  try {
    return record_gradients(root, inputs, seed);
  } catch (const std::bad_alloc&) {
    drop(before);
    throw_memory_error("[grad_on_tape] the gradients of " + describe(root.index()));
  } catch (...) {
    drop(before);
    throw;
  }
}

template <class T>
std::vector<Var<T>> Tape<T>::record_gradients(const Var<T>& root, std::span<const Var<T>> inputs,
                                              const std::optional<Var<T>>& seed) {
  const std::uint32_t n = root.index() + 1;
  std::vector<bool> between(n);  // depends on one of the inputs
  for (const Var<T>& x : inputs)
    if (x.index() < n) between[x.index()] = true;
  for (std::uint32_t i = 0; i < n; ++i) {
    if (!nodes_[i].is(Node<T>::varies)) between[i] = false;
    if (between[i] || !nodes_[i].is(Node<T>::varies)) continue;
    for (const std::uint32_t k : operands(i))
      if (between[k]) between[i] = true;
  }
  std::vector<std::optional<Var<T>>> adjoints(n);
  if (between[root.index()]) {
    adjoints[root.index()] = seed                          ? *seed
                             : nodes_[root.index()].rank() ? constant(Tensor<T>(root.shape(), T(1)))
                                                           : constant(T(1));
  }
  std::vector<Var<T>> in;
  for (std::uint32_t i = n; i-- > 0;) {
    if (!adjoints[i] || nodes_[i].op == leaf_op) continue;
    const OpInfo& op = op_info(nodes_[i].op);
    in.clear();
    for (const std::uint32_t k : operands(i)) in.push_back(handle(k));
    AnyAttr attr;  // a copy: recording may move the tape's own
    std::memcpy(attr.bytes.data(), attr_of(i), op.attr_bytes);
    const VarCall<T> call{in, handle(i), attr.bytes.data(), conventions(nodes_[i])};
    for (std::size_t k = 0; k < in.size(); ++k) {
      const std::uint32_t to = in[k].index();
      if (!between[to] || !op.differentiable_in(static_cast<int>(k))) continue;
      if (!operand_varies(nodes_[i], k, to)) continue;
      const Var<T> g = op.rules<T>().symbols[op.arity == variadic ? 0 : k](
          call, static_cast<int>(k), *adjoints[i]);
      adjoints[to] = adjoints[to] ? *adjoints[to] + g : g;
    }
  }
  std::vector<Var<T>> all;
  for (const Var<T>& x : inputs)
    if (x.index() < n && adjoints[x.index()])
      all.push_back(*adjoints[x.index()]);
    else
      all.push_back(nodes_[x.index()].rank() ? constant(Tensor<T>(x.shape())) : constant(T(0)));
  return all;
}

// The members that this file defines; tape.cpp has the others.
template class Tape<float>;
template class Tape<double>;

}  // namespace ramp

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
    if (nodes_[i].is(Node<T>::bound)) {  // one of an earlier step is no summand
      const Parameter<T>& p = *binding_of(i)->parameter;
      if (p.has_gradient()) before.emplace_back(i, p.gradient());
    } else if (const auto g = gradient_of(i)) {
      before.emplace_back(i, Tensor<T>(*g));
    }
  }
  const std::uint32_t further = adjoints_.swept;
  try {
    sweep_whole(root, seed, options.retain, true);
  } catch (...) {  // what earlier batches gave isn't lost with this one
    for (const auto& [i, old] : before)
      if (nodes_[i].is(Node<T>::bound))
        copy(old.size(), old.data(), binding_of(i)->parameter->edit_gradient().data, false);
    throw;
  }
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
      const View<T> gradient = binding_of(i)->parameter->edit_gradient();
      copy(old.size(), old.data(), gradient.data, true);
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
               ? binding_of(i)->parameter->gradient_.data()
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
  if (into_parameters)
    for (const Binding& b : bindings_) b.parameter->has_gradient_ = false;  // until all is done
  adjoints_.whole = false;
  adjoints_.retained = retain || options_.checked;
  adjoints_.into_parameters = into_parameters;
  if (options_.checked || !sweep_once(root_index, seed, false)) {
    sweep_once(root_index, seed, true);
    for (std::uint32_t i = 0; i < adjoints_.swept; ++i) {  // what is closed is 0 to its reader
      T* const data = nodes_[i].rank() > 0 ? adjoints_.tensors[nodes_[i].tensor] : nullptr;
      for (std::size_t e = 0; data && e < shape_of(i).size(); ++e) data[e] += T(0);
    }
  }
  if (!into_parameters) return;
  finish_parameters(root_index);
}

// The gradients of scalars, which are swept in the tape's own memory, and of what nothing reached:
// 0. Whether a parameter has a gradient is up to the graph alone, so that a step doesn't depend on
// which gate happened to be closed.
template <class T> void Tape<T>::finish_parameters(std::uint32_t root) {
  bool all = true;
  for (const Binding& b : bindings_) {
    Tensor<T>& gradient = b.parameter->gradient_;
    const Node<T>& node = nodes_[b.node];
    bool& has = b.parameter->has_gradient_;
    if (node.rank() == 0) {
      has = b.node <= root && reached(adjoints_.scalars[b.node]);
      gradient[0] = has ? adjoints_.scalars[b.node] + T(0) : T(0);
    } else {
      has = b.node <= root && adjoints_.tensors[node.tensor] != nullptr;
      if (!has) std::fill(gradient.begin(), gradient.end(), T(0));
    }
    all &= has;
  }
  if (all) return;
  const Arena::Temporary temporary(scratch_);
  bool* const part = scratch<bool>(root + std::size_t{1});  // of the root, by way of pullbacks
  std::fill_n(part, root, false);
  part[root] = true;
  for (std::uint32_t i = root + 1; i-- > 0;) {
    if (!part[i] || nodes_[i].op == leaf_op) continue;
    const std::span<const std::uint32_t> in = operands(i);
    for (std::size_t k = 0; k < in.size(); ++k)
      if (passes(i, k)) part[in[k]] = true;
  }
  for (const Binding& b : bindings_) b.parameter->has_gradient_ = b.node <= root && part[b.node];
}

// A path may be closed: where() took the other branch, a relu is off, a maximum chose the other
// operand, a slice left an element out. Nothing passes there, whatever slopes lie behind it, while
// a 0 that was computed stays a number, and 0 times infinity NaN. Which of the two a 0 is makes a
// difference only where something isn't finite. So the quick sweep doesn't ask, and if it met a
// number that isn't finite, the careful one goes the way again and keeps the two apart: an
// adjoint's element is -0 as long as nothing has reached it.
template <class T>
bool Tape<T>::sweep_once(std::uint32_t root, const Tensor<T>* seed, bool careful) {
  adjoints_.swept = root + 1;
  adjoints_.scalars.resize(adjoints_.swept);
  std::fill_n(adjoints_.scalars.data(), adjoints_.swept, T(-0.0));
  adjoints_.tensors.resize(tensors_.size());
  std::fill_n(adjoints_.tensors.data(), tensors_.size(), nullptr);
  adjoints_.memory.rewind({});

  bool add, finite = true;
  const View<T> at_root = adjoint(root, add);
  for (std::size_t i = 0; i < at_root.size(); ++i) at_root[i] = seed ? (*seed)[i] + T(0) : T(1);

  const Rules<T>* const* const rules = all_rules<T>();
  const Sweep<T> scalars{nodes_.data(), adjoints_.scalars.data(), pool_.data(), attrs_.data(),
                         options_.at_zero};
  using N = Node<T>;
  const bool checked = options_.checked;
  for (std::uint32_t i = adjoints_.swept; i-- > 0;) {
    const N& node = nodes_[i];
    if (!node.is(N::varies) || node.op == leaf_op) continue;
    if (careful || node.is(N::shaped)) {
      finite &= sweep_tensor(i, careful);
    } else {
      const T g = adjoints_.scalars[i];
      if (reached(g)) rules[node.op]->sweep(node, g, scalars);
    }
    if (checked) check_adjoints(i);
  }
  T bad = 0;  // x - x is NaN where x isn't finite
  for (std::uint32_t i = 0; i < adjoints_.swept; ++i)
    bad += adjoints_.scalars[i] - adjoints_.scalars[i];
  return finite && bad == 0;
}

// On a checked tape: whether the adjoints that node i has added to are finite.
template <class T> void Tape<T>::check_adjoints(std::uint32_t i) {
  const std::span<const std::uint32_t> in = operands(i);
  for (std::size_t k = 0; k < in.size(); ++k) {
    const auto g = passes(i, k) ? gradient_of(in[k]) : std::nullopt;
    if (!g || first_bad(*g) == g->size()) continue;
    adjoints_.swept = 0;  // half a sweep leaves no gradients
    throw_bad_adjoint(i, k, *g);
  }
}

template <class T>
void Tape<T>::throw_bad_adjoint(std::uint32_t i, std::size_t k, View<const T> g) const {
  const std::size_t e = first_bad(g);
  throw NonFiniteError(
      fmt::format("[{}] the adjoint of {} turns {} at element {} in the pullback of {}{}",
                  op_info(nodes_[i].op).about.name, describe(operands(i)[k], false), plain(g[e]), e,
                  describe(i), operands_at(i, e, k)));
}

template <class T> bool Tape<T>::sweep_tensor(std::uint32_t i, bool careful) {
  using N = Node<T>;
  const N& node = nodes_[i];
  const Shape shape = shape_of(i);
  Value<T> g{nullptr, shape, &scratch_};
  if (node.rank() > 0)
    g.data = adjoints_.tensors[node.tensor];
  else if (reached(adjoints_.scalars[i]))
    g.data = &adjoints_.scalars[i];
  if (g.data == nullptr) return true;

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
  if (!careful && !adjoints_.retained && node.rank() > 0 && (op.elementwise || op.aliases)) {
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
    const View<T> to = adjoint(in[k], add);
    pull(k, to, add);
    if (!careful && to.shape.rank() == 0) to[0] = to[0] + T(0);  // reached, even by -0
  }
  if (heir < in.size()) {
    adjoints_.tensors[nodes_[in[heir]].tensor] = g.data;
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
  // As in a sweep: with care only where a number isn't finite.
  const Mark before = mark();
  std::vector<std::optional<Var<T>>> adjoints(n);
  if (options_.checked || !record_adjoints(root, between, seed, false, adjoints)) {
    drop(before);
    record_adjoints(root, between, seed, true, adjoints);
  }
  std::vector<Var<T>> all;
  for (const Var<T>& x : inputs)
    if (x.index() < n && adjoints[x.index()])
      all.push_back(*adjoints[x.index()]);
    else
      all.push_back(nodes_[x.index()].rank() ? constant(Tensor<T>(x.shape())) : constant(T(0)));
  return all;
}

// The adjoints of the nodes up to the root that lie `between` it and the inputs, as handles.
// Without care: false at the first that isn't finite. With it, a sweep in numbers says first what
// is closed, and what is recorded passes nothing on there, either.
template <class T> bool Tape<T>::record_adjoints(const Var<T>& root,
                                                 const std::vector<bool>& between,
                                                 const std::optional<Var<T>>& seed, bool careful,
                                                 std::vector<std::optional<Var<T>>>& adjoints) {
  const std::uint32_t end = root.index() + 1;
  adjoints.assign(end, {});
  if (!between[end - 1]) return true;
  const Tensor<T> at_root = seed ? seed->value() : Tensor<T>(root.shape(), T(1));
  std::swap(adjoints_, grads_);  // what backward() gave stays
  const auto back = [this](void*) { std::swap(adjoints_, grads_); };
  const std::unique_ptr<void, decltype(back)> guard(this, back);
  const Unchecked within(*this);  // what a pullback gives is looked at below, not its steps
  if (careful) {
    adjoints_.retained = true;
    adjoints_.into_parameters = false;
    sweep_once(end - 1, &at_root, true);
  }
  adjoints[end - 1] = seed ? *seed : root.shape().rank() ? constant(at_root) : constant(T(1));
  std::vector<Var<T>> in;
  for (std::uint32_t i = end; i-- > 0;) {
    if (!adjoints[i] || nodes_[i].op == leaf_op) continue;
    std::optional<Var<T>> open;
    if (careful) {
      const auto g = gradient_of(i);
      const auto closed = g ? std::count_if(g->begin(), g->end(), [](T e) { return !reached(e); })
                            : std::ptrdiff_t{0};
      if (!g || closed == static_cast<std::ptrdiff_t>(g->size())) continue;
      if (closed > 0 && op_info(nodes_[i].op).elementwise) {
        Tensor<T> mask(g->shape);
        std::transform(g->begin(), g->end(), mask.begin(), [](T e) { return T(reached(e)); });
        open = constant(mask);
      }
    }
    const OpInfo& op = op_info(nodes_[i].op);
    in.clear();
    for (const std::uint32_t k : operands(i)) in.push_back(handle(k));
    AnyAttr attr;  // a copy: recording may move the tape's own
    std::memcpy(attr.bytes.data(), attr_of(i), op.attr_bytes);
    const VarCall<T> call{in, handle(i), attr.bytes.data(), conventions(nodes_[i]),
                          open ? &*open : nullptr};
    for (std::size_t k = 0; k < in.size(); ++k) {
      const std::uint32_t to = in[k].index();
      if (!between[to] || !op.differentiable_in(static_cast<int>(k))) continue;
      if (!operand_varies(nodes_[i], k, to)) continue;
      const Var<T> g = op.rules<T>().symbols[op.arity == variadic ? 0 : k](
          call, static_cast<int>(k), *adjoints[i]);
      adjoints[to] = adjoints[to] ? *adjoints[to] + g : g;
      const View<const T> sum = adjoints[to]->view();
      const std::size_t e = first_bad(sum);
      if (e == sum.size()) continue;
      if (options_.checked) throw_bad_adjoint(i, k, sum);
      if (!careful) return false;
    }
  }
  return true;
}

// The members that this file defines; tape.cpp has the others.
template class Tape<float>;
template class Tape<double>;

}  // namespace ramp

// What is asked of the way back: gradients as values, of leaves and of parameters.
#include <autodiff/tape/tape.hpp>

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
  if (root.is_number())
    throw GradientError(
        fmt::format("[backward] the root is the number {}, which no variable went into",
                    printable(root.number_)));
  check_root(root, seed_shape, "backward");
  if (!root.varies())  // the gradient is 0, but whoever trains on it has made a mistake
    throw GradientError(
        fmt::format("[backward] the root, {}, depends on no variable: was it "
                    "recorded under no_grad(), or detached? grad() gives zeros",
                    describe(root.index())));
  if (options.accumulate)
    accumulate(root, seed, options.retain);
  else
    sweep_whole(root, seed, options.retain, true);
}

// What earlier batches gave isn't lost with one that fails.
template <class T>
void Tape<T>::accumulate(const Var<T>& root, const Tensor<T>* seed, bool retain) {
  std::vector<std::pair<const Binding*, Tensor<T>>> before;
  for (const Binding& b : bindings_)  // one of an earlier step is no summand
    if (b.parameter->has_gradient()) before.emplace_back(&b, b.parameter->gradient());
  Aside last(*this);
  try {
    sweep_whole(root, seed, retain, true);
    if (grads_.swept > adjoints_.swept) {  // leaves that only the last root reached
      adjoints_.scalars.resize(grads_.swept);
      std::fill(&adjoints_.scalars[adjoints_.swept], &adjoints_.scalars[grads_.swept], T(0));
      adjoints_.swept = grads_.swept;
    }
    for (std::uint32_t i = 1; i < grads_.swept; ++i) {
      const auto old = op(i) == leaf_op && !is_parameter(i) ? gradient_of(i, grads_) : std::nullopt;
      if (!old) continue;
      bool add;
      const View<T> to = adjoint(i, add);
      copy(old->size(), old->data, to.data, add);
    }
  } catch (...) {
    for (const auto& [b, old] : before)
      copy(old.size(), old.data(), b->parameter->edit_gradient().data, false);
    throw;
  }
  for (const auto& [b, old] : before) {
    const View<T> gradient = b->parameter->edit_gradient();
    copy(old.size(), old.data(), gradient.data, true);
    if (rank(b->node) == 0 && b->node < adjoints_.swept) adjoints_.scalars[b->node] = gradient[0];
  }
  last.give_up();
}

template <class T>
std::vector<Tensor<T>> Tape<T>::grad(const Var<T>& root, std::span<const Var<T>> inputs) {
  check_inputs(inputs, "grad");
  std::vector<Tensor<T>> all;
  if (root.is_number()) {
    for (const Var<T>& x : inputs) all.emplace_back(x.shape());
    return all;
  }
  check_root(root, nullptr, "grad");
  const Aside last(*this);
  sweep_whole(root, nullptr, true, false);
  for (const Var<T>& x : inputs) all.push_back(gradient(x));
  return all;
}

template <class T>
void Tape<T>::check_inputs(std::span<const Var<T>> inputs, const char* call) const {
  for (const Var<T>& x : inputs) {
    const std::uint32_t i = at(x, call);
    if (!varies(i))
      throw GradientError(fmt::format("[{}] {} doesn't vary: make it a leaf()", call, describe(i)));
  }
}

template <class T> Tensor<T> Tape<T>::gradient(const Var<T>& x) const {
  const std::uint32_t i = at(x, "gradient");
  const auto fail = [&](const char* why) {
    throw GradientError(fmt::format("[gradient] {}: {}", describe(i), why));
  };
  if (!adjoints_.whole) fail("no backward() has run to its end on this recording");
  if (!varies(i)) fail("it doesn't vary, so it has no gradient: make it a leaf()");
  if (i < adjoints_.swept && rank(i) > 0 && op(i) != leaf_op && !adjoints_.retained)
    fail("the gradients of interior tensors aren't kept: backward(root, {.retain = true})");
  const auto g = gradient_of(i);
  return g ? Tensor<T>(*g) : Tensor<T>(shape_of(i));
}

template <class T>
std::optional<View<const T>> Tape<T>::gradient_of(std::uint32_t i, const Adjoints<T>& of) const {
  if (i >= of.swept || !varies(i)) return {};
  if (rank(i) == 0) return View<const T>{&of.scalars[i], Shape{}};
  if (op(i) != leaf_op && !of.retained) return {};
  const T* data = of.tensors[trace_.nodes[i].tensor];
  if (data == nullptr) return {};
  return View<const T>{data, shape_of(i)};
}

template <class T> void Tape<T>::check_parameters(const char* call) const {
  for (const Binding& b : bindings_)
    if (b.parameter->version() != b.version)
      throw GradientError(
          fmt::format("[{}] parameter '{}' was changed after this tape read it, so the recorded "
                      "values no longer fit: record again",
                      call, b.parameter->name()));
}

// Half a sweep leaves no gradients.
template <class T> void Tape<T>::sweep_whole(const Var<T>& root, const Tensor<T>* seed, bool retain,
                                             bool into_parameters) {
  check_parameters(into_parameters ? "backward" : "grad");
  if (options_.checked && seed && first_bad(seed->view()) < seed->size())
    throw NonFiniteError("[backward] the seed isn't finite");
  const std::uint32_t i = root.index();
  if (into_parameters)
    for (const Binding& b : bindings_) b.parameter->has_gradient_ = false;  // until all is done
  adjoints_.whole = false;
  adjoints_.retained = retain || options_.checked;
  adjoints_.into_parameters = into_parameters;
  try {
    sweep(i, seed);
    if (into_parameters) finish_parameters(i);
    adjoints_.whole = true;
  } catch (const std::bad_alloc&) {
    adjoints_.forget();
    throw_memory_error(fmt::format("[backward] the adjoints of {} nodes", i));
  } catch (...) {
    adjoints_.forget();
    throw;
  }
}

// The gradients of scalars, which are swept in the tape's own memory, and of what nothing reached:
// 0. Whether a parameter has a gradient is up to the graph alone, so that a step doesn't depend on
// which gate happened to be closed.
template <class T> void Tape<T>::finish_parameters(std::uint32_t root) {
  bool all = true;
  for (const Binding& b : bindings_) {
    if (!varies(b.node)) continue;  // it is frozen
    Tensor<T>& gradient = b.parameter->gradient_;
    bool& has = b.parameter->has_gradient_;
    if (rank(b.node) == 0) {
      gradient[0] = b.node <= root ? adjoints_.scalars[b.node] : T(0);
      has = gradient[0] != 0;
    } else {
      has = b.node <= root && adjoints_.tensors[trace_.nodes[b.node].tensor] != nullptr;
      if (!has) std::fill(gradient.begin(), gradient.end(), T(0));
    }
    all &= has;
  }
  if (all) return;
  const Arena::Temporary temporary(scratch_);
  const bool* const part = parts_of(root);
  for (const Binding& b : bindings_)
    b.parameter->has_gradient_ = b.node <= root && varies(b.node) && part[b.node];
}

template class Tape<float>;
template class Tape<double>;

}  // namespace ramp

// The way back, recorded: gradients as handles, to be differentiated again or drawn.
#include <autodiff/tape/tape.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace ramp {

template <class T> std::vector<Var<T>> Tape<T>::grad_on_tape(const Var<T>& root,
                                                             std::span<const Var<T>> inputs,
                                                             std::optional<Var<T>> seed) {
  const Shape seed_shape = seed ? shape_of(at(*seed, "grad_on_tape")) : Shape{};
  if (!root.is_number()) check_root(root, seed ? &seed_shape : nullptr, "grad_on_tape");
  check_inputs(inputs, "grad_on_tape");
  check_parameters("grad_on_tape");
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
  const std::uint32_t n = root.is_number() ? 1 : root.index() + 1;
  std::vector<bool> between(n);  // depends on one of the inputs
  for (const Var<T>& x : inputs)
    if (x.index() < n) between[x.index()] = true;
  for (std::uint32_t i = 1; i < n; ++i) {
    if (!varies(i)) between[i] = false;
    if (between[i] || !varies(i)) continue;
    for (const Input<T> x : operands(i))
      if (between[x.node]) between[i] = true;
  }
  // As in a sweep: with care only where a number isn't finite.
  const Mark before = mark();
  std::vector<std::optional<Var<T>>> adjoints(n);
  if (!record_adjoints(n - 1, between, seed, false, adjoints)) {
    drop(before);
    record_adjoints(n - 1, between, seed, true, adjoints);
  }
  std::vector<Var<T>> all;
  for (const Var<T>& x : inputs)
    if (const auto& g = x.index() < n ? adjoints[x.index()] : std::nullopt)
      all.push_back(g->is_number() ? constant(g->number_) : *g);
    else
      all.push_back(rank(x.index()) ? constant(Tensor<T>(x.shape())) : constant(T(0)));
  return all;
}

// The adjoints of the nodes up to the root that lie `between` it and the inputs, as handles.
// Without care: false at the first that isn't finite. With it, a sweep in numbers says first what
// is closed, and what is recorded passes nothing on there, either.
template <class T> bool Tape<T>::record_adjoints(std::uint32_t root,
                                                 const std::vector<bool>& between,
                                                 const std::optional<Var<T>>& seed, bool careful,
                                                 std::vector<std::optional<Var<T>>>& adjoints) {
  adjoints.assign(root + std::size_t{1}, {});
  if (!between[root]) return true;
  const Tensor<T> at_root = seed ? seed->value() : Tensor<T>(shape_of(root), T(1));
  const Aside last(*this);
  const Unchecked within(*this);  // what a pullback gives is looked at below, not its steps
  if (careful) {
    adjoints_.retained = true;
    adjoints_.into_parameters = false;
    begin_sweep(root, &at_root, T(-0.0));
    sweep_carefully(root);
  }
  adjoints[root] = seed ? *seed : rank(root) ? constant(at_root) : Var<T>(T(1));
  std::vector<Var<T>> in;
  for (std::uint32_t i = root; i > 0; --i) {
    const OpInfo& op = op_info(this->op(i));
    if (!adjoints[i] || op.id == leaf_op) continue;
    std::optional<Var<T>> open;
    if (careful) {
      const auto g = gradient_of(i);
      const auto closed = g ? std::count_if(g->begin(), g->end(), [](T e) { return !reached(e); })
                            : std::ptrdiff_t{0};
      if (!g || closed == static_cast<std::ptrdiff_t>(g->size())) continue;
      if (closed > 0 && op.elementwise) {
        Tensor<T> mask(g->shape);
        std::transform(g->begin(), g->end(), mask.begin(), [](T e) { return T(reached(e)); });
        open = constant(mask);
      }
    }
    // What isn't element by element knows no numbers.
    if (!op.elementwise && adjoints[i]->is_number()) adjoints[i] = constant(adjoints[i]->number_);
    const Operands<T> operands = this->operands(i);
    in.clear();
    for (const Input<T> x : operands) in.push_back(x.node ? handle(x.node) : Var<T>(x.number));
    const AnyAttr attr = attr_of(i);
    const VarCall<T> call{in, handle(i), attr.bytes.data(), conventions(i),
                          open ? &*open : nullptr};
    for (std::size_t k = 0; k < in.size(); ++k) {
      const std::uint32_t to = in[k].is_number() ? 0 : in[k].index();
      if (!between[to] || !passes(i, k)) continue;
      const Var<T> g = op.rules<T>().symbols[op.arity == variadic ? 0 : k](
          call, static_cast<int>(k), *adjoints[i]);
      adjoints[to] = adjoints[to] ? *adjoints[to] + g : g;
      const View<const T> sum = adjoints[to]->view();
      const std::size_t e = first_bad(sum);
      if (e == sum.size()) continue;
      if (!careful) return false;
      if (options_.checked) throw_bad_adjoint(i, k, sum);
    }
  }
  return true;
}

template class Tape<float>;
template class Tape<double>;

}  // namespace ramp

// Runs rules over tensors: element-wise ones block by block, so that operands that broadcast are
// widened in cache and each formula is compiled for whole blocks only.
#include <autodiff/kernels/blocks.hpp>
#include <autodiff/kernels/reduce.hpp>
#include <autodiff/tape/value.hpp>

#include <optional>

namespace ramp {
namespace {

// Whether every operand has this shape: then a kernel reads them where they are.
template <class T> bool all_have(const Shape& shape, std::span<const Value<T>> in) {
  return std::all_of(in.begin(), in.end(), [&](const Value<T>& x) { return x.shape == shape; });
}

template <class T> void elementwise_value(const OpInfo& op, std::span<const Value<T>> in,
                                          const void* attr, const View<T>& y, bool add) {
  const std::size_t size = y.size();
  if (size == 0) return;
  if (size == 1 && !add) {
    std::array<T, 3> x{};
    for (std::size_t k = 0; k < in.size(); ++k) x[k] = in[k].data[0];
    y.data[0] = op.rules<T>().scalar(x.data(), attr);
    return;
  }
  const auto kernel = op.rules<T>().value_kernel;
  if (!add && all_have(y.shape, in)) {
    std::array<const T*, 3> operands{};
    for (std::size_t k = 0; k < in.size(); ++k) operands[k] = in[k].data;
    return kernel(size, operands.data(), y.data, attr);
  }
  std::array<T, block> sum;
  in_blocks<T>(y.shape, in, [&](std::size_t i, std::size_t n, const auto& x) {
    kernel(n, x.data(), add ? sum.data() : y.data + i, attr);
    if (add) copy(n, sum.data(), y.data + i, true);
  });
}

template <class T> bool elementwise_pull(const OpInfo& op, const Call<T>& call, int input,
                                         const Value<T>& g, const View<T>& to, bool add) {
  const std::size_t size = g.shape.size();
  const auto kernel = op.rules<T>().pull_kernels[static_cast<std::size_t>(input)];
  if (kernel && to.shape == g.shape && all_have(g.shape, call.in)) {
    std::array<const T*, 5> operands{g.data};
    for (std::size_t k = 0; k < call.in.size(); ++k) operands[k + 1] = call.in[k].data;
    operands[call.in.size() + 1] = call.y.data;
    return kernel(size, operands.data(), to.data, add, call.attr, call.conventions);
  }
  const Broadcasting undo(to.shape, g.shape);
  const bool folds = !(undo.whole && to.size() == size);
  if (folds && !add) std::fill_n(to.data, to.size(), T(0));
  if (size == 0) return true;
  if (op.passes_on_to(input)) {
    if (folds)
      Folded(to, *g.scratch).add(undo, g.data, 0, size);
    else
      copy(size, g.data, to.data, add);
    return true;
  }
  std::array<T, block> part;
  std::optional<Folded<T>> sums;
  if (folds) sums.emplace(to, *g.scratch);
  bool finite = true;
  in_blocks<T>(g.shape, call.in, [&](std::size_t i, std::size_t n, const auto& x) {
    std::array<const T*, 5> operands{g.data + i};
    std::copy_n(x.begin(), call.in.size(), operands.begin() + 1);
    operands[call.in.size() + 1] = call.y.data + i;
    finite &= kernel(n, operands.data(), folds ? part.data() : to.data + i, !folds && add,
                     call.attr, call.conventions);
    if (folds) sums->add(undo, part.data(), i, n);
  });
  return finite;
}

}  // namespace

template <class T> void Value<T>::into(const View<T>& y, bool add) const {
  if (!transposed) return copy(y.size(), data, y.data, add);
  const int r = shape.rank();
  Walk walk = row_major(shape.with(r - 2, shape[r - 1]).with(r - 1, shape[r - 2]));
  std::swap(walk.steps[static_cast<std::size_t>(r - 2)],
            walk.steps[static_cast<std::size_t>(r - 1)]);
  copy(shape, data, walk, y.data, row_major(shape), add);
}

template <class T> void evaluate(const OpInfo& op, std::span<const Value<T>> in, const void* attr,
                                 const View<T>& y, bool add) {
  if (op.elementwise)
    elementwise_value(op, in, attr, y, add);
  else
    op.rules<T>().value({in, {}, attr, {}}, y, add);
}

template <class T> bool pull_back(const OpInfo& op, const Call<T>& call, int input,
                                  const Value<T>& g, const View<T>& to, bool add) {
  try {
    if (op.elementwise) return elementwise_pull(op, call, input, g, to, add);
    const std::size_t k = op.arity == variadic ? 0 : static_cast<std::size_t>(input);
    op.rules<T>().pulls[k](call, input, g, to, add);
    return op.linear || std::all_of(to.begin(), to.end(), [](T e) { return isfinite(e); });
  } catch (const std::bad_alloc&) {
    throw_memory_error(std::string("[") + op.about.name + "] the pullback of " +
                       to_string(g.shape) + " for " + to_string(to.shape));
  }
}

#define RAMP_INSTANTIATE(T)                                                                     \
  template void Value<T>::into(const View<T>&, bool) const;                                     \
  template void evaluate(const OpInfo&, std::span<const Value<T>>, const void*, const View<T>&, \
                         bool);                                                                 \
  template bool pull_back(const OpInfo&, const Call<T>&, int, const Value<T>&, const View<T>&,  \
                          bool);
RAMP_INSTANTIATE(float)
RAMP_INSTANTIATE(double)
#undef RAMP_INSTANTIATE

}  // namespace ramp

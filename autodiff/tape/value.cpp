// Runs rules over tensors: element-wise ones block by block, so that operands that broadcast are
// widened in cache and each formula is compiled for whole blocks only.
#include <autodiff/tape/value.hpp>

#include <memory>
#include <optional>

namespace ramp {
namespace {

constexpr std::size_t block = 1024;  // elements: a few operands of it fit in the first-level cache

// An operand, block by block. Where a block lies in one run of memory it is read in place.
template <class T> class Blocks {
 public:
  // Not a constructor, whose result would be copied with its buffer; and `how` is built in place,
  // since a copy waits for what has just been written piece by piece.
  void read(const T* data, const Shape& from, const Shape& to) {
    data_ = data;
    std::construct_at(&how_, from, to);
  }

  const Broadcasting& how() const { return how_; }
  const T* at(std::size_t first, std::size_t n) {
    if (how_.whole) return data_ + first;
    const std::size_t column = first % how_.inner();
    if (how_.inner_step() == 1 && column + n <= how_.inner())
      return data_ + how_.offset(first / how_.inner()) + column;
    // A number or a row is the same in each block that begins at a row.
    const bool repeats = how_.rank == 1 || how_.repeats_a_row();
    if (!(repeats && column == 0 && filled_ >= n)) {
      spread(how_, data_, first, n, buffer_.data());
      filled_ = repeats && column == 0 ? n : 0;
    }
    return buffer_.data();
  }

 private:
  const T* data_ = nullptr;
  Broadcasting how_;
  std::size_t filled_ = 0;
  std::array<T, block> buffer_;
};

// Blocks of whole rows of the operands that broadcast, or of even parts of a row.
std::size_t block_size(std::size_t inner) {
  if (inner >= block) {
    const std::size_t parts = (inner + block - 1) / block;
    return (inner + parts - 1) / parts;
  }
  return block / inner * inner;
}
template <class T> std::size_t block_size(std::span<const Blocks<T>> operands) {
  std::size_t n = block;
  for (const auto& operand : operands)
    if (!operand.how().whole && operand.how().rank > 1)
      n = std::min(n, block_size(operand.how().inner()));
  return n;
}

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
  std::array<Blocks<T>, 3> x;
  for (std::size_t k = 0; k < in.size(); ++k) x[k].read(in[k].data, in[k].shape, y.shape);
  const std::size_t step = block_size<T>({x.data(), in.size()});
  std::array<T, block> sum;
  for (std::size_t i = 0; i < size; i += step) {
    const std::size_t n = std::min(step, size - i);
    std::array<const T*, 3> operands{};
    for (std::size_t k = 0; k < in.size(); ++k) operands[k] = x[k].at(i, n);
    kernel(n, operands.data(), add ? sum.data() : y.data + i, attr);
    if (add) copy(n, sum.data(), y.data + i, true);
  }
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
  const std::size_t count = call.in.size();
  std::array<Blocks<T>, 3> x;
  for (std::size_t k = 0; k < count; ++k) x[k].read(call.in[k].data, call.in[k].shape, g.shape);
  const std::size_t step = block_size<T>({x.data(), count});
  std::array<T, block> part;
  std::optional<Folded<T>> sums;
  if (folds) sums.emplace(to, *g.scratch);
  bool finite = true;
  for (std::size_t i = 0; i < size; i += step) {
    const std::size_t n = std::min(step, size - i);
    std::array<const T*, 5> operands{g.data + i};
    for (std::size_t k = 0; k < count; ++k) operands[k + 1] = x[k].at(i, n);
    operands[count + 1] = call.y.data + i;
    finite &= kernel(n, operands.data(), folds ? part.data() : to.data + i, !folds && add,
                     call.attr, call.conventions);
    if (folds) sums->add(undo, part.data(), i, n);
  }
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

template <class T> KinkCount count_kinks(const OpInfo& op, std::span<const Value<T>> in,
                                         const void* attr, const Shape& shape, T within) {
  const std::size_t size = shape.size();
  KinkCount found{size};
  if (size == 0) return found;
  std::array<Blocks<T>, 3> x;
  for (std::size_t k = 0; k < in.size(); ++k) x[k].read(in[k].data, in[k].shape, shape);
  const std::size_t step = block_size<T>({x.data(), in.size()});
  for (std::size_t i = 0; i < size; i += step) {
    const std::size_t n = std::min(step, size - i);
    std::array<const T*, 3> operands{};
    for (std::size_t k = 0; k < in.size(); ++k) operands[k] = x[k].at(i, n);
    op.rules<T>().kinks(n, operands.data(), within, attr, found);
  }
  return found;
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
  template KinkCount count_kinks(const OpInfo&, std::span<const Value<T>>, const void*,         \
                                 const Shape&, T);                                              \
  template bool pull_back(const OpInfo&, const Call<T>&, int, const Value<T>&, const View<T>&,  \
                          bool);
RAMP_INSTANTIATE(float)
RAMP_INSTANTIATE(double)
#undef RAMP_INSTANTIATE

}  // namespace ramp

#include <nn/part.hpp>
#include <nn/train/evaluate.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

namespace ramp::nn {

template <class T> EvalMode<T>::EvalMode(Module<T>& model) {
  for (Module<T>* part : model.contents().modules) modes_.emplace_back(part, part->training());
  model.eval();
}

template <class T> EvalMode<T>::~EvalMode() {
  for (const auto& [part, training] : modes_) part->set_mode(training);
}

namespace {

// f(outputs, first row) for the rows of `own`, or all, in parts; the tape is cleared in between.
template <class T, class F> void each_part(Module<T>& model, const Tensor<T>& inputs,
                                           std::size_t batch_size, F f, Part own = {0, SIZE_MAX}) {
  if (inputs.shape().rank() == 0)
    throw ShapeError("[predict] the inputs are a scalar: give a row for each sample");
  if (batch_size == 0) throw ValueError("[predict] batch size 0: give one from 1 up");
  const EvalMode<T> mode(model);
  Tape<T> tape;
  const auto no_gradients = tape.no_grad();
  const std::size_t n = inputs.shape()[0], width = n == 0 ? 0 : inputs.size() / n;
  batch_size = std::min(batch_size, std::max<std::size_t>(n, 1));  // so that sums of it are sizes
  for (std::size_t first = own.first; first < std::min(n, own.last); first += batch_size) {
    const std::size_t count = std::min(batch_size, n - first);
    tape.clear();
    const View<const T> rows{inputs.data() + first * width,
                             inputs.shape().with(0, static_cast<std::uint32_t>(count))};
    const Var<T> outputs = model(tape.borrow(rows, "inputs"));
    if (outputs.shape().rank() == 0 || outputs.shape()[0] != count)
      throw ShapeError(
          fmt::format("[predict] outputs {} for {} rows: the model must give a row for each",
                      to_string(outputs.shape()), count));
    f(outputs, first);
  }
}

// Rows from `first` on of all outputs, which the first part gives their width.
template <class T>
void keep(std::optional<Tensor<T>>& all, View<const T> part, std::size_t first, std::size_t n) {
  const Shape shape = part.shape.with(0, static_cast<std::uint32_t>(n));
  if (!all) all.emplace(shape);
  if (all->shape() != shape)
    throw ShapeError(fmt::format(
        "[predict] the rows from {} on give {}, those before them {} in all: how wide an output is "
        "must not depend on how many rows there are",
        first, to_string(part.shape), to_string(all->shape())));
  std::copy(part.begin(), part.end(), all->data() + first * (part.size() / part.shape[0]));
}

}  // namespace

template <class T> Tensor<T> predict(Module<T>& model,
                                     const std::type_identity_t<Tensor<T>>& inputs,
                                     std::size_t batch_size) {
  std::optional<Tensor<T>> all;
  each_part(model, inputs, batch_size, [&](const Var<T>& outputs, std::size_t first) {
    keep(all, outputs.view(), first, inputs.shape()[0]);
  });
  if (!all)
    throw ShapeError(fmt::format("[predict] inputs {}: no rows", to_string(inputs.shape())));
  return std::move(*all);
}

template <class T> Scores evaluate(Module<T>& model, const std::type_identity_t<Dataset<T>>& data,
                                   const std::type_identity_t<Loss<T>>& loss,
                                   const std::type_identity_t<std::vector<Metric<T>>>& metrics,
                                   std::size_t batch_size,
                                   const std::type_identity_t<EvaluateShare<T>>& share) {
  loss.check(data);
  if (batch_size == 0) throw ValueError("[evaluate] batch size 0: give one from 1 up");
  if (data.size() == 0) throw DataError(fmt::format("[evaluate] {}: the set is empty", data.name));
  if (std::ranges::count(metrics, "loss", &Metric<T>::name) > 0)
    throw ValueError("[evaluate] a metric is called 'loss', as the loss is: give it another name");
  batch_size = std::min(batch_size, data.size());
  // Whole batches are shared out: those of one process, whose products have the same last bit.
  const std::size_t batches = (data.size() + batch_size - 1) / batch_size;
  const Part own = part_of(batches, share.rank, share.ranks);
  std::optional<Tensor<T>> all;
  const auto look = [&](const Var<T>& outputs, std::size_t first) {
    keep(all, outputs.view(), first, data.size());
  };
  each_part(model, data.inputs, batch_size, look, {own.first * batch_size, own.last * batch_size});
  if (!all) {  // more ranks than batches: how wide an output is, it learns from one row
    const auto width_of = [&](const Var<T>& outputs, std::size_t) {
      all.emplace(outputs.shape().with(0, static_cast<std::uint32_t>(data.size())));
    };
    each_part(model, data.inputs, 1, width_of, {0, 1});
  }
  if (share.combine) share.combine({all->data(), all->size()});
  const Batch<T> whole{
      data.inputs.view(), data.targets.view(), std::span(data.labels), {}, data.classes};
  // Of all rows at once: a loss with class weights is no mean of the means of parts.
  Tape<T> tape;
  const auto no_gradients = tape.no_grad();
  Scores scores{
      {"loss", static_cast<double>(loss(tape.borrow(all->view(), "outputs"), whole).item())}};
  for (const Metric<T>& metric : metrics) scores[metric.name()] = metric(all->view(), whole);
  if (metrics.empty()) {
    const double right = accuracy_where_defined<T>()(all->view(), whole);
    if (!std::isnan(right)) scores["accuracy"] = right;
  }
  return scores;
}

template <class T> Metric<T> accuracy_where_defined() {
  return Metric<T>(
      [](View<const T> outputs, const Batch<T>& all) {
        const bool defined = !all.labels.empty() && outputs.shape.rank() == 2 &&
                             (std::cmp_equal(outputs.shape[1], all.classes) ||
                              (outputs.shape[1] == 1 && all.classes == 2));
        return defined ? accuracy<T>(outputs, all.labels)
                       : std::numeric_limits<double>::quiet_NaN();
      },
      "accuracy");
}

#define RAMP_EVALUATE(T)                                                                       \
  template class EvalMode<T>;                                                                  \
  template Tensor<T> predict(Module<T>&, const std::type_identity_t<Tensor<T>>&, std::size_t); \
  template Scores evaluate(Module<T>&, const std::type_identity_t<Dataset<T>>&,                \
                           const std::type_identity_t<Loss<T>>&,                               \
                           const std::type_identity_t<std::vector<Metric<T>>>&, std::size_t,   \
                           const std::type_identity_t<EvaluateShare<T>>&);                     \
  template Metric<T> accuracy_where_defined();
RAMP_EVALUATE(float)
RAMP_EVALUATE(double)
#undef RAMP_EVALUATE

}  // namespace ramp::nn

#include <nn/train/evaluate.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace ramp::nn {

template <class T> void check_loss(Loss loss, const Dataset<T>& data) {
  data.check();
  const bool by_label = loss == Loss::cross_entropy;
  if (by_label ? data.labels.empty() : data.targets.size() == 0)
    throw DataError(fmt::format("[{}] {}: the set has no {}, which this loss compares with",
                                to_string(loss), data.name, by_label ? "labels" : "targets"));
}

template <class T> Accuracy<T>::Accuracy(Loss loss, const Dataset<T>& data)
    : classes_(static_cast<std::size_t>(data.classes)) {
  if (loss != Loss::mse || data.targets.size() == 0) return;
  const auto [low, high] = std::minmax_element(data.targets.begin(), data.targets.end());
  threshold_ = (*low + *high) / 2;
}

template <class T>
std::optional<std::size_t> Accuracy<T>::correct(View<const T> outputs,
                                                std::span<const std::int32_t> labels) const {
  if (labels.empty() || outputs.shape.rank() != 2) return {};
  const std::size_t width = outputs.shape[1];
  std::size_t count = 0;
  if (width == 1 && classes_ == 2) {
    for (std::size_t i = 0; i < labels.size(); ++i)
      count += labels[i] == 0 ? outputs[i] <= threshold_ : outputs[i] > threshold_;
    return count;
  }
  if (width != classes_) return {};
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const T* row = outputs.data + i * width;
    const auto label = static_cast<std::size_t>(labels[i]);
    bool right = true;
    for (std::size_t k = 0; k < width; ++k)
      right &= k < label ? row[k] < row[label] : row[k] <= row[label];
    count += right;
  }
  return count;
}

template <class T>
Evaluation evaluate(Module<T>& model, const Dataset<T>& data, Loss loss, std::size_t batch_size) {
  check_loss(loss, data);
  if (data.size() == 0) throw DataError(fmt::format("[evaluate] {}: the set is empty", data.name));
  if (batch_size == 0) throw ValueError(fmt::format("[evaluate] {}: batch size 0", data.name));
  const Accuracy<T> accuracy(loss, data);
  Tape<T> tape;
  const auto no_gradients = tape.no_grad();
  double total = 0;
  std::optional<std::size_t> correct = 0;
  for (std::size_t first = 0; first < data.size(); first += batch_size) {
    const std::size_t count = std::min(batch_size, data.size() - first);
    const auto rows = [&](const Tensor<T>& of) -> View<const T> {
      if (of.size() == 0) return of.view();
      return {of.data() + first * of.shape()[1],
              of.shape().with(0, static_cast<std::uint32_t>(count))};
    };
    const auto labels = data.labels.empty() ? std::span<const std::int32_t>()
                                            : std::span(data.labels).subspan(first, count);
    tape.clear();
    const Var<T> outputs = model(tape.borrow(rows(data.inputs), "inputs"));
    const Var<T> of_batch = batch_loss(loss, outputs, rows(data.targets), labels);
    total += static_cast<double>(of_batch.item()) * static_cast<double>(count);
    const auto right = accuracy.correct(outputs.view(), labels);
    correct = correct && right ? std::optional(*correct + *right) : std::nullopt;
  }
  const auto n = static_cast<double>(data.size());
  Evaluation all{total / n, {}};
  if (correct) all.accuracy = static_cast<double>(*correct) / n;
  return all;
}

#define RAMP_EVALUATE(T)                             \
  template void check_loss(Loss, const Dataset<T>&); \
  template class Accuracy<T>;                        \
  template Evaluation evaluate(Module<T>&, const Dataset<T>&, Loss, std::size_t);
RAMP_EVALUATE(float)
RAMP_EVALUATE(double)
#undef RAMP_EVALUATE

}  // namespace ramp::nn

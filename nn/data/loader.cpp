#include <nn/data/loader.hpp>
#include <nn/random.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace ramp::nn {

namespace {

template <class T> Tensor<T> buffer(const Tensor<T>& of,
                                    std::size_t rows) {  // none of no rows: targets may be missing
  return Tensor<T>(of.shape().with(0, static_cast<std::uint32_t>(of.size() > 0 ? rows : 0)));
}

template <class T>
View<const T> gather(const Tensor<T>& from, std::span<const std::uint32_t> rows, Tensor<T>& to) {
  if (to.size() == 0) return to.view();
  gather_rows(from, rows, to.data());
  return {to.data(), to.shape().with(0, static_cast<std::uint32_t>(rows.size()))};
}

}  // namespace

template <class T> Loader<T>::Loader(const Dataset<T>& data, std::size_t batch_size,
                                     std::uint64_t seed, LoaderOptions options)
    : data_(&data), batch_size_(batch_size), seed_(seed), options_(options) {
  data.check();
  if (data.size() == 0) throw DataError(fmt::format("[loader] {}: the set is empty", data.name));
  if (batch_size == 0) throw ValueError(fmt::format("[loader] {}: batch size 0", data.name));
  if (batches() == 0)
    throw ValueError(
        fmt::format("[loader] {}: {} samples make no full batch of {}, and drop_last "
                    "leaves the others out",
                    data.name, data.size(), batch_size));
  batch_size_ = std::min(batch_size, data.size());
  order_.resize(data.size());
  inputs_ = buffer(data.inputs, batch_size_);
  targets_ = buffer(data.targets, batch_size_);
  labels_.resize(data.labels.empty() ? 0 : batch_size_);
}

template <class T> std::size_t Loader<T>::batches() const {
  const std::size_t full = data_->size() / batch_size_;
  return full + (!options_.drop_last && data_->size() % batch_size_ != 0);
}

template <class T> void Loader<T>::start(std::uint64_t epoch) {
  std::iota(order_.begin(), order_.end(), 0u);
  if (options_.shuffle) Random(seed_).stream(epoch).shuffle(order_);
  load(0);
}

template <class T> void Loader<T>::load(std::size_t index) {
  const std::size_t first = index * batch_size_;
  const auto rows = std::span<const std::uint32_t>(order_).subspan(
      first, std::min(batch_size_, order_.size() - first));
  batch_.rows = rows;
  batch_.inputs = gather(data_->inputs, rows, inputs_);
  batch_.targets = gather(data_->targets, rows, targets_);
  if (labels_.empty()) return;
  std::transform(rows.begin(), rows.end(), labels_.begin(),
                 [&](std::uint32_t row) { return data_->labels[row]; });
  batch_.labels = std::span<const std::int32_t>(labels_).first(rows.size());
}

template class Loader<float>;
template class Loader<double>;

}  // namespace ramp::nn

#include <nn/data/dataset.hpp>
#include <nn/data/source.hpp>

#include <algorithm>
#include <utility>

namespace ramp::nn {

template <class T>
Source<T>::Source(std::string its_name, std::size_t its_size, std::size_t its_features,
                  std::size_t its_outputs, int its_classes, decltype(fill) its_fill)
    : name(std::move(its_name)),
      size(its_size),
      features(its_features),
      outputs(its_outputs),
      classes(its_classes),
      fill(std::move(its_fill)) {}

template <class T> Source<T>::Source(const Dataset<T>& data)
    : Source(data.name, data.size(), data.features(), data.targets.shape()[1], data.classes,
             [&data](std::span<const std::uint32_t> rows, const BatchBuffers<T>& to) {
               gather_rows(data.inputs, rows, to.inputs.data);
               if (to.targets.size() > 0) gather_rows(data.targets, rows, to.targets.data);
               if (!to.labels.empty())
                 std::ranges::transform(rows, to.labels.begin(),
                                        [&](std::uint32_t row) { return data.labels[row]; });
             }) {
  data.check();
}

template struct Source<float>;
template struct Source<double>;

}  // namespace ramp::nn

#include <nn/joined.hpp>
#include <nn/model/sequential.hpp>

#include <fmt/format.h>

namespace ramp::nn {

template <class T> void Sequential<T>::attach(std::string name, std::unique_ptr<AnyHolder> part) {
  parts_.emplace_back(std::move(name), std::move(part));
  try {
    Members<T>(*this);  // refuses a name that can't be used
  } catch (...) {
    parts_.pop_back();
    throw;
  }
  this->forget_names();
}

template <class T> const typename Sequential<T>::Part& Sequential<T>::at(std::size_t i) const {
  if (i < size()) return parts_[i];
  throw IndexError(
      fmt::format("[sequential] part {}: {} has {} parts", i, this->name(), parts_.size()));
}

template <class T> void Sequential<T>::members(Members<T>& m) {
  for (const Part& part : parts_) m(part.name, part.holder->get());
}

template <class T> Var<T> Sequential<T>::forward(const Var<T>& x) {
  Var<T> y = x;
  for (const Part& part : parts_) y = part.holder->get()(y);
  return y;
}

template <class T> MLP<T>::MLP(std::vector<std::int64_t> sizes, MLPOptions options)
    : Sequential<T>(std::move(options.name)), sizes_(std::move(sizes)) {
  if (sizes_.size() < 2)
    throw ValueError(fmt::format(
        "[mlp] {{{}}}: give the size of the input and of each layer, at least two numbers",
        joined(sizes_)));
  for (std::size_t i = 0; i + 1 < sizes_.size(); ++i) {
    const bool last = i + 2 == sizes_.size();
    const Random own = Random(options.seed).stream(i);
    this->push(fmt::format("layer{}", i),
               Linear<T>(sizes_[i], sizes_[i + 1], Random(own),
                         {.activation = last ? "identity" : options.activation,
                          .init = options.init,
                          .bias = options.bias}));
    // Another stream of the same layer, so that dropout changes no weight.
    if (options.dropout != 0 && !last)
      this->push(fmt::format("dropout{}", i), Dropout<T>(options.dropout, own.stream(0).state()));
  }
}

template class Sequential<float>;
template class Sequential<double>;
template class MLP<float>;
template class MLP<double>;

}  // namespace ramp::nn

#include <nn/joined.hpp>
#include <nn/model/layers.hpp>

#include <fmt/format.h>

namespace ramp::nn {

template <class T>
Linear<T>::Linear(std::int64_t in, std::int64_t out, Random& random, LinearOptions options)
    : Module<T>("linear"),
      weight_(
          this->add_parameter("weight", initial<T>(options.init, in, out, random, options.gain))),
      bias_(options.bias ? &this->add_parameter("bias", Tensor<T>(Shape{out})) : nullptr) {}

template <class T> Var<T> Linear<T>::forward(const Var<T>& x) {
  const Shape shape = x.shape();
  if (shape.rank() == 0 || shape.back() != weight_.shape()[0])
    throw ShapeError(fmt::format("[linear] {}: the layer takes {} features", to_string(shape),
                                 weight_.shape()[0]));
  const Var<T> w = x.tape().parameter(weight_);
  if (bias_ && shape.rank() > 1) return affine(x, w, x.tape().parameter(*bias_));
  const Var<T> y = matmul(x, w);
  return bias_ ? y + x.tape().parameter(*bias_) : y;
}

template <class T> Var<T> Sequential<T>::forward(const Var<T>& x) {
  Var<T> y = x;
  for (const auto& part : this->parts()) y = (*part)(y);
  return y;
}

template <class T> MLP<T>::MLP(std::vector<std::int64_t> sizes, MLPOptions options)
    : Module<T>(options.name), sizes_(std::move(sizes)), options_(std::move(options)) {
  if (sizes_.size() < 2)
    throw ValueError(fmt::format(
        "[mlp] {{{}}}: give the size of the input and of each layer, at least two numbers",
        joined(sizes_)));
  for (std::size_t i = 0; i + 1 < sizes_.size(); ++i) {
    const bool last = i + 2 == sizes_.size();
    Random random = Random(options_.seed).stream(i);
    this->template add<Linear<T>>(
        fmt::format("layer{}", i), sizes_[i], sizes_[i + 1], random,
        LinearOptions{options_.init, last ? 1.0 : gain(options_.activation), options_.bias});
  }
}

template <class T> Var<T> MLP<T>::forward(const Var<T>& x) {
  Var<T> y = x;
  for (const auto& layer : this->parts()) {
    y = (*layer)(y);
    if (layer == this->parts().back()) break;
    const auto scope = x.tape().scope(layer->name());  // the layer's own, once more
    y = activate(options_.activation, y);
  }
  return y;
}

template class Linear<float>;
template class Linear<double>;
template class ActivationLayer<float>;
template class ActivationLayer<double>;
template class Sequential<float>;
template class Sequential<double>;
template class MLP<float>;
template class MLP<double>;

}  // namespace ramp::nn

#include <nn/model/layers.hpp>

#include <fmt/format.h>

#include <cmath>

namespace ramp::nn {

template <class T>
Linear<T>::Linear(std::int64_t in, std::int64_t out, Random& random, LinearOptions options)
    : Module<T>("linear"),
      activation_(options.activation),
      weight_("weight", options.init.template weight<T>(
                            in, out, random, options.gain.value_or(activation_.gain()))) {
  if (options.bias) bias_.emplace("bias", Tensor<T>(Shape{out}));
}

template <class T> void Linear<T>::members(Members<T>& m) {
  m("weight", weight_, Layout::transposed);
  if (bias_) m("bias", *bias_);
}

template <class T> Var<T> Linear<T>::forward(const Var<T>& x) {
  const Shape shape = x.shape();
  if (shape.rank() == 0 || shape.back() != weight_.shape()[0])
    throw ShapeError(fmt::format("[linear] {}: the layer takes {} features", to_string(shape),
                                 weight_.shape()[0]));
  const Var<T> w = x.tape().parameter(weight_);
  if (bias_ && shape.rank() > 1) return activation_(affine(x, w, x.tape().parameter(*bias_)));
  const Var<T> y = matmul(x, w);
  return activation_(bias_ ? y + x.tape().parameter(*bias_) : y);
}

namespace {

template <class T> Tensor<T> normal_rows(std::int64_t count, std::int64_t width, Random& random) {
  if (count < 1 || width < 1)
    throw ValueError(
        fmt::format("[embedding] a weight ({}, {}): both sizes must be positive", count, width));
  Tensor<T> rows(Shape{count, width});
  for (T& w : rows) w = static_cast<T>(random.normal());
  return rows;
}

}  // namespace

template <class T> Embedding<T>::Embedding(std::int64_t count, std::int64_t width, Random& random)
    : Module<T>("embedding"), weight_("weight", normal_rows<T>(count, width, random)) {}

template <class T> Var<T> Embedding<T>::forward(const Var<T>& x) {
  const View<const T> numbers = x.view();
  const Shape shape = x.shape();
  std::vector<std::int32_t> rows;
  rows.reserve(numbers.size());
  for (const T number : numbers) {
    // A NaN fails each comparison.
    if (!(number >= 0 && number < static_cast<T>(count()) && number == std::floor(number)))
      throw IndexError(
          fmt::format("[embedding] {}: {} at place {} is none of the whole numbers "
                      "from 0 to {}",
                      to_string(shape), printable(number), rows.size(), count() - 1));
    rows.push_back(static_cast<std::int32_t>(number));
  }
  const Var<T> y = gather(x.tape().parameter(weight_), rows);
  return shape.rank() == 1 ? y : reshape(y, shape.inserted(shape.rank(), weight_.shape()[1]));
}

template <class T> Var<T> Flatten<T>::forward(const Var<T>& x) {
  const Shape shape = x.shape();
  if (shape.rank() < 2)
    throw ShapeError(fmt::format("[flatten] {}: it takes a batch, (n, ..)", to_string(shape)));
  std::size_t width = 1;
  for (int i = 1; i < shape.rank(); ++i) width *= shape[i];
  return shape.rank() == 2 ? x : reshape(x, Shape{shape[0], width});
}

template class Linear<float>;
template class Linear<double>;
template class ActivationLayer<float>;
template class ActivationLayer<double>;
template class Embedding<float>;
template class Embedding<double>;
template class Flatten<float>;
template class Flatten<double>;

}  // namespace ramp::nn

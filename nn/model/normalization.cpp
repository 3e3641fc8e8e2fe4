#include <nn/model/normalization.hpp>

#include <autodiff/compound.hpp>

#include <fmt/format.h>

#include <cmath>

namespace ramp::nn {

namespace {

std::int64_t positive(const char* layer, std::int64_t features) {
  if (features < 1)
    throw ValueError(fmt::format("[{}] {} features: there must be at least 1", layer, features));
  return features;
}

void check_width(const char* layer, const Shape& shape, std::int64_t features) {
  if (shape.rank() == 0 || shape.back() != features)
    throw ShapeError(
        fmt::format("[{}] {}: the layer takes {} features", layer, to_string(shape), features));
}

void check_options(const char* layer, double eps, double momentum = 0) {
  if (!(eps >= 0 && std::isfinite(eps)))
    throw ValueError(fmt::format("[{}] eps {}: it must be a number from 0 up", layer, eps));
  if (!(momentum >= 0 && momentum <= 1))
    throw ValueError(fmt::format("[{}] momentum {}: it must be from 0 to 1", layer, momentum));
}

}  // namespace

template <class T> Dropout<T>::Dropout(double rate, std::uint64_t seed)
    : Module<T>("dropout"), rate_(rate), random_(seed) {
  if (!(rate >= 0 && rate < 1))
    throw ValueError(fmt::format("[dropout] rate {}: it must be from 0 to below 1", rate));
}

template <class T> Var<T> Dropout<T>::forward(const Var<T>& x) {
  if (!this->training() || rate_ == 0) return x;
  mask_.resize(x.shape().size());
  for (T& m : mask_) m = random_.uniform() < rate_ ? T(0) : static_cast<T>(1 / (1 - rate_));
  return x * x.tape().constant(x.shape(), mask_);
}

template <class T> LayerNorm<T>::LayerNorm(std::int64_t features, double eps)
    : Module<T>("layer_norm"),
      eps_(eps),
      weight_("weight", Tensor<T>(Shape{positive("layer_norm", features)}, T(1))),
      bias_("bias", Tensor<T>(Shape{features})) {
  check_options("layer_norm", eps);
}

template <class T> void LayerNorm<T>::members(Members<T>& m) {
  m("weight", weight_);
  m("bias", bias_);
}

template <class T> Var<T> LayerNorm<T>::forward(const Var<T>& x) {
  check_width("layer_norm", x.shape(), features());
  const Var<T> centred = x - mean(x, -1, true);
  const Var<T> variance = mean(square(centred), -1, true);
  return centred / sqrt(variance + eps_) * x.tape().parameter(weight_) + x.tape().parameter(bias_);
}

template <class T> BatchNorm1d<T>::BatchNorm1d(std::int64_t features, double eps, double momentum)
    : Module<T>("batch_norm"),
      eps_(eps),
      momentum_(momentum),
      weight_("weight", Tensor<T>(Shape{positive("batch_norm", features)}, T(1))),
      bias_("bias", Tensor<T>(Shape{features})),
      running_mean_(Shape{features}),
      running_var_(Shape{features}, T(1)) {
  check_options("batch_norm", eps, momentum);
}

template <class T> void BatchNorm1d<T>::members(Members<T>& m) {
  m("weight", weight_);
  m("bias", bias_);
  m("running_mean", running_mean_);
  m("running_var", running_var_);
}

template <class T> Var<T> BatchNorm1d<T>::forward(const Var<T>& x) {
  const Shape shape = x.shape();
  Tape<T>& tape = x.tape();
  check_width("batch_norm", shape, features());
  const auto scaled = [&](const Var<T>& centred, const Var<T>& variance) {
    return centred / sqrt(variance + eps_) * tape.parameter(weight_) + tape.parameter(bias_);
  };
  if (!this->training())
    return scaled(x - tape.constant(running_mean_), tape.constant(running_var_));
  if (shape.rank() != 2)
    throw ShapeError(fmt::format("[batch_norm] {}: in training it takes a batch, (n, {})",
                                 to_string(shape), features()));
  if (shape[0] < 2)
    throw ValueError(
        fmt::format("[batch_norm] {}: {} has no spread to divide by in training; use "
                    "larger batches, or eval()",
                    to_string(shape), shape[0] == 1 ? "one row" : "no row"));
  const Var<T> centre = mean(x, 0), centred = x - centre, variance = mean(square(centred), 0);
  const auto follow = [this](Tensor<T>& running, const View<const T>& batch, double scale) {
    for (std::size_t i = 0; i < running.size(); ++i)
      running[i] = static_cast<T>((1 - momentum_) * static_cast<double>(running[i]) +
                                  momentum_ * scale * static_cast<double>(batch[i]));
  };
  const Var<T> y = scaled(centred, variance);
  follow(running_mean_, centre.view(), 1);  // last: where something fails, nothing has changed
  follow(running_var_, variance.view(), shape[0] / (shape[0] - 1.0));
  return y;
}

template <class T> Standardize<T>::Standardize(Tensor<T> mean, Tensor<T> deviation)
    : Module<T>("standardize"), mean_(std::move(mean)), deviation_(std::move(deviation)) {
  if (mean_.shape().rank() != 1 || !(mean_.shape() == deviation_.shape()))
    throw ShapeError(
        fmt::format("[standardize] mean {}, deviation {}: give two vectors of the "
                    "same length",
                    to_string(mean_.shape()), to_string(deviation_.shape())));
  for (std::size_t i = 0; i < deviation_.size(); ++i)
    if (!(deviation_[i] > 0 && std::isfinite(deviation_[i])))
      throw ValueError(
          fmt::format("[standardize] deviation {} of feature {}: it must be positive, and finite",
                      printable(deviation_[i]), i));
}

template <class T> void Standardize<T>::members(Members<T>& m) {
  m("mean", mean_);
  m("deviation", deviation_);
}

template <class T> Var<T> Standardize<T>::forward(const Var<T>& x) {
  check_width("standardize", x.shape(), features());
  return (x - x.tape().constant(mean_)) / x.tape().constant(deviation_);
}

template class Dropout<float>;
template class Dropout<double>;
template class LayerNorm<float>;
template class LayerNorm<double>;
template class BatchNorm1d<float>;
template class BatchNorm1d<double>;
template class Standardize<float>;
template class Standardize<double>;

}  // namespace ramp::nn

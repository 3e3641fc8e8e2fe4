#include <nn/train/optimizer.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace ramp::nn {

namespace {

// The loops read and write each number once. __restrict: a parameter, its gradient and its
// velocity are memory of their own.
template <class T> struct Update {
  T rate, momentum, decay, scale;

  void without_momentum(std::size_t n, T* __restrict w, const T* __restrict g) const {
    for (std::size_t i = 0; i < n; ++i) w[i] -= rate * g[i];
  }
  void scaled(std::size_t n, T* __restrict w, const T* __restrict g) const {
    for (std::size_t i = 0; i < n; ++i) w[i] -= rate * (scale * g[i] + decay * w[i]);
  }
  void heavy_ball(std::size_t n, T* __restrict w, const T* __restrict g, T* __restrict v) const {
    for (std::size_t i = 0; i < n; ++i) {
      v[i] = momentum * v[i] + (scale * g[i] + decay * w[i]);
      w[i] -= rate * v[i];
    }
  }
  void nesterov(std::size_t n, T* __restrict w, const T* __restrict g, T* __restrict v) const {
    for (std::size_t i = 0; i < n; ++i) {
      const T d = scale * g[i] + decay * w[i];
      v[i] = momentum * v[i] + d;
      w[i] -= rate * (d + momentum * v[i]);
    }
  }
};

// In double, in eight lanes: a single sum can't be vectorised, since that would change its order.
template <class T> double sum_of_squares(const Tensor<T>& x) {
  std::array<double, 8> lanes{};
  std::size_t i = 0;
  for (; i + 8 <= x.size(); i += 8)
    for (std::size_t k = 0; k < 8; ++k) {
      const double value = x[i + k];
      lanes[k] += value * value;
    }
  double sum = 0;
  for (; i < x.size(); ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  for (const double lane : lanes) sum += lane;
  return sum;
}

bool sensible(double x) { return x >= 0 && std::isfinite(x); }

}  // namespace

template <class T> SGD<T>::SGD(std::vector<Parameter<T>*> parameters, SGDOptions options)
    : parameters_(std::move(parameters)), options_(std::move(options)) {
  if (parameters_.empty()) throw ValueError("[sgd] no parameters: there is nothing to train");
  auto sorted = parameters_;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end())
    throw ValueError(fmt::format("[sgd] parameter '{}' comes twice", (*twice)->name()));
  const auto check = [](const char* name, double value) {
    if (!sensible(value))
      throw ValueError(fmt::format("[sgd] {} {}: it must be a number from 0 up", name, value));
  };
  check("learning rate", learning_rate());
  check("momentum", options_.momentum);
  check("weight_decay", options_.weight_decay);
  check("clip_norm", options_.clip_norm);
  if (options_.momentum >= 1)
    throw ValueError(fmt::format("[sgd] momentum {}: it must be below 1", options_.momentum));
  if (options_.nesterov && options_.momentum == 0)
    throw ValueError("[sgd] nesterov without momentum: set a momentum, such as 0.9");
  if (options_.momentum > 0)
    for (const Parameter<T>* p : parameters_) velocities_.emplace_back(p->shape());
}

template <class T> std::optional<double> SGD<T>::step() {
  const double rate = learning_rate();
  if (!sensible(rate))
    throw ValueError(
        fmt::format("[sgd] the schedule gives learning rate {} for step {}, counted from 0: it "
                    "must be a number "
                    "from 0 up",
                    rate, steps_));
  std::optional<double> norm;
  double scale = 1;
  if (options_.clip_norm > 0) {
    double squares = 0;
    for (const Parameter<T>* p : parameters_)
      if (p->has_gradient()) squares += sum_of_squares(p->gradient());
    norm = std::sqrt(squares);
    if (!std::isfinite(*norm))
      throw NonFiniteError(
          fmt::format("[sgd] the gradient of step {} has norm {}: lower the learning rate, now {}",
                      steps_ + 1, *norm, rate));
    if (*norm > options_.clip_norm) scale = options_.clip_norm / *norm;
  }
  const Update<T> update{static_cast<T>(rate), static_cast<T>(options_.momentum),
                         static_cast<T>(options_.weight_decay), static_cast<T>(scale)};
  bool any = false;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (!parameters_[i]->has_gradient()) continue;
    any = true;
    const View<T> w = parameters_[i]->edit();
    const T* g = parameters_[i]->gradient().data();
    if (options_.nesterov)
      update.nesterov(w.size(), w.data, g, velocities_[i].data());
    else if (options_.momentum > 0)
      update.heavy_ball(w.size(), w.data, g, velocities_[i].data());
    else if (options_.weight_decay > 0 || scale < 1)
      update.scaled(w.size(), w.data, g);
    else
      update.without_momentum(w.size(), w.data, g);
    parameters_[i]->use_up_gradient();
  }
  steps_ += any;
  return norm;
}

template <class T> void SGD<T>::zero_grad() {
  for (Parameter<T>* p : parameters_) p->zero_grad();
}

template class SGD<float>;
template class SGD<double>;

}  // namespace ramp::nn

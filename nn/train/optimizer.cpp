#include <nn/train/optimizer.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace ramp::nn {

namespace {

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

// |g| over all parameters that have a gradient. Where squares leave the range of double, those of
// parts of the largest one don't.
template <class T> double norm_of(const std::vector<Parameter<T>*>& parameters) {
  double squares = 0, largest = 0;
  for (const Parameter<T>* p : parameters)
    if (p->has_gradient()) squares += sum_of_squares(p->gradient());
  if (squares > 0x1p-900 && squares < 0x1p1000) return std::sqrt(squares);
  const auto each = [&](auto f) {
    for (const Parameter<T>* p : parameters)
      if (p->has_gradient())
        for (const T g : p->gradient()) f(static_cast<double>(g));
  };
  each([&](double g) { largest = std::isnan(g) ? g : std::max(largest, std::abs(g)); });
  if (!(largest > 0 && std::isfinite(largest))) return squares == 0 ? largest : std::sqrt(squares);
  squares = 0;
  each([&](double g) { squares += (g / largest) * (g / largest); });
  return largest * std::sqrt(squares);
}

bool sensible(double x) { return x >= 0 && std::isfinite(x); }

// Options of each kind have the names that all optimizers' options have.
template <class Options> OptimizerOptions common(const Options& o, double weight_decay) {
  return {o.learning_rate, weight_decay, o.clip_norm, o.clip_value, o.groups};
}

void check(const std::string& kind, const char* name, double value, double below = INFINITY) {
  if (!sensible(value))
    throw ValueError(fmt::format("[{}] {} {}: it must be a number from 0 up", kind, name, value));
  if (!(value < below))
    throw ValueError(fmt::format("[{}] {} {}: it must be below {}", kind, name, value, below));
}

template <class T> void check_eps(const std::string& kind, double eps) {
  check(kind, "eps", eps);
  if (static_cast<T>(eps) == 0)
    throw ValueError(fmt::format(
        "[{}] eps {}: it must be above 0, since a gradient of 0 would give 0 / 0", kind, eps));
}

}  // namespace

Group no_decay_on_biases() {
  return {.fits = [](const std::string&, const Shape& shape) { return shape.rank() < 2; },
          .weight_decay = 0.0};
}

template <class T> Optimizer<T>::Optimizer(std::string kind, std::vector<Parameter<T>*> parameters,
                                           OptimizerOptions options, std::vector<std::string> slots)
    : kind_(std::move(kind)),
      parameters_(std::move(parameters)),
      options_(std::move(options)),
      slot_names_(std::move(slots)),
      slots_(parameters_.size()),
      own_steps_(parameters_.size()) {
  if (parameters_.empty())
    throw ValueError(fmt::format("[{}] no parameters: there is nothing to train", kind_));
  auto sorted = parameters_;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end())
    throw ValueError(fmt::format("[{}] parameter '{}' comes twice", kind_, (*twice)->name()));
  check(kind_, "learning rate", learning_rate());
  check(kind_, "weight_decay", options_.weight_decay);
  check(kind_, "clip_norm", options_.clip_norm);
  check(kind_, "clip_value", options_.clip_value);
  for (const Group& group : options_.groups) {
    check(kind_, "rate of a group", group.rate);
    check(kind_, "weight_decay of a group", group.weight_decay.value_or(0));
    if (!group.fits) throw ValueError(fmt::format("[{}] a group without `fits`: set it", kind_));
  }
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Parameter<T>& p = *parameters_[i];
    slots_[i].assign(slot_names_.size(), Tensor<T>(p.shape()));
    const auto group = std::ranges::find_if(
        options_.groups, [&](const Group& g) { return g.fits(p.name(), p.shape()); });
    if (group == options_.groups.end())
      own_.push_back({1, options_.weight_decay});
    else
      own_.push_back({group->rate, group->weight_decay.value_or(options_.weight_decay)});
  }
}

template <class T> std::optional<double> Optimizer<T>::step() {
  const double rate = learning_rate();
  if (!sensible(rate))
    throw ValueError(
        fmt::format("[{}] the schedule gives learning rate {} for step {}, counted from 0: it "
                    "must be a number from 0 up",
                    kind_, rate, steps_));
  const double longest = options_.clip_norm, largest = options_.clip_value;
  std::optional<double> norm;
  double scale = 1;
  if (longest > 0 || largest > 0) {
    norm = norm_of(parameters_);
    if (!std::isfinite(*norm))
      throw NonFiniteError(
          fmt::format("[{}] the gradient of step {} has norm {}: lower the learning rate, now {}",
                      kind_, steps_ + 1, *norm, rate));
  }
  if (largest > 0) {
    const T limit = static_cast<T>(largest);
    for (Parameter<T>* p : parameters_)
      if (p->has_gradient())
        for (T& g : p->edit_gradient()) g = std::clamp(g, -limit, limit);
    norm = longest > 0 ? std::optional(norm_of(parameters_)) : std::nullopt;
  }
  if (norm && *norm > longest) scale = longest / *norm;
  bool any = false;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    Parameter<T>& p = *parameters_[i];
    if (!p.has_gradient()) continue;
    any = true;
    const auto& [factor, decay] = own_[i];
    update(p.edit(), p.gradient().view(), slots_[i],
           {rate * factor, decay, scale, ++own_steps_[i]});
    p.use_up_gradient();
  }
  steps_ += any;
  return norm;
}

template <class T> void Optimizer<T>::zero_grad() {
  for (Parameter<T>* p : parameters_) p->zero_grad();
}

template <class T> std::vector<std::pair<std::string, Tensor<T>*>> Optimizer<T>::slots() {
  std::vector<std::pair<std::string, Tensor<T>*>> all;
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    for (std::size_t k = 0; k < slot_names_.size(); ++k)
      all.emplace_back(parameters_[i]->name() + '.' + slot_names_[k], &slots_[i][k]);
  return all;
}

template <class T> void Optimizer<T>::set_counters(Counters counters) {
  if (counters.of_parameters.size() != parameters_.size())
    throw ValueError(fmt::format("[{}] counters of {} parameters, and there are {}", kind_,
                                 counters.of_parameters.size(), parameters_.size()));
  steps_ = counters.steps;
  factor_ = counters.rate_factor;
  own_steps_ = std::move(counters.of_parameters);
}

// --- The loops read and write each number once. __restrict: a parameter, its gradient and what is
// remembered of it are memory of their own.

template <class T> SGD<T>::SGD(std::vector<Parameter<T>*> parameters, SGDOptions options)
    : Optimizer<T>(
          "sgd", std::move(parameters), common(options, options.weight_decay),
          options.momentum > 0 ? std::vector<std::string>{"momentum"} : std::vector<std::string>{}),
      momentum_(options.momentum),
      nesterov_(options.nesterov) {
  check("sgd", "momentum", momentum_, 1);
  if (nesterov_ && momentum_ == 0)
    throw ValueError("[sgd] nesterov without momentum: set a momentum, such as 0.9");
}

template <class T> void SGD<T>::update(View<T> to, View<const T> gradient,
                                       std::span<Tensor<T>> slots,
                                       const typename Optimizer<T>::Step& step) {
  const std::size_t n = to.size();
  T* __restrict w = to.data;
  const T* __restrict g = gradient.data;
  const auto rate = static_cast<T>(step.rate), decay = static_cast<T>(step.weight_decay),
             scale = static_cast<T>(step.scale), mu = static_cast<T>(momentum_);
  if (momentum_ > 0) {
    T* __restrict v = slots[0].data();
    if (nesterov_)
      for (std::size_t i = 0; i < n; ++i) {
        const T d = scale * g[i] + decay * w[i];
        v[i] = mu * v[i] + d;
        w[i] -= rate * (d + mu * v[i]);
      }
    else
      for (std::size_t i = 0; i < n; ++i) {
        v[i] = mu * v[i] + (scale * g[i] + decay * w[i]);
        w[i] -= rate * v[i];
      }
  } else if (step.weight_decay > 0 || step.scale < 1) {
    for (std::size_t i = 0; i < n; ++i) w[i] -= rate * (scale * g[i] + decay * w[i]);
  } else {
    for (std::size_t i = 0; i < n; ++i) w[i] -= rate * g[i];
  }
}

template <class T> Adam<T>::Adam(std::string kind, std::vector<Parameter<T>*> parameters,
                                 AdamOptions options, bool decoupled)
    : Optimizer<T>(kind, std::move(parameters),
                   common(options, options.weight_decay.value_or(decoupled ? 0.01 : 0)),
                   {"mean", "square"}),
      beta1_(options.beta1),
      beta2_(options.beta2),
      eps_(options.eps),
      decoupled_(decoupled) {
  check(kind, "beta1", beta1_, 1);
  check(kind, "beta2", beta2_, 1);
  check_eps<T>(kind, eps_);
}

template <class T> void Adam<T>::update(View<T> to, View<const T> gradient,
                                        std::span<Tensor<T>> slots,
                                        const typename Optimizer<T>::Step& step) {
  const std::size_t n = to.size();
  const auto t = static_cast<double>(step.t);
  T* __restrict w = to.data, * __restrict m = slots[0].data(), * __restrict v = slots[1].data();
  const T* __restrict g = gradient.data;
  // The differences in double: 1 - 0.999f is 0.001 to four digits only.
  const auto b1 = static_cast<T>(beta1_), new1 = static_cast<T>(1 - beta1_),
             b2 = static_cast<T>(beta2_), new2 = static_cast<T>(1 - beta2_),
             scale = static_cast<T>(step.scale), eps = static_cast<T>(eps_),
             rate = static_cast<T>(step.rate / (1 - std::pow(beta1_, t))),
             root = static_cast<T>(std::sqrt(1 - std::pow(beta2_, t))),
             decay = static_cast<T>(decoupled_ ? 0 : step.weight_decay),
             keep = static_cast<T>(decoupled_ ? 1 - step.rate * step.weight_decay : 1);
  for (std::size_t i = 0; i < n; ++i) {
    const T d = scale * g[i] + decay * w[i];
    m[i] = b1 * m[i] + new1 * d;
    v[i] = b2 * v[i] + new2 * d * d;
    w[i] = keep * w[i] - rate * m[i] / (std::sqrt(v[i]) / root + eps);
  }
}

template <class T>
RMSprop<T>::RMSprop(std::vector<Parameter<T>*> parameters, RMSpropOptions options)
    : Optimizer<T>("rmsprop", std::move(parameters), common(options, options.weight_decay),
                   options.momentum > 0 ? std::vector<std::string>{"square", "momentum"}
                                        : std::vector<std::string>{"square"}),
      alpha_(options.alpha),
      eps_(options.eps),
      momentum_(options.momentum) {
  check("rmsprop", "alpha", alpha_, 1);
  check_eps<T>("rmsprop", eps_);
  check("rmsprop", "momentum", momentum_, 1);
}

template <class T> void RMSprop<T>::update(View<T> to, View<const T> gradient,
                                           std::span<Tensor<T>> slots,
                                           const typename Optimizer<T>::Step& step) {
  const std::size_t n = to.size();
  T* __restrict w = to.data, * __restrict v = slots[0].data();
  const T* __restrict g = gradient.data;
  const auto rate = static_cast<T>(step.rate), decay = static_cast<T>(step.weight_decay),
             scale = static_cast<T>(step.scale), a = static_cast<T>(alpha_),
             fresh = static_cast<T>(1 - alpha_), eps = static_cast<T>(eps_),
             mu = static_cast<T>(momentum_);
  T* __restrict b = momentum_ > 0 ? slots[1].data() : nullptr;
  for (std::size_t i = 0; i < n; ++i) {
    const T d = scale * g[i] + decay * w[i];
    v[i] = a * v[i] + fresh * d * d;
    const T move = d / (std::sqrt(v[i]) + eps);
    w[i] -= rate * (b ? b[i] = mu * b[i] + move : move);
  }
}

#define RAMP_OPTIMIZERS(T)     \
  template class Optimizer<T>; \
  template class SGD<T>;       \
  template class Adam<T>;      \
  template class RMSprop<T>;
RAMP_OPTIMIZERS(float)
RAMP_OPTIMIZERS(double)
#undef RAMP_OPTIMIZERS

}  // namespace ramp::nn

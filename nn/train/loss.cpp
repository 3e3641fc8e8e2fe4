#include <autodiff/compound.hpp>
#include <nn/data/dataset.hpp>
#include <nn/named.hpp>
#include <nn/train/loss.hpp>

#include <array>
#include <cmath>

namespace ramp::nn {

namespace {

template <class T> Var<T> reduce(const Var<T>& each, Reduction reduction) {
  return reduction == Reduction::mean ? mean(each) : sum(each);
}

template <class T> void check_same(const char* loss, const Var<T>& y, const Var<T>& target) {
  if (y.shape() == target.shape()) return;
  throw ShapeError(fmt::format("[{}] outputs {}, targets {}: give both the same shape", loss,
                               to_string(y.shape()), to_string(target.shape())));
}

template <class T>
void check_rows(const char* loss, const Var<T>& scores, std::span<const std::int32_t> labels) {
  const Shape shape = scores.shape();
  if (shape.rank() != 2 || shape[0] != labels.size())
    throw ShapeError(
        fmt::format("[{}] outputs {}, labels ({}): it needs a row of scores for each label", loss,
                    to_string(shape), labels.size()));
}

// No branch in the loop: it is seen by each training step.
template <class T, class Allowed>
void check_each(const char* loss, const char* rule, View<const T> targets, Allowed allowed) {
  bool all = true;
  for (const T y : targets) all &= allowed(y);
  if (all) return;
  for (std::size_t i = 0; i < targets.size(); ++i)
    if (!allowed(targets[i]))
      throw ValueError(fmt::format("[{}] target {} at {}: {}", loss, targets[i], i, rule));
}

}  // namespace

template <class T> Var<T> mse(const Var<T>& y, const Var<T>& target, Reduction reduction) {
  check_same("mse", y, target);
  return reduce(square(y - target), reduction);
}

template <class T> Var<T> l1(const Var<T>& y, const Var<T>& target, Reduction reduction) {
  check_same("l1", y, target);
  return reduce(abs(y - target), reduction);
}

template <class T>
Var<T> huber_loss(const Var<T>& y, const Var<T>& target, double delta, Reduction reduction) {
  check_same("huber", y, target);
  return reduce(ramp::huber(y, target, delta), reduction);
}

template <class T> Var<T> cross_entropy(const Var<T>& scores, std::span<const std::int32_t> labels,
                                        const CrossEntropyOptions& options) {
  check_rows("cross_entropy", scores, labels);
  const auto& [smoothing, weights, reduction] = options;
  Var<T> each = ramp::cross_entropy(scores, labels);
  if (smoothing == 0 && weights.empty()) return reduce(each, reduction);

  if (!(smoothing >= 0 && smoothing <= 1))
    throw ValueError(
        fmt::format("[cross_entropy] smoothing {}: it lies between 0 and 1", smoothing));
  Var<T> of_class, of_label;  // weights, if there are some
  if (!weights.empty()) {
    if (weights.size() != scores.shape()[1])
      throw ShapeError(
          fmt::format("[cross_entropy] outputs {}, {} weights: give one for each class",
                      to_string(scores.shape()), weights.size()));
    for (const double w : weights)
      if (!(w >= 0 && std::isfinite(w)))
        throw ValueError(
            fmt::format("[cross_entropy] weight {}: it must be a number from 0 up", w));
    of_class = scores.tape().constant(weights, "weights");
    of_label = gather(of_class, labels);
    each = each * of_label;
  }
  if (smoothing > 0) {  // what is spread: the mean over the classes of -weight log softmax
    Var<T> spread = log_softmax(scores);
    if (!weights.empty()) spread = spread * of_class;
    each = static_cast<T>(1 - smoothing) * each - static_cast<T>(smoothing) * mean(spread, 1);
  }
  if (weights.empty() || reduction == Reduction::sum) return reduce(each, reduction);
  const Var<T> total = sum(of_label);
  if (total.item() == 0)
    throw ValueError("[cross_entropy] all labels have weight 0: their mean is 0 / 0");
  return sum(each) / total;
}

template <class T> Var<T> nll(const Var<T>& log_probabilities, std::span<const std::int32_t> labels,
                              Reduction reduction) {
  check_rows("nll", log_probabilities, labels);
  return reduce(-pick(log_probabilities, labels), reduction);
}

template <class T>
Var<T> bce_with_logits(const Var<T>& scores, const Var<T>& y, Reduction reduction) {
  check_same("bce_with_logits", scores, y);
  check_each("bce_with_logits", "they are probabilities, from 0 to 1", y.view(),
             [](T p) { return (p >= 0) & (p <= 1); });
  // What doesn't happen costs nothing, at an infinite score either, where 0 * infinity is NaN.
  const auto part = [](const Var<T>& p, const Var<T>& cost) { return where(p == 0, 0, p * cost); };
  return reduce(part(y, softplus(-scores)) + part(1 - y, softplus(scores)), reduction);
}

template <class T> Var<T> hinge(const Var<T>& scores, const Var<T>& y, Reduction reduction) {
  check_same("hinge", scores, y);
  check_each("hinge", "they are -1 or +1", y.view(), [](T s) { return (s == 1) | (s == -1); });
  return reduce(relu(1 - y * scores), reduction);
}

// --- By name

namespace {

template <class T> struct Entry {
  std::string_view label;
  Var<T> (*by_label)(const Var<T>& y, std::span<const std::int32_t> labels);
  Var<T> (*by_target)(const Var<T>& y, const Var<T>& target);

  std::string_view name() const { return label; }
};

template <class T> constexpr std::array table{
    Entry<T>{"cross_entropy", [](auto& y, auto labels) { return cross_entropy(y, labels); }, {}},
    Entry<T>{"nll", [](auto& y, auto labels) { return nll(y, labels); }, {}},
    Entry<T>{"mse", {}, [](auto& y, auto& target) { return mse(y, target); }},
    Entry<T>{"l1", {}, [](auto& y, auto& target) { return l1(y, target); }},
    Entry<T>{"huber", {}, [](auto& y, auto& target) { return huber_loss(y, target); }},
    Entry<T>{"bce_with_logits", {}, [](auto& y, auto& t) { return bce_with_logits(y, t); }},
    Entry<T>{"hinge", {}, [](auto& y, auto& target) { return hinge(y, target); }}};

template <class T> constexpr auto names_of_table = [] {
  std::array<std::string_view, table<T>.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = table<T>[i].label;
  return names;
}();

[[noreturn]] void lacks(const std::string& loss, const std::string& name, bool labels) {
  throw DataError(fmt::format("[{}] {}: the set has no {}, which this loss compares with", loss,
                              name, labels ? "labels" : "targets"));
}

}  // namespace

std::span<const std::string_view> loss_names() { return names_of_table<float>; }

template <class T> Loss<T>::Loss(std::string_view name) : name_(name) {
  const auto& entry = named(name, "loss", std::span<const Entry<T>>(table<T>));
  by_label_ = entry.by_label;
  by_target_ = entry.by_target;
  if (by_label_)
    function_ = [f = entry.by_label](const Var<T>& y, const Batch<T>& batch) {
      return f(y, batch.labels);
    };
  else
    function_ = [f = entry.by_target](const Var<T>& y, const Batch<T>& batch) {
      return f(y, targets_of(batch, y));
    };
}

template <class T> Var<T> Loss<T>::operator()(const Var<T>& outputs, const Batch<T>& batch) const {
  if (by_label_ && batch.labels.empty()) lacks(name_, "the batch", true);
  if (by_target_ && batch.targets.size() == 0) lacks(name_, "the batch", false);
  const auto scope = outputs.tape().scope("loss");
  return function_(outputs, batch);
}

template <class T> void Loss<T>::check(const Source<T>& source) const {
  if (by_label_ && source.classes == 0) lacks(name_, source.name, true);
  if (by_target_ && source.outputs == 0) lacks(name_, source.name, false);
}

#define RAMP_LOSSES(T)                                                          \
  template Var<T> mse(const Var<T>&, const Var<T>&, Reduction);                 \
  template Var<T> l1(const Var<T>&, const Var<T>&, Reduction);                  \
  template Var<T> huber_loss(const Var<T>&, const Var<T>&, double, Reduction);  \
  template Var<T> cross_entropy(const Var<T>&, std::span<const std::int32_t>,   \
                                const CrossEntropyOptions&);                    \
  template Var<T> nll(const Var<T>&, std::span<const std::int32_t>, Reduction); \
  template Var<T> bce_with_logits(const Var<T>&, const Var<T>&, Reduction);     \
  template Var<T> hinge(const Var<T>&, const Var<T>&, Reduction);               \
  template class Loss<T>;
RAMP_LOSSES(float)
RAMP_LOSSES(double)
#undef RAMP_LOSSES

}  // namespace ramp::nn

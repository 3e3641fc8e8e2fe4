#include <nn/train/loss.hpp>
#include <nn/named.hpp>

#include <array>

namespace ramp::nn {

namespace {

constexpr std::array<std::string_view, 4> names{"cross_entropy", "mse", "bce", "hinge"};
static_assert(names[static_cast<int>(Loss::hinge)] == "hinge");

template <class T> Var<T> reduce(const Var<T>& each, Reduction reduction) {
  return reduction == Reduction::mean ? mean(each) : sum(each);
}

template <class T> void check_same(const char* loss, const Var<T>& y, const Var<T>& target) {
  if (y.shape() == target.shape()) return;
  throw ShapeError(fmt::format("[{}] outputs {}, targets {}: give both the same shape", loss,
                               to_string(y.shape()), to_string(target.shape())));
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

template <class T> Var<T> cross_entropy(const Var<T>& scores, std::span<const std::int32_t> labels,
                                        Reduction reduction) {
  const Shape shape = scores.shape();
  if (shape.rank() != 2 || shape[0] != labels.size())
    throw ShapeError(
        fmt::format("[cross_entropy] outputs {}, labels ({}): it needs a row of scores for each "
                    "label",
                    to_string(shape), labels.size()));
  return reduce(ramp::cross_entropy(scores, labels), reduction);
}

template <class T>
Var<T> bce_with_logits(const Var<T>& scores, const Var<T>& y, Reduction reduction) {
  check_same("bce", scores, y);
  check_each("bce", "they are probabilities, from 0 to 1", y.view(),
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

std::span<const std::string_view> loss_names() { return names; }
std::string_view to_string(Loss loss) { return names[static_cast<std::size_t>(loss)]; }
Loss loss_named(std::string_view name) { return named<Loss>(name, "loss", names); }

template <class T> Var<T> batch_loss(Loss loss, const Var<T>& outputs, View<const T> targets,
                                     std::span<const std::int32_t> labels, Reduction reduction) {
  Tape<T>& tape = outputs.tape();
  const auto scope = tape.scope("loss");
  if (loss == Loss::cross_entropy) return cross_entropy(outputs, labels, reduction);
  const Var<T> y = tape.borrow(targets, "targets");
  switch (loss) {
    case Loss::mse:
      return mse(outputs, y, reduction);
    case Loss::bce:
      return bce_with_logits(outputs, y, reduction);
    case Loss::hinge:
      return hinge(outputs, y, reduction);
    case Loss::cross_entropy:
      break;
  }
  throw ValueError("[loss] not one of the enumerators");
}

#define RAMP_LOSSES(T)                                                                          \
  template Var<T> mse(const Var<T>&, const Var<T>&, Reduction);                                 \
  template Var<T> cross_entropy(const Var<T>&, std::span<const std::int32_t>, Reduction);       \
  template Var<T> bce_with_logits(const Var<T>&, const Var<T>&, Reduction);                     \
  template Var<T> hinge(const Var<T>&, const Var<T>&, Reduction);                               \
  template Var<T> batch_loss(Loss, const Var<T>&, View<const T>, std::span<const std::int32_t>, \
                             Reduction);
RAMP_LOSSES(float)
RAMP_LOSSES(double)
#undef RAMP_LOSSES

}  // namespace ramp::nn

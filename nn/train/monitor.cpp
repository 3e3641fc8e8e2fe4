#include <nn/train/evaluate.hpp>
#include <nn/train/monitor.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace ramp::nn {

namespace {

struct ActivationNode {
  std::uint32_t node;
  std::string layer;
};

template <class T> std::vector<ActivationNode> activations(const Tape<T>& tape, bool smooth) {
  std::vector<bool> of_data(tape.size() + 1);
  std::map<std::uint32_t, int> in_scope;
  std::vector<ActivationNode> found;
  for (std::uint32_t i = 1; i <= tape.size(); ++i) {
    const OpInfo& op = op_info(tape.op(i));
    if (op.id == leaf_op) {
      of_data[i] = tape.rank(i) >= 2 && !tape.is_parameter(i);
      continue;
    }
    for (const Input<T> x : tape.operands(i)) of_data[i] = of_data[i] || of_data[x.node];
    const bool activation = op.elementwise && op.differentiable != 0 &&
                            (op.kink || (smooth && op.arity == 1 && op.passes_on == 0));
    if (!activation || tape.rank(i) < 2 || !of_data[i]) continue;
    const std::uint32_t scope = tape.scope_of(i);
    const int number = ++in_scope[scope];
    found.push_back(
        {i, tape.scope_path(scope) + (number > 1 ? fmt::format("#{}", number) : std::string())});
  }
  return found;
}

struct Tally {
  std::string layer;
  std::vector<double> activity;      // sum of |h|, for each unit
  std::vector<std::uint64_t> zeros;  // how often h was 0
  std::uint64_t samples = 0;

  template <class T> void add(View<const T> h) {
    for (const T* row = h.begin(); row != h.end(); row += zeros.size(), ++samples)
      for (std::size_t k = 0; k < zeros.size(); ++k) {
        activity[k] += std::abs(row[k]);
        zeros[k] += row[k] == 0;
      }
  }

  UnitReport report(double tau) const {
    const std::size_t units = zeros.size();
    const auto n = static_cast<double>(units);
    const double all = std::accumulate(activity.begin(), activity.end(), 0.0);
    const auto silent = [&](std::uint64_t z) { return z == samples; };
    const auto dormant = [&](double a) { return a <= tau * (all / n); };
    const auto zero = std::accumulate(zeros.begin(), zeros.end(), std::uint64_t{0});
    return {layer, units,
            static_cast<std::size_t>(std::count_if(zeros.begin(), zeros.end(), silent)),
            static_cast<std::size_t>(std::count_if(activity.begin(), activity.end(), dormant)),
            static_cast<double>(zero) / (n * static_cast<double>(samples))};
  }
};

// Runs the model over batches spread evenly over the set, until f(tape, outputs) is false.
template <class T, class F> void each_batch(Module<T>& model, const Dataset<T>& data,
                                            std::size_t batch_size, std::size_t samples, F f) {
  data.check();
  if (data.size() == 0) throw DataError(fmt::format("[monitor] {}: the set is empty", data.name));
  if (batch_size == 0) throw ValueError(fmt::format("[monitor] {}: batch size 0", data.name));
  const std::size_t n = data.size(), rows = samples == 0 ? n : std::min(samples, n);
  batch_size = std::min(batch_size, n);
  const std::size_t batches = (rows + batch_size - 1) / batch_size;
  const EvalMode<T> mode(model);
  Tape<T> tape;
  const auto no_gradients = tape.no_grad();
  for (std::size_t b = 0; b < batches; ++b) {
    const std::size_t first = b * n / batches;
    const std::size_t count = std::min(batch_size, (b + 1) * n / batches - first);
    tape.clear();
    const View<const T> inputs{data.inputs.data() + first * data.features(),
                               data.inputs.shape().with(0, static_cast<std::uint32_t>(count))};
    if (!f(tape, model(tape.borrow(inputs, "inputs")))) return;
  }
}

}  // namespace

template <class T> std::vector<UnitReport> monitor_units(Module<T>& model, const Dataset<T>& data,
                                                         MonitorOptions options) {
  if (!(options.tau >= 0))
    throw ValueError(fmt::format("[monitor] tau {}: it must be 0 or more", options.tau));
  std::vector<Tally> tallies;
  const auto add = [&](const Tape<T>& tape, const Var<T>&) {
    const auto found = activations(tape, options.smooth);
    const bool first = tallies.empty();
    bool same = first || found.size() == tallies.size();
    for (std::size_t i = 0; same && i < found.size(); ++i) {
      const View<const T> h = tape.value_of(found[i].node);
      const std::size_t units = h.shape.back();
      if (first)
        tallies.push_back(
            {found[i].layer, std::vector<double>(units), std::vector<std::uint64_t>(units)});
      same = tallies[i].layer == found[i].layer && tallies[i].zeros.size() == units;
      if (same) tallies[i].add(h);
    }
    if (!same)
      throw ValueError(fmt::format(
          "[monitor] {}: it records other activations from one batch to the next, so that units "
          "can't be told",
          model.name()));
    return true;
  };
  each_batch(model, data, options.batch_size, options.samples, add);
  std::vector<UnitReport> layers;
  for (const Tally& tally : tallies) layers.push_back(tally.report(options.tau));
  return layers;
}

template <class T>
bool born_dead(Module<T>& model, const Dataset<T>& data, std::size_t batch_size) {
  if (data.size() < 2)
    throw DataError(
        fmt::format("[born_dead] {}: {} rows, and it takes two to differ", data.name, data.size()));
  std::vector<T> first;
  bool same = true;
  each_batch(model, data, batch_size, 0, [&](const Tape<T>&, const Var<T>& outputs) {
    const View<const T> y = outputs.view();
    if (first.empty()) first.assign(y.begin(), y.begin() + y.size() / y.shape[0]);
    T largest = 0;
    for (const T value : first) largest = std::max(largest, std::abs(value));
    const T tolerance = 16 * std::numeric_limits<T>::epsilon() * largest;
    for (std::size_t i = 0; i < y.size(); ++i)
      same &= std::abs(y[i] - first[i % first.size()]) <= tolerance;
    return same;
  });
  return same;
}

std::string warning(const UnitReport& layer, double threshold) {
  if (!(layer.dead_share() > threshold)) return {};
  return fmt::format(
      "{}: {} of {} units are dead ({:.0f} %): they give 0 for every sample, so no gradient "
      "reaches "
      "them. Try a lower learning rate or clip_norm, a slope below 0 (leaky_relu, elu), or another "
      "initialization (he for relu; biases not below 0)",
      layer.name, layer.dead, layer.units, 100 * layer.dead_share());
}

template <class T>
std::map<std::uint32_t, NodeStyle> dead_colors(std::span<const UnitReport> layers,
                                               const Var<T>& root, double threshold) {
  std::map<std::uint32_t, NodeStyle> styles;
  for (const ActivationNode& at : activations(root.tape(), false))
    for (const UnitReport& layer : layers)
      if (layer.name == at.layer && layer.dead_share() > threshold) {
        const int pale = static_cast<int>(std::lround(200 * (1 - layer.dead_share())));
        styles[at.node] = {fmt::format("#ff{0:02x}{0:02x}", pale),
                           fmt::format("{} of {} units dead", layer.dead, layer.units)};
      }
  return styles;
}

#define RAMP_MONITOR(T)                                                                          \
  template std::vector<UnitReport> monitor_units(Module<T>&, const Dataset<T>&, MonitorOptions); \
  template bool born_dead(Module<T>&, const Dataset<T>&, std::size_t);                           \
  template std::map<std::uint32_t, NodeStyle> dead_colors(std::span<const UnitReport>,           \
                                                          const Var<T>&, double);
RAMP_MONITOR(float)
RAMP_MONITOR(double)
#undef RAMP_MONITOR

}  // namespace ramp::nn

#include <autodiff/inspect/gradcheck.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <random>

namespace ramp {
namespace {

using Limits = std::numeric_limits<double>;
constexpr double doubt = 10;  // error estimates are believed to this factor

struct Estimate {
  double value = 0, error = Limits::infinity();
  bool good_to(double part, double unit) const {
    return error <= part * std::max(unit, std::abs(value));
  }
};

// Extrapolates quotients with steps h, h/2, h/4 to step 0 (Ridders 1982). Each column of the
// tableau cancels one more power of h; an entry is as good as those it came from agree with it,
// plus rounding.
using Levels = std::array<double, 3>;
Estimate extrapolate(Levels t, double ratio, double noise) {
  Estimate best;
  double power = Limits::infinity();  // the first column cancels nothing
  for (std::size_t column = 0; column < 3; ++column) {
    noise *= 1 + 2 / (power - 1);
    for (std::size_t i = 2; i >= std::max<std::size_t>(1, column); --i) {
      const double next = t[i] + (t[i] - t[i - 1]) / (power - 1);
      const double error =
          std::abs(next - t[i]) + std::abs(next - t[i - 1]) + (i == 2 ? 4 : 2) * noise;
      if (error < best.error) best = {next, error};
      t[i] = next;
    }
    power = column == 0 ? ratio : power * ratio;
  }
  return best;
}

// What one size of step says: the gradient lies between two numbers.
struct Finding {
  Verdict verdict = Verdict::unsure;
  Estimate left{-Limits::infinity()}, right{Limits::infinity()};
  double step = 1, resolution = 0;  // the least kink it would show; 0: it doesn't see both sides

  double low() const { return std::min(left.value, right.value); }
  double high() const { return std::max(left.value, right.value); }
  double size() const { return std::max(-low(), high()); }
  double error() const { return doubt * std::max(left.error, right.error); }
  double distance(double g, double c) const {  // NaN for NaN
    const double d = g < low() ? low() - g : g > high() ? g - high() : g - g;
    if (verdict != Verdict::kink || (c >= 0 && c <= 1)) return d;
    const double jump = c * (right.value - left.value);
    return std::min({d, std::abs(g - left.value - jump), std::abs(g - right.value + jump)});
  }
};

struct Check {
  const Function& f;
  std::vector<Tensor<double>> inputs;
  GradientCheckOptions options;
  Tape<double> tape{{.at_zero = options.at_zero}};
  std::vector<Var<double>> leaves{};
  std::optional<Tensor<double>> weights{};  // of f's elements, once its shape is known
  double terms = 0, magnitude = 0;  // how large f's terms and values are: rounding is a share of it

  Var<double> run() {
    tape.clear();
    leaves.clear();
    for (const auto& x : inputs) leaves.push_back(tape.leaf(x));
    const Var<double> root = f(leaves);
    tape.at(root, "check_gradients");
    if (!weights) {
      weights = Tensor<double>(root.shape());
      for (std::size_t i = 0; i < weights->size(); ++i)
        (*weights)[i] = std::cos(0.7 * static_cast<double>(i));
    } else if (!(root.shape() == weights->shape())) {
      throw ShapeError(
          fmt::format("[check_gradients] f gave {} at first and now {}: its shape "
                      "mustn't depend on the values",
                      to_string(weights->shape()), to_string(root.shape())));
    }
    return root;
  }
  // The weighted sum of f with x at another place.
  double value(double& x, double at) {
    const double before = std::exchange(x, at);
    const Var<double> root = run();
    x = before;
    double sum = 0, size = 0;
    for (std::size_t i = 0; i < weights->size(); ++i) {
      const double y = (*weights)[i] * root.view().data[i];
      sum += y, size += std::abs(y);
    }
    if (std::isfinite(size)) magnitude = std::max(magnitude, size);
    return sum;
  }

  Finding look(double& x, double h, double unit) {
    magnitude = terms;
    const double y = value(x, x);
    Levels left, right, both;
    for (std::size_t i = 0; i < 3; ++i) {
      const double d = h / static_cast<double>(1 << i), to = value(x, x + d),
                   from = value(x, x - d);
      left[i] = (y - from) / d, right[i] = (to - y) / d, both[i] = (to - from) / (2 * d);
    }
    const double noise = (Limits::epsilon() * magnitude + Limits::min()) / h;
    const auto known = [&](const Estimate& e) { return e.good_to(1e-3, unit); };
    const Estimate l = extrapolate(left, 2, 2 * noise), r = extrapolate(right, 2, 2 * noise),
                   c = extrapolate(both, 4, noise);
    if (known(l) && known(r)) {
      const double resolution = doubt * (l.error + r.error) +
                                options.tolerance * std::max(std::abs(l.value), std::abs(r.value));
      if (std::abs(r.value - l.value) > resolution) return {Verdict::kink, l, r, h, resolution};
      return {Verdict::ok, c, c, h, resolution};
    }
    if (known(l)) return {std::isnan(right[2]) ? Verdict::ok : Verdict::kink, l, l, h};
    if (known(r)) return {std::isnan(left[2]) ? Verdict::ok : Verdict::kink, r, r, h};
    const auto beside = [&](const Levels& t) {  // f jumps to both sides: the slope next to x
      return Estimate{2 * t[1] - t[2], std::abs(3 * t[1] - 2 * t[0] - t[2]) + 16 * noise};
    };
    if (!known(beside(left)) || !known(beside(right))) return {};
    return {Verdict::kink, beside(left), beside(right), h};
  }

  GradientElement judge(std::size_t input, std::size_t element, double g) {
    double& x = inputs[input][element];
    const double unit = std::exp2(-std::ilogb(std::max(1.0, std::abs(x))));
    Finding best;
    const auto exact = [&](const Finding& a) {
      return Estimate{a.size(), a.error()}.good_to(options.tolerance, unit);
    };
    // Whether a finding with a smaller step is a better one. A kink that only the larger step sees
    // lies beside x, one that only the smaller sees is new if the larger was too coarse for it.
    // What else contradicts the larger step's is rounding.
    const auto better = [&](const Finding& a) {
      if (best.verdict == Verdict::unsure) return true;
      const double slack = a.error() + best.error();
      if ((a.resolution > 0) != (best.resolution > 0))
        return a.resolution > 0 && (exact(a) || !exact(best));
      if (a.low() > best.high() + slack || a.high() < best.low() - slack) return false;
      if (a.verdict == best.verdict) return a.error() < best.error();
      if (a.verdict == Verdict::kink) return a.high() - a.low() < 2 * best.resolution;
      return a.resolution < best.high() - best.low() && exact(a);
    };
    GradientElement e{};
    const auto verdict = [&](double h) {
      if (const Finding now = look(x, h, unit); now.verdict != Verdict::unsure && better(now))
        best = now;
      const double error = best.distance(g, options.at_zero);
      e = {input, element, best.verdict, g, best.left.value, best.right.value, error, best.error()};
      if (best.verdict != Verdict::unsure &&
          !(error <= options.tolerance * best.size() + e.accuracy))
        e.verdict = Verdict::wrong;
      else if (!exact(best))
        e.verdict = Verdict::unsure;
      return e.verdict;
    };
    for (int i = 9; i <= 29; i += 5)
      if (verdict(std::ldexp(1 / unit, -i)) == Verdict::ok) return e;
    for (const int i : {5, 10, 15})  // kinks and the ends of domains are often at 0
      if (const double h = std::ldexp(std::abs(x), -i); h > 1e-290 && h < 1e-9) verdict(h);
    return e;
  }

  // Whether a gradient that no difference along its own axis explains is one of those next to the
  // point: of max(min(a, b), 1) at a tie of all three, which along both axes is flat. The steps are
  // as small as the last ones along the axis: farther away lie other kinks.
  bool beside_others(const GradientElement& e, std::span<const GradientElement> all) {
    const double h = unit(e, e, -26), d = 0.125;
    std::mt19937 random(1);
    double low = Limits::infinity(), high = -low;
    for (int k = 0; k < 32; ++k) {
      std::vector<Step> others;
      for (const GradientElement& other : all)
        if (&other != &e) others.push_back({&other, std::normal_distribution()(random)});
      const double slope = (moved(h, {{&e, d}}, others) - moved(h, {{&e, -d}}, others)) / (2 * d);
      low = std::min(low, slope), high = std::max(high, slope);
    }
    const double noise = (Limits::epsilon() * magnitude + Limits::min()) / (h * d);
    const bool parts = high - low > 0.01 * std::max(std::abs(low), std::abs(high)) + 100 * noise;
    return parts && e.gradient >= low - noise && e.gradient <= high + noise;
  }

  // Whether the gradients at two kinks are right together: their pair lies in the convex hull of
  // the gradients around the point, as Clarke's generalized gradient demands. Kinks that have
  // nothing to do with each other pass: in all directions f changes by what it does along the axes.
  bool fit(const GradientElement& a, const GradientElement& b,
           std::span<const GradientElement> all) {
    const double slack = (std::abs(a.right - a.left) + std::abs(b.right - b.left)) / 100;
    if (separate(a, b, slack)) return true;
    // A sector between kinks may be so narrow that few directions meet it, or f so curved that
    // gradients nearby are others: what seems wrong is looked at again, closer and in more
    // directions. These leave the plane, for there a third kink may be on the edge all along.
    std::mt19937 random(1);
    std::vector<Pair> around;
    const auto look = [&](double angle) {
      const std::array steps{Step{&a, std::cos(angle)}, Step{&b, std::sin(angle)}};
      around.push_back(gradient_at(a, b, steps, -12));
    };
    for (int k = 0; k < 8; ++k) look((k + 0.5) * std::numbers::pi / 4);
    // On a cone, a norm's, the gradients are a circle: this one lies there where it points to.
    const double own = std::atan2(b.gradient, a.gradient);
    look(own);
    look(own + std::numbers::pi);
    if (distance(around, {a.gradient, b.gradient}) <= slack) return true;
    for (const int level : {-16, -20}) {
      for (int k = 0; k < 48; ++k) {
        std::vector<Step> steps;
        for (const GradientElement& e : all)
          if (e.verdict == Verdict::kink || &e == &a || &e == &b)
            steps.push_back({&e, std::normal_distribution()(random)});
        around.push_back(gradient_at(a, b, steps, level));
      }
      if (distance(around, {a.gradient, b.gradient}) <= slack) return true;
    }
    return false;
  }

 private:
  using Pair = std::array<double, 2>;
  struct Step {
    const GradientElement* along;
    double by;  // in units of h
  };

  double unit(const GradientElement& a, const GradientElement& b, int level) const {
    return std::ldexp(
        std::max({1.0, std::abs(inputs[a.input][a.element]), std::abs(inputs[b.input][b.element])}),
        level);
  }
  // f where the inputs are some steps away, in units of h.
  double moved(double h, std::initializer_list<Step> near, std::span<const Step> far = {}) {
    std::vector<std::pair<double*, double>> before;
    const auto step = [&](const Step& s) {
      double& x = inputs[s.along->input][s.along->element];
      before.emplace_back(&x, x);
      x += s.by * h;
    };
    std::for_each(far.begin(), far.end(), step);
    std::for_each(near.begin(), near.end(), step);
    const double y = value(*before[0].first, *before[0].first);
    for (; !before.empty(); before.pop_back()) *before.back().first = before.back().second;
    return y / h;
  }
  // Whether f(p, q) = f(p, 0) + f(0, q) - f(0, 0) in all quadrants, to both sides of their
  // diagonals.
  bool separate(const GradientElement& a, const GradientElement& b, double slack) {
    const double h = unit(a, b, -12);
    const double here = moved(h, {{&a, 0}});
    constexpr std::array steps{-1.0, -0.6, 0.6, 1.0};
    std::array<double, 4> along_b{};
    for (std::size_t k = 0; k < 4; ++k) along_b[k] = moved(h, {{&b, steps[k]}}) - here;
    for (const double p : steps) {
      const double along_a = moved(h, {{&a, p}});
      for (std::size_t k = 0; k < 4; ++k) {
        const double both = moved(h, {{&a, p}, {&b, steps[k]}});
        if (std::abs(both - along_a - along_b[k]) > slack) return false;
      }
    }
    return true;
  }
  // By differences, next to the point.
  Pair gradient_at(const GradientElement& a, const GradientElement& b, std::span<const Step> far,
                   int level) {
    const double h = unit(a, b, level), d = 0.01;
    return {(moved(h, {{&a, d}}, far) - moved(h, {{&a, -d}}, far)) / (2 * d),
            (moved(h, {{&b, d}}, far) - moved(h, {{&b, -d}}, far)) / (2 * d)};
  }
  // Of g from the convex hull of those points that are numbers. Some direction shows it whole: away
  // from a corner, or across the line through two of them.
  static double distance(std::span<const Pair> points, const Pair& g) {
    double most = 0;
    const auto look_along = [&](double p, double q) {
      const double length = std::hypot(p, q);
      if (!(length > 0)) return;  // NaN, too
      double reach = -Limits::infinity();
      for (const Pair& x : points) reach = std::max(reach, p * x[0] + q * x[1]);
      most = std::max(most, (p * g[0] + q * g[1] - reach) / length);
    };
    for (const Pair& x : points) {
      look_along(g[0] - x[0], g[1] - x[1]);
      for (const Pair& y : points) look_along(x[1] - y[1], y[0] - x[0]);
    }
    return most;
  }
};

GradientReport report_on(const Function& f, const std::vector<Tensor<double>>& inputs,
                         const GradientCheckOptions& options) {
  Check check{f, inputs, options};
  const Var<double> root = check.run();
  std::vector<Tensor<double>> gradients;
  const bool varies = root.varies();
  if (varies) check.tape.backward(root, *check.weights);
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    gradients.push_back(varies ? check.tape.gradient(check.leaves[k])
                               : Tensor<double>(inputs[k].shape()));
    for (std::size_t i = 0; i < inputs[k].size(); ++i)
      if (const double term = std::abs(gradients[k][i] * inputs[k][i]); std::isfinite(term))
        check.terms += term;
  }
  GradientReport report;
  auto& all = report.elements;
  for (std::size_t k = 0; k < inputs.size(); ++k)
    for (std::size_t i = 0; i < inputs[k].size(); ++i)
      all.push_back(check.judge(k, i, gradients[k][i]));
  if (options.at_zero < 0 || options.at_zero > 1) return report;
  for (GradientElement& e : all)
    if (all.size() > 1 && e.verdict == Verdict::wrong && check.beside_others(e, all))
      e.verdict = Verdict::kink;
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = 0; j < i && all[i].verdict == Verdict::kink; ++j)
      if (all[j].verdict == Verdict::kink && !check.fit(all[i], all[j], all)) {
        all[i].verdict = Verdict::wrong;
        all[i].partner = static_cast<int>(j);
      }
  return report;
}

}  // namespace

GradientReport check_gradients(const Function& f, const std::vector<Tensor<double>>& inputs,
                               const GradientCheckOptions& options) {
  return or_memory_error("[check_gradients]", [&] { return report_on(f, inputs, options); });
}

std::size_t GradientReport::count(Verdict v) const {
  return static_cast<std::size_t>(std::count_if(elements.begin(), elements.end(),
                                                [v](const auto& e) { return e.verdict == v; }));
}

std::string to_string(const GradientReport& report) {
  std::string text;
  const std::array names{" ok", " at a kink", " wrong", " unsure"};
  for (std::size_t v = 0; v < names.size(); ++v)
    text += (v == 0 ? "" : ", ") + std::to_string(report.count(static_cast<Verdict>(v))) + names[v];
  for (const auto& e : report.elements) {
    if (e.verdict == Verdict::ok || e.verdict == Verdict::kink) continue;
    text += fmt::format("\ninput {} element {}: gradient {}, differences {} (left), {} (right): ",
                        e.input, e.element, e.gradient, e.left, e.right);
    if (e.verdict == Verdict::unsure)
      text += fmt::format("rounding, they are only good to {:.1e}: can't tell", e.accuracy);
    else if (e.partner < 0)
      text += fmt::format("the formula, off by {:.1e} where they are good to {:.1e}", e.error,
                          e.accuracy);
    else
      text +=
          fmt::format("right alone, but the formula is wrong together with number {}", e.partner);
  }
  return text;
}

}  // namespace ramp

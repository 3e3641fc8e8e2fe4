// An op of your own: one struct. It then runs on scalars and tensors, is differentiated any number
// of times, drawn, checked against differences, and stands in the registry beside the built-in
// ones.
#include <autodiff/autodiff.hpp>
#include <autodiff/own_op.hpp>

#include <cstdio>

using namespace ramp;  // formulas call abs, exp, where .. for numbers, lanes, tensors and handles

struct Delta {
  double delta = 1;
};
struct Robust : Elementwise<1> {
  using Attr = Delta;
  static constexpr About about{"robust", "x^2 / 2 if |x| <= d, else d (|x| - d / 2)",
                               "Quadratic near 0, linear far out (Huber 1964)."};
  static constexpr auto value = [](auto x, auto at) {
    return where(abs(x) <= at.delta, x * x / 2, at.delta * (abs(x) - at.delta / 2));
  };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x, auto, auto at) {
    return g * where(abs(x) <= at.delta, x, where(x > 0, at.delta, -at.delta));
  }};
  static std::string label(const Attr& at) { return "robust " + std::to_string(at.delta); }
  static auto examples() { return std::vector<Example<Attr>>{{{0.5}, 0.125, {1}}, {{-3}, 4, {2}}}; }
};
template <Traced X> auto robust(const X& x, double delta = 1) { return record<Robust>({delta}, x); }

int main() {
  Tape tape;
  const auto x = tape.leaf({-4, -0.5, 0.25, 3}, "x");
  const auto loss = sum(robust(x, 2));
  const auto slope = tape.grad_on_tape(loss, {x})[0];
  const auto curvature = tape.grad_on_tape(sum(slope), {x})[0];
  std::printf("%8s %8s %8s\n", "x", "slope", "curv.");
  for (std::size_t i = 0; i < 4; ++i)
    std::printf("%8.4f %8.4f %8.4f\n", x.view()[i], slope.view()[i], curvature.view()[i]);

  const auto report = check_gradients(
      [](std::span<const Var<double>> in) { return robust(in[0], 2); }, {x.value()});
  std::printf("\nchecked: %s\n", report.ok() ? "ok" : to_string(report).c_str());
  std::printf("registered: %s\n\n%s", find_op("robust")->about.doc, to_dot(loss).c_str());
  return report.ok() ? 0 : 1;
}

#include "kinks.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>

namespace ramp::tool {
namespace {

using X = Var<double>;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// +0, -0, one representable step to each side, both infinities, NaN: as offsets from the kink.
std::array<double, 7> points(double kink) {
  const double zero = kink == 0 ? -0.0 : kink;
  return {
      kink + 0.0, zero, std::nextafter(kink, infinity), std::nextafter(kink, -infinity), infinity,
      -infinity,  nan};
}

std::string number(double x, double kink) {
  const double d = std::numeric_limits<double>::denorm_min();
  if (std::isnan(x)) return "nan";
  if (std::isinf(x)) return x > 0 ? "∞" : "−∞";
  if (x == d) return "d";
  if (x == -d) return "−d";
  if (kink != 0 && x != 0 && std::abs(x) < 1e-12) return x > 0 ? "d" : "−d";
  if (x == 0.5) return "½";
  if (x == 0.25) return "¼";
  return fmt::format("{}{:g}", x < 0 ? "−" : "", std::abs(x));
}

// The derivatives, or the values, of a spelling at all points.
std::string row(const Spelling& s, double at_zero, bool derivative) {
  std::string text;
  for (const double p : points(s.kink)) {
    Tape<double> tape({.at_zero = at_zero});
    const X x = tape.leaf(p);
    const X y = s.write(x);
    if (derivative) tape.backward(y);
    const double result = derivative ? tape.gradient(x).item() : y.item();
    text += fmt::format("{}{}", text.empty() ? "" : " ", number(result, s.kink));
  }
  return text;
}

}  // namespace

const std::vector<Spelling>& spellings() {
  static const std::vector<Spelling> all{
      {"relu(x)", 0, [](const X& x) { return relu(x); }, ""},
      {"max(x, 0)", 0, [](const X& x) { return max(x, 0); }, ""},
      {"max(0, x)", 0, [](const X& x) { return max(0, x); }, ""},
      {"clamp(x, 0, ∞)", 0, [](const X& x) { return clamp(x, 0, infinity); }, ""},
      {"leaky_relu(x, 0)", 0, [](const X& x) { return leaky_relu(x, 0); },
       "at −∞: the slope 0 times −∞ is NaN"},
      {"−min(−x, 0)", 0, [](const X& x) { return -min(-x, 0); }, ""},
      {"(x + abs(x)) / 2", 0, [](const X& x) { return (x + abs(x)) / 2; },
       "abs gives 0 at 0 under every c, so this gives ½; at −∞ it is −∞ + ∞"},
      {"x + relu(−x)", 0, [](const X& x) { return x + relu(-x); },
       "gives 1 − c: the kink is passed from the other side; at −∞ it is −∞ + ∞"},
      {"where(x > 0, x, 0)", 0, [](const X& x) { return where(x > 0, x, 0); },
       "a mask gives what its comparison says: 0 is not > 0, and neither is NaN"},
      {"where(x >= 0, x, 0)", 0, [](const X& x) { return where(x >= 0, x, 0); },
       "a mask gives what its comparison says: 0 is >= 0, and NaN isn't"},
      {"x · (x > 0)", 0, [](const X& x) { return x * (x > 0); },
       "a mask gives what its comparison says; −∞ · 0 is NaN"},
      {"relu(relu(x))", 0, [](const X& x) { return relu(relu(x)); },
       "passes two kinks: c², and c below 0, where the outer one still stands at its kink"},
      {"relu(x) − relu(−x)", 0, [](const X& x) { return relu(x) - relu(-x); },
       "the identity: 2c at 0, so 1 under c = ½ alone"},
      {"clamp(x, 0, 6)", 0, [](const X& x) { return clamp(x, 0, 6); },
       "two-sided, at its lower end"},
      {"clamp(x, −6, 0)", 0, [](const X& x) { return clamp(x, -6, 0); },
       "two-sided, at its upper end: slope on the left"},
      {"max(0, min(x, 6)), x = 6", 6, [](const X& x) { return max(0, min(x, 6)); },
       "two-sided, at its upper end: slope on the left"},
      {"hinge max(0, 1 − x), x = 1", 1, [](const X& x) { return max(0, 1 - x); },
       "slope −1 on the left: −c at its kink"},
  };
  return all;
}

std::string kink_table() {
  std::string text =
      "| spelling | value | derivative, c = 0 | c = ½ | c = 1 | where it parts from relu |\n"
      "|---|---|---|---|---|---|\n";
  for (const Spelling& s : spellings())
    text += fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", s.text, row(s, 0, false),
                        row(s, 0, true), row(s, 0.5, true), row(s, 1, true), s.why);
  return text;
}

}  // namespace ramp::tool

// The gradient checker on many random points of every op, at, beside and far from its kinks, and of
// rules that are wrong on purpose.
#include <autodiff/autodiff.hpp>
#include <autodiff/own_op.hpp>

#include "support/ops.hpp"
#include "support/wrong_rules.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

using namespace ramp;
using namespace wrong_rules;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double denormal = 4 * std::numeric_limits<double>::denorm_min();
constexpr std::array conventions{0.0, 0.5, 1.0};

// --- Cases ---------------------------------------------------------------------------------

template <class X, std::size_t n> X one_of(const std::array<X, n>& all, std::mt19937& random) {
  return all[random() % n];
}

// How far from a kink a case stands: at it, beside it, or far (NaN).
double offset(std::mt19937& random) {
  switch (random() % 3) {
    case 0:
      return 0;
    case 1:
      return one_of(std::array{1e-12, -1e-12, 1e-6, -1e-6, denormal, -denormal}, random);
    default:
      return not_a_number;
  }
}

double inside(const Domain& domain, std::mt19937& random) {
  for (;;) {
    const double x = std::uniform_real_distribution(-2.0, 2.0)(random);
    if (x > domain.low + 1e-3 && x < domain.high - 1e-3 && !(domain.nonzero && std::abs(x) < 1e-3))
      return x;
  }
}

bool has_jumps(const OpInfo& op) {
  return std::string_view(op.about.at_kink).find("jump") != std::string_view::npos;
}

struct Case {
  std::vector<Tensor<double>> inputs;
  double at_zero;
};

// Each element is a point of its own: its first operand is moved to where the op's formula finds a
// kink.
Case elementwise_case(const OpInfo& op, const Trial& trial, std::mt19937& random) {
  Case c{{}, one_of(conventions, random)};
  const Shape shape = random() % 2 ? Shape{} : Shape{static_cast<std::int64_t>(1 + random() % 3)};
  const auto arity = static_cast<std::size_t>(op.arity);
  c.inputs.assign(arity, Tensor<double>(shape));
  for (std::size_t i = 0; i < shape.size(); ++i) {
    std::array<double, 3> x{};
    for (std::size_t k = 0; k < arity; ++k) x[k] = inside(op.domain[k], random);
    const double beside = offset(random);
    if (has_jumps(op)) {
      // a difference across one says nothing
    } else if (op.kink && !std::isnan(beside)) {
      if (random() % 4 == 0) x[1] = 0;  // the only number that a denormal differs from
      for (int again = 0; again < 3; ++again) x[0] -= op.kink(x.data(), trial.attr.bytes.data());
      x[0] += beside;
    } else if (!std::isnan(beside) && op.domain[0].low < 0 && !op.domain[0].nonzero) {
      x[0] = beside;
    }
    for (std::size_t k = 0; k < arity; ++k) c.inputs[k][i] = x[k];
  }
  return c;
}

// Random shapes that the op's own rule accepts. Two thirds of the numbers come from a grid of
// three, so that many tie or nearly do.
Case structural_case(const OpInfo& op, const Trial& trial, std::mt19937& random) {
  Case c{{}, one_of(conventions, random)};
  const auto accepted = [&](const std::vector<Shape>& shapes) {
    try {
      return op.shape(shapes, trial.attr.bytes.data()), true;
    } catch (const Error&) {
      return false;
    }
  };
  std::vector<Shape> shapes;
  do {
    shapes.clear();
    for (const auto& x : trial.inputs) {
      Shape s = x.shape();
      for (int i = 0; i < s.rank(); ++i)
        if (random() % 2) s = s.with(i, static_cast<std::uint32_t>(1 + random() % 3));
      shapes.push_back(s);
    }
  } while (!accepted(shapes));
  for (const Shape& s : shapes) {
    c.inputs.emplace_back(s);
    for (double& x : c.inputs.back()) {
      const double beside = offset(random);
      x = std::isnan(beside) ? inside({}, random) : static_cast<double>(random() % 3) - 1 + beside;
    }
  }
  support::make_regular(op, c.inputs);
  return c;
}

struct Tally {
  std::size_t points = 0;
  std::array<std::size_t, 4> verdicts{};
  std::string bad;  // what the checker says about the first few that it doesn't pass

  std::size_t operator[](Verdict v) const { return verdicts[static_cast<std::size_t>(v)]; }
};

// Checks an op on at least `points` random cases under all conventions.
Tally walk(const OpInfo& op, std::size_t points) {
  std::mt19937 random(6);
  const auto trials = op.examples();
  Tally tally;
  while (tally.points < points) {
    const Trial& trial = trials[random() % trials.size()];
    const Case c =
        op.elementwise ? elementwise_case(op, trial, random) : structural_case(op, trial, random);
    tally.points += op.elementwise ? c.inputs[0].size() : 1;
    const auto report = check_gradients(
        [&](std::span<const Var<double>> x) {
          return x[0].tape().record(op.id, x, trial.attr.bytes.data());
        },
        c.inputs, {.at_zero = c.at_zero});
    for (const auto& e : report.elements) ++tally.verdicts[static_cast<std::size_t>(e.verdict)];
    if (report.ok() || tally.bad.size() > 1000) continue;
    tally.bad += "under c = " + std::to_string(c.at_zero) + ": " + to_string(report) + "\nat ";
    for (const auto& x : c.inputs)
      for (const double v : x) tally.bad += doctest::toString(v).c_str() + std::string(" ");
    tally.bad += "\n";
  }
  return tally;
}

// --- Rules that are wrong ------------------------------------------------------------------

// Its value jumps at 1, and belongs to the left there: only the left derivative, 0, exists.
struct OtherMask : Elementwise<1> {
  static constexpr About about{"test_other_mask", "x if x > 1, else 0", "The mask says >=.", "1"};
  static constexpr auto value = [](auto x) { return where(x > 1, x, 0); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) { return where(x >= 1, g, 0); }};
  static constexpr auto kink = [](auto x) { return x - 1; };
  static Examples examples() { return {{{2}, 2}}; }
};

struct NotTransposed : Structural<2> {
  static constexpr About about{"test_not_transposed", "a b", "a's gradient should be g b^T."};
  static Shape shape(const Shape& a, const Shape& b) {
    if (a.rank() != 2 || !(a == b) || a[0] != a[1])
      throw ShapeError("[test_not_transposed] not square");
    return a;
  }
  static constexpr auto value = [](auto a, auto b) { return matmul(a, b); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto, auto b) { return matmul(g, b); },
                 [](auto g, auto a, auto) { return matmul(transpose(a), g); }};
  static Examples examples() {
    return {
        {{{Shape{2, 2}, {1, 2, 3, 4}}, {Shape{2, 2}, {1, 0, 0, 1}}}, {Shape{2, 2}, {1, 2, 3, 4}}}};
  }
};

struct NotSummed : Structural<2> {
  static constexpr About about{"test_not_summed", "x + row", "The row's gradient isn't summed."};
  static Shape shape(const Shape& x, const Shape& row) {
    if (x.rank() != 2 || row.rank() != 1 || x[1] != row[0])
      throw ShapeError("[test_not_summed] not a matrix and a row");
    return x;
  }
  static constexpr auto value = [](auto x, auto row) { return x + row; };
  static constexpr auto pullbacks = std::tuple{[](auto g) { return g; }, [](auto g) { return g; }};
  static Examples examples() {
    return {{{{Shape{2, 2}, {1, 2, 3, 4}}, {Shape{2}, {1, 0}}}, {Shape{2, 2}, {2, 2, 4, 4}}}};
  }
};

struct OneSideWrong : Elementwise<1> {
  static constexpr About about{"test_one_side", "x if x > 0, else 2 (exp(x) - 1)",
                               "Right above its kink; below, y + 2 was forgotten.", "c"};
  static constexpr auto value = [](auto x) { return where(x > 0, x, 2 * expm1(x)); };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto x, auto y) { return gate(x, 0, g, 1) + gate(0, x, g * y, 0); }};
  static constexpr auto kink = [](auto x) { return x; };
  static Examples examples() { return {{{2}, 2}}; }
};

struct BeyondBoth : Elementwise<1> {
  static constexpr About about{"test_beyond_both", "|x|", "At 0 it gives 3/2.", "3/2"};
  static constexpr auto value = [](auto x) { return abs(x); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) {
    return gate(x, 0, g, 1) - gate(0, x, g, 1) + gate(-(x * x), 0, g, 1.5);
  }};
  static constexpr auto kink = [](auto x) { return x; };
  static Examples examples() { return {{{2}, 2}}; }
};

// Takes numbers up to 1e-5 for 0, and gives half of g where all or nothing is due.
struct WideKink : Elementwise<1> {
  static constexpr About about{"test_wide_kink", "max(x, 0)", "1/2 up to 1e-5 beside 0.", "1/2"};
  static constexpr auto value = [](auto x) { return where(x > 0, x, 0); };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto x) {
    return gate(x * 100000, 1, g / 2, 1) + gate(x * 100000, -1, g / 2, 1);
  }};
  static constexpr auto kink = [](auto x) { return x; };
  static Examples examples() { return {{{2}, 2}}; }
};

}  // namespace

TEST_CASE("every op's gradient is right at, beside and far from its kinks") {
  for (const OpInfo* op : support::library_ops()) {
    const std::string name = op->about.name;
    if (name == "detach") continue;
    CAPTURE(name);
    const Tally tally = walk(*op, 10'000);
    CAPTURE(tally.bad);
    CHECK(tally[Verdict::wrong] <= (has_jumps(*op) ? tally.points / 500 : 0));
    // 1e-6 beside the tip of a cone, hypot's, no step across it is short and exact enough.
    CHECK(tally[Verdict::unsure] <= tally.points / 500);
    CHECK(tally[Verdict::ok] >= tally.points / 4);
    // hypot's kink is a point, met less often than a line.
    if (op->kink) CHECK(tally[Verdict::kink] >= tally.points / (name == "hypot" ? 10 : 5));
  }
}

TEST_CASE("rules that are wrong are rejected") {
  const auto rejected = [](const OpId id) {
    const OpInfo& op = op_info(id);
    const std::string name = op.about.name;
    CAPTURE(name);
    const Tally tally = walk(op, 1000);
    CAPTURE(tally.bad);
    CHECK(tally[Verdict::wrong] > 20);
    CHECK(tally.bad.find("the formula") != std::string::npos);
    CHECK(tally[Verdict::unsure] <= tally.points / 100);
  };
  rejected(register_op<WrongSign>());
  rejected(register_op<TieTwice>());
  rejected(register_op<OtherMask>());
  rejected(register_op<NotTransposed>());
  rejected(register_op<NotSummed>());
  rejected(register_op<OffByLittle>());
  rejected(register_op<OneSideWrong>());
  rejected(register_op<BeyondBoth>());
  rejected(register_op<WideKink>());
}

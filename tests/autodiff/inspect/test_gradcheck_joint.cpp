// Kinks that operands share: the checker looks to all sides of the point, finds rules that are
// right for each operand alone and wrong together, and leaves honest ones alone.
#include <autodiff/autodiff.hpp>
#include <autodiff/own_op.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <random>

using namespace ramp;

namespace {

using Inputs = std::span<const Var<double>>;

GradientReport at(const Function& f, const std::vector<double>& x, double c = 0) {
  std::vector<Tensor<double>> inputs;
  for (const double e : x) inputs.emplace_back(Shape{}, std::initializer_list<double>{e});
  return check_gradients(f, inputs, {.at_zero = c});
}

// What each operand of a made-up op gets of the slope at its kink.
struct Shares {
  double a, b;
  double other;  // says which of two ops it is
};

// max(a + b, 0), or the other one, max(a - b, 0): right only if both get the same share.
struct OfSum : Elementwise<2, Shares> {
  static constexpr About about{"test_of_sum", "max(a ± b, 0)", "Its shares differ.", "shares"};
  static constexpr auto inner = [](auto a, auto b, double other) {
    return other > 0 ? a - b : a + b;
  };
  static constexpr auto value = [](auto a, auto b, auto at) {
    return where(inner(a, b, at.other) > 0, inner(a, b, at.other), 0);
  };
  static constexpr auto pullbacks = std::tuple{
      [](auto g, auto a, auto b, auto, auto at) { return gate(inner(a, b, at.other), 0, g, at.a); },
      [](auto g, auto a, auto b, auto, auto at) {
        const auto share = gate(inner(a, b, at.other), 0, g, at.b);
        return at.other > 0 ? -share : share;
      }};
  static Examples examples() { return {}; }
};

// max of two, or the other one, min: with shares of the tie.
struct Tie : Elementwise<2, Shares> {
  static constexpr About about{"test_tie", "max(a, b)", "Its shares don't make one.", "shares"};
  static constexpr auto value = [](auto a, auto b, auto at) {
    return at.other > 0 ? where(a < b, a, b) : where(a > b, a, b);
  };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto a, auto b, auto, auto at) {
                   return at.other > 0 ? gate(b, a, g, at.a) : gate(a, b, g, at.a);
                 },
                 [](auto g, auto a, auto b, auto, auto at) {
                   return at.other > 0 ? gate(a, b, g, at.b) : gate(b, a, g, at.b);
                 }};
  static Examples examples() { return {}; }
};

// |a| + |b|, whose kinks have nothing to do with each other: any shares between -1 and 1.
struct Apart : Elementwise<2, Shares> {
  static constexpr About about{"test_apart", "|a| + |b|", "Any shares are right.", "shares"};
  static constexpr auto value = [](auto a, auto b) { return abs(a) + abs(b); };
  static constexpr auto share = [](auto g, auto x, double c) {
    return gate(x, 0, g, c / 2) - gate(0, x, g, -c / 2);
  };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto a, auto, auto, auto at) { return share(g, a, at.a); },
                 [](auto g, auto, auto b, auto, auto at) { return share(g, b, at.b); }};
  static Examples examples() { return {}; }
};

template <class O> Function made_up(const Shares& shares) {
  return [=](Inputs x) { return record<O>(shares, x[0], x[1]); };
}

void check_sum(int sign, double of_a, double of_b) {
  for (const double a : {1.0, -1.0, 0.0, 1e3}) {
    const auto report = at(made_up<OfSum>({of_a, of_b, sign < 0 ? 1.0 : 0.0}), {a, -sign * a});
    const std::string text = to_string(report);
    CAPTURE(sign);
    CAPTURE(of_a);
    CAPTURE(of_b);
    CAPTURE(a);
    CAPTURE(text);
    CHECK(report.ok() == (of_a == of_b));
    CHECK(report.count(Verdict::wrong) == (of_a != of_b));
  }
}
void check_tie(bool smallest, int tenths_of_a, int tenths_of_b) {
  const auto report =
      at(made_up<Tie>({tenths_of_a / 10.0, tenths_of_b / 10.0, smallest ? 1.0 : 0.0}), {1, 1});
  const std::string text = to_string(report);
  CAPTURE(tenths_of_a);
  CAPTURE(tenths_of_b);
  CAPTURE(text);
  CHECK(report.ok() == (tenths_of_a + tenths_of_b == 10));
}

}  // namespace

TEST_CASE("two operands that meet in a kink must get equal shares of its slope") {
  check_sum(1, 1, 0), check_sum(1, 0, 1), check_sum(1, 0.5, 0), check_sum(1, 1, 0.5);
  check_sum(-1, 1, 0), check_sum(-1, 0, 1), check_sum(-1, 0.5, 0), check_sum(-1, 0.6, 0.5);
  check_sum(1, 0, 0), check_sum(1, 0.5, 0.5), check_sum(1, 1, 1);
  check_sum(-1, 0, 0), check_sum(-1, 0.5, 0.5), check_sum(-1, 1, 1);
}

TEST_CASE("the shares of a tie must add up to 1") {
  check_tie(false, 10, 10), check_tie(false, 0, 0), check_tie(false, 5, 0);
  check_tie(false, 10, 1), check_tie(true, 10, 10), check_tie(true, 0, 0);
  check_tie(true, 4, 5);
  check_tie(false, 10, 0), check_tie(false, 5, 5), check_tie(false, 3, 7);
  check_tie(true, 0, 10), check_tie(true, 5, 5);
}

TEST_CASE("kinks that have nothing to do with each other pass with any shares") {
  CHECK(at(made_up<Apart>({0, 0, 0}), {0, 0}).count(Verdict::kink) == 2);
  CHECK(at(made_up<Apart>({1, -1, 0}), {0, 0}).count(Verdict::kink) == 2);
  CHECK(at(made_up<Apart>({-1, 0.3, 0}), {0, 0}).count(Verdict::kink) == 2);
}

TEST_CASE("a wrong share is found among others, scaled, curved and in any direction") {
  const auto wrong = [](const Var<double>& a, const Var<double>& b) {
    return record<OfSum>({1, 0, 0}, a, b);
  };
  CHECK_FALSE(at([&](Inputs x) { return wrong(x[0] * 3, x[1]) * 1e-6; }, {1, -3}).ok());
  CHECK_FALSE(at([&](Inputs x) { return wrong(x[0], x[1] * 0.2); }, {1, -5}).ok());
  CHECK_FALSE(
      at([&](Inputs x) { return square(wrong(x[0], x[1]) + 1) + x[0] * x[1]; }, {2, -2}).ok());
  CHECK_FALSE(
      at([&](Inputs x) { return wrong(x[0] + x[2], x[1]) + exp(x[2]); }, {1, -1.5, 0.5}).ok());
  CHECK_FALSE(
      at([&](Inputs x) { return wrong(x[0], x[1]) + abs(x[2]) + relu(x[3]); }, {1, -1, 0, 0}).ok());
}

TEST_CASE("sums of honest kinks in any directions are right, however narrow what lies between") {
  // Convex functions: the gradient that each kink's own subgradient adds up to is one of the sum's.
  std::mt19937 random(11);
  std::normal_distribution normal;
  for (int tries = 0; tries < 300; ++tries) {
    const std::size_t inputs = 2 + random() % 2, terms = 1 + random() % 4;
    std::vector<double> weight(terms * inputs), at_point(inputs);
    for (double& w : weight) w = normal(random);
    for (double& x : at_point) x = normal(random);
    const bool narrow = tries % 3 == 0;  // all but parallel to each other
    for (std::size_t k = inputs; k < weight.size() && narrow; ++k)
      weight[k] = weight[k % inputs] + 0.02 * normal(random);
    const auto report = at(
        [&](Inputs x) {
          Var<double> y = x[0] * x[1] * 0.1;
          for (std::size_t t = 0; t < terms; ++t) {
            Var<double> s = (x[0] - at_point[0]) * weight[t * inputs];
            for (std::size_t k = 1; k < inputs; ++k)
              s = s + (x[k] - at_point[k]) * weight[t * inputs + k];
            y = y + (t % 3 == 0 ? relu(s) : t % 3 == 1 ? abs(s) : max(s, 2 * s));
          }
          return y;
        },
        at_point, std::array{0.0, 0.5, 1.0}[random() % 3]);
    const std::string text = to_string(report);
    CAPTURE(tries);
    CAPTURE(text);
    CHECK(report.ok());
  }
}

TEST_CASE("ties of three, nested ties and selections are right") {
  for (const double c : {0.0, 0.5, 1.0}) {
    CHECK(at([](Inputs x) { return max(max(x[0], x[1]), x[2]); }, {1, 1, 1}, c).ok());
    CHECK(at([](Inputs x) { return min(max(x[0], x[1]), x[2]); }, {1, 1, 1}, c).ok());
    CHECK(at([](Inputs x) { return max(min(x[0], x[1]), 1); }, {1, 1}, c).ok());
    CHECK(at([](Inputs x) { return relu(x[0] + x[1]) * x[2]; }, {1, -1, 3}, c).ok());
    CHECK(at([](Inputs x) { return clamp(x[0] - x[1], 0, 1); }, {1, 1}, c).ok());
    CHECK(at([](Inputs x) { return leaky_relu(x[0] * 2 - x[1], 0.1); }, {1, 2}, c).ok());
    CHECK(at([](Inputs x) { return abs(x[0] - x[1]) + abs(x[0] + x[1]); }, {0, 0}, c).ok());
  }
  const auto vector =
      check_gradients([](Inputs x) { return max(x[0]); }, {Tensor<double>({4}, {1, 1, 0, 1})});
  CHECK(vector.ok());
}

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

// Each operand's share of the slope at the kink is its own, in tenths: right only if they are one.
template <int sign, int of_a, int of_b> struct OfSum : Elementwise<2> {
  static constexpr About about{"test_of_sum", "max(a + sign b, 0)", "Its shares differ.", "shares"};
  static constexpr auto value = [](auto a, auto b) {
    return where(a + sign * b > 0, a + sign * b, 0);
  };
  static constexpr auto pullbacks = std::tuple{
      [](auto g, auto a, auto b) { return gate(a + sign * b, 0, g, of_a / 10.0); },
      [](auto g, auto a, auto b) { return sign * gate(a + sign * b, 0, g, of_b / 10.0); }};
  static Examples examples() { return {}; }
};

// max or min of two, with shares of the tie.
template <bool smallest, int of_a, int of_b> struct Tie : Elementwise<2> {
  static constexpr About about{"test_tie", "max(a, b)", "Its shares don't make one.", "shares"};
  static constexpr auto value = [](auto a, auto b) {
    return smallest ? where(a < b, a, b) : where(a > b, a, b);
  };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto a, auto b) {
                   return smallest ? gate(b, a, g, of_a / 10.0) : gate(a, b, g, of_a / 10.0);
                 },
                 [](auto g, auto a, auto b) {
                   return smallest ? gate(a, b, g, of_b / 10.0) : gate(b, a, g, of_b / 10.0);
                 }};
  static Examples examples() { return {}; }
};

// |a| + |b|, whose kinks have nothing to do with each other: any shares between -1 and 1.
template <int of_a, int of_b> struct Apart : Elementwise<2> {
  static constexpr About about{"test_apart", "|a| + |b|", "Any shares are right.", "shares"};
  static constexpr auto value = [](auto a, auto b) { return abs(a) + abs(b); };
  static constexpr auto share = [](auto g, auto x, double c) {
    return gate(x, 0, g, c / 2) - gate(0, x, g, -c / 2);
  };
  static constexpr auto pullbacks =
      std::tuple{[](auto g, auto a) { return share(g, a, of_a / 10.0); },
                 [](auto g, auto, auto b) { return share(g, b, of_b / 10.0); }};
  static Examples examples() { return {}; }
};

// Each op is registered under a name of its own, so that all can be made up here.
template <class O> OpId id_of() {
  static const std::string name = std::string(O::about.name) + std::to_string(all_ops().size());
  static const OpId id = [] {
    OpInfo info = make_op<O>();
    info.about.name = name.c_str();
    return add_op(std::move(info));
  }();
  return id;
}
template <class O> Function function() {
  return [](Inputs x) { return x[0].tape().record(id_of<O>(), x, nullptr); };
}

template <int sign, int of_a, int of_b> void check_sum() {
  for (const double a : {1.0, -1.0, 0.0, 1e3}) {
    const auto report = at(function<OfSum<sign, of_a, of_b>>(), {a, -sign * a});
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
template <bool smallest, int of_a, int of_b> void check_tie() {
  const auto report = at(function<Tie<smallest, of_a, of_b>>(), {1, 1});
  const std::string text = to_string(report);
  CAPTURE(of_a);
  CAPTURE(of_b);
  CAPTURE(text);
  CHECK(report.ok() == (of_a + of_b == 10));
}

}  // namespace

TEST_CASE("shares that aren't one of a kink that two operands meet in are wrong together") {
  check_sum<1, 10, 0>(), check_sum<1, 0, 10>(), check_sum<1, 5, 0>(), check_sum<1, 10, 5>();
  check_sum<-1, 10, 0>(), check_sum<-1, 0, 10>(), check_sum<-1, 5, 0>(), check_sum<-1, 6, 5>();
  check_sum<1, 0, 0>(), check_sum<1, 5, 5>(), check_sum<1, 10, 10>();
  check_sum<-1, 0, 0>(), check_sum<-1, 5, 5>(), check_sum<-1, 10, 10>();
}

TEST_CASE("shares of a tie make one") {
  check_tie<false, 10, 10>(), check_tie<false, 0, 0>(), check_tie<false, 5, 0>();
  check_tie<false, 10, 1>(), check_tie<true, 10, 10>(), check_tie<true, 0, 0>();
  check_tie<true, 4, 5>();
  check_tie<false, 10, 0>(), check_tie<false, 5, 5>(), check_tie<false, 3, 7>();
  check_tie<true, 0, 10>(), check_tie<true, 5, 5>();
}

TEST_CASE("kinks apart pass with any shares") {
  CHECK(at(function<Apart<0, 0>>(), {0, 0}).count(Verdict::kink) == 2);
  CHECK(at(function<Apart<10, -10>>(), {0, 0}).count(Verdict::kink) == 2);
  CHECK(at(function<Apart<-10, 3>>(), {0, 0}).count(Verdict::kink) == 2);
}

TEST_CASE("a wrong share is found among others, scaled, curved and in any direction") {
  const OpId one_of_two = id_of<OfSum<1, 10, 0>>();
  const auto wrong = [&](const Var<double>& a, const Var<double>& b) {
    return a.tape().record(one_of_two, std::array{a, b}, nullptr);
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

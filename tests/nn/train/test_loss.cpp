#include <nn/train/loss.hpp>

#include <doctest/doctest.h>
#include <autodiff/inspect/gradcheck.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

using namespace ramp::nn;
using doctest::Approx;
using doctest::Contains;
using ramp::Shape, ramp::Tape, ramp::Tensor, ramp::Var;

namespace {

using Numbers = std::vector<double>;
const Numbers scores{0.3, -1.2, 2.5, 0.01, -4, 1.5};
const std::vector<std::int32_t> labels{2, 0};

Tensor<double> column(const Numbers& x) {
  return {{static_cast<std::int64_t>(x.size()), 1}, std::span<const double>(x)};
}

// The mean of f(score, target), in long double.
template <class F> double mean_of(const Numbers& x, const Numbers& y, F f) {
  long double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    sum += f(static_cast<long double>(x[i]), static_cast<long double>(y[i]));
  return static_cast<double>(sum / static_cast<long double>(x.size()));
}

using Pair = Var<double> (*)(const Var<double>&, const Var<double>&, Reduction);

// Value, both reductions, gradients, and shapes that would broadcast.
template <class F> void check_pair(Pair loss, const Numbers& y, F formula) {
  Tape<double> tape;
  const auto x = tape.leaf(column(scores)), target = tape.constant(column(y));
  const double expected = mean_of(scores, y, formula);
  CHECK(loss(x, target, Reduction::mean).item() == Approx(expected).epsilon(1e-14));
  CHECK(loss(x, target, Reduction::sum).item() ==
        Approx(expected * static_cast<double>(scores.size())).epsilon(1e-14));
  for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
    const auto report = ramp::check_gradients(
        [&](std::span<const Var<double>> in) {
          return loss(in[0], in[0].tape().constant(column(y)), reduction);
        },
        {column(scores)});
    CHECK_MESSAGE(report.ok(), to_string(report));
  }
  for (const Shape& other : {Shape{6}, Shape{1, 6}, Shape{1, 1}, Shape{}, Shape{5, 1}})
    CHECK_THROWS_WITH_AS(loss(x, tape.constant(Tensor<double>(other, 1)), Reduction::mean),
                         Contains(("outputs (6, 1), targets " + to_string(other)).c_str()),
                         ramp::ShapeError);
}

double bce_of(double score, double target) {
  Tape<double> tape;
  return bce_with_logits(tape.leaf(score), tape.constant(target)).item();
}

}  // namespace

TEST_CASE("mse") {
  check_pair(mse<double>, {0.1, 2, -3, 0.5, 1, 1},
             [](long double x, long double y) { return (x - y) * (x - y); });
}

TEST_CASE("binary cross-entropy") {
  check_pair(bce_with_logits<double>, {0, 1, 0.25, 1, 0, 0.9}, [](long double x, long double y) {
    const long double p = 1 / (1 + std::exp(-x));
    return -y * std::log(p) - (1 - y) * std::log1p(-p);
  });
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(bce_of(1000, 0) == 1000);
  CHECK(bce_of(-1000, 1) == 1000);
  CHECK(bce_of(1000, 1) == 0);
  CHECK(bce_of(0, 0.5) == Approx(std::log(2)));
  CHECK(std::abs(bce_of(40, 1) / std::exp(-40) - 1) < 1e-14);  // 40 - 40 + … would have no digit
  CHECK(bce_of(-infinity, 1) == infinity);
  CHECK(bce_of(infinity, 0) == infinity);
  CHECK(bce_of(infinity, 1) == 0);
  CHECK(bce_of(-infinity, 0) == 0);

  Tape<double> tape;  // the slope keeps its digits, too, and is smooth where |x| has its kink
  const auto slope = [&](double score, double target) {
    const auto x = tape.leaf(score);
    return tape.grad(bce_with_logits(x, tape.constant(target)), {x})[0].item();
  };
  CHECK(std::abs(slope(40, 1) / -std::exp(-40) - 1) < 1e-14);
  CHECK(slope(0, 1) == -0.5);
  CHECK(slope(0, 0) == 0.5);
  CHECK(slope(infinity, 1) == 0);
  CHECK(slope(infinity, 0) == 1);
  CHECK(slope(-infinity, 1) == -1);
  CHECK_THROWS_WITH_AS(bce_of(0.5, -1), "[bce] target -1 at 0: they are probabilities, from 0 to 1",
                       ramp::ValueError);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double target : {nan, 2.0, std::nextafter(1.0, 2.0), -1e-300, infinity, -infinity})
    CHECK_THROWS_AS(bce_of(0.5, target), ramp::ValueError);
  for (const double target : {0.0, -0.0, 1e-300, 1.0})
    CHECK(bce_of(0, target) == Approx(std::log(2)));
}

TEST_CASE("hinge") {
  check_pair(hinge<double>, {1, -1, 1, -1, -1, -1},
             [](long double x, long double y) { return std::max(0.0L, 1 - y * x); });
  Tape<double> tape;
  CHECK_THROWS_WITH_AS(hinge(tape.leaf(Shape{1, 2}, {0, 0}), tape.constant(Shape{1, 2}, {1, 0})),
                       "[hinge] target 0 at 1: they are -1 or +1", ramp::ValueError);
  for (const double target : {2.0, -2.0, 0.5, std::numeric_limits<double>::quiet_NaN()})
    CHECK_THROWS_AS(hinge(tape.leaf(0.5), tape.constant(target)), ramp::ValueError);
  for (const double c : {0.0, 0.5, 1.0}) {  // at the kink, y x = 1
    Tape<double> other({.at_zero = c});
    const auto x = other.leaf({-1.0});
    CHECK(other.grad(hinge(x, other.constant({-1.0})), {x})[0][0] == c);
  }
}

TEST_CASE("cross-entropy") {
  long double expected = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    long double sum = 0;
    for (std::size_t k = 0; k < 3; ++k)
      sum += std::exp(static_cast<long double>(scores[3 * i + k]));
    expected += std::log(sum) - scores[3 * i + static_cast<std::size_t>(labels[i])];
  }
  const Tensor<double> rows({2, 3}, std::span<const double>(scores));
  Tape<double> tape;
  const auto x = tape.leaf(rows);
  CHECK(ramp::nn::cross_entropy(x, labels).item() ==
        Approx(static_cast<double>(expected / 2)).epsilon(1e-14));
  CHECK(ramp::nn::cross_entropy(x, labels, Reduction::sum).item() ==
        Approx(static_cast<double>(expected)).epsilon(1e-14));
  for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
    const auto report = ramp::check_gradients(
        [&](std::span<const Var<double>> in) {
          return ramp::nn::cross_entropy(in[0], labels, reduction);
        },
        {rows});
    CHECK_MESSAGE(report.ok(), to_string(report));
  }
  CHECK(ramp::nn::cross_entropy(tape.leaf(Shape{1, 2}, {1000, -1000}), std::vector<std::int32_t>{1})
            .item() == 2000);
  const std::vector<std::int32_t> three{0, 1, 2}, high{0, 3}, low{0, -1};
  CHECK_THROWS_WITH_AS(ramp::nn::cross_entropy(x, three), Contains("outputs (2, 3), labels (3)"),
                       ramp::ShapeError);
  CHECK_THROWS_AS(ramp::nn::cross_entropy(tape.leaf({1.0, 2.0, 3.0}), three), ramp::ShapeError);
  CHECK_THROWS_AS(ramp::nn::cross_entropy(x, high), ramp::IndexError);
  CHECK_THROWS_AS(ramp::nn::cross_entropy(x, low), ramp::IndexError);
}

TEST_CASE("a batch's loss is the one with its name, in a scope of its own") {
  for (const auto name : loss_names()) CHECK(to_string(loss_named(name)) == name);
  CHECK_THROWS_WITH_AS(loss_named("l2"), Contains("cross_entropy, mse, bce, hinge"),
                       ramp::ValueError);

  Tape<double> tape;
  const Tensor<double> ones({2, 3}, 1);
  const auto x = tape.leaf({2, 3}, {0.3, -1.2, 2.5, 0.01, -4, 1.5});
  const auto y = tape.constant(ones);
  const auto of = [&](Loss loss) { return batch_loss(loss, x, ones.view(), labels).item(); };
  CHECK(of(Loss::mse) == mse(x, y).item());
  CHECK(of(Loss::bce) == bce_with_logits(x, y).item());
  CHECK(of(Loss::hinge) == hinge(x, y).item());
  CHECK(of(Loss::cross_entropy) == ramp::nn::cross_entropy(x, labels).item());
  const auto last = batch_loss(Loss::mse, x, ones.view(), {}, Reduction::sum);
  CHECK(last.item() == Approx(6 * mse(x, y).item()));
  CHECK(tape.scope_path(tape.scope_of(last.index())) == "loss");
}

TEST_CASE("a target that isn't allowed is found wherever it stands") {
  for (std::size_t at = 0; at < 3; ++at) {
    ramp::Tape<double> tape;
    ramp::Tensor<double> target({3}, 1.0);
    target[at] = 2;
    const auto given = tape.leaf({0.5, 1, 2}), y = tape.constant(target);
    const std::string place = "target 2 at " + std::to_string(at);
    CHECK_THROWS_WITH_AS((void)bce_with_logits(given, y), doctest::Contains(place.c_str()),
                         ramp::ValueError);
    CHECK_THROWS_WITH_AS((void)hinge(given, y), doctest::Contains(place.c_str()), ramp::ValueError);
  }
}

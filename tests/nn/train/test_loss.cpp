#include <nn/data/dataset.hpp>
#include <nn/train/loss.hpp>

#include <doctest/doctest.h>
#include <autodiff/inspect/gradcheck.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
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

TEST_CASE("l1, whose slope at 0 is that of abs") {
  check_pair(l1<double>, {0.1, 2, -3, 0.5, 1, 1},
             [](long double x, long double y) { return std::abs(x - y); });
  Tape<double> tape;
  const auto x = tape.leaf({1.0, 2.0});
  const auto slopes = tape.grad(l1(x, tape.constant({1.0, 1.0})), {x})[0];
  CHECK(slopes[0] == 0);
  CHECK(slopes[1] == 0.5);
}

TEST_CASE("huber is a parabola up to delta, then a line, smooth where they meet") {
  const auto formula = [](long double delta) {
    return [delta](long double x, long double y) {
      const long double e = std::abs(x - y);
      return e <= delta ? e * e / 2 : delta * (e - delta / 2);
    };
  };
  const Numbers y{0.1, 2, -3, 0.5, 1, 1};
  check_pair([](const Var<double>& x, const Var<double>& t,
                Reduction reduction) { return huber_loss(x, t, 1, reduction); },
             y, formula(1));
  check_pair([](const Var<double>& x, const Var<double>& t,
                Reduction reduction) { return huber_loss(x, t, 2.5, reduction); },
             y, formula(2.5));
  for (const double c : {0.0, 0.5, 1.0}) {  // no kink, whatever the convention
    Tape<double> tape({.at_zero = c});
    const auto x = tape.leaf({-2.0, -1.0, 0.0, 0.5, 1.0, 2.0});
    const auto zero = tape.constant(Tensor<double>({6}));
    const auto slopes = tape.grad(huber_loss(x, zero, 1, Reduction::sum), {x})[0];
    const Numbers expected{-1, -1, 0, 0.5, 1, 1};
    for (std::size_t i = 0; i < 6; ++i) CHECK(slopes[i] == expected[i]);
  }
  Tape<double> tape;
  const auto x = tape.leaf(1.0);
  for (const double delta : {0.0, -1.0, std::nan("")})
    CHECK_THROWS_AS(huber_loss(x, x, delta), ramp::ValueError);
  CHECK(std::isnan(huber_loss(tape.leaf(std::nan("")), x).item()));
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
  CHECK_THROWS_WITH_AS(bce_of(0.5, -1),
                       "[bce_with_logits] target -1 at 0: they are probabilities, from 0 to 1",
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
  CHECK(ramp::nn::cross_entropy(x, labels, {.reduction = Reduction::sum}).item() ==
        Approx(static_cast<double>(expected)).epsilon(1e-14));
  for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
    const auto report = ramp::check_gradients(
        [&](std::span<const Var<double>> in) {
          return ramp::nn::cross_entropy(in[0], labels, {.reduction = reduction});
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

// By torch.nn.functional.cross_entropy of PyTorch 1.13, and the gradients of its backward().
TEST_CASE("label smoothing and class weights are PyTorch's") {
  const Tensor<double> rows({4, 3}, {0.3, -1.2, 2.5, 0.01, -4, 1.5, -0.7, 0.2, 0.9, 3, -2, 1});
  const std::vector<std::int32_t> four{2, 0, 1, 0};
  const Numbers weights{0.5, 2, 1.25};
  struct Case {
    CrossEntropyOptions options;
    double value;
    Numbers slopes;
  };
  const std::vector<Case> cases{
      {{},
       0.7965628012742966,
       {0.024394661931406166, 0.005443184823521463, -0.02983784675492765, -0.20417240890709576,
        0.0008310098220381367, 0.20334139908505766, 0.02971720324070763, -0.17690747445427213,
        0.14719027121356448, -0.031099851234228038, 0.001474937600475695, 0.029624913633752407}},
      {{.weights = weights},
       0.8313059408765138,
       {0.02869960227224255, 0.006403746851201721, -0.035103349123444295, -0.09608113360333918,
        0.00039106344566500553, 0.0956900701576742, 0.05593826492368495, -0.33300230485510046,
        0.2770640399314155, -0.014635224110224958, 0.0006940882825767976, 0.013941135827648192}},
      {{.smoothing = 0.1},
       0.9267294679409632,
       {0.016061328598072834, -0.00289014850981187, -0.013171180088260986, -0.1875057422404291,
        -0.007502323511295196, 0.19500806575172433, 0.021383869907374294, -0.16024080778760547,
        0.13885693788023115, -0.014433184567561375, -0.006858395732857638, 0.021291580300419076}},
      {{.smoothing = 0.1, .weights = weights},
       1.0515552841936817,
       {0.02477803364479157, -0.0092825276586022, -0.015495505986189406, -0.08500310756540869,
        -0.015236551547289165, 0.10023965911269786, 0.04991901136159578, -0.30678922822695576,
        0.25687021686536, 0.008659688351672664, -0.014888072984840604, 0.006228384633167969}},
      {{.smoothing = 0.1, .weights = weights, .reduction = Reduction::sum},
       4.469109957823147,
       {0.10530664299036416, -0.03945074254905935, -0.06585590044130499, -0.36126320715298693,
        -0.06475534407597895, 0.4260185512289659, 0.21215579828678208, -1.303854219964562,
        1.0916984216777799, 0.0368036754946088, -0.06327431018557257, 0.026470634690963866}}};
  for (std::size_t c = 0; c < cases.size(); ++c) {
    CAPTURE(c);
    Tape<double> tape;
    const auto x = tape.leaf(rows);
    const auto loss = ramp::nn::cross_entropy(x, four, cases[c].options);
    CHECK(loss.item() == Approx(cases[c].value).epsilon(1e-13));
    const Tensor<double> slopes = tape.grad(loss, {x})[0];
    for (std::size_t i = 0; i < slopes.size(); ++i)
      CHECK(std::abs(slopes[i] - cases[c].slopes[i]) < 1e-14);
  }

  Tape<float> tape;
  const auto x = tape.leaf(Shape{1, 2}, {0, 0});
  const std::vector<std::int32_t> one{1};
  const auto refuses = [&](const CrossEntropyOptions& options, const char* why) {
    CHECK_THROWS_WITH_AS(ramp::nn::cross_entropy(x, one, options), Contains(why), ramp::Error);
  };
  refuses({.smoothing = -0.1}, "smoothing -0.1");
  refuses({.smoothing = 1.1}, "smoothing 1.1");
  refuses({.smoothing = std::nan("")}, "smoothing nan");
  refuses({.weights = {1, 2, 3}}, "outputs (1, 2), 3 weights");
  refuses({.weights = {1, -2}}, "weight -2");
  refuses({.weights = {1, HUGE_VAL}}, "weight inf");
  refuses({.weights = {1, 0}}, "all labels have weight 0");
}

TEST_CASE("cross-entropy without options records what its formula has: two nodes") {
  Tape<float> tape;
  const auto x = tape.leaf(Shape{2, 3}, {1, 2, 3, 4, 5, 6});
  const auto loss = ramp::nn::cross_entropy(x, labels);
  CHECK(loss.index() == x.index() + 2);
  CHECK(ramp::nn::cross_entropy(x, labels, {.weights = {2, 2, 2}}).item() == Approx(loss.item()));
}

TEST_CASE("nll of log softmax is cross-entropy") {
  const Tensor<double> rows({2, 3}, std::span<const double>(scores));
  Tape<double> tape;
  const auto x = tape.leaf(rows);
  for (const Reduction reduction : {Reduction::mean, Reduction::sum})
    CHECK(
        nll(log_softmax(x), labels, reduction).item() ==
        Approx(ramp::nn::cross_entropy(x, labels, {.reduction = reduction}).item()).epsilon(1e-14));
  const std::vector<std::int32_t> three{0, 1, 2}, high{0, 3};
  CHECK_THROWS_WITH_AS(nll(x, three), Contains("[nll] outputs (2, 3), labels (3)"),
                       ramp::ShapeError);
  CHECK_THROWS_AS(nll(x, high), ramp::IndexError);
}

namespace {

// Two samples of three outputs, three classes.
struct Six {
  Tensor<double> targets = Tensor<double>({2, 3}, 1);
  Batch<double> batch{targets.view(), targets.view(), labels, {}, 3};
};

}  // namespace

TEST_CASE("a loss by name is the function of that name, in a scope of its own") {
  CHECK_THROWS_WITH_AS(Loss<double>("l2"),
                       "[loss] no loss \"l2\": there are cross_entropy, nll, mse, l1, huber, "
                       "bce_with_logits, hinge",
                       ramp::ValueError);
  Six six;
  Tape<double> tape;
  const auto x = tape.leaf({2, 3}, {0.3, -1.2, 2.5, 0.01, -4, 1.5});
  const auto y = tape.constant(six.targets);
  const std::map<std::string_view, Var<double>> functions{
      {"mse", mse(x, y)},          {"l1", l1(x, y)},
      {"huber", huber_loss(x, y)}, {"bce_with_logits", bce_with_logits(x, y)},
      {"hinge", hinge(x, y)},      {"cross_entropy", ramp::nn::cross_entropy(x, labels)},
      {"nll", nll(x, labels)}};
  CHECK(functions.size() == loss_names().size());
  for (const std::string_view name : loss_names()) {
    CAPTURE(name);
    const Loss<double> loss(name);
    const auto value = loss(x, six.batch);
    CHECK(loss.name() == name);
    CHECK(value.item() == functions.at(name).item());
    CHECK(tape.scope_path(tape.scope_of(value.index())) == "loss");
  }
}

TEST_CASE("a loss of your own") {
  Six six;
  Tape<double> tape;
  const auto x = tape.leaf({2, 3}, {0.3, -1.2, 2.5, 0.01, -4, 1.5});
  const Loss<double> own([](const Var<double>& y, const Batch<double>& batch) {
    return sum(abs(y - targets_of(batch, y)));
  });
  const auto value = own(x, six.batch);
  CHECK(value.item() == Approx(6 * l1(x, tape.constant(six.targets)).item()));
  CHECK(tape.scope_path(tape.scope_of(value.index())) == "loss");
  CHECK(own.name() == "loss");
  const Loss<double> copy = own;
  CHECK(copy(x, six.batch).item() == value.item());
  own.check(Source<double>("nothing", 3, 2, 0, 0, {}));  // it knows best
}

TEST_CASE("a loss of the table says what a set or batch lacks") {
  const auto fill = [](auto, const BatchBuffers<double>&) {};
  const Source<double> classes("shapes", 3, 2, 0, 3, fill), numbers("prices", 3, 2, 1, 0, fill);
  Six six;
  Batch<double> bare = six.batch;
  bare.labels = {};
  bare.targets = {nullptr, Shape{0, 0}};
  Tape<double> tape;
  const auto x = tape.leaf(six.targets);
  for (const std::string name : {"cross_entropy", "nll", "mse", "l1", "huber", "hinge"}) {
    const bool by_label = name == "cross_entropy" || name == "nll";
    const Loss<double> loss(name);
    loss.check(by_label ? classes : numbers);
    const std::string lacks = by_label ? "the set has no labels, which this loss compares with"
                                       : "the set has no targets, which this loss compares with";
    const std::string which = "[" + name + "] " + (by_label ? "prices: " : "shapes: ") + lacks;
    CHECK_THROWS_WITH_AS(loss.check(by_label ? numbers : classes), which.c_str(), DataError);
    CHECK_THROWS_WITH_AS(loss(x, bare), Contains(by_label ? "no labels" : "no targets"), DataError);
  }
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

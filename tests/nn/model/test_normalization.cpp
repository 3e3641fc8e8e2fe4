// Dropout, LayerNorm, BatchNorm1d and Standardize against formulas written out.
#include <nn/keep/model_file.hpp>
#include <nn/model/normalization.hpp>
#include <nn/model/sequential.hpp>

#include <support/idx_files.hpp>
#include <support/module_gradients.hpp>
#include <support/refused.hpp>

#include <cmath>
#include <limits>
#include <string>

using namespace ramp::nn;
using doctest::Approx;
using ramp::Shape, ramp::Tape, ramp::Tensor, ramp::Var;

namespace {

const double not_a_number = std::numeric_limits<double>::quiet_NaN();

// Other numbers than those that a new layer has, which hide mistakes.
template <class T> void stir(Module<T>& module) {
  for (auto* p : module.parameters()) {
    std::size_t i = 0;
    for (T& w : p->edit()) w += T(0.3) * static_cast<T>(std::cos(double(++i + p->name().size())));
  }
}

template <class T> Tensor<T> values(const Shape& shape, double phase = 0) {
  Tensor<T> x(shape);
  const Tensor<double> from = support::scattered(shape, phase);
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<T>(3 + 2 * from[i] + 0.1 * static_cast<double>(i % 3));
  return x;
}

// Of the numbers x[first], x[first + stride], ..
struct Moments {
  double mean = 0, variance = 0;  // divided by n
};
template <class T>
Moments moments(const Tensor<T>& x, std::size_t first, std::size_t stride, std::size_t n) {
  Moments m;
  for (std::size_t i = 0; i < n; ++i) m.mean += double(x[first + i * stride]) / double(n);
  for (std::size_t i = 0; i < n; ++i)
    m.variance += std::pow(double(x[first + i * stride]) - m.mean, 2) / double(n);
  return m;
}

template <class T> double accuracy = std::is_same_v<T, float> ? 2e-6 : 1e-13;

}  // namespace

TEST_CASE_TEMPLATE("Dropout drops its share, and keeps the mean", T, float, double) {
  const double rate = 0.3;
  constexpr std::size_t n = 20000;
  Dropout<T> layer(rate, 5);
  Tape<T> tape;
  const Tensor<T> ones(Shape{n}, T(1));
  const Var<T> x = tape.leaf(ones), y = layer(x);
  const auto dropped = static_cast<std::size_t>(std::ranges::count(y.view(), T(0)));
  const auto kept = std::ranges::count(y.view(), static_cast<T>(1 / (1 - rate)));
  CHECK(dropped + static_cast<std::size_t>(kept) == n);
  CHECK(std::abs(double(dropped) / n - rate) < 4 * std::sqrt(rate * (1 - rate) / n));
  tape.backward(sum(y));  // what was dropped gets no gradient
  CHECK(std::ranges::equal(tape.gradient(x), y.view()));
  const Var<T> again = layer(x);  // used twice on a tape, it drops others
  std::size_t both = 0;
  for (std::size_t i = 0; i < n; ++i) both += y.view()[i] == 0 && again.view()[i] == 0;
  CHECK(std::abs(double(both) / n - rate * rate) < 4 * rate / std::sqrt(n));
  CHECK(std::ranges::count(y.view(), T(0)) == std::ptrdiff_t(dropped));  // the first is still there
}

TEST_CASE("dropout layers of one model drop each their own units, whatever their seeds") {
  constexpr std::size_t n = 20000;
  Sequential<float> twice(Dropout<float>(0.5), Dropout<float>(0.5)), outer(twice, twice);
  Tape<float> tape;
  const auto zeros = [&](Module<float>& model) {
    const Tensor<float> y = model(tape.constant(Tensor<float>(Shape{n}, 1))).value();
    return static_cast<double>(std::ranges::count(y, 0.0f)) / n;
  };
  CHECK(zeros(twice) == Approx(0.75).epsilon(0.02));
  CHECK(zeros(outer) == Approx(15.0 / 16).epsilon(0.02));
  Sequential<float> again(Dropout<float>(0.5), Dropout<float>(0.5)), copy = again;
  CHECK(zeros(again) == zeros(copy));  // and the same ones in each run
}

TEST_CASE("Dropout does nothing in eval() mode, and goes on where its generator is") {
  Dropout<double> layer(0.5, 7);
  Tape<double> tape;
  const auto x = tape.leaf(Tensor<double>(Shape{64}, 1.0));
  const auto draw = [&](Dropout<double>& of) { return of(x).value(); };
  layer.eval();
  const std::uint64_t state = layer.contents().generators.at(0).generator->state();
  CHECK(layer(x).index() != 0);
  CHECK(layer(x).index() == x.index());
  CHECK(layer.contents().generators[0].generator->state() == state);
  CHECK(layer.contents().generators[0].name == "generator");
  layer.train();
  Dropout<double> same(0.5, 7), other(0.5, 8);
  const Tensor<double> first = draw(layer);
  CHECK(std::ranges::equal(first, draw(same)));
  CHECK_FALSE(std::ranges::equal(first, draw(other)));
  Dropout<double> copy = layer;
  const Tensor<double> second = draw(layer);
  CHECK_FALSE(std::ranges::equal(first, second));
  CHECK(std::ranges::equal(second, draw(copy)));
  *layer.contents().generators[0].generator = Random(7);
  CHECK(std::ranges::equal(first, draw(layer)));

  Dropout<double> none(0);
  CHECK(none(x).index() == x.index());
  for (const double rate : {1.0, -0.1, not_a_number})
    REFUSED(Dropout<double>(rate), ramp::ValueError, "it must be from 0 to below 1");
}

TEST_CASE_TEMPLATE("LayerNorm is the formula, over the last axis", T, float, double) {
  for (const Shape& shape : {Shape{4, 5}, Shape{5}, Shape{2, 3, 5}})
    for (const double eps : {1e-5, 0.5}) {
      LayerNorm<T> layer(5, eps);
      CHECK(layer.features() == 5);
      CHECK(layer.eps() == eps);
      stir(layer);
      const auto& weight = layer.parameter("weight").value();
      const auto& bias = layer.parameter("bias").value();
      const Tensor<T> x = values<T>(shape);
      Tape<T> tape;
      const Var<T> y = layer(tape.constant(x));
      REQUIRE(y.shape() == shape);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const Moments m = moments(x, i / 5 * 5, 1, 5);
        const double expected =
            (double(x[i]) - m.mean) / std::sqrt(m.variance + eps) * double(weight[i % 5]) +
            double(bias[i % 5]);
        CHECK(double(y.view()[i]) == Approx(expected).epsilon(accuracy<T>));
      }
      CHECK(tape.scope_path(tape.scope_of(y.index())) == "layer_norm");
    }
}

TEST_CASE("gradients of LayerNorm, and what it refuses") {
  for (const Shape& shape : {Shape{3, 4}, Shape{4}, Shape{2, 2, 4}}) {
    LayerNorm<double> layer(4);
    stir(layer);
    support::check_gradients_of(layer, values<double>(shape));
  }
  Tape<double> tape;
  LayerNorm<double> layer(4);
  REFUSED_WITH(layer(tape.constant(Tensor<double>({4, 3}))), ramp::ShapeError,
               "[layer_norm] (4, 3): the layer takes 4 features");
  REFUSED(layer(tape.constant(1.0)), ramp::ShapeError, "takes 4 features");
  REFUSED(LayerNorm<double>(0), ramp::ValueError, "[layer_norm] 0 features");
  for (const double eps : {-1.0, not_a_number})
    REFUSED(LayerNorm<double>(2, eps), ramp::ValueError, "eps");
}

TEST_CASE_TEMPLATE("BatchNorm1d takes the batch's statistics, and its own follow", T, float,
                   double) {
  const double eps = 1e-3, momentum = 0.25;
  BatchNorm1d<T> layer(3, eps, momentum);
  CHECK(layer.features() == 3);
  CHECK(layer.momentum() == momentum);
  stir(layer);
  const auto& weight = layer.parameter("weight").value();
  const auto& bias = layer.parameter("bias").value();
  const auto expected = [&](T x, const Moments& m, std::size_t k) {
    return Approx((double(x) - m.mean) / std::sqrt(m.variance + eps) * double(weight[k]) +
                  double(bias[k]))
        .epsilon(accuracy<T>);
  };
  Moments running[3];  // they start with 0 and 1
  for (Moments& m : running) m.variance = 1;
  Tape<T> tape;
  for (int step = 0; step < 3; ++step) {
    tape.clear();
    const Tensor<T> x = values<T>({4, 3}, step);
    Var<T> y;
    if (step == 1) {  // as PyTorch does, under no_grad(), too
      const auto guard = tape.no_grad();
      y = layer(tape.constant(x));
    } else {
      y = layer(tape.constant(x));
    }
    for (std::size_t k = 0; k < 3; ++k) {
      const Moments m = moments(x, k, 3, 4);
      for (std::size_t i = k; i < x.size(); i += 3)
        CHECK(double(y.view()[i]) == expected(x[i], m, k));
      running[k].mean += momentum * (m.mean - running[k].mean);
      running[k].variance += momentum * (m.variance * 4 / 3 - running[k].variance);
      CHECK(double(layer.buffer("running_mean")[k]) ==
            Approx(running[k].mean).epsilon(accuracy<T>));
      CHECK(double(layer.buffer("running_var")[k]) ==
            Approx(running[k].variance).epsilon(accuracy<T>));
    }
  }
  layer.eval();
  const Tensor<T> before = layer.buffer("running_mean");
  for (const Shape& shape : {Shape{4, 3}, Shape{1, 3}, Shape{3}}) {
    const Tensor<T> x = values<T>(shape, 9);
    const Var<T> y = layer(tape.constant(x));
    for (std::size_t i = 0; i < x.size(); ++i)
      CHECK(double(y.view()[i]) == expected(x[i], running[i % 3], i % 3));
  }
  CHECK(std::ranges::equal(before, layer.buffer("running_mean")));
}

TEST_CASE("gradients of BatchNorm1d, in both modes, and what it refuses") {
  for (const bool training : {true, false}) {
    BatchNorm1d<double> layer(3);
    stir(layer);
    layer(Tape<double>().constant(values<double>({4, 3}, 1)));
    layer.train(training);
    support::check_gradients_of(layer, values<double>({5, 3}));
  }
  BatchNorm1d<double> layer(3);
  Tape<double> tape;
  REFUSED(layer(tape.constant(Tensor<double>({1, 3}))), ramp::ValueError,
          "[batch_norm] (1, 3): one row has no spread");
  REFUSED(layer(tape.constant(Tensor<double>({0, 3}))), ramp::ValueError, "no row");
  REFUSED_WITH(layer(tape.constant(Tensor<double>({3}))), ramp::ShapeError,
               "[batch_norm] (3): in training it takes a batch, (n, 3)");
  REFUSED(layer(tape.constant(Tensor<double>({3, 2}))), ramp::ShapeError, "takes 3 features");
  for (const double v : layer.buffer("running_mean")) CHECK(v == 0);
  REFUSED(BatchNorm1d<double>(-1), ramp::ValueError, "[batch_norm] -1 features");
  for (const double m : {-0.1, 1.1, not_a_number})
    REFUSED(BatchNorm1d<double>(2, 1e-5, m), ramp::ValueError, "momentum");
}

TEST_CASE("a batch that no memory is left for leaves the running statistics alone") {
  BatchNorm1d<double> layer(64);
  Tape<double> tape({.memory_budget = 200000});
  const auto x = tape.constant(values<double>({128, 64}));
  CHECK_THROWS_AS(layer(x), ramp::BudgetError);
  for (const double v : layer.buffer("running_var")) CHECK(v == 1);
}

TEST_CASE("Standardize is (x - mean) / deviation, and belongs to the model") {
  Standardize<double> layer(Tensor<double>({2}, {1, -2}), Tensor<double>({2}, {4, 0.5}));
  CHECK(layer.features() == 2);
  CHECK(layer.parameters().empty());
  CHECK(layer.buffer("mean")[1] == -2);
  CHECK(layer.buffer("deviation")[0] == 4);
  Tape<double> tape;
  CHECK(
      support::equal<double>(layer(tape.constant({2, 2}, {3, 0, 1, -2})).value(), {0.5, 4, 0, 0}));
  CHECK(support::equal<double>(layer(tape.constant({5.0, -2.5})).value(), {1, -1}));
  support::check_gradients_of(layer, values<double>({3, 2}));
  REFUSED(layer(tape.constant({1.0})), ramp::ShapeError, "[standardize] (1): the layer takes 2");
  const Tensor<double> two({2}, 1.0), three({3}, 1.0);
  REFUSED(Standardize<double>(two, three), ramp::ShapeError, "two vectors of the same length");
  REFUSED(Standardize<double>(two, Tensor<double>({2}, {1, 0})), ramp::ValueError,
          "deviation 0 of feature 1");
  for (const double bad : {-1.0, not_a_number, std::numeric_limits<double>::infinity()})
    REFUSED(Standardize<double>(two, Tensor<double>({2}, {1, bad})), ramp::ValueError,
            "of feature 1: it must be positive, and finite");
}

TEST_CASE("a file's deviation that the constructor would refuse is refused, and named") {
  const idx_files::TempFolder folder;
  const std::string path = (folder / "m.safetensors").string();
  Sequential<double> model;
  model.push("scale", Standardize<double>(Tensor<double>({2}, 3.0), Tensor<double>({2}, 2.0)));
  Sequential<double> there = model;
  for (const double bad : {0.0, -1.0}) {
    CAPTURE(bad);
    model.buffer("scale.deviation")[1] = bad;
    save(model, path);
    const std::string why = "[load] " + path + ": numbers that aren't above 0 in scale.deviation";
    REFUSED(load(there, path), DataError, why.c_str());
    REFUSED(load_model<double>(path), DataError, why.c_str());
    CHECK(there.buffer("scale.deviation")[1] == 2);
  }
  model.buffer("scale.deviation")[1] = 1e-200;  // 0 as a float
  model.buffer("scale.mean")[1] = -5;           // any will do
  save(model, path);
  REFUSED(load_model<float>(path), DataError, "aren't above 0 in scale.deviation");
  load(there, path);
  CHECK(there.buffer("scale.deviation")[1] == 1e-200);
}

TEST_CASE("a file's variance that has no root to divide by is refused, and named") {
  const idx_files::TempFolder folder;
  const std::string path = (folder / "m.safetensors").string();
  for (const double eps : {1e-5, 0.0}) {
    CAPTURE(eps);
    Sequential<double> model;
    model.push("norm", BatchNorm1d<double>(2, eps));
    Sequential<double> there = model;
    for (const double bad : {-1.0, -1e-6, -1e-300, 0.0}) {
      CAPTURE(bad);
      model.buffer("norm.running_var")[1] = bad;
      model.buffer("norm.running_mean")[0] = -5;  // any will do
      save(model, path);
      if (bad == 0 && eps > 0) {
        load(there, path);
        CHECK(there.buffer("norm.running_var")[1] == 0);
        CHECK(there.buffer("norm.running_mean")[0] == -5);
        continue;
      }
      const std::string why =
          "[load] " + path + ": numbers that aren't above 0 in norm.running_var";
      REFUSED(load(there, path), DataError, why.c_str());
      REFUSED(load_model<double>(path), DataError, why.c_str());
      CHECK(there.buffer("norm.running_var")[1] == 1);
      CHECK(there.buffer("norm.running_mean")[0] == 0);
    }
    for (const double bad : {std::nan(""), HUGE_VAL}) {
      model.buffer("norm.running_var")[1] = bad;
      save(model, path);
      REFUSED(load_model<double>(path), DataError, "infinite or NaN numbers in norm.running_var");
    }
  }
}

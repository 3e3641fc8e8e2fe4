// Dead and dormant units: what is counted, and what is said and drawn of it.
#include <autodiff/inspect/dot.hpp>
#include <nn/data/synthetic.hpp>
#include <nn/model/sequential.hpp>
#include <nn/train/loss.hpp>
#include <nn/train/monitor.hpp>

#include "support/text.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

using namespace ramp::nn;
using doctest::Approx;
using doctest::Contains;
using ramp::Shape, ramp::Tape, ramp::Tensor, ramp::ValueError, ramp::Var;
using support::has;

namespace {

template <class T> Dataset<T> rows(Tensor<T> inputs) {
  Dataset<T> data;
  data.name = "rows";
  data.inputs = std::move(inputs);
  return data;
}

template <class T> void set(ramp::Parameter<T>& p, std::initializer_list<double> values) {
  std::transform(values.begin(), values.end(), p.edit().begin(),
                 [](double x) { return static_cast<T>(x); });
}

// One hidden layer: x0, -x0 - 10 and x1 / 100, before the activation.
template <class T> struct Three : MLP<T> {
  explicit Three(Activation activation) : MLP<T>({2, 3, 1}, {.activation = activation}) {
    set(*this->parameters()[0], {1, -1, 0, 0, 0, 0.01});
    set(*this->parameters()[1], {0, -10, 0});
  }
};
template <class T> Dataset<T> four() { return rows<T>({{4, 2}, {1, 1, -1, 1, 3, 2, 0, 1}}); }

// A model that is a function.
struct Does : Module<double> {
  using F = std::function<Var<double>(const Var<double>&)>;
  explicit Does(F f) : Module("does"), f_(std::move(f)) {}
  Var<double> forward(const Var<double>& x) override { return f_(x); }
  F f_;
};

}  // namespace

TEST_CASE_TEMPLATE("dead, dormant and sparse: against numbers by hand", T, float, double) {
  Three<T> model("relu");
  // h: (1, 0, .01), (0, 0, .01), (3, 0, .02), (0, 0, .01); mean |h|: 1, 0, .0125; of the layer
  // .3375
  for (const std::size_t batch : {std::size_t{1}, std::size_t{3}, std::size_t{4}, SIZE_MAX}) {
    const auto layers = monitor_units(model, four<T>(), {.tau = 0.05, .batch_size = batch});
    REQUIRE(layers.size() == 1);
    CHECK(layers[0].name == "mlp/layer0");
    CHECK(layers[0].units == 3);
    CHECK(layers[0].dead == 1);
    CHECK(layers[0].dormant == 2);  // the dead one, and one that is active but faint
    CHECK(layers[0].sparsity == Approx(6.0 / 12));
    CHECK(layers[0].dead_share() == Approx(1.0 / 3));
  }
  CHECK(monitor_units(model, four<T>(), {.tau = 0.03})[0].dormant == 1);  // .0125 > .03 * .3375
  CHECK(monitor_units(model, four<T>(), {.tau = 0})[0].dormant == 1);     // those that are dead
}

TEST_CASE("a unit with a slope below 0 isn't dead, and smooth layers only on request") {
  Three<double> leaky("leaky_relu"), smooth("tanh");
  // h: 1, -.01, 3, 0 in the first unit; near -.1 in the second
  const auto layer = monitor_units(leaky, four<double>(), {.tau = 0.2})[0];
  CHECK(layer.dead == 0);
  CHECK(layer.dormant == 1);  // mean |h|: 1.0025, .1075, .0125; of the layer .374
  CHECK(layer.sparsity == Approx(1.0 / 12));
  CHECK(monitor_units(smooth, four<double>()).empty());
  const auto all = monitor_units(smooth, four<double>(), {.smooth = true});
  REQUIRE(all.size() == 1);
  CHECK(all[0].sparsity == Approx(1.0 / 12));  // tanh(0)
}

TEST_CASE("a layer that is dead as a whole is dormant, too") {
  Three<double> model("relu");
  set(*model.parameters()[1], {-9, -9, -9});
  const auto layer = monitor_units(model, four<double>())[0];
  CHECK(layer.dead == 3);
  CHECK(layer.dormant == 3);
  CHECK(layer.sparsity == 1);
  CHECK(born_dead(model, four<double>()));
}

TEST_CASE("what counts as an activation") {
  ramp::Parameter<double> w("w", Tensor<double>({2, 2}, {1, -1, 1, 1}));
  Does model([&](const Var<double>& x) {
    const auto weights = abs(x.tape().parameter(w));     // of no data: not counted
    const auto y = maximum(matmul(x, weights), 0);       // counted
    const auto mask = where(x > 0, y, 0);                // neither comparison nor mask
    const auto z = reshape(relu(mask), Shape{3, 2, 1});  // counted: the second in its scope
    const auto scope = x.tape().scope("inner");
    return sum(clamp(z, 0, 1));  // counted: 1 unit, and as many samples as rows and columns
  });
  const auto layers = monitor_units(model, rows<double>({{3, 2}, {1, -2, 3, -4, 5, -6}}));
  REQUIRE(layers.size() == 3);
  CHECK(layers[0].name == "does");
  CHECK(layers[0].dead == 2);  // |w| x = -1, -1, ... in both
  CHECK(layers[1].name == "does#2");
  CHECK(layers[1].units == 2);
  CHECK(layers[2].name == "does/inner");
  CHECK(layers[2].units == 1);
  CHECK(layers[2].dead == 1);
}

TEST_CASE("NaN is neither dead nor dormant") {
  Does model([](const Var<double>& x) { return relu(x); });
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto layer = monitor_units(model, rows<double>({{2, 2}, {nan, -1, nan, -1}}))[0];
  CHECK(layer.dead == 1);
  CHECK(layer.dormant == 0);  // no mean to compare with
}

TEST_CASE("fewer samples are spread over the set, and never too few") {
  std::vector<double> seen;
  Does model([&](const Var<double>& x) {
    seen.insert(seen.end(), x.view().begin(), x.view().end());
    return relu(x);
  });
  Tensor<double> inputs(Shape{10, 1});
  for (std::size_t i = 0; i < 10; ++i) inputs[i] = static_cast<double>(i);
  const auto data = rows(inputs);
  monitor_units(model, data, {.batch_size = 2, .samples = 3});
  CHECK(seen == std::vector<double>{0, 1, 5, 6});
  for (const std::size_t samples : {0u, 10u, 11u}) {
    seen.clear();
    monitor_units(model, data, {.batch_size = 3, .samples = samples});
    CHECK(seen == std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  }
}

TEST_CASE("units are looked at in eval() mode, which is left again") {
  MLP<float> model({2, 16, 2}, {.dropout = 0.9, .seed = 1});
  const Dataset<float> data = moons<float>(50, 0.1, 1);
  const auto before = model.contents().generators[0].generator->state();
  const auto layers = monitor_units(model, data);
  CHECK(layers[0].sparsity < 0.9);
  CHECK_FALSE(born_dead(model, data));
  CHECK(model.contents().generators[0].generator->state() == before);
  for (const auto* part : model.contents().modules) CHECK(part->training());
}

TEST_CASE("what the monitor refuses") {
  Three<double> model("relu");
  CHECK_THROWS_AS(monitor_units(model, rows<double>(Tensor<double>(Shape{0, 2}))), DataError);
  CHECK_THROWS_AS(monitor_units(model, four<double>(), {.batch_size = 0}), ValueError);
  CHECK_THROWS_AS(monitor_units(model, four<double>(), {.tau = -1}), ValueError);
  CHECK_THROWS_AS(monitor_units(model, four<double>(), {.tau = NAN}), ValueError);
  CHECK_THROWS_AS(born_dead(model, four<double>().take(1)), DataError);
  bool twice = false;
  Does moody([&](const Var<double>& x) { return (twice = !twice) ? relu(relu(x)) : relu(x); });
  CHECK_THROWS_WITH_AS(monitor_units(moody, four<double>(), {.batch_size = 2}),
                       Contains("other activations"), ValueError);
}

TEST_CASE("born dead: as often as Lu et al. say, and nets that live aren't called so") {
  // Width 2, 9 hidden layers, Gaussian weights, no biases: 87.8 %, as their simulation says.
  const auto data = rows<double>({{2, 1}, {-1, 1}});
  int dead = 0;
  constexpr int nets = 500;
  for (std::uint64_t seed = 0; seed < nets; ++seed) {
    MLP<double> model({1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1}, {.init = "he_normal", .seed = seed});
    const bool is_dead = born_dead(model, data);
    dead += is_dead;
    const auto layers = monitor_units(model, data);
    const bool silent = std::any_of(layers.begin(), layers.end(),
                                    [](const UnitReport& l) { return l.dead == l.units; });
    CHECK(is_dead == silent);
  }
  CHECK(std::abs(dead / double{nets} - 0.878) < 3 * std::sqrt(0.878 * 0.122 / nets));
}

TEST_CASE("dead units of a network are found, told and coloured") {
  const Dataset<float> data = moons<float>(400, 0.1, 1);
  MLP<float> model({2, 32, 32, 2}, {.seed = 3});
  const auto before = monitor_units(model, data);
  CHECK_FALSE(born_dead(model, data));
  for (const UnitReport& layer : before) {
    CHECK(layer.dead_share() < 0.2);
    CHECK(warning(layer) == "");
  }
  ramp::Parameter<float>& bias = *model.parameters()[3];
  std::fill(bias.edit().begin(), bias.edit().begin() + 20, -1000.0f);  // of its 32 units
  const auto after = monitor_units(model, data);
  const UnitReport& last = after[1];
  CHECK(last.dead >= 20);
  CHECK(last.dead_share() > 0.4);
  CHECK(has(warning(last, 0.4), "mlp/layer1: "));
  CHECK(has(warning(last, 0.4), "leaky_relu"));
  CHECK(warning(last, 1) == "");  // not more than all

  Tape<float> tape;
  const auto loss = ramp::nn::cross_entropy(model(tape.borrow(data.inputs.view())), data.labels);
  const auto styles = dead_colors<float>(after, loss, 0.4);
  const std::string note = std::to_string(last.dead) + " of 32 units dead";
  CHECK(has(to_dot(loss, {.styles = styles}), note));
  CHECK(has(to_dot(loss, {.node_limit = 3, .styles = styles}), " of 32 units dead"));  // a box
  CHECK(dead_colors<float>(after, loss, 1).empty());
  CHECK(dead_colors<float>(before, loss, 0.4).empty());
}

TEST_CASE("a share of dead units that is exactly the threshold isn't more than it") {
  Does model([](const Var<double>& x) { return sum(relu(x)); });
  const auto data = rows<double>({{2, 2}, {-1, 1, -2, 3}});
  const auto layers = monitor_units(model, data);
  REQUIRE(layers.size() == 1);
  REQUIRE(layers[0].dead_share() == 0.5);
  Tape<double> tape;
  const auto root = model(tape.borrow(data.inputs.view()));
  CHECK(warning(layers[0], 0.5) == "");
  CHECK(dead_colors<double>(layers, root, 0.5).empty());
  CHECK(warning(layers[0], 0.49) != "");
  CHECK(dead_colors<double>(layers, root, 0.49).size() == 1);
}

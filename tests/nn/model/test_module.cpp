#include <autodiff/inspect/dot.hpp>
#include <nn/model/layers.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

using namespace ramp::nn;
using doctest::Contains;
using ramp::Shape, ramp::Tape, ramp::Tensor, ramp::Var;

static_assert(!std::is_copy_constructible_v<MLP<float>> && !std::is_copy_assignable_v<MLP<float>>);
static_assert(!std::is_move_constructible_v<MLP<float>>, "tapes hold its parameters' addresses");

namespace {

template <class T> std::vector<std::string> names(const Module<T>& module) {
  std::vector<std::string> all;
  for (const auto* p : module.parameters()) all.push_back(p->name());
  return all;
}

template <class T> std::set<std::string> scopes(const Tape<T>& tape) {
  std::set<std::string> paths;
  for (std::uint32_t i = 1; i <= tape.size(); ++i) paths.insert(tape.scope_path(tape.scope_of(i)));
  return paths;
}

void fill(ramp::Parameter<double>& p, std::initializer_list<double> values) {
  std::copy(values.begin(), values.end(), p.edit().begin());
}

// Scales by a parameter; may be asked for more parameters and parts than it uses.
struct Scale : Module<double> {
  Scale() : Module("scale"), factor(add_parameter("factor", Tensor<double>({2}, {10, 100}))) {}
  Var<double> forward(const Var<double>& x) override { return x * x.tape().parameter(factor); }
  using Module::add, Module::add_parameter;
  ramp::Parameter<double>& factor;
};

}  // namespace

TEST_CASE("parameters come in order, with the path to them as name") {
  Random random(1);
  Sequential<double> model("model");
  model.push<Linear<double>>(2, 3, random);
  auto& inner = model.push_named<Sequential<double>>("inner");
  inner.push<Scale>();  // into a part that already has its place
  auto& last = inner.push_named<Linear<double>>("last", 3, 1, random, LinearOptions{.bias = false});
  CHECK(names(model) ==
        std::vector<std::string>{"0.weight", "0.bias", "inner.0.factor", "inner.last.weight"});
  CHECK(last.name() == "last");
  CHECK(last.bias() == nullptr);
  CHECK(model.parameter_count() == 6 + 3 + 2 + 3);
  CHECK(names(Linear<double>(2, 1, Random(0))) == std::vector<std::string>{"weight", "bias"});

  struct Outer : Module<double> {  // a part that has parts before it gets its own place
    Outer() : Module("outer") { add<MLP<double>>("net", std::vector<std::int64_t>{2, 3, 1}); }
    Var<double> forward(const Var<double>& x) override { return (*parts()[0])(x); }
  };
  CHECK(names(Outer()) == std::vector<std::string>{"net.layer0.weight", "net.layer0.bias",
                                                   "net.layer1.weight", "net.layer1.bias"});
}

TEST_CASE("a name is used once, isn't empty and has no dot") {
  Scale model;
  model.add<Scale>("part");
  const auto value = [] { return Tensor<double>({1}); };
  CHECK_THROWS_WITH_AS(model.add_parameter("factor", value()),
                       Contains("'factor' is taken by a parameter"), ramp::ValueError);
  CHECK_THROWS_WITH_AS(model.add_parameter("part", value()), Contains("taken by a part"),
                       ramp::ValueError);
  CHECK_THROWS_AS(model.add<Scale>("part"), ramp::ValueError);
  CHECK_THROWS_AS(model.add<Scale>(""), ramp::ValueError);
  CHECK_THROWS_WITH_AS(model.add_parameter("a.b", value()), Contains("has a dot"),
                       ramp::ValueError);
  CHECK(names(model) == std::vector<std::string>{"factor", "part.factor"});
  auto& part = dynamic_cast<Scale&>(*model.parts()[0]);
  part.add_parameter("late", value());
  CHECK_THROWS_AS(part.add_parameter("late", value()), ramp::ValueError);
  CHECK(names(model).back() == "part.late");
}

TEST_CASE("Linear is x W + b with W (in, out)") {
  Linear<double> layer(2, 3, Random(1));
  CHECK(layer.in() == 2);
  CHECK(layer.out() == 3);
  CHECK(layer.weight().shape() == Shape{2, 3});
  for (const double b : layer.bias()->value()) CHECK(b == 0);
  fill(layer.weight(), {1, 2, 3, 4, 5, 6});
  fill(*layer.bias(), {10, 20, 30});

  Tape<double> tape;
  const auto y = layer(tape.leaf({2, 2}, {1, 0, 1, -1}));
  CHECK(y.shape() == Shape{2, 3});
  const std::vector<double> expected{11, 22, 33, 7, 17, 27};
  CHECK(std::equal(y.view().begin(), y.view().end(), expected.begin(), expected.end()));
  const auto one = layer(tape.leaf({1.0, -1.0}));  // one sample: the matrix's second row
  CHECK(one.shape() == Shape{3});
  CHECK(std::equal(one.view().begin(), one.view().end(), expected.begin() + 3));
  CHECK(layer(tape.leaf(Tensor<double>({4, 5, 2}))).shape() == Shape{4, 5, 3});

  tape.backward(sum(y));  // d/dW: column sums of x; d/db: the number of rows
  const std::vector<double> weight{2, 2, 2, -1, -1, -1};
  CHECK(std::equal(weight.begin(), weight.end(), layer.weight().gradient().begin()));
  for (const double g : layer.bias()->gradient()) CHECK(g == 2);
}

TEST_CASE("Linear refuses other widths and empty sizes") {
  Linear<float> layer(8, 3, Random(1));
  Tape<float> tape;
  CHECK_THROWS_WITH_AS(layer(tape.leaf(Tensor<float>({32, 7}))),
                       "[linear] (32, 7): the layer takes 8 features", ramp::ShapeError);
  CHECK_THROWS_AS(layer(tape.leaf(1.0f)), ramp::ShapeError);
  CHECK_THROWS_AS(Linear<float>(0, 3, Random(1)), ramp::ValueError);
  CHECK_THROWS_AS(Linear<float>(3, -1, Random(1)), ramp::ValueError);
}

TEST_CASE("an MLP has its structure in the graph") {
  MLP<float> model({784, 256, 128, 10}, {.seed = 1});
  CHECK(model.parameter_count() == 784 * 256 + 256 + 256 * 128 + 128 + 128 * 10 + 10);
  CHECK(names(model) == std::vector<std::string>{"layer0.weight", "layer0.bias", "layer1.weight",
                                                 "layer1.bias", "layer2.weight", "layer2.bias"});
  Tape<float> tape;
  const auto y = model(tape.borrow(Tensor<float>({3, 784}).view(), "inputs"));
  CHECK(y.shape() == Shape{3, 10});
  CHECK(scopes(tape) == std::set<std::string>{"", "mlp/layer0", "mlp/layer1", "mlp/layer2"});
  const std::string dot = to_dot(y);
  CHECK(dot.find("layer2.weight") != dot.npos);
  std::size_t relus = 0;
  for (std::size_t at = 0; (at = dot.find("relu", at)) != dot.npos; ++at) ++relus;
  CHECK(relus == 2);  // none after the last layer

  CHECK_THROWS_AS(MLP<float>({784}), ramp::ValueError);
  CHECK_THROWS_AS(MLP<float>({784, 0, 10}), ramp::ValueError);
  CHECK(MLP<float>({2, 1}, {.bias = false}).parameter_count() == 2);
}

TEST_CASE("an MLP computes what it says") {
  MLP<double> model({2, 2, 1}, {.activation = Activation::tanh});
  const auto p = model.parameters();
  fill(*p[0], {1, -1, 0.5, 2});
  fill(*p[1], {0.1, -0.2});
  fill(*p[2], {3, -4});
  fill(*p[3], {0.7});
  Tape<double> tape;
  const double x0 = 0.3, x1 = -0.6;
  const double expected =
      3 * std::tanh(x0 + 0.5 * x1 + 0.1) - 4 * std::tanh(-x0 + 2 * x1 - 0.2) + 0.7;
  CHECK(model(tape.leaf({1, 2}, {x0, x1})).item() == doctest::Approx(expected).epsilon(1e-14));
}

TEST_CASE("a seed gives the same weights, whatever the layers before") {
  const auto first = [](std::uint64_t seed, std::vector<std::int64_t> sizes, std::size_t which) {
    return MLP<float>(std::move(sizes), {.seed = seed}).parameters()[which]->value()[0];
  };
  CHECK(first(1, {4, 4, 4}, 0) == first(1, {4, 4, 4}, 0));
  CHECK(first(1, {4, 4, 4}, 0) != first(2, {4, 4, 4}, 0));
  CHECK(first(1, {4, 4, 4, 4}, 0) != first(1, {4, 4, 4, 4}, 2));  // of one spread
  CHECK(first(1, {9, 4, 4}, 2) == first(1, {4, 4, 4}, 2));
}

TEST_CASE("activations by name") {
  Tape<double> tape;
  const auto x = tape.leaf({-2.0, -0.5, 0.7, 3.0});
  for (const auto name : activation_names()) {
    CAPTURE(name);
    const Activation activation = activation_named(name);
    CHECK(to_string(activation) == name);
    const auto y = activate(activation, x);
    if (activation == Activation::identity)
      CHECK(y.index() == x.index());
    else  // the op has the same name
      CHECK(std::string(ramp::op_info(tape.op(y.index())).about.name) == name);
  }
  CHECK_THROWS_WITH_AS(activation_named("swish"), Contains("relu, leaky_relu, tanh"),
                       ramp::ValueError);
  Sequential<double> model;
  model.push<ActivationLayer<double>>(Activation::relu);
  CHECK(model(x).view()[0] == 0);
  CHECK(model(x).view()[3] == 3);
}

TEST_CASE("a module's parameters are one leaf each, however often it is called") {
  Linear<double> layer(2, 2, Random(3));
  Tape<double> tape;
  const auto x = tape.leaf({1, 2}, {0.5, -1});
  tape.backward(sum(layer(layer(x))));
  const Tensor<double> twice = layer.weight().gradient();
  const double step = 1e-6;
  for (std::size_t i = 0; i < twice.size(); ++i) {
    const auto moved = [&](double by) {
      layer.weight().edit()[i] += by;
      Tape<double> other;
      const double y = sum(layer(layer(other.constant(x.value())))).item();
      layer.weight().edit()[i] -= by;
      return y;
    };
    CHECK(twice[i] == doctest::Approx((moved(step) - moved(-step)) / (2 * step)).epsilon(1e-7));
  }
}

// Sequential, and the MLP that is one.
#include <autodiff/inspect/dot.hpp>
#include <nn/model/sequential.hpp>

#include <support/module_gradients.hpp>
#include <support/refused.hpp>

#include <cmath>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace ramp::nn;
using ramp::Shape, ramp::Tape, ramp::Tensor, ramp::Var;
using Names = std::vector<std::string>;

static_assert(std::is_nothrow_move_constructible_v<MLP<float>>, "vectors move them");

namespace {

template <class T> Names names(Module<T>& module) {
  Names all;
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

Tensor<double> output(Module<double>& module, const Tensor<double>& x) {
  Tape<double> tape;
  return module(tape.constant(x)).value();
}

bool same(const Tensor<double>& a, const Tensor<double>& b) { return std::ranges::equal(a, b); }

}  // namespace

TEST_CASE("a Sequential applies its parts in order, and names them") {
  Random random(1);
  Sequential<double> model(Linear<double>(2, 3, random), Dropout<double>(0.5, 1),
                           ActivationLayer<double>("tanh"));
  Sequential<double> inner("inner");
  auto& last = inner.push("last", Linear<double>(3, 1, random, {.bias = false}));
  model.push("inner", inner);
  CHECK(names(model) == Names{"0.weight", "0.bias", "inner.last.weight"});
  CHECK(model.size() == 4);
  CHECK(model.name_of(3) == "inner");
  CHECK(model[3].name() == "inner");
  CHECK(model.contents().generators.at(0).name == "1.generator");
  CHECK(&model.parameter("inner.last.weight") != &last.weight());  // it keeps a copy
  model.eval();
  const Tensor<double> x = support::scattered({4, 2});
  Tape<double> tape;
  const auto y = model(tape.constant(x));
  CHECK(scopes(tape) ==  // dropout has no node here
        std::set<std::string>{"", "sequential/0", "sequential/2", "sequential/inner/last"});
  const auto h = model[2](model[0](tape.constant(x)));
  CHECK(same(y.value(), last(h).value()));
  support::check_gradients_of(model, x);
  REFUSED_WITH(model[4], ramp::IndexError, "[sequential] part 4: sequential has 4 parts");
  REFUSED(model.name_of(9), ramp::IndexError, "part 9");
  CHECK(same(output(*std::make_unique<Sequential<double>>(), x), x));  // of nothing
}

TEST_CASE("parts that are pushed later are named, too; a name is used once") {
  Random random(1);
  Sequential<double> model;
  auto& first = model.push(Linear<double>(2, 2, random));
  output(model, support::scattered({1, 2}));
  CHECK(first.weight().name() == "0.weight");
  auto& second = model.push("second", MLP<double>({2, 3, 2}));
  output(model, support::scattered({1, 2}));  // no call of parameters()
  CHECK(second.parameter("layer1.bias").name() == "second.layer1.bias");
  CHECK(second.name() == "second");
  for (int i = 0; i < 20; ++i) model.push(ActivationLayer<double>("tanh"));
  CHECK(&model[0] == &first);  // they stay where they are
  CHECK(model.name_of(21) == "21");
  REFUSED(model.push("second", Flatten<double>()), ramp::ValueError, "'second' is taken by a part");
  REFUSED(model.push("", Flatten<double>()), ramp::ValueError, "is empty");
  REFUSED(model.push("a.b", Flatten<double>()), ramp::ValueError, "has a dot");
  CHECK(model.size() == 22);
  CHECK(names(model).size() == 6);
}

TEST_CASE("a Sequential is a value") {
  Random random(3);
  Sequential<double> model(Linear<double>(2, 3, random, {.activation = "gelu"}),
                           BatchNorm1d<double>(3), MLP<double>({3, 4, 2}));
  const Tensor<double> x = support::scattered({4, 2});
  output(model, x);  // running statistics that aren't those at the start
  model.eval();
  const Tensor<double> y = output(model, x);
  Sequential<double> copy = model, assigned("other");
  assigned = model;
  for (auto* p : model.parameters())
    for (double& w : p->edit()) w = 0.5;
  model.buffer("1.running_mean")[0] = 9;
  CHECK_FALSE(same(output(model, x), y));
  CHECK(same(output(copy, x), y));
  CHECK(same(output(assigned, x), y));
  CHECK(names(assigned) == names(model));
  model.assign(copy);
  CHECK(same(output(model, x), y));
  const auto* const weight = &copy.parameter("0.weight");
  std::vector<Sequential<double>> all;
  all.push_back(std::move(copy));
  for (int i = 0; i < 9; ++i) all.push_back(assigned);
  CHECK(&all[0].parameter("0.weight") == weight);  // parts stay where they are
  for (auto& each : all) CHECK(same(output(each, x), y));
  const Sequential<double> sliced = MLP<double>({2, 3, 1});  // an MLP is a Sequential
  CHECK(sliced.size() == 2);
}

TEST_CASE("an MLP has its structure in the graph") {
  MLP<float> model({784, 256, 128, 10}, {.seed = 1});
  CHECK(model.sizes() == std::vector<std::int64_t>{784, 256, 128, 10});
  CHECK(model.parameter_count() == 784 * 256 + 256 + 256 * 128 + 128 + 128 * 10 + 10);
  CHECK(names(model) == Names{"layer0.weight", "layer0.bias", "layer1.weight", "layer1.bias",
                              "layer2.weight", "layer2.bias"});
  Tape<float> tape;
  const Tensor<float> x({3, 784});
  const auto y = model(tape.borrow(x.view(), "inputs"));
  CHECK(y.shape() == Shape{3, 10});
  CHECK(scopes(tape) == std::set<std::string>{"", "mlp/layer0", "mlp/layer1", "mlp/layer2"});
  std::vector<std::string> ops;  // and in which scope
  for (std::uint32_t i = 1; i <= tape.size(); ++i)
    if (tape.op(i) != ramp::leaf_op)
      ops.push_back(std::string(ramp::op_info(tape.op(i)).about.name) + " " +
                    tape.scope_path(tape.scope_of(i)));
  CHECK(ops == Names{"affine mlp/layer0", "relu mlp/layer0", "affine mlp/layer1", "relu mlp/layer1",
                     "affine mlp/layer2"});
  const std::string dot = to_dot(y);
  CHECK(dot.find("layer2.weight") != dot.npos);

  REFUSED(MLP<float>({784}), ramp::ValueError,
          "[mlp] {784}: give the size of the input and of each layer");
  REFUSED(MLP<float>({784, 0, 10}), ramp::ValueError, "(784, 0)");
  CHECK(MLP<float>({2, 1}, {.bias = false}).parameter_count() == 2);
}

TEST_CASE("an MLP computes what it says") {
  MLP<double> model({2, 2, 1}, {.activation = "tanh", .name = "net"});
  const auto p = model.parameters();
  fill(*p[0], {1, -1, 0.5, 2});
  fill(*p[1], {0.1, -0.2});
  fill(*p[2], {3, -4});
  fill(*p[3], {0.7});
  const double x0 = 0.3, x1 = -0.6;
  const double expected =
      3 * std::tanh(x0 + 0.5 * x1 + 0.1) - 4 * std::tanh(-x0 + 2 * x1 - 0.2) + 0.7;
  for (const Shape& shape : {Shape{1, 2}, Shape{2}})
    CHECK(output(model, Tensor<double>(shape, {x0, x1})).item() ==
          doctest::Approx(expected).epsilon(1e-14));
  CHECK(model.name() == "net");
  for (const Activation& f : activations())
    support::check_gradients_of(
        *std::make_unique<MLP<double>>(std::vector<std::int64_t>{2, 3, 2},
                                       MLPOptions{.activation = f, .seed = 4}),
        support::scattered({4, 2}));
}

TEST_CASE("layer i of an MLP draws from Random(seed).stream(i), whatever the layers before") {
  const std::vector<std::int64_t> sizes{9, 4, 5, 3};
  for (const double dropout : {0.0, 0.5}) {
    MLP<float> model(sizes,
                     {.activation = "tanh", .init = "he_normal", .dropout = dropout, .seed = 6});
    for (std::size_t i = 0; i < 3; ++i) {
      Random random = Random(6).stream(i);
      const auto expected = Init("he_normal")
                                .weight<float>(sizes[i], sizes[i + 1], random,
                                               i == 2 ? 1 : Activation("tanh").gain());
      const auto name = "layer" + std::to_string(i) + ".weight";
      CHECK(std::ranges::equal(model.parameter(name).value(), expected));
    }
  }
}

TEST_CASE("an MLP with dropout: after each layer but the last, each from a stream of its own") {
  const auto model_of = [](std::uint64_t seed) {
    return MLP<double>({2, 8, 8, 1}, {.dropout = 0.5, .seed = seed});
  };
  MLP<double> model = model_of(6), same_seed = model_of(6), other = model_of(7);
  Names parts;
  for (std::size_t i = 0; i < model.size(); ++i) parts.push_back(model.name_of(i));
  CHECK(parts == Names{"layer0", "dropout0", "layer1", "dropout1", "layer2"});
  std::set<std::uint64_t> states;
  for (MLP<double>* each : {&model, &same_seed, &other})
    for (const auto& [name, generator] : each->contents().generators)
      states.insert(generator->state());
  CHECK(states.size() == 4);  // two layers, two seeds
  Tape<double> tape;
  const Tensor<double> x = support::scattered({3, 2});
  model(tape.constant(x));
  CHECK(scopes(tape).count("mlp/dropout1") == 1);
  output(same_seed, x);
  CHECK(same(output(model, x), output(same_seed, x)));
  MLP<double> plain({2, 8, 8, 1}, {.seed = 6});
  CHECK_FALSE(same(output(model, x), output(plain, x)));
  model.eval();
  CHECK(same(output(model, x), output(plain, x)));
  model.assign(plain);  // dropout has nothing to take over
  REFUSED(MLP<double>({2, 8, 1}, {.dropout = 1}), ramp::ValueError, "[dropout] rate 1");
}

// Linear, Embedding, ActivationLayer and Flatten against what they say they compute.
#include <nn/model/layers.hpp>

#include <support/module_gradients.hpp>
#include <support/refused.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

using namespace ramp::nn;
using ramp::Shape, ramp::Tape, ramp::Tensor, ramp::Var;
using support::equal;

namespace {

void fill(ramp::Parameter<double>& p, std::initializer_list<double> values) {
  std::copy(values.begin(), values.end(), p.edit().begin());
}

}  // namespace

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
  CHECK(equal<double>(y.value(), {11, 22, 33, 7, 17, 27}));
  CHECK(std::string(ramp::op_info(tape.op(y.index())).about.name) == "affine");  // in one op
  const auto one = layer(tape.leaf({1.0, -1.0}));  // one sample: the matrix's second row
  CHECK(equal<double>(one.value(), {7, 17, 27}));
  CHECK(layer(tape.leaf(Tensor<double>({4, 5, 2}))).shape() == Shape{4, 5, 3});

  tape.backward(sum(y));  // d/dW: column sums of x; d/db: the number of rows
  CHECK(equal<double>(layer.weight().gradient(), {2, 2, 2, -1, -1, -1}));
  for (const double g : layer.bias()->gradient()) CHECK(g == 2);
  const Members<double> all = layer.contents();
  CHECK(all.parameters[0].name == "weight");
  CHECK(all.parameters[0].layout == Layout::transposed);  // in files (out, in)
  CHECK(all.parameters[1].name == "bias");
  CHECK(all.parameters[1].layout == Layout::as_is);
}

TEST_CASE("Linear with and without a bias, with an activation") {
  for (const bool bias : {true, false})
    for (const Activation& f : activations()) {
      CAPTURE(bias);
      CAPTURE(f.name());
      Linear<double> layer(2, 3, Random(4), {.activation = f, .bias = bias});
      CHECK(layer.activation().name() == f.name());
      CHECK((layer.bias() != nullptr) == bias);
      CHECK(layer.parameters().size() == (bias ? 2 : 1));
      if (bias) fill(*layer.bias(), {0.1, -0.2, 0.3});
      for (const Shape& shape : {Shape{5, 2}, Shape{2}, Shape{2, 2, 2}}) {
        const Tensor<double> x = support::scattered(shape);
        Tape<double> tape;
        const auto y = layer(tape.constant(x));
        CHECK(tape.scope_path(tape.scope_of(y.index())) == "linear");
        for (std::size_t i = 0; i < y.view().size(); ++i) {
          const std::size_t row = i / 3, unit = i % 3;
          double z = bias ? layer.bias()->value()[unit] : 0;
          for (std::size_t k = 0; k < 2; ++k)
            z += x[2 * row + k] * layer.weight().value()[3 * k + unit];
          CHECK(y.view()[i] == doctest::Approx(f(Var<double>(z)).item()).epsilon(1e-13));
        }
        support::check_gradients_of(layer, x);
      }
    }
}

TEST_CASE("Linear starts with the gain of its activation, unless another is asked for") {
  const auto weights = [](LinearOptions options) {
    return Linear<double>(6, 5, Random(3), options).weight().value();
  };
  const Tensor<double> plain = weights({}), relu = weights({.activation = "relu"}),
                       other = weights({.activation = "relu", .gain = 3}),
                       lecun = weights({.activation = "relu", .init = "lecun_uniform"});
  for (std::size_t i = 0; i < plain.size(); ++i) {
    CHECK(relu[i] == doctest::Approx(std::sqrt(2) * plain[i]));
    CHECK(other[i] == doctest::Approx(3 * plain[i]));
    CHECK(lecun[i] == doctest::Approx(plain[i]));
  }
}

TEST_CASE("Linear refuses other widths and empty sizes") {
  Linear<float> layer(8, 3, Random(1));
  Tape<float> tape;
  REFUSED_WITH(layer(tape.leaf(Tensor<float>({32, 7}))), ramp::ShapeError,
               "[linear] (32, 7): the layer takes 8 features");
  REFUSED(layer(tape.leaf(1.0f)), ramp::ShapeError, "takes 8 features");
  REFUSED(Linear<float>(0, 3, Random(1)), ramp::ValueError, "(0, 3)");
  REFUSED(Linear<float>(3, -1, Random(1)), ramp::ValueError, "(3, -1)");
}

TEST_CASE("a module's parameters are one leaf each, however often it is called") {
  Linear<double> layer(2, 2, Random(3));
  struct Twice : Module<double> {
    explicit Twice(Linear<double>& l) : layer(l) {}
    void members(Members<double>& m) override { m("layer", layer); }
    Var<double> forward(const Var<double>& x) override { return layer(layer(x)); }
    Linear<double>& layer;
  } twice(layer);
  support::check_gradients_of(twice, support::scattered({3, 2}));
  Tape<double> tape;
  twice(tape.constant({0.5, -1.0}));
  int leaves = 0;
  for (std::uint32_t i = 1; i <= tape.size(); ++i) leaves += tape.is_parameter(i);
  CHECK(leaves == 2);
}

TEST_CASE_TEMPLATE("Embedding gives each number its row", T, float, double) {
  Embedding<T> layer(5, 3, Random(2));
  CHECK(layer.count() == 5);
  CHECK(layer.width() == 3);
  CHECK(layer.contents().parameters[0].name == "weight");
  CHECK(layer.contents().parameters[0].layout == Layout::as_is);  // (count, width) in files, too
  Random same(2);
  for (const T w : layer.weight().value()) CHECK(w == static_cast<T>(same.normal()));
  const std::vector<int> numbers{4, 0, 0, 2, 4, 1, 3, 4};
  for (const Shape& shape : {Shape{8}, Shape{2, 4}, Shape{2, 2, 2}}) {
    Tape<T> tape;
    const Var<T> y = layer(tape.constant(shape, numbers));
    CHECK(y.shape() == shape.inserted(shape.rank(), 3));
    for (std::size_t i = 0; i < y.view().size(); ++i)
      CHECK(y.view()[i] ==
            layer.weight().value()[3 * static_cast<std::size_t>(numbers[i / 3]) + i % 3]);
    tape.backward(sum(y));  // each row's gradient is how often it was asked for
    const std::vector<T> times{2, 1, 1, 1, 3};
    for (std::size_t i = 0; i < 15; ++i) CHECK(layer.weight().gradient()[i] == times[i / 3]);
  }
  Tape<T> tape;
  CHECK(layer(tape.constant(T(3))).shape() == Shape{3});
  CHECK(layer(tape.constant(Tensor<T>({0, 2}))).shape() == Shape{0, 2, 3});
}

TEST_CASE("gradients of an Embedding, and what it refuses") {
  Embedding<double> layer(4, 2, Random(2));
  support::check_parameter_gradients(layer, Tensor<double>({2, 3}, {3, 1, 0, 1, 1, 3}));
  Tape<double> tape;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  REFUSED_WITH(layer(tape.constant({0.0, 2.5})), ramp::IndexError,
               "[embedding] (2): 2.5 at place 1 is none of the whole numbers from 0 to 3");
  for (const double bad : {4.0, -1.0, nan, 1e300, -1e300, 1 / 0.0})
    REFUSED(layer(tape.constant({bad})), ramp::IndexError, "none of the whole numbers");
  REFUSED(layer(tape.constant(Tensor<double>({1, 1, 1, 2}))), ramp::ShapeError, "no room");
  REFUSED(layer(tape.constant(Tensor<double>({0, 1, 1, 2}))), ramp::ShapeError, "no room");
  REFUSED(Embedding<double>(0, 2, Random(1)), ramp::ValueError, "(0, 2)");
  REFUSED(Embedding<double>(2, 0, Random(1)), ramp::ValueError, "(2, 0)");
}

TEST_CASE("an activation and Flatten where a module is asked for") {
  Tape<double> tape;
  const auto x = tape.leaf({-2.0, 3.0});
  ActivationLayer<double> relu("relu");
  CHECK(relu.name() == "relu");
  CHECK(relu.activation().name() == "relu");
  CHECK(relu.parameters().empty());
  CHECK(equal<double>(relu(x).value(), {0, 3}));

  Flatten<double> flatten;
  const auto image = tape.leaf(support::scattered({2, 3, 4}));
  CHECK(flatten(image).shape() == Shape{2, 12});
  CHECK(std::equal(image.view().begin(), image.view().end(), flatten(image).view().begin()));
  CHECK(flatten(tape.leaf(Tensor<double>({0, 3, 4}))).shape() == Shape{0, 12});
  CHECK(flatten(tape.leaf(Tensor<double>({2, 3}))).shape() == Shape{2, 3});
  REFUSED_WITH(flatten(x), ramp::ShapeError, "[flatten] (2): it takes a batch, (n, ..)");
}

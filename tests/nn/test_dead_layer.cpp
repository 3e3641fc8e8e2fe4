// A network whose hidden layer is dead: what explain() says of it, and the graph shows.
#include <autodiff/autodiff.hpp>
#include <nn/nn.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace ramp;

namespace {

constexpr std::uint32_t rows = 20;

// A 3-8-6-2 network; the biases of hidden layer `dead` are far below 0.
template <class T> struct Dead {
  explicit Dead(std::size_t dead) {
    for (const std::size_t layer : {0u, 1u})
      for (T& b : parameter(2 * layer + 1).edit()) b = layer == dead ? T(-1000) : T(0.1);
    nn::Random random(2);
    for (T& e : x) e = static_cast<T>(random.uniform(-1, 1));
    for (std::uint32_t i = 0; i < rows; ++i)
      labels.push_back(static_cast<std::int32_t>(i % 3 == 0));
    loss = nn::cross_entropy<T>(model(tape.constant(x, "x")), labels);
  }
  Parameter<T>& parameter(std::size_t k) { return *model.parameters()[k]; }
  Explanation why(std::size_t k) { return explain(*loss, tape.parameter(parameter(k))); }
  // The relu of a layer, by its scope.
  std::uint32_t relu_of(const std::string& scope) const {
    for (std::uint32_t i = 1; i <= tape.size(); ++i)
      if (op_info(tape.op(i)).about.name == std::string_view("relu") &&
          tape.scope_path(tape.scope_of(i)) == scope)
        return i;
    FAIL("no relu in " << scope);
    return 0;
  }

  nn::MLP<T> model{{3, 8, 6, 2}, {.seed = 1}};
  Tensor<T> x{Shape{rows, 3}};
  std::vector<std::int32_t> labels;
  Tape<T> tape;
  std::optional<Var<T>> loss;
};

std::string line_with(const std::string& text, const std::string& part) {
  const std::size_t at = text.find(part);
  if (at == std::string::npos) return {};
  const std::size_t first = text.rfind('\n', at) + 1;
  return text.substr(first, text.find('\n', at) - first);
}

}  // namespace

TEST_CASE_TEMPLATE("a dead first layer: its relu is named, closed for all, and drawn red", T, float,
                   double) {
  Dead<T> net(0);
  const std::uint32_t relu = net.relu_of("mlp/layer0");
  for (const std::size_t k : {0u, 1u}) {  // weight and bias
    const Explanation why = net.why(k);
    CAPTURE(why.text);
    CHECK(why.reason == Reason::closed);
    CHECK(why.node == relu);
    CHECK(why.elements == net.parameter(k).value().size());
    CHECK(why.path.back() == relu);
    CHECK(why.text.find("the path ends at relu (20, 8) in mlp/layer0, closed in all 8 units for "
                        "all 20 samples; operands: affine (20, 8) with -") != std::string::npos);
    const std::string dot = to_dot(*net.loss, {.highlight = why.path});
    const std::string node = std::to_string(relu) + " [label=\"relu";
    CHECK(line_with(dot, node).find("#d00000") != std::string::npos);
  }
  // What lies above it still learns, if only its biases.
  CHECK(net.why(5).reason == Reason::fine);
}

TEST_CASE_TEMPLATE("a dead second layer is found from the first one's weights", T, float, double) {
  Dead<T> net(1);
  const Explanation why = net.why(0);
  CAPTURE(why.text);
  CHECK(why.reason == Reason::closed);
  CHECK(why.node == net.relu_of("mlp/layer1"));
  CHECK(why.elements == 3 * 8);
  CHECK(why.text.find("is 0 in 24 of 24 elements: the path ends at relu (20, 6) in mlp/layer1, "
                      "closed in all 6 units for all 20 samples") != std::string::npos);
  const auto& path = why.path;
  CHECK(std::find(path.begin(), path.end(), net.relu_of("mlp/layer0")) != path.end());
}

TEST_CASE("the tape's convention decides at a pre-activation of 0") {
  for (const double c : {0.0, 0.5}) {
    Tape<double> tape({.at_zero = c});
    nn::MLP<double> model({2, 3, 1}, {.init = nn::Init::he_uniform, .seed = 1});
    for (double& w : model.parameters()[0]->edit()) w = 0;
    const auto y = sum(model(tape.constant({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8})));
    const Explanation why = explain(y, tape.parameter(*model.parameters()[0]));
    CHECK(why.reason == (c == 0 ? Reason::closed : Reason::fine));
  }
}

// `ramp graph`: the picture of a network's forward pass.
#include "cli.hpp"

#include <autodiff/autodiff.hpp>
#include <nn/joined.hpp>
#include <nn/nn.hpp>

#include <array>
#include <memory>

namespace ramp::tool {

namespace {

constexpr std::array<std::string_view, 2> formats{"dot", "svg"};

struct GraphOptions {
  std::string layers = "2,4,1", activation = "relu", format = "dot";
  std::uint64_t seed = 1;
  bool values = false, loss = false;
};

void graph(const GraphOptions& options) {
  const std::vector<std::int64_t> sizes = parse_sizes(options.layers);
  nn::MLP<float> model(sizes, {.activation = options.activation, .seed = options.seed});
  Tape<float> tape;
  const Tensor<float> inputs({1, sizes.front()}, 1);
  Var<float> root = model(tape.constant(inputs, "inputs"));
  const std::array<std::int32_t, 1> label{};
  const Tensor<float> target(root.shape());
  if (options.loss) {
    const nn::Loss<float> loss(sizes.back() > 1 ? "cross_entropy" : "mse");
    root = loss(root, {inputs.view(), target.view(), label, {}, 0});
  }
  const std::string dot = to_dot(root, {.values = options.values});
  if (options.format == "dot") return print(dot);
  if (!draw_svg(dot)) throw Failure("--format svg needs Graphviz's dot, which isn't installed");
}

}  // namespace

void add_graph(CLI::App& app) {
  CLI::App* command = app.add_subcommand("graph", "Print a network's graph, for Graphviz");
  command->footer(
      "Examples:\n"
      "  ramp graph --layers 2,16,16,1 --activation tanh\n"
      "  ramp graph --layers 2,4,1 --values --format svg > graph.svg\n"
      "  ramp graph --layers 4,8,3 --loss | dot -Tpng -o graph.png");
  const auto options = std::make_shared<GraphOptions>();
  add(*command, "--layers", options->layers, "Sizes from the inputs to the outputs")
      ->type_name("N,N,..")
      ->check(layer_sizes(2));
  add(*command, "--activation", options->activation,
      "After each layer but the last: " + nn::joined(names_of(nn::activations())))
      ->type_name("NAME")
      ->check(one_of(names_of(nn::activations())));
  command->add_flag("--loss", options->loss, "Add a loss: squared error, or cross-entropy");
  command->add_flag("--values", options->values, "Show the value of each node");
  add(*command, "--seed", options->seed, "Of the weights")->check(whole(0));
  add(*command, "--format", options->format, "dot or svg")
      ->type_name("NAME")
      ->check(one_of(formats));
  command->callback([options] { graph(*options); });
}

}  // namespace ramp::tool

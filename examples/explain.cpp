// Why is this gradient 0? Why is it NaN? explain() names the op, the operands and the line.
#include <autodiff/autodiff.hpp>

#include <cmath>
#include <cstdio>

using ramp::Tape, ramp::Tensor, ramp::Var;

namespace {

Tensor<double> numbers(const ramp::Shape& shape, double scale) {
  Tensor<double> x(shape);
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = scale * std::round(100 * std::cos(1 + 2.3 * static_cast<double>(i))) / 100;
  return x;
}

void tell(const Var<double>& root, const Var<double>& x) {
  const ramp::Explanation why = explain(root, x);
  std::printf("%s\n  path:", why.text.c_str());
  for (const std::uint32_t i : why.path) std::printf(" %s >", x.tape().describe(i, false).c_str());
  std::printf(" ..\n\n");
}

}  // namespace

int main() {
  Tape tape;
  const auto x = tape.constant(numbers({32, 4}, 1), "x");
  const auto w0 = tape.leaf(numbers({4, 16}, 1), "layer0.weight");
  const auto w1 = tape.leaf(numbers({16, 3}, 1), "layer1.weight");
  Tensor<double> bias({16});
  bias[3] = bias[7] = -9;  // two units that no sample wakes
  const auto b0 = tape.leaf(bias, "layer0.bias");
  const auto hidden = [&] {
    const auto scope = tape.scope("mlp");
    const auto layer = tape.scope("layer0");
    tape.here();
    return relu(matmul(x, w0) + b0);
  }();
  tape.here();
  const auto loss = mean(square(matmul(hidden, w1)));
  tell(loss, w0);
  tell(loss, w1);
  tell(loss, x);

  // The old ways to lose a gradient.
  const auto v = tape.leaf({0, 0.25, 4}, "v");
  tape.here();
  tell(sum(detach(v) * 2.0), v);
  tell(sum(clamp(v, 0.1, 1)), v);
  tell(sum(sqrt(v)), v);
  tell(sum(v * log(v)), v);

  // Where the graph shows it, in red: to_dot(loss, {.highlight = explain(loss, w0).path}).
  const ramp::DotOptions options{.highlight = explain(loss, w0).path};
  const std::string dot = to_dot(loss, options);
  for (std::size_t at = 0, end; at < dot.size(); at = end + 1) {
    end = dot.find('\n', at);
    if (const auto line = dot.substr(at, end - at); line.find("#d00000") != std::string::npos)
      std::printf("%s\n", line.c_str());
  }

  // A checked tape doesn't let it come that far.
  Tape checked({.checked = true});
  const auto z = checked.leaf({1, 0}, "z");
  checked.here();
  try {
    sum(z * log(z));
  } catch (const ramp::NonFiniteError& error) {
    std::printf("\n%s\n", error.what());
  }

  // How many elements stand at a kink, or near one?
  const ramp::Census kinks = census(loss, {.within = 1.0 / 64});
  for (const ramp::NodeKinks& k : kinks.nodes)
    std::printf("\n%s in %s: %d of %d elements at the kink, %d within 1/64\n", k.op,
                kinks.scopes[k.scope].path.c_str(), static_cast<int>(k.at_kink),
                static_cast<int>(k.elements), static_cast<int>(k.near));
}

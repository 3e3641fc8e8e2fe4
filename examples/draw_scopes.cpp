// Scopes give a drawing its structure: a cluster each, and one box for those that are too large.
// Pipe it into `dot -Tsvg`.
#include <autodiff/autodiff.hpp>

#include <cstdio>

int main() {
  ramp::Tape tape;
  ramp::Parameter<double> w0("w0", ramp::Tensor<double>({2, 3}, 0.5)),
      w1("w1", ramp::Tensor<double>({3, 1}, 0.25));
  const auto x = tape.constant(ramp::Tensor<double>({4, 2}, 1.0), "x");
  auto y = x;
  {
    const auto net = tape.scope("net");
    {
      const auto layer = tape.scope("hidden");
      y = relu(matmul(y, tape.parameter(w0)) - 0.5);
    }
    const auto layer = tape.scope("output");
    y = matmul(y, tape.parameter(w1));
  }
  const auto loss = mean(square(y - 1));
  tape.backward(loss);

  ramp::DotOptions options{.values = true, .gradients = true};
  std::printf("%s\n", to_dot(loss, options).c_str());
  options.node_limit = 4;
  std::printf("%s", to_dot(loss, options).c_str());
}

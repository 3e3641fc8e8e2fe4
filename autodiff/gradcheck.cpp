#include <autodiff/gradcheck.hpp>

#include <fmt/format.h>

#include <cmath>

namespace ramp {
namespace {

// f's value, or its weighted sum: weights 1, -2, 3, 1, -2, 3 .. over 2, but none alike in a row.
Var<double> scalar(const Var<double>& y) {
  if (y.shape().rank() == 0) return y;
  Tensor<double> weights(y.shape());
  for (std::size_t i = 0; i < weights.size(); ++i)
    weights[i] = std::cos(1 + 0.7 * static_cast<double>(i));
  return sum(y * y.tape().constant(weights));
}

Var<double> run(Tape<double>& tape, const Function& f, const std::vector<Tensor<double>>& inputs,
                std::vector<Var<double>>& leaves) {
  tape.clear();
  leaves.clear();
  for (const auto& x : inputs) leaves.push_back(tape.leaf(x));
  return scalar(f(leaves));
}

}  // namespace

GradientReport check_gradients(const Function& f, const std::vector<Tensor<double>>& inputs,
                               const GradientCheckOptions& options) {
  Tape<double> tape({.at_zero = options.at_zero});
  std::vector<Var<double>> leaves;
  const Var<double> root = run(tape, f, inputs, leaves);
  std::vector<Tensor<double>> gradients;
  if (tape.node(root.index()).is(Node<double>::varies)) {
    tape.backward(root);
    for (const auto& x : leaves) gradients.push_back(tape.gradient(x));
  } else {
    for (const auto& x : inputs) gradients.emplace_back(x.shape());
  }

  GradientReport report;
  std::vector<Tensor<double>> moved = inputs;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    for (std::size_t i = 0; i < inputs[k].size(); ++i) {
      const double x = inputs[k][i];
      const auto value = [&](double at) {
        moved[k][i] = at;
        return run(tape, f, moved, leaves).item();
      };
      const auto central = [&](double h) { return (value(x + h) - value(x - h)) / (2 * h); };
      // Two steps cancel the error of second order (Richardson); what is left is of fourth.
      const double h = 1e-3 * std::max(1.0, std::abs(x));
      const double difference = (4 * central(h / 2) - central(h)) / 3;
      moved[k][i] = x;

      const double gradient = gradients[k][i];
      const double error = std::abs(gradient - difference) / std::max(1.0, std::abs(difference));
      report.worst = std::isnan(error) ? error : std::max(report.worst, error);
      ++report.elements;
      if (!(error <= options.tolerance))
        report.mismatches.push_back({k, i, gradient, difference, error});
    }
  }
  return report;
}

std::string to_string(const GradientReport& report) {
  if (report.ok())
    return fmt::format("{} gradients agree, the worst to {:.1e}", report.elements, report.worst);
  std::string text =
      fmt::format("{} of {} gradients differ", report.mismatches.size(), report.elements);
  for (const auto& m : report.mismatches)
    text += fmt::format("\ninput {} element {}: gradient {}, difference {}, off by {:.1e}", m.input,
                        m.element, m.gradient, m.difference, m.error);
  return text;
}

}  // namespace ramp

// Checks gradients against central differences in double.
#pragma once

#include <autodiff/tape.hpp>

#include <functional>

namespace ramp {

struct GradientCheckOptions {
  double tolerance = 1e-6;  // of |gradient - difference|, relative to max(1, |difference|)
  double at_zero = 0;       // the tape's convention
};

// One element whose gradient and difference quotient part.
struct GradientMismatch {
  std::size_t input, element;
  double gradient, difference, error;
};

struct GradientReport {
  std::vector<GradientMismatch> mismatches;
  double worst = 0;          // the largest error of all elements
  std::size_t elements = 0;  // how many were compared
  bool ok() const { return mismatches.empty(); }
};
/// A line per mismatch, or one that says that all agree.
std::string to_string(const GradientReport& report);

using Function = std::function<Var<double>(std::span<const Var<double>>)>;

/// Compares backward() through f with differences, for each element of each input. A value that is
/// no scalar is reduced by fixed weights of different sizes, so that no element can hide another.
/// f is called several times an element and must give the same result each time.
GradientReport check_gradients(const Function& f, const std::vector<Tensor<double>>& inputs,
                               const GradientCheckOptions& options = {});

}  // namespace ramp

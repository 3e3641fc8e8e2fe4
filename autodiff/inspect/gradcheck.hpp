// Checks gradients against differences in double, element by element. At a kink, any answer between
// the one-sided derivatives is right.
#pragma once

#include <autodiff/tape/tape.hpp>

#include <functional>

namespace ramp {

struct GradientCheckOptions {
  double tolerance =
      1e-6;            // relative; differences must be good to it times max(size, 1/max(1, |x|))
  double at_zero = 0;  // the tape's convention
};

enum class Verdict {
  ok,      // the gradient is what the differences tend to
  kink,    // those from the left and the right part, and it lies between
  wrong,   // it lies farther off than rounding explains: the formula is to blame
  unsure,  // the differences are too inexact to tell
};

struct GradientElement {
  std::size_t input, element;
  Verdict verdict;
  double gradient, left, right;  // what backward() says, and the one-sided derivatives
  double error, accuracy;        // how far it lies from between them, and what they are good to
  int partner = -1;  // the one in `elements` that it's wrong together with, each alone being right
};

struct GradientReport {
  std::vector<GradientElement> elements;
  std::size_t count(Verdict verdict) const;
  bool ok() const { return count(Verdict::wrong) + count(Verdict::unsure) == 0; }
};
/// How many there are of each verdict, and a line for each element that is wrong or unsure.
std::string to_string(const GradientReport& report);

using Function = std::function<Var<double>(std::span<const Var<double>>)>;

/// Compares backward() through f with differences, for each element of each input. A value that is
/// no scalar is reduced by fixed weights. f is called 7 times an element, at a kink some 50 times.
/// Steps run from 2e-3 down to 2e-9 of max(1, |x|), and to 3e-5 of an |x| less than that: a kink
/// closer than they tell counts as at x. For c outside [0, 1], l + c (r - l) and r + c (l - r) of
/// the one-sided l and r are right, too. Elements that meet in one kink, as a maximum's operands
/// do, must fit together: each pair's gradients in the convex hull of those around the point. Where
/// f is NaN or jumps on one side, the other counts. A detail that only the smaller steps see is
/// taken for rounding.
GradientReport check_gradients(const Function& f, const std::vector<Tensor<double>>& inputs,
                               const GradientCheckOptions& options = {});

}  // namespace ramp

// Says why a gradient is 0, NaN or infinite. It asks the ops' own formulas, and knows none by name.
#pragma once

#include <autodiff/tape/tape.hpp>

namespace ramp {

enum class Reason {
  fine,         // every element is finite and not 0
  not_reached,  // the root doesn't depend on x
  detached,     // no gradient passes: detach(), no_grad(), a comparison; or x is a constant
  closed,       // an op selects something else: a dead relu, a clamp, a lost maximum, a slice
  zero_factor,  // the slope of an op is 0: a product with 0, a saturated sigmoid
  cancelled,    // contributions cancel, or underflow
  nan,
  infinite
};

struct Explanation {
  Reason reason = Reason::fine;
  std::string text;                 // in plain words; of several reasons, the first three
  std::vector<std::uint32_t> path;  // from x up to where it happens, for DotOptions::highlight
  std::uint32_t node = 0;           // the op that does it, or whose value is the first bad one
  std::size_t elements = 0;         // how many of the gradient's are 0, or not finite
};

/// Why d root / d x, root a scalar, is what it is. Runs its own sweep, as grad() does, and some
/// pullbacks again. On a checked tape that sweep throws NonFiniteError first.
template <class T> Explanation explain(const Var<T>& root, const Var<T>& x);

}  // namespace ramp

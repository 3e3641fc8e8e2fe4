// What Ramp throws. Every message names the op or call in brackets, says what is wrong with which
// shapes, and where it can, what to do.
#pragma once

#include <stdexcept>

namespace ramp {

struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct ShapeError : Error {  // shapes that don't go together, a wrong rank or axis
  using Error::Error;
};
struct IndexError : Error {  // a label or row out of range
  using Error::Error;
};
struct ValueError : Error {  // an option or number that makes no sense
  using Error::Error;
};
struct HandleError : Error {  // a Var of a dropped node, or of another tape
  using Error::Error;
};
struct GradientError : Error {  // a gradient that doesn't exist or wasn't kept
  using Error::Error;
};
struct NonFiniteError : Error {  // a NaN or an infinity, in training or on a checked tape
  using Error::Error;
};
struct BudgetError : Error {  // the tape outgrew its memory budget
  using Error::Error;
};

}  // namespace ramp

// What Ramp throws. Every message names the op or call in brackets, says what is wrong with which
// shapes, and where it can, what to do.
#pragma once

#include <cstddef>
#include <new>
#include <stdexcept>
#include <string>

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
// Memory that can't be had. The tape is as it was before the call, and can be used. It is no
// std::bad_alloc: with two bases, `catch (const std::exception&)` would not know it.
struct MemoryError : Error {
  // `what`: in brackets the op or the call, and what for; `bytes`: 0 if nobody knows
  MemoryError(const std::string& what, std::size_t asked)
      : Error(what + (asked ? ": " + std::to_string(asked) + " bytes can't be had"
                            : std::string(": there is no memory left"))),
        bytes(asked) {}
  std::size_t bytes;
};
// The same within the library, where nobody knows yet what for.
struct NoMemory : std::bad_alloc {
  explicit NoMemory(std::size_t asked) : bytes(asked) {}
  std::size_t bytes;
};
/// Where a std::bad_alloc was caught: throws a MemoryError instead.
[[noreturn]] inline void throw_memory_error(const std::string& what) {
  try {
    throw;
  } catch (const NoMemory& e) {
    throw MemoryError(what, e.bytes);
  } catch (const std::bad_alloc&) {
    throw MemoryError(what, 0);
  }
}

/// f(), or a MemoryError that names the call: "[explain]".
template <class F> auto or_memory_error(const char* call, F f) {
  try {
    return f();
  } catch (const std::bad_alloc&) {
    throw_memory_error(call);
  }
}

}  // namespace ramp

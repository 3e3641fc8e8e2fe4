// The ops that are recorded inline, where they are called, behind a pointer each: what the compiler
// makes of them is made once, for all tests that walk over them.
#pragma once

#include <autodiff/autodiff.hpp>

#include <span>
#include <vector>

namespace support {

template <class T> struct Inlined {
  const ramp::OpInfo* op;
  ramp::Var<T> (*record)(const void* attr, std::span<const ramp::Var<T>> in);
};

/// The library's element-wise ops.
template <class T> std::vector<Inlined<T>> inlined_ops();

}  // namespace support

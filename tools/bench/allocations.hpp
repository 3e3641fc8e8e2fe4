// Counts calls of the allocator in any program that ramp_count_allocations() in CMake was called
// for.
#pragma once

#include <cstddef>

namespace ramp::bench {

/// Calls so far, in all threads, of malloc and its relatives, operator new included. Always 0 where
/// it can't count: without glibc, and under a sanitizer.
std::size_t allocations();

/// Those of them that weren't made inside a product of the BLAS or of oneDNN: Ramp's own. What
/// those libraries call differs with the CPU, since they take other paths on each.
std::size_t own_allocations();

}  // namespace ramp::bench

// Counts calls of the allocator in any program that this file's .cpp is linked into.
#pragma once

#include <cstddef>

namespace ramp::bench {

/// Calls so far, in all threads, of malloc and its relatives, operator new included. Always 0 where
/// it can't count: without glibc, and under a sanitizer.
std::size_t allocations();

}  // namespace ramp::bench

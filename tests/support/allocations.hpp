// Counts calls of the allocator and makes one fail, in any program that ramp_count_allocations() in
// CMake was called for: the tests in allocations/ and the benchmark.
#pragma once

#include <cstddef>

namespace support {

/// Calls so far, in all threads, of malloc and its relatives, operator new included. Without glibc
/// and under a sanitizer, whose malloc can't be replaced, those of operator new alone.
std::size_t allocations();

/// Those of them that weren't made inside a product of the BLAS or of oneDNN: Ramp's own. What
/// those libraries call differs with the CPU, since they take other paths on each.
std::size_t own_allocations();

/// The bytes of the largest call since this was asked before.
std::size_t largest_allocation();

/// `n` more of the own ones succeed, the next fails, and all after it succeed.
void fail_allocation_after(std::size_t n);

/// No more of them fails. Whether the one that was to fail has come.
bool allocation_has_failed();

}  // namespace support

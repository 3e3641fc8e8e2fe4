// Calls of operator new, of every form, in the whole test program: counted, and made to fail.
#pragma once

#include <atomic>
#include <cstddef>

inline std::atomic<std::size_t> allocations = 0;
// How many more succeed before one fails; never one where it is negative. After it all succeed.
inline std::atomic<std::ptrdiff_t> until_failure = -1;

// The tests' counter of calls of the allocator, for the benchmark.
#pragma once

#include "../../tests/support/allocations.hpp"

namespace ramp::bench {

using ::support::allocations, ::support::own_allocations;

}  // namespace ramp::bench

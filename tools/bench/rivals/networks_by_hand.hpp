// The networks written by hand over a matrix product: what Ramp's step is measured against.
#pragma once

#include "rival.hpp"

namespace ramp::bench {

/// Row-major y = a b, (m, k) by (k, n), where a or b may lie in memory transposed.
using Gemm = void (*)(bool ta, bool tb, int m, int n, int k, const float* a, const float* b,
                      float* y);

Rival networks_by_hand(const std::string& name, const std::string& version, Gemm gemm);

}  // namespace ramp::bench

// The networks written by hand over a matrix product: what Ramp's step is measured against.
#pragma once

#include "rival.hpp"

namespace ramp::bench {

/// Row-major y = a b; either may be read transposed, and lda and ldb are still those of memory.
using Gemm = void (*)(bool transpose_a, bool transpose_b, int m, int n, int k, const float* a,
                      int lda, const float* b, int ldb, float* y, int ldy);

/// Products with vectors are the CBLAS's, whatever the `gemm`.
Rival networks_by_hand(const std::string& name, const std::string& version, Gemm gemm);

}  // namespace ramp::bench

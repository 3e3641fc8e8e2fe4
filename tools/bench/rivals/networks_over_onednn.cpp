// The networks by hand over oneDNN's matrix product.
#include "networks_by_hand.hpp"

#include <dnnl.h>
#include <fmt/format.h>

namespace ramp::bench {

static void product(bool transpose_a, bool transpose_b, int m, int n, int k, const float* a,
                    int lda, const float* b, int ldb, float* y, int ldy) {
  dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, 1, a, lda, b, ldb, 0, y,
             ldy);
}

extern "C" void ramp_bench_add(Rivals& rivals) {
  const dnnl_version_t* v = dnnl_version();
  const auto version = fmt::format("oneDNN {}.{}.{}", v->major, v->minor, v->patch);
  rivals.push_back(networks_by_hand("onednn", version, product));
}

}  // namespace ramp::bench

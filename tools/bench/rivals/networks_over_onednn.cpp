// The networks by hand over oneDNN's matrix product.
#include "networks_by_hand.hpp"

#include <dnnl.h>
#include <fmt/format.h>

extern "C" void ramp_bench_add(ramp::bench::Rivals& rivals) {
  const dnnl_version_t* v = dnnl_version();
  rivals.push_back(ramp::bench::networks_by_hand(
      "onednn", fmt::format("oneDNN {}.{}.{}", v->major, v->minor, v->patch),
      [](bool ta, bool tb, int m, int n, int k, const float* a, const float* b, float* y) {
        dnnl_sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', m, n, k, 1, a, ta ? m : k, b, tb ? k : n, 0, y,
                   n);
      }));
}

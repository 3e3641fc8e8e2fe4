// oneDNN, for its matrix product alone: the hand-written networks over another GEMM.
#include "peer.hpp"

#include <dnnl.h>
#include <fmt/format.h>
#include <omp.h>

namespace ramp::bench {
namespace {

void product(bool transpose_a, bool transpose_b, int m, int n, int k, const float* a, int lda,
             const float* b, int ldb, float* y, int ldy) {
  dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, 1, a, lda, b, ldb, 0, y,
             ldy);
}

class Dnnl : public Peer {
 public:
  std::string name() const override { return "dnnl"; }
  std::string version() const override {
    const dnnl_version_t* v = dnnl_version();
    return fmt::format("oneDNN {}.{}.{}", v->major, v->minor, v->patch);
  }
  void set_threads(int n) override { omp_set_num_threads(n); }
  Gemm gemm() override { return product; }
};

}  // namespace

extern "C" Peer* ramp_bench_peer() { return new Dnnl; }

}  // namespace ramp::bench

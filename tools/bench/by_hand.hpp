// A multi-layer perceptron written by hand for one purpose: the training step that Ramp's is
// measured against. It knows nothing of Ramp: BLAS for the products, fused loops for the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace ramp::bench {

/// Row-major y = a b; either may be read transposed, and then lda and ldb are still those of
/// memory.
using Gemm = void (*)(bool transpose_a, bool transpose_b, int m, int n, int k, const float* a,
                      int lda, const float* b, int ldb, float* y, int ldy);
void cblas_product(bool transpose_a, bool transpose_b, int m, int n, int k, const float* a, int lda,
                   const float* b, int ldb, float* y, int ldy);

/// ReLU between the layers, none after the last: h = max(x W + b, 0). All matrices are row-major.
class HandMlp {
 public:
  /// `sizes` from input to output, as in {784, 256, 128, 10}. All parameters start at zero: set
  /// them.
  /// Products with vectors stay with the CBLAS, whatever `gemm` is.
  HandMlp(std::vector<int> sizes, int batch, float learning_rate, Gemm gemm = cblas_product);

  /// One step of plain SGD; returns the mean loss before it. x is (batch, in).
  float step(const float* x, const std::int32_t* labels);  // softmax cross-entropy, labels (batch)
  float step(const float* x, const float* targets);        // squared error, targets (batch, out)

  /// The last layer's output, (batch, out); overwritten by the next call.
  std::span<const float> predict(const float* x);

  std::size_t layers() const { return layers_.size(); }
  std::span<float> weight(std::size_t layer);  // (in, out)
  std::span<float> bias(std::size_t layer);    // (out)

 private:
  struct Layer {
    int in, out;
    float *w, *b, *gw, *gb;  // parameters and their gradients
    float* h;                // (batch, out), the output
  };
  struct Free {
    void operator()(float* p) const;
  };

  void forward(const float* x);
  void backward(const float* x);  // expects the loss's gradient in g_
  void update();

  int batch_;
  float learning_rate_;
  Gemm gemm_;
  std::unique_ptr<float[], Free> memory_;  // everything below points into it
  std::vector<Layer> layers_;
  std::size_t parameters_ = 0;  // floats from the first weight to the last bias, padding included
  float *g_ = nullptr, *g_next_ = nullptr;  // gradients of two neighbouring layers' outputs
};

}  // namespace ramp::bench

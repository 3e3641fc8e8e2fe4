// The networks by hand, for one purpose: BLAS for the products, fused loops for the rest.
#include "networks_by_hand.hpp"

#include <cblas.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <memory>
#include <tuple>
#include <utility>

// False alarms in GCC 12's own AVX-512 header (GCC bug 105593).
#if defined __GNUC__ && !defined __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace ramp::bench {
namespace {

// For what the compiler won't vectorise by itself: exp, and sums, whose order it must keep.
auto array(float* p, int n) { return Eigen::Map<Eigen::ArrayXf>(p, n); }
auto array(const float* p, int n) { return Eigen::Map<const Eigen::ArrayXf>(p, n); }

// y = x w: (m, k) by (k, n)
void product(Gemm gemm, const float* x, const float* w, float* y, int m, int k, int n) {
  if (n == 1)
    cblas_sgemv(CblasRowMajor, CblasNoTrans, m, k, 1, x, k, w, 1, 0, y, 1);
  else if (m == 1)  // a GEMM would pack all of w for a single row
    cblas_sgemv(CblasRowMajor, CblasTrans, k, n, 1, w, n, x, 1, 0, y, 1);
  else
    gemm(false, false, m, n, k, x, k, w, n, y, n);
}

// gw = xᵀ g: (k, m) by (m, n)
void weight_gradient(Gemm gemm, const float* x, const float* g, float* gw, int m, int k, int n) {
  if (n == 1)
    cblas_sgemv(CblasRowMajor, CblasTrans, m, k, 1, x, k, g, 1, 0, gw, 1);
  else
    gemm(true, false, k, n, m, x, k, g, n, gw, n);
}

// gx = g wᵀ: (m, n) by (n, k)
void input_gradient(Gemm gemm, const float* g, const float* w, float* gx, int m, int k, int n) {
  if (n == 1)
    for (int i = 0; i < m; ++i)
      for (int j = 0; j < k; ++j) gx[i * k + j] = g[i] * w[j];
  else
    gemm(false, true, m, k, n, g, n, w, n, gx, k);
}

void add_bias(float* __restrict h, const float* __restrict b, int rows, int cols) {
  if (cols == 1) {  // a loop over rows vectorises, one over a single column doesn't
    array(h, rows) += *b;
    return;
  }
  for (int i = 0; i < rows; ++i, h += cols)
    for (int j = 0; j < cols; ++j) h[j] += b[j];
}

void add_bias_and_relu(float* __restrict h, const float* __restrict b, int rows, int cols) {
  for (int i = 0; i < rows; ++i, h += cols)
    for (int j = 0; j < cols; ++j) {
      const float z = h[j] + b[j];
      h[j] = z > 0 ? z : 0;
    }
}

// Passes g where the unit was on; its column sum is the bias's gradient.
void mask_and_sum(float* __restrict g, const float* __restrict h, float* __restrict gb, int rows,
                  int cols) {
  std::fill_n(gb, cols, 0.0f);
  for (int i = 0; i < rows; ++i, g += cols, h += cols)
    for (int j = 0; j < cols; ++j) {
      g[j] = h[j] > 0 ? g[j] : 0;
      gb[j] += g[j];
    }
}

// gb = the column sum of g
void column_sum(const float* __restrict g, float* __restrict gb, int rows, int cols) {
  if (cols == 1) {
    *gb = array(g, rows).sum();
    return;
  }
  std::fill_n(gb, cols, 0.0f);
  for (int i = 0; i < rows; ++i, g += cols)
    for (int j = 0; j < cols; ++j) gb[j] += g[j];
}

// The mean of logsumexp(z) - z[label], and its gradient g.
float cross_entropy(const float* __restrict z, const std::int32_t* labels, float* __restrict g,
                    int rows, int cols) {
  float loss = 0;
  for (int i = 0; i < rows; ++i) {
    const float *zi = z + i * cols, top = *std::max_element(zi, zi + cols);
    for (int j = 0; j < cols; ++j) g[i * cols + j] = zi[j] - top;
    loss += top - zi[labels[i]];
  }
  // One exp over all rows: a row of ten is shorter than a register.
  array(g, rows * cols) = array(g, rows * cols).exp();

  const float weight = 1 / static_cast<float>(rows);
  for (int i = 0; i < rows; ++i, g += cols) {
    float sum = 0;
    for (int j = 0; j < cols; ++j) sum += g[j];
    loss += std::log(sum);
    for (int j = 0; j < cols; ++j) g[j] *= weight / sum;
    g[labels[i]] -= weight;
  }
  return loss * weight;
}

// The mean of (z - target)², and its gradient g.
float squared_error(const float* z, const float* targets, float* g, int n) {
  auto d = array(g, n);
  d = array(z, n) - array(targets, n);
  const float loss = d.square().mean();
  d *= 2 / static_cast<float>(n);
  return loss;
}

class Mlp {
 public:
  Mlp(const Task& task, Gemm gemm) : task_(task), gemm_(gemm) {
    // All parameters in one piece and their gradients in another, so that the update is one loop;
    // each matrix starts on a cache line.
    const auto padded = [](std::size_t n) { return static_cast<Eigen::Index>((n + 15) / 16 * 16); };
    Eigen::Index size = 0;
    for (const auto& values : task.initial) size += padded(values.size());
    parameters_ = gradients_ = Eigen::ArrayXf::Zero(size);
    float *p = parameters_.data(), *g = gradients_.data();
    for (std::size_t l = 0; l + 1 < task.sizes.size(); ++l) {
      Layer& layer = layers_.emplace_back(Layer{task.sizes[l], task.sizes[l + 1]});
      layer.h.resize(task.batch * layer.out);
      for (const auto& [k, w, gw] :
           {std::tuple(2 * l, &layer.w, &layer.gw), std::tuple(2 * l + 1, &layer.b, &layer.gb)}) {
        *w = std::exchange(p, p + padded(task.initial[k].size()));
        *gw = std::exchange(g, g + padded(task.initial[k].size()));
        std::ranges::copy(task.initial[k], *w);
      }
    }
    g_ = g_next_ =
        Eigen::ArrayXf(task.batch * *std::max_element(task.sizes.begin() + 1, task.sizes.end()));
  }

  float step() {
    Layer& last = layers_.back();
    const int batch = task_.batch;
    forward();
    const float loss =
        task_.labels ? cross_entropy(last.h.data(), task_.labels, g_.data(), batch, last.out)
                     : squared_error(last.h.data(), task_.targets, g_.data(), batch * last.out);
    column_sum(g_.data(), last.gb, batch, last.out);
    for (std::size_t i = layers_.size() - 1; i > 0; --i) {
      Layer &l = layers_[i], &below = layers_[i - 1];
      weight_gradient(gemm_, below.h.data(), g_.data(), l.gw, batch, l.in, l.out);
      input_gradient(gemm_, g_.data(), l.w, g_next_.data(), batch, l.in, l.out);
      mask_and_sum(g_next_.data(), below.h.data(), below.gb, batch, l.in);
      g_.swap(g_next_);
    }
    const Layer& first = layers_.front();
    weight_gradient(gemm_, task_.x, g_.data(), first.gw, batch, first.in, first.out);
    parameters_ -= task_.rate * gradients_;
    return loss;
  }

  float predict() {
    forward();
    return layers_.back().h[0];
  }

 private:
  struct Layer {
    int in, out;
    float *w = nullptr, *b = nullptr, *gw = nullptr, *gb = nullptr;  // parameters, their gradients
    Eigen::ArrayXf h = {};                                           // (batch, out), the output
  };

  void forward() {
    const float* x = task_.x;
    for (Layer& l : layers_) {
      product(gemm_, x, l.w, l.h.data(), task_.batch, l.in, l.out);
      (&l == &layers_.back() ? add_bias : add_bias_and_relu)(l.h.data(), l.b, task_.batch, l.out);
      x = l.h.data();
    }
  }

  Task task_;
  Gemm gemm_;
  Eigen::ArrayXf parameters_, gradients_;
  std::vector<Layer> layers_;
  Eigen::ArrayXf g_, g_next_;  // gradients of two neighbouring layers' outputs
};

void cblas_product(bool transpose_a, bool transpose_b, int m, int n, int k, const float* a, int lda,
                   const float* b, int ldb, float* y, int ldy) {
  const auto flag = [](bool transpose) { return transpose ? CblasTrans : CblasNoTrans; };
  cblas_sgemm(CblasRowMajor, flag(transpose_a), flag(transpose_b), m, n, k, 1, a, lda, b, ldb, 0, y,
              ldy);
}

}  // namespace

Rival networks_by_hand(const std::string& name, const std::string& version, Gemm gemm) {
  Rival rival{name, version};
  rival.training = [gemm](const Task& task) -> Call {
    if (task.playground) return {};
    return [mlp = std::make_shared<Mlp>(task, gemm)] { return mlp->step(); };
  };
  rival.inference = [gemm](const Task& task) -> Call {
    return [mlp = std::make_shared<Mlp>(task, gemm)] { return mlp->predict(); };
  };
  return rival;
}

void add_networks_by_hand(Rivals& rivals) {
  rivals.push_back(networks_by_hand("hand", "hand-written code", cblas_product));
}

}  // namespace ramp::bench

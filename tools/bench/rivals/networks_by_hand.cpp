// The networks by hand, for one purpose: BLAS for the products, fused loops for the rest.
#include "networks_by_hand.hpp"

#include <cblas.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <memory>
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

void cblas_product(bool ta, bool tb, int m, int n, int k, const float* a, const float* b,
                   float* y) {
  cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, m, n,
              k, 1, a, ta ? m : k, b, tb ? k : n, 0, y, n);
}

// Products with vectors go to the CBLAS whatever the `gemm`, which would pack matrices for them.
// Inline, since each use knows what is transposed: a tenth of a tiny network's time.
[[gnu::always_inline]] inline void multiply(Gemm gemm, bool ta, bool tb, int m, int n, int k,
                                            const float* a, const float* b, float* y) {
  if (n == 1)
    cblas_sgemv(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, ta ? k : m, ta ? m : k, 1, a,
                ta ? m : k, b, 1, 0, y, 1);
  else if (m == 1)
    cblas_sgemv(CblasRowMajor, CblasTrans, k, n, 1, b, n, a, 1, 0, y, 1);
  else if (k == 1)
    for (int i = 0; i < m; ++i)
      for (int j = 0; j < n; ++j) y[i * n + j] = a[i] * b[j];
  else
    gemm(ta, tb, m, n, k, a, b, y);
}

// A loop over rows vectorises, one over a single column doesn't: so the one output is apart.

template <bool relu>
void add_bias(float* __restrict h, const float* __restrict b, int rows, int cols) {
  if (cols == 1 && !relu) {
    array(h, rows) += *b;
    return;
  }
  for (int i = 0; i < rows; ++i, h += cols)
    for (int j = 0; j < cols; ++j) {
      const float z = h[j] + b[j];
      h[j] = !relu || z > 0 ? z : 0;
    }
}

// The bias's gradient, the sum of g's rows; behind a relu g passes where the unit h was on.
template <bool relu> void bias_gradient(float* __restrict g, const float* __restrict h,
                                        float* __restrict gb, int rows, int cols) {
  if (cols == 1 && !relu) {
    *gb = array(g, rows).sum();
    return;
  }
  std::fill_n(gb, cols, 0.0f);
  for (int i = 0; i < rows; ++i, g += cols, h += cols)
    for (int j = 0; j < cols; ++j) {
      if (relu) g[j] = h[j] > 0 ? g[j] : 0;
      gb[j] += g[j];
    }
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
    // each matrix starts on a cache line, as the piece does for AVX-512.
    const auto padded = [](std::size_t n) { return static_cast<Eigen::Index>((n + 15) / 16 * 16); };
    Eigen::Index size = 0;
    for (const auto& values : task.initial) size += padded(values.size());
    parameters_ = gradients_ = Eigen::ArrayXf::Zero(size);
    float *p = parameters_.data(), *g = gradients_.data();
    const auto place = [&](std::span<const float> values) {
      std::ranges::copy(values, p);
      const auto by = padded(values.size());
      return Values{std::exchange(p, p + by), std::exchange(g, g + by)};
    };
    for (std::size_t l = 0; l + 1 < task.sizes.size(); ++l) {
      const Values w = place(task.initial[2 * l]), b = place(task.initial[2 * l + 1]);
      const int out = task.sizes[l + 1];
      layers_.push_back({task.sizes[l], out, w, b, Eigen::ArrayXf(task.batch * out)});
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
    bias_gradient<false>(g_.data(), last.h.data(), last.b.gradient, batch, last.out);
    for (std::size_t i = layers_.size() - 1; i > 0; --i) {
      Layer &l = layers_[i], &below = layers_[i - 1];
      multiply(gemm_, true, false, l.in, l.out, batch, below.h.data(), g_.data(), l.w.gradient);
      multiply(gemm_, false, true, batch, l.in, l.out, g_.data(), l.w.value, g_next_.data());
      bias_gradient<true>(g_next_.data(), below.h.data(), below.b.gradient, batch, l.in);
      g_.swap(g_next_);
    }
    const Layer& first = layers_.front();
    multiply(gemm_, true, false, first.in, first.out, batch, task_.x, g_.data(), first.w.gradient);
    parameters_ -= task_.rate * gradients_;
    return loss;
  }

  float predict() {
    forward();
    return layers_.back().h[0];
  }

 private:
  struct Values {
    float *value, *gradient;
  };
  struct Layer {
    int in, out;
    Values w, b;
    Eigen::ArrayXf h;  // (batch, out), the output
  };

  void forward() {
    const float* x = task_.x;
    for (Layer& l : layers_) {
      multiply(gemm_, false, false, task_.batch, l.out, l.in, x, l.w.value, l.h.data());
      (&l == &layers_.back() ? add_bias<false> : add_bias<true>)(l.h.data(), l.b.value, task_.batch,
                                                                 l.out);
      x = l.h.data();
    }
  }

  Task task_;
  Gemm gemm_;
  Eigen::ArrayXf parameters_, gradients_;
  std::vector<Layer> layers_;
  Eigen::ArrayXf g_, g_next_;  // gradients of two neighbouring layers' outputs
};

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

#include "by_hand.hpp"

#include <cblas.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <new>
#include <utility>

// False alarms in GCC 12's own AVX-512 header (GCC bug 105593).
#if defined __GNUC__ && !defined __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace ramp::bench {
namespace {

std::size_t area(int rows, int cols) {
  return static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols);
}

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

}  // namespace

void cblas_product(bool transpose_a, bool transpose_b, int m, int n, int k, const float* a, int lda,
                   const float* b, int ldb, float* y, int ldy) {
  const auto flag = [](bool transpose) { return transpose ? CblasTrans : CblasNoTrans; };
  cblas_sgemm(CblasRowMajor, flag(transpose_a), flag(transpose_b), m, n, k, 1, a, lda, b, ldb, 0, y,
              ldy);
}

HandMlp::HandMlp(std::vector<int> sizes, int batch, float learning_rate, Gemm gemm)
    : batch_(batch), learning_rate_(learning_rate), gemm_(gemm) {
  for (std::size_t l = 1; l < sizes.size(); ++l)
    layers_.push_back({sizes[l - 1], sizes[l], nullptr, nullptr, nullptr, nullptr, nullptr});

  // Once to count, once to hand out. Each piece starts on a cache line; parameters stand together
  // and their gradients in the same order, so that the update is one loop.
  std::size_t used = 0;
  const auto take = [&](std::size_t n) {
    float* piece = memory_ ? memory_.get() + used : nullptr;
    used += (n + 15) / 16 * 16;
    return piece;
  };
  const auto lay_out = [&] {
    used = 0;
    for (Layer& l : layers_) l.w = take(area(l.in, l.out)), l.b = take(area(1, l.out));
    parameters_ = used;
    for (Layer& l : layers_) l.gw = take(area(l.in, l.out)), l.gb = take(area(1, l.out));
    for (Layer& l : layers_) l.h = take(area(batch, l.out));
    const int widest = *std::max_element(sizes.begin() + 1, sizes.end());
    g_ = take(area(batch, widest));
    g_next_ = take(area(batch, widest));
  };
  lay_out();
  memory_.reset(static_cast<float*>(std::aligned_alloc(64, used * sizeof(float))));
  if (!memory_) throw std::bad_alloc();
  std::fill_n(memory_.get(), used, 0.0f);
  lay_out();
}

void HandMlp::Free::operator()(float* p) const { std::free(p); }

std::span<float> HandMlp::weight(std::size_t layer) {
  const Layer& l = layers_.at(layer);
  return {l.w, area(l.in, l.out)};
}

std::span<float> HandMlp::bias(std::size_t layer) {
  const Layer& l = layers_.at(layer);
  return {l.b, area(1, l.out)};
}

void HandMlp::forward(const float* x) {
  for (Layer& l : layers_) {
    product(gemm_, x, l.w, l.h, batch_, l.in, l.out);
    (&l == &layers_.back() ? add_bias : add_bias_and_relu)(l.h, l.b, batch_, l.out);
    x = l.h;
  }
}

void HandMlp::backward(const float* x) {
  column_sum(g_, layers_.back().gb, batch_, layers_.back().out);
  for (std::size_t i = layers_.size() - 1; i > 0; --i) {
    const Layer &l = layers_[i], &below = layers_[i - 1];
    weight_gradient(gemm_, below.h, g_, l.gw, batch_, l.in, l.out);
    input_gradient(gemm_, g_, l.w, g_next_, batch_, l.in, l.out);
    mask_and_sum(g_next_, below.h, below.gb, batch_, l.in);
    std::swap(g_, g_next_);
  }
  const Layer& first = layers_.front();
  weight_gradient(gemm_, x, g_, first.gw, batch_, first.in, first.out);
}

void HandMlp::update() {
  float* __restrict w = layers_.front().w;
  const float* __restrict g = layers_.front().gw;
  for (std::size_t i = 0; i < parameters_; ++i) w[i] -= learning_rate_ * g[i];
}

float HandMlp::step(const float* x, const std::int32_t* labels) {
  const Layer& last = layers_.back();
  forward(x);
  const float loss = cross_entropy(last.h, labels, g_, batch_, last.out);
  backward(x);
  update();
  return loss;
}

float HandMlp::step(const float* x, const float* targets) {
  const Layer& last = layers_.back();
  forward(x);
  const float loss = squared_error(last.h, targets, g_, batch_ * last.out);
  backward(x);
  update();
  return loss;
}

std::span<const float> HandMlp::predict(const float* x) {
  forward(x);
  const Layer& last = layers_.back();
  return {last.h, area(batch_, last.out)};
}

}  // namespace ramp::bench

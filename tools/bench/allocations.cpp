#include "allocations.hpp"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>

// A sanitizer replaces the allocator itself.
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define RAMP_SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define RAMP_SANITIZED 1
#endif
#endif

namespace {

constinit std::atomic<std::size_t> count{0}, own{0};  // constinit: malloc runs before constructors
constinit thread_local int products = 0;  // of a library's, that this thread is inside of

struct InsideProduct {
  InsideProduct() { ++products; }
  ~InsideProduct() { --products; }
};

}  // namespace

std::size_t ramp::bench::allocations() { return count.load(std::memory_order_relaxed); }
std::size_t ramp::bench::own_allocations() { return own.load(std::memory_order_relaxed); }

// The linker sends the program's calls of the library's f to __wrap_f, and those of __real_f to f
// (--wrap=f, which ramp_count_allocations() asks for). Declared here, enumerations as int, so that
// no library's header is needed.
#if defined __linux__
#define RAMP_PRODUCT(Result, f, parameters, ...) \
  Result __real_##f parameters;                  \
  Result __wrap_##f parameters {                 \
    const InsideProduct inside;                  \
    return __real_##f(__VA_ARGS__);              \
  }
#define RAMP_CBLAS(T, letter)                                                                     \
  RAMP_PRODUCT(void, cblas_##letter##gemm,                                                        \
               (int order, int ta, int tb, int m, int n, int k, T alpha, const T* a, int lda,     \
                const T* b, int ldb, T beta, T* y, int ldy),                                      \
               order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, y, ldy)                       \
  RAMP_PRODUCT(void, cblas_##letter##gemv,                                                        \
               (int order, int t, int m, int n, T alpha, const T* a, int lda, const T* x, int dx, \
                T beta, T* y, int dy),                                                            \
               order, t, m, n, alpha, a, lda, x, dx, beta, y, dy)
extern "C" {
RAMP_CBLAS(float, s)
RAMP_CBLAS(double, d)
#ifdef RAMP_ONEDNN
RAMP_PRODUCT(int, dnnl_sgemm,
             (char ta, char tb, std::int64_t m, std::int64_t n, std::int64_t k, float alpha,
              const float* a, std::int64_t lda, const float* b, std::int64_t ldb, float beta,
              float* y, std::int64_t ldy),
             ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, y, ldy)
#endif
}
#endif

#if defined __GLIBC__ && !defined RAMP_SANITIZED

static void tick() {
  count.fetch_add(1, std::memory_order_relaxed);
  if (products == 0) own.fetch_add(1, std::memory_order_relaxed);
}

// Definitions in the program win over those in libc.so; every form of libstdc++'s operator new ends
// here as well. What they return is glibc's own, so free needs no twin.
extern "C" {

void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t size) noexcept {
  tick();
  return __libc_malloc(size);
}
void* calloc(std::size_t n, std::size_t size) noexcept {
  tick();
  return __libc_calloc(n, size);
}
void* realloc(void* p, std::size_t size) noexcept {
  tick();
  return __libc_realloc(p, size);
}
void* memalign(std::size_t alignment, std::size_t size) noexcept {
  tick();
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  return memalign(alignment, size);
}
int posix_memalign(void** p, std::size_t alignment, std::size_t size) noexcept {
  if (alignment % sizeof(void*) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0)
    return EINVAL;
  void* block = memalign(alignment, size);
  if (!block) return ENOMEM;
  *p = block;
  return 0;
}

}  // extern "C"

#endif

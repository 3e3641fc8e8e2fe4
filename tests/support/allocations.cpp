#include "allocations.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <new>

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

// constinit: malloc runs before constructors
constinit std::atomic<std::size_t> count{0}, own{0}, largest{0};
constinit std::atomic<std::ptrdiff_t> until_failure{-1};  // below 0: none fails
constinit thread_local int products = 0;  // of a library's, that this thread is inside of

struct InsideProduct {
  InsideProduct() { ++products; }
  ~InsideProduct() { --products; }
};

// Counts a call for so many bytes. Whether it may succeed.
bool counted(std::size_t bytes) {
  count.fetch_add(1, std::memory_order_relaxed);
  for (std::size_t before = largest;
       before < bytes && !largest.compare_exchange_weak(before, bytes);)
    continue;
  if (products > 0) return true;
  own.fetch_add(1, std::memory_order_relaxed);
  if (until_failure < 0 || until_failure-- != 0) return true;
  errno = ENOMEM;
  return false;
}

}  // namespace

namespace support {

std::size_t allocations() { return count.load(std::memory_order_relaxed); }
std::size_t own_allocations() { return own.load(std::memory_order_relaxed); }
void fail_allocation_after(std::size_t n) { until_failure = static_cast<std::ptrdiff_t>(n); }
std::size_t largest_allocation() { return largest.exchange(0); }
bool allocation_has_failed() { return until_failure.exchange(-1) < 0; }

}  // namespace support

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
#ifdef RAMP_BLAS
RAMP_CBLAS(float, s)
RAMP_CBLAS(double, d)
#endif
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

// Definitions in the program win over those in libc.so; every form of libstdc++'s operator new ends
// here as well. What they return is glibc's own, so free needs no twin.
extern "C" {

void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t size) noexcept { return counted(size) ? __libc_malloc(size) : nullptr; }
void* calloc(std::size_t n, std::size_t size) noexcept {
  return counted(n * size) ? __libc_calloc(n, size) : nullptr;
}
void* realloc(void* p, std::size_t size) noexcept {
  return counted(size) ? __libc_realloc(p, size) : nullptr;
}
void* memalign(std::size_t alignment, std::size_t size) noexcept {
  return counted(size) ? __libc_memalign(alignment, size) : nullptr;
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

#else

#if defined __GNUC__ && !defined __clang__
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"  // GCC pairs an inlined delete with new
#endif

// Every form: a sanitizer has all of them itself, and doesn't like what one of its own has taken to
// be given back by one of these.
static void* taken(std::size_t size, std::align_val_t alignment) noexcept {
  void* p = nullptr;
  const std::size_t least = std::max(static_cast<std::size_t>(alignment), sizeof(void*));
  if (!counted(size) || posix_memalign(&p, least, std::max<std::size_t>(size, 1)) != 0)
    return nullptr;
  return p;
}
static void* taken(std::size_t size) noexcept {
  return taken(size, std::align_val_t{alignof(std::max_align_t)});
}
static void* or_throw(void* p) {
  if (!p) throw std::bad_alloc();
  return p;
}

using Align = std::align_val_t;
using NoThrow = const std::nothrow_t&;

void* operator new(std::size_t n) { return or_throw(taken(n)); }
void* operator new[](std::size_t n) { return or_throw(taken(n)); }
void* operator new(std::size_t n, Align a) { return or_throw(taken(n, a)); }
void* operator new[](std::size_t n, Align a) { return or_throw(taken(n, a)); }
void* operator new(std::size_t n, NoThrow) noexcept { return taken(n); }
void* operator new[](std::size_t n, NoThrow) noexcept { return taken(n); }
void* operator new(std::size_t n, Align a, NoThrow) noexcept { return taken(n, a); }
void* operator new[](std::size_t n, Align a, NoThrow) noexcept { return taken(n, a); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, Align) noexcept { std::free(p); }
void operator delete[](void* p, Align) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, Align) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t, Align) noexcept { std::free(p); }
void operator delete(void* p, NoThrow) noexcept { std::free(p); }
void operator delete[](void* p, NoThrow) noexcept { std::free(p); }
void operator delete(void* p, Align, NoThrow) noexcept { std::free(p); }
void operator delete[](void* p, Align, NoThrow) noexcept { std::free(p); }

#endif

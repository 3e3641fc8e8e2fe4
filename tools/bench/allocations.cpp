#include "allocations.hpp"

#include <atomic>
#include <cerrno>
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

constinit std::atomic<std::size_t> count{0};  // constinit: malloc runs before any constructor

}  // namespace

std::size_t ramp::bench::allocations() { return count.load(std::memory_order_relaxed); }

#if defined __GLIBC__ && !defined RAMP_SANITIZED

static void tick() { count.fetch_add(1, std::memory_order_relaxed); }

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

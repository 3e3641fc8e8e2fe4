#include <autodiff/values/arena.hpp>
#include <autodiff/values/error.hpp>

#include <algorithm>
#include <cstdint>

#ifdef __linux__
#include <sys/mman.h>
#endif

#ifdef __SANITIZE_ADDRESS__
#define RAMP_FENCED
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define RAMP_FENCED
#endif
#endif
#ifdef RAMP_FENCED
#include <sanitizer/asan_interface.h>
#endif

namespace ramp {

// What was not handed out is forbidden under the address sanitizer, which knows whole blocks only.
#ifdef RAMP_FENCED
constexpr bool fenced = true;
#else
constexpr bool fenced = false;
#define ASAN_POISON_MEMORY_REGION(p, size) (void(p), void(size))
#define ASAN_UNPOISON_MEMORY_REGION(p, size) (void(p), void(size))
#endif

void Arena::find_room(std::size_t asked) {
  if (blocks_.empty() || at_.used + whole(asked) > blocks_[at_.block].size)
    next_block(whole(asked));
  if (!fenced) return;
  Block& block = blocks_[at_.block];
  std::byte* const p = block.memory.get();
  if (block.open > at_.used) ASAN_POISON_MEMORY_REGION(p + at_.used, block.open - at_.used);
  ASAN_UNPOISON_MEMORY_REGION(p + at_.used, asked);
  block.open = at_.used + asked;
}

void Arena::next_block(std::size_t bytes) {
  for (std::size_t i = at_.block + 1; i < blocks_.size(); ++i) {  // one kept from an earlier round
    if (bytes > blocks_[i].size) continue;
    at_.block = i;
    at_.used = 0;
    return;
  }
  constexpr std::size_t smallest = std::size_t{1} << 16;
  const std::size_t size = std::max({bytes, capacity_, smallest});
  blocks_.reserve(blocks_.size() + 1);
  blocks_.push_back(
      {std::unique_ptr<std::byte[], Free>(static_cast<std::byte*>(take_pages(size)), {size}), size,
       fenced ? 0 : size});
  ASAN_POISON_MEMORY_REGION(blocks_.back().memory.get(), size);
  at_.block = blocks_.size() - 1;
  at_.used = 0;
  capacity_ += size;
}

bool Arena::holds(const void* p) const {
  const auto in = [at = reinterpret_cast<std::uintptr_t>(p)](const Block& block) {
    return at - reinterpret_cast<std::uintptr_t>(block.memory.get()) < block.size;
  };
  return std::any_of(blocks_.begin(), blocks_.end(), in);
}

// On huge pages where there are at least two.
constexpr std::size_t huge_page = std::size_t{1} << 21;
static std::size_t page_of(std::size_t bytes) {
  return bytes >= 2 * huge_page ? huge_page : alignment;
}

void* take_pages(std::size_t bytes) {
  const std::size_t align = page_of(bytes);
  void* p = try_memory((bytes + align - 1) / align * align, align);
  if (!p) throw NoMemory(bytes);
#ifdef __linux__
  if (align == huge_page) madvise(p, bytes, MADV_HUGEPAGE);
#endif
  return p;
}

void give_pages(void* p, std::size_t bytes) noexcept {
  ::operator delete (p, std::align_val_t{page_of(bytes)});
}

}  // namespace ramp

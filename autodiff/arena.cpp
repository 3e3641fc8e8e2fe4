#include <autodiff/arena.hpp>

#include <cstdint>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace ramp {

void Arena::next_block(std::size_t bytes) {
  while (!blocks_.empty() && at_.block + 1 < blocks_.size()) {  // one kept from an earlier round
    ++at_.block;
    at_.used = 0;
    if (bytes <= blocks_[at_.block].size) return;
  }
  constexpr std::size_t smallest = std::size_t{1} << 16;
  const std::size_t size = std::max({bytes, capacity_, smallest});
  auto* p = static_cast<std::byte*>(::operator new[](size, std::align_val_t{alignment}));
  blocks_.push_back({std::unique_ptr<std::byte[], Free>(p), size});
  advise_huge_pages(p, size);
  at_ = {blocks_.size() - 1, 0};
  capacity_ += size;
}

// First touching 10^7 nodes costs as much as recording them where each 4 KiB page is a fault.
void advise_huge_pages(void* p, std::size_t bytes) {
#ifdef __linux__
  constexpr std::uintptr_t page = std::uintptr_t{1} << 21;
  const auto first = (reinterpret_cast<std::uintptr_t>(p) + page - 1) / page * page;
  const auto last = (reinterpret_cast<std::uintptr_t>(p) + bytes) / page * page;
  if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#else
  (void)p, (void)bytes;
#endif
}

}  // namespace ramp

#include <autodiff/arena.hpp>

#include <cstdlib>

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
  blocks_.push_back(
      {std::unique_ptr<std::byte[], Free>(static_cast<std::byte*>(take_pages(size))), size});
  at_.block = blocks_.size() - 1;
  at_.used = 0;
  capacity_ += size;
}

void* take_pages(std::size_t bytes) {
  constexpr std::size_t huge_page = std::size_t{1} << 21;
  const std::size_t align = bytes >= 2 * huge_page ? huge_page : alignment;
  void* p = std::aligned_alloc(align, (bytes + align - 1) / align * align);
  if (!p) throw std::bad_alloc();
#ifdef __linux__
  if (align == huge_page) madvise(p, bytes, MADV_HUGEPAGE);
#endif
  return p;
}

void give_pages(void* p) { std::free(p); }

}  // namespace ramp

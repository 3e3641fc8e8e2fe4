// An arena's memory, and what the address sanitizer sees of it.
#include <autodiff/values/arena.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif
#endif

using namespace ramp;

TEST_CASE("an arena hands out memory side by side, keeps it, and grows") {
  Arena arena;
  CHECK(arena.capacity() == 0);
  auto* const a = arena.take_array<double>(3);
  CHECK(reinterpret_cast<std::uintptr_t>(a) % alignment == 0);
  const Arena::Mark mark = arena.mark();
  auto* const b = arena.take_array<double>(100);
  CHECK(reinterpret_cast<std::byte*>(b) - reinterpret_cast<std::byte*>(a) == alignment);
  CHECK(arena.used() == Arena::whole(24) + Arena::whole(800));
  const std::size_t before = arena.capacity();
  auto* const large = static_cast<std::byte*>(arena.take(2 * before));
  std::memset(large, 1, 2 * before);
  CHECK(arena.capacity() == 3 * before);
  CHECK(arena.holds(large + 2 * before - 1));
  CHECK_FALSE(arena.holds(&arena));
  arena.rewind(mark);
  CHECK(arena.take_array<double>(1) == b);
  CHECK(arena.take(2 * before) == large);  // and nothing was freed
  CHECK(arena.capacity() == 3 * before);
}

#ifdef ASAN_POISON_MEMORY_REGION
TEST_CASE("the address sanitizer sees what goes beyond an array of an arena") {
  Arena arena;
  const auto readable = [](const void* p) { return !__asan_address_is_poisoned(p); };
  auto* const a = arena.take_array<double>(3);
  CHECK(readable(a + 2));
  CHECK_FALSE(readable(a + 3));
  CHECK_FALSE(readable(a + 100));
  const Arena::Mark mark = arena.mark();
  auto* const b = arena.take_array<float>(5);
  CHECK(readable(b + 4));
  CHECK_FALSE(readable(b + 5));
  CHECK(readable(a));
  auto* const c = arena.take_array<float>(5);
  arena.rewind(mark);
  CHECK(arena.take_array<float>(1) == b);  // what was there after it is gone with that
  CHECK(readable(b));
  CHECK_FALSE(readable(b + 1));
  CHECK_FALSE(readable(c));
}
#endif

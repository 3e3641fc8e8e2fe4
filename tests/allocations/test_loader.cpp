// Batches after the first call no allocator, whoever loads them.
#include <nn/data/loader.hpp>

#include "support/allocations.hpp"
#include "support/counting.hpp"

#include <doctest/doctest.h>

#include <cstdint>

using namespace ramp::nn;

TEST_CASE("an epoch of batches calls no allocator") {
  const Dataset<float> data = support::counting<float>(100);
  for (const bool prefetch : {false, true}) {
    const Augment<float> noise = [](const BatchBuffers<float>& batch, Random& random) {
      for (float& x : batch.inputs) x += static_cast<float>(random.normal());
    };
    const std::size_t fresh = support::own_allocations();
    Loader<float> loader(data, 7, 1, {.prefetch = prefetch, .augment = noise});
    CHECK(support::own_allocations() > fresh);  // it does count
    std::size_t rows = 0;
    const auto epoch = [&](std::uint64_t number) {
      for (const auto& batch : loader.epoch(number, number % 3)) rows += batch.size();
    };
    epoch(0);
    const std::size_t before = support::own_allocations();
    for (std::uint64_t number = 1; number < 6; ++number) epoch(number);
    CHECK(support::own_allocations() == before);
    CHECK(rows > 500);
  }
}

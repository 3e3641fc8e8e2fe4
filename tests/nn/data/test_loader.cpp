// Batches: which rows, in which order, and that a thread or a stop in between changes nothing.
#include <nn/data/loader.hpp>

#include "support/counting.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <ranges>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace ramp::nn;
using doctest::Contains;
using support::counting, support::first, support::Rows, support::sorted;

static_assert(std::ranges::input_range<Loader<float>::Epoch>);
static_assert(!std::constructible_from<Loader<float>, Dataset<float>, std::size_t>,
              "a loader outlives no temporary");

namespace {

template <class T> Rows order_of(Loader<T>& loader, std::uint64_t epoch) {
  Rows rows;
  for (const Batch<T>& batch : loader.epoch(epoch))
    rows.insert(rows.end(), batch.rows.begin(), batch.rows.end());
  return rows;
}

}  // namespace

TEST_CASE_TEMPLATE("a loader covers each sample once per epoch, with its own label", T, float,
                   double) {
  for (const std::uint32_t n : {1u, 7u, 8u, 100u})
    for (const std::size_t batch_size : {1u, 3u, 8u, 200u})
      for (const bool shuffle : {false, true}) {
        CAPTURE(n);
        CAPTURE(batch_size);
        CAPTURE(shuffle);
        const Dataset<T> data = counting<T>(n);
        Loader<T> loader(data, batch_size, 5, {.shuffle = shuffle});
        std::size_t count = 0, samples = 0;
        for (const Batch<T>& batch : loader.epoch(0)) {
          const std::size_t b = std::min(batch_size, n - samples);
          REQUIRE(batch.size() == b);
          CHECK(batch.inputs.shape == ramp::Shape{static_cast<std::int64_t>(b), 3});
          CHECK(batch.targets.shape == ramp::Shape{static_cast<std::int64_t>(b), 1});
          REQUIRE(batch.labels.size() == b);
          for (std::size_t i = 0; i < b; ++i) {
            const auto x = static_cast<T>(batch.rows[i]);
            CHECK(batch.inputs[3 * i] == x);
            CHECK(batch.inputs[3 * i + 2] == 100 * x);
            CHECK(batch.targets[i] == -x);
            CHECK(batch.labels[i] == static_cast<std::int32_t>(batch.rows[i] % 4));
          }
          ++count, samples += b;
        }
        CHECK(count == loader.batches());
        CHECK(sorted(order_of(loader, 1)) == first(n));
      }
}

TEST_CASE("an epoch's order depends on the seed and its number, and on nothing else") {
  const Dataset<float> data = counting<float>(50);
  Loader loader(data, 8, 1);
  const Rows zero = order_of(loader, 0), one = order_of(loader, 1);
  CHECK(zero != one);
  CHECK(order_of(loader, 0) == zero);
  Loader other_size(data, 17, 1);
  CHECK(order_of(other_size, 1) == one);
  Loader other_seed(data, 8, 2);
  CHECK(order_of(other_seed, 0) != zero);
  CHECK(order_of(other_seed, 0) != one);

  auto later = loader.epoch(1);  // asked for first, walked second
  order_of(loader, 0);
  CHECK((*later.begin()).rows[0] == one[0]);

  Loader plain(data, 8, 1, {.shuffle = false});
  CHECK(order_of(plain, 3) == first(50));
}

TEST_CASE("the order from seed 0 is the same on every platform") {
  const Dataset<float> data = counting<float>(8);
  Loader loader(data, 8, 0);
  CHECK(order_of(loader, 0) == Rows{6, 3, 0, 7, 2, 5, 1, 4});
  CHECK(order_of(loader, 1) == Rows{1, 3, 5, 2, 0, 6, 7, 4});
  CHECK(order_of(loader, 1000000) == Rows{0, 6, 4, 2, 3, 1, 5, 7});
}

TEST_CASE("drop_last leaves out the small batch") {
  const Dataset<float> data = counting<float>(10);
  Loader loader(data, 4, 0, {.drop_last = true});
  CHECK(loader.batches() == 2);
  for (const auto& batch : loader.epoch(0)) CHECK(batch.size() == 4);
  Rows all;
  for (std::uint64_t epoch = 0; epoch < 50; ++epoch)
    for (const std::uint32_t row : order_of(loader, epoch)) all.push_back(row);
  all = sorted(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  CHECK(all == first(10));  // another two are left out each time
}

TEST_CASE("a loader reuses aligned buffers") {
  const Dataset<float> data = counting<float>(10);
  Loader loader(data, 4);
  const float* inputs = nullptr;
  for (std::uint64_t epoch = 0; epoch < 3; ++epoch)
    for (const auto& batch : loader.epoch(epoch)) {
      if (!inputs) inputs = batch.inputs.data;
      CHECK(batch.inputs.data == inputs);
      CHECK(reinterpret_cast<std::uintptr_t>(batch.inputs.data) % ramp::alignment == 0);
    }
}

TEST_CASE("a set with targets alone, and one with labels alone") {
  Dataset<double> data = counting<double>(5);
  data.labels.clear();
  data.classes = 0;
  Loader regression(data, 2);
  for (const auto& batch : regression.epoch(0)) {
    CHECK(batch.labels.empty());
    CHECK(batch.targets[0] == -batch.inputs[0]);
  }
  Dataset<double> labelled = counting<double>(5);
  labelled.targets = ramp::Tensor<double>({0, 0});
  Loader classification(labelled, 2);
  for (const auto& batch : classification.epoch(0)) {
    CHECK(batch.labels.size() == batch.size());
    CHECK(batch.targets.size() == 0);
  }
}

TEST_CASE("what a loader refuses") {
  const Dataset<float> data = counting<float>(5), empty = counting<float>(0);
  CHECK_THROWS_WITH_AS(Loader(data, 0), "[loader] counting: batch size 0", ramp::ValueError);
  CHECK_THROWS_WITH_AS(Loader(empty, 4), "[loader] counting: the set is empty", DataError);
  CHECK_THROWS_WITH_AS(Loader(data, 6, 0, {.drop_last = true}), Contains("no full batch of 6"),
                       ramp::ValueError);
  Dataset<float> wrong = data;
  wrong.labels[3] = 4;
  CHECK_THROWS_WITH_AS(Loader(wrong, 2), Contains("label 4 in row 3"), DataError);
}

namespace {

// What a loop over an epoch sees, from a batch on.
using Seen = std::vector<std::vector<float>>;
Seen seen(Loader<float>& loader, std::uint64_t epoch, std::size_t from = 0) {
  Seen all;
  for (const Batch<float>& batch : loader.epoch(epoch, from)) {
    std::vector<float> numbers(batch.inputs.begin(), batch.inputs.end());
    numbers.insert(numbers.end(), batch.targets.begin(), batch.targets.end());
    for (const auto label : batch.labels) numbers.push_back(static_cast<float>(label));
    for (const auto row : batch.rows) numbers.push_back(static_cast<float>(row));
    numbers.push_back(static_cast<float>(batch.classes));
    all.push_back(std::move(numbers));
  }
  return all;
}

void add_noise(const BatchBuffers<float>& batch, Random& random) {
  for (float& x : batch.inputs) x += static_cast<float>(random.uniform());
  batch.labels[random.below(batch.labels.size())] = 3;
}

}  // namespace

TEST_CASE("a thread changes nothing, nor does a loop that is left early or begun in the middle") {
  const Dataset<float> data = counting<float>(43);
  for (const bool augmented : {false, true}) {
    LoaderOptions<float> options;
    if (augmented) options.augment = add_noise;
    Loader<float> plain(data, 5, 11, options);
    options.prefetch = true;
    Loader<float> ahead(data, 5, 11, options);
    for (std::uint64_t epoch = 0; epoch < 4; ++epoch) {
      const Seen all = seen(plain, epoch);
      REQUIRE(all.size() == 9);
      CHECK(seen(ahead, epoch) == all);
      for (std::size_t from = 0; from <= all.size() + 1; ++from) {
        const auto rest =
            Seen(all.begin() + static_cast<std::ptrdiff_t>(std::min(from, all.size())), all.end());
        CHECK(seen(plain, epoch, from) == rest);
        CHECK(seen(ahead, epoch, from) == rest);
        for (std::size_t left = from; const auto& batch : ahead.epoch(epoch + 1, from))
          if (batch.rows.empty() || ++left > from + 2) break;
      }
    }
  }
}

TEST_CASE("augmentation draws anew in each batch and epoch, and leaves the set as it was") {
  Dataset<float> data = counting<float>(8);
  std::ranges::fill(data.inputs, 0.0f);
  std::vector<float> drawn;
  Loader<float> loader(data, 2, 0, {.augment = add_noise});
  for (const std::uint64_t epoch : {0u, 1u})
    for (const auto& batch : loader.epoch(epoch))
      drawn.insert(drawn.end(), batch.inputs.begin(), batch.inputs.end());
  std::ranges::sort(drawn);
  CHECK(drawn.size() == 48);
  CHECK(std::ranges::adjacent_find(drawn) == drawn.end());
  CHECK(drawn.front() >= 0);
  CHECK(std::ranges::all_of(data.inputs, [](float x) { return x == 0; }));
}

TEST_CASE("a source is any function of rows") {
  const Source<double> squares(
      "squares", 10, 2, 1, 0,
      [](std::span<const std::uint32_t> rows, const BatchBuffers<double>& to) {
        for (std::size_t i = 0; i < rows.size(); ++i) {
          to.inputs[2 * i] = rows[i], to.inputs[2 * i + 1] = 1;
          to.targets[i] = double{1} * rows[i] * rows[i];
        }
      });
  for (const bool prefetch : {false, true}) {
    Loader<double> loader(squares, 4, 1, {.prefetch = prefetch});
    CHECK(loader.source().name == "squares");
    Rows all;
    for (const auto& batch : loader.epoch(0)) {
      CHECK(batch.labels.empty());
      for (std::size_t i = 0; i < batch.size(); ++i) {
        CHECK(batch.targets[i] == batch.inputs[2 * i] * batch.inputs[2 * i]);
        all.push_back(static_cast<std::uint32_t>(batch.inputs[2 * i]));
      }
    }
    CHECK(sorted(all) == first(10));
  }
}

TEST_CASE("what a source throws, the loop throws, and the loader can be used again") {
  std::atomic<bool> broken = true;  // the thread of a loop that was left may still look at it
  const Source<float> source(
      "fragile", 20, 1, 0, 0,
      [&](std::span<const std::uint32_t> rows, const BatchBuffers<float>& to) {
        for (std::size_t i = 0; i < rows.size(); ++i) {
          to.inputs[i] = static_cast<float>(rows[i]);
          if (broken && rows[i] == 9) throw std::runtime_error("row 9");
        }
      });
  for (const bool prefetch : {false, true}) {
    Loader<float> loader(source, 4, 0, {.shuffle = false, .prefetch = prefetch});
    broken = true;
    for (int attempt = 0; attempt < 3; ++attempt) {
      Rows rows;
      const auto loop = [&] {
        for (const auto& batch : loader.epoch(0))
          rows.insert(rows.end(), batch.rows.begin(), batch.rows.end());
      };
      CHECK_THROWS_WITH_AS(loop(), "row 9", std::runtime_error);
      CHECK(rows == first(8));  // the two batches before it were good
      CHECK_THROWS_WITH_AS((void)loader.epoch(0, 2).begin(), "row 9", std::runtime_error);
    }
    for (const auto& batch : loader.epoch(0))  // left with the error still waiting
      if (batch.rows[0] == 4) break;
    broken = false;
    CHECK(order_of(loader, 1) == first(20));
  }
}

TEST_CASE("a batch that is late for a loop that was left does no harm to the next") {
  std::atomic<int> begun = 0;
  const Source<float> slow("slow", 12, 1, 0, 0,
                           [&](std::span<const std::uint32_t> rows, const BatchBuffers<float>& to) {
                             ++begun;
                             std::this_thread::sleep_for(std::chrono::milliseconds(2));
                             for (std::size_t i = 0; i < rows.size(); ++i)
                               to.inputs[i] = static_cast<float>(rows[i]);
                           });
  Loader<float> plain(slow, 3, 2), ahead(slow, 3, 2, {.prefetch = true});
  for (std::uint64_t epoch = 0; epoch < 5; ++epoch) {
    const Seen all = seen(plain, epoch);
    begun = 0;
    (void)ahead.epoch(epoch + 10).begin();
    while (begun < 2) std::this_thread::yield();
    CHECK(seen(ahead, epoch) == all);
  }
}

TEST_CASE("a loader can go at any moment") {
  const Dataset<float> data = counting<float>(100);
  for (std::size_t leave = 0; leave < 30; ++leave) {
    Loader<float> loader(data, 7, 1, {.prefetch = true});
    if (leave == 0) continue;  // before any batch
    std::size_t count = 0;
    for (const auto& batch : loader.epoch(leave))
      if (batch.rows.empty() || ++count == leave) break;
  }
}

TEST_CASE("what a loader refuses in a source") {
  const auto nothing = [](std::span<const std::uint32_t>, const BatchBuffers<float>&) {};
  CHECK_THROWS_WITH_AS(Loader<float>(Source<float>("none", 3, 1, 0, 0, nullptr), 1),
                       Contains("none: the source has no function"), ramp::ValueError);
  CHECK_THROWS_WITH_AS(
      Loader<float>(Source<float>("huge", std::size_t{1} << 32, 1, 0, 0, nothing), 1),
      Contains("2^32 - 1 are most"), ramp::ValueError);
}

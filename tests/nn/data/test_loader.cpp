#include <nn/data/loader.hpp>
#include <nn/data/synthetic.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <ranges>
#include <vector>

using namespace ramp::nn;
using doctest::Contains;
using Rows = std::vector<std::uint32_t>;

static_assert(std::ranges::input_range<Loader<float>::Epoch>);
static_assert(!std::constructible_from<Loader<float>, Dataset<float>, std::size_t>,
              "a loader outlives no temporary");

namespace {

// Row i is (i, 10 i, 100 i), its label i mod 4, its target -i.
template <class T> Dataset<T> counting(std::size_t n) {
  Dataset<T> data;
  data.name = "counting";
  data.inputs = ramp::Tensor<T>({static_cast<std::int64_t>(n), 3});
  data.targets = ramp::Tensor<T>({static_cast<std::int64_t>(n), 1});
  data.classes = 4;
  for (std::size_t i = 0; i < n; ++i) {
    const auto x = static_cast<T>(i);
    data.inputs[3 * i] = x, data.inputs[3 * i + 1] = 10 * x, data.inputs[3 * i + 2] = 100 * x;
    data.targets[i] = -x;
    data.labels.push_back(static_cast<std::int32_t>(i % 4));
  }
  return data;
}

template <class T> Rows order_of(Loader<T>& loader, std::uint64_t epoch) {
  Rows rows;
  for (const Batch<T>& batch : loader.epoch(epoch))
    rows.insert(rows.end(), batch.rows.begin(), batch.rows.end());
  return rows;
}

Rows sorted(Rows rows) {
  std::ranges::sort(rows);
  return rows;
}

Rows first(std::uint32_t n) {
  Rows rows(n);
  std::iota(rows.begin(), rows.end(), 0u);
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

TEST_CASE("what Dataset::check refuses") {
  const auto refused = [](auto change) {
    Dataset<float> data = counting<float>(5);
    change(data);
    try {
      data.check();
    } catch (const DataError& error) {
      return doctest::String(error.what());
    }
    return doctest::String();
  };
  using Data = Dataset<float>;
  using ramp::Tensor;
  CHECK(refused([](Data&) {}) == "");
  CHECK(refused([](Data& d) { d.inputs = Tensor<float>({5}); }) == Contains("inputs are (5)"));
  CHECK(refused([](Data& d) { d.targets = Tensor<float>({5}); }) == Contains("targets are (5)"));
  CHECK(refused([](Data& d) {
          d.targets = Tensor<float>({4, 1});
        }) == Contains("but 4 of targets"));
  CHECK(refused([](Data& d) { d.labels.pop_back(); }) ==
        Contains("5 rows of inputs, but 4 labels"));
  CHECK(refused([](Data& d) { d.labels[2] = -1; }) == Contains("label -1 in row 2"));
  CHECK(refused([](Data& d) { d.classes = 0; }) == Contains("5 labels with classes = 0"));
  CHECK(refused([](Data& d) { d.sample_shape = {2, 2}; }) == Contains("(2, 2) has 4 features"));
}

TEST_CASE("take, select and split copy rows with all that belongs to them") {
  Dataset<float> data = counting<float>(10);
  data.sample_shape = {1, 3};
  const auto rows_of = [](const Dataset<float>& part) {
    part.check();
    Rows rows;
    for (std::size_t i = 0; i < part.size(); ++i) {
      rows.push_back(static_cast<std::uint32_t>(part.inputs[3 * i]));
      CHECK(part.targets[i] == -part.inputs[3 * i]);
      CHECK(part.labels[i] == static_cast<std::int32_t>(rows.back() % 4));
    }
    CHECK(part.sample_shape == ramp::Shape{1, 3});
    CHECK(part.name == "counting");
    return rows;
  };
  CHECK(rows_of(data.take(4)) == first(4));
  CHECK(rows_of(data.take(0)).empty());
  CHECK(rows_of(data.select(Rows{7, 7, 2})) == Rows{7, 7, 2});
  const auto [train, test] = data.split(0.75, 3);
  Rows all = rows_of(train);
  CHECK(all.size() == 8);
  for (const std::uint32_t row : rows_of(test)) all.push_back(row);
  CHECK(all != first(10));
  CHECK(sorted(all) == first(10));
  CHECK(rows_of(data.split(0.75, 3).train) == rows_of(train));
  CHECK(rows_of(data.split(0.75, 4).train) != rows_of(train));

  CHECK_THROWS_WITH_AS(data.take(11), Contains("take(11) of 10 rows"), ramp::IndexError);
  CHECK_THROWS_WITH_AS(data.select(Rows{10}), Contains("row 10 of 10"), ramp::IndexError);
  auto damaged = data;
  damaged.labels.pop_back();
  CHECK_THROWS_AS(damaged.select(Rows{1}), DataError);
  for (const double fraction : {0.0, 1.0, -1.0, std::numeric_limits<double>::quiet_NaN()})
    CHECK_THROWS_AS(data.split(fraction, 0), ramp::ValueError);
  CHECK_THROWS_WITH_AS(data.split(0.01, 0), Contains("leaves a side empty"), DataError);
}

TEST_CASE("targets of a two-class set") {
  Dataset<float> data = moons(10);
  data.set_targets(0, 1);
  for (std::size_t i = 0; i < 10; ++i) CHECK(data.targets[i] == static_cast<float>(data.labels[i]));
  Dataset<float> four = counting<float>(4);
  CHECK_THROWS_WITH_AS(four.set_targets(0, 1), Contains("two classes, not 4"), DataError);
}

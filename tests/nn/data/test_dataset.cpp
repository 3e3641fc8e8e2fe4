// Samples in memory: what goes together, and parts of it.
#include <nn/data/dataset.hpp>
#include <nn/data/synthetic.hpp>
#include <nn/random.hpp>

#include "support/counting.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <list>
#include <string>
#include <vector>

using namespace ramp::nn;
using doctest::Approx;
using doctest::Contains;
using ramp::Shape, ramp::Tensor;
using support::counting, support::first, support::Rows, support::sorted;

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

TEST_CASE_TEMPLATE("a set of numbers in memory, whatever holds them", T, float, double) {
  const std::vector<std::vector<double>> rows{{1, 2}, {3, 4}, {5, 6}};
  const Dataset<T> labelled = dataset<T>(rows, std::vector{0, 2, 1});
  CHECK(labelled.inputs.shape() == Shape{3, 2});
  CHECK(labelled.inputs[3] == 4);
  CHECK(labelled.labels == std::vector<std::int32_t>{0, 2, 1});
  CHECK(labelled.classes == 3);
  CHECK(labelled.targets.shape() == Shape{0, 0});
  CHECK(dataset<T>(rows, std::vector{0, 2, 1}, 5).classes == 5);
  CHECK(dataset<T>(rows, std::array<std::int64_t, 3>{0, 0, 0}).classes == 2);
  CHECK(dataset<T>(rows, std::vector<bool>{true, false, true}).labels[2] == 1);

  const std::array<std::array<int, 2>, 3> plain{{{1, 2}, {3, 4}, {5, 6}}};
  const std::list<std::array<float, 2>> list{{1, 2}, {3, 4}, {5, 6}};
  const Tensor<T> tensor({3, 2}, {1, 2, 3, 4, 5, 6});
  const std::vector<double> targets{0.5, 1.5, 2.5};
  for (const Dataset<T>& same :
       {dataset<T>(plain, targets), dataset<T>(list, targets), dataset<T>(tensor, targets),
        dataset<T>(tensor, Tensor<T>({3}, {0.5, 1.5, 2.5})),
        dataset<T>(tensor, Tensor<T>({3, 1}, {0.5, 1.5, 2.5})),
        dataset<T>(rows, std::vector<std::array<double, 1>>{{0.5}, {1.5}, {2.5}})}) {
    CHECK(std::ranges::equal(same.inputs, tensor));
    CHECK(same.targets.shape() == Shape{3, 1});
    CHECK(same.targets[1] == T(1.5));
    CHECK(same.labels.empty());
    CHECK(same.classes == 0);
  }
  CHECK(dataset<T>(rows, std::vector<std::vector<int>>{{1, 2}, {3, 4}, {5, 6}}).targets.shape() ==
        Shape{3, 2});
}

TEST_CASE("numbers that don't go together make no set") {
  const std::vector<std::vector<double>> rows{{1, 2}, {3, 4}};
  const auto refused = [&](const auto& answers, int classes, const char* text) {
    CHECK_THROWS_WITH_AS((dataset<float>(rows, answers, classes)), Contains(text), DataError);
  };
  refused(std::vector{0, 1, 0}, 0, "2 rows of inputs, but 3 labels");
  refused(std::vector<int>{}, 0, "2 rows of inputs, but 0 labels");
  refused(std::vector{0, -1}, 0, "label -1");
  refused(std::vector{0, 3}, 3, "label 3 in row 1: with 3 classes");
  refused(std::vector<std::int64_t>{0, std::int64_t{1} << 32}, 0, "label 4294967296");
  refused(std::vector{0, std::numeric_limits<int>::max()}, 0, "label 2147483647");
  refused(std::vector<double>{1}, 0, "2 rows of inputs, but 1 of targets");
  CHECK_THROWS_AS(dataset<float>(std::vector<std::vector<double>>{{1, 2}, {3}}, std::vector{0, 1}),
                  ramp::ShapeError);
  CHECK_THROWS_WITH_AS(dataset<float>(std::vector{1.0, 2.0}, std::vector{0, 1}),
                       Contains("inputs are (2)"), DataError);
}

TEST_CASE("several parts share out the rows, each once") {
  const Dataset<float> data = counting<float>(103);
  for (const bool stratified : {false, true}) {
    const auto parts = data.split({0.5, 0.2, 0.1}, {.seed = 7, .stratified = stratified});
    Rows all;
    for (const Dataset<float>& part : parts) {
      part.check();
      for (std::size_t i = 0; i < part.size(); ++i) {
        all.push_back(static_cast<std::uint32_t>(part.inputs[3 * i]));
        CHECK(part.labels[i] == static_cast<std::int32_t>(all.back() % 4));
      }
      // In no order, and not class by class.
      CHECK_FALSE(std::is_sorted(part.labels.begin(), part.labels.end()));
    }
    CHECK(std::abs(double(parts[0].size()) - 51.5) <= (stratified ? 2 : 0.5));
    CHECK(std::abs(double(all.size()) - 82.4) <= (stratified ? 2 : 0.5));
    all = sorted(all);
    CHECK(std::ranges::adjacent_find(all) == all.end());
    const auto again = data.split({0.5, 0.2, 0.1}, {.seed = 7, .stratified = stratified});
    CHECK(std::ranges::equal(again[2].inputs, parts[2].inputs));
    const auto other = data.split({0.5, 0.2, 0.1}, {.seed = 8, .stratified = stratified});
    CHECK_FALSE(std::ranges::equal(other[0].inputs, parts[0].inputs));
  }
  const auto [a, b, c] = data.split({0.7, 0.15, 0.15});
  CHECK(a.size() + b.size() + c.size() == 103);  // nothing is lost to rounding
}

TEST_CASE("stratified parts have each class in the same shares") {
  Dataset<float> data = counting<float>(1000);
  for (std::size_t i = 0; i < 1000; ++i)
    data.labels[i] = i < 30 ? 0 : i < 200 ? 1 : i < 207 ? 2 : 3;
  const int counts[] = {30, 170, 7, 793};
  const double fractions[] = {0.6, 0.3, 0.1};
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const auto parts = data.split({0.6, 0.3, 0.1}, {.seed = seed, .stratified = true});
    std::size_t all = 0;
    for (std::size_t p = 0; p < 3; ++p) {
      all += parts[p].size();
      for (int label = 0; label < 4; ++label)
        CHECK(std::abs(double(std::ranges::count(parts[p].labels, label)) -
                       fractions[p] * counts[label]) <= 1);
    }
    CHECK(all == 1000);
  }
}

TEST_CASE("of many small classes, too, stratified parts are as large as others") {
  const auto check = [](const Dataset<float>& data, const auto& fractions, std::uint64_t seed) {
    const auto parts = data.split(fractions, {.seed = seed, .stratified = true});
    const auto plain = data.split(fractions, {.seed = seed});
    std::vector<double> sizes(static_cast<std::size_t>(data.classes));
    for (const std::int32_t label : data.labels) ++sizes[static_cast<std::size_t>(label)];
    Rows all;
    for (std::size_t p = 0; p < parts.size(); ++p) {
      CHECK(std::abs(double(parts[p].size()) - double(plain[p].size())) <= 1);
      std::vector<double> counts(sizes.size());
      for (const std::int32_t label : parts[p].labels) ++counts[static_cast<std::size_t>(label)];
      for (std::size_t label = 0; label < sizes.size(); ++label)
        CHECK(std::abs(counts[label] - fractions[p] * sizes[label]) <= 1 + 1e-6);
      for (std::size_t i = 0; i < parts[p].size(); ++i)
        all.push_back(static_cast<std::uint32_t>(parts[p].inputs[3 * i]));
    }
    all = sorted(all);
    CHECK(std::ranges::adjacent_find(all) == all.end());
    const auto again = data.split(fractions, {.seed = seed, .stratified = true});
    CHECK(std::ranges::equal(again[0].inputs, parts[0].inputs));
    return parts[1].labels;
  };
  const auto classes_of = [](std::uint32_t classes, std::uint32_t each) {
    Dataset<float> data = counting<float>(std::size_t{classes} * each);
    data.classes = static_cast<int>(classes);
    for (std::size_t i = 0; i < data.size(); ++i)
      data.labels[i] = static_cast<std::int32_t>(i % classes);
    return data;
  };
  const double two[] = {0.8, 0.2}, three[] = {0.7, 0.15, 0.15};
  const auto labels = check(classes_of(20, 2), two, 1);
  CHECK(labels.size() == 8);
  CHECK(check(classes_of(20, 2), two, 2) != labels);
  CHECK(check(classes_of(20, 3), three, 1).size() == 9);
  CHECK(check(classes_of(1000, 1), three, 1).size() == 150);
  Random random(3);
  for (int round = 0; round < 300; ++round) {  // any classes, none and large ones among them
    const std::uint64_t classes = 2 + random.below(30), most = 1 + random.below(8);
    std::vector<std::int32_t> any;
    for (std::uint64_t label = 0; label < classes; ++label)
      any.resize(any.size() + random.below(most + (label == 1 ? 90 : 1)),
                 static_cast<std::int32_t>(label));
    Dataset<float> data = counting<float>(any.size());
    data.labels = any, data.classes = static_cast<int>(classes);
    double shares[4], sum = 0;
    for (double& s : shares) sum += s = 0.1 + random.uniform();
    for (double& s : shares) s /= sum * (round % 2 ? 1 : 1.1);
    if (data.size() >= 100)  // of less, a part may be empty
      check(data, shares, static_cast<std::uint64_t>(round));
  }
}

TEST_CASE("parts that can't be") {
  Dataset<float> data = counting<float>(10);
  CHECK_THROWS_WITH_AS((data.split({0.5, 0.6})), Contains("add up to 1.1"), ramp::ValueError);
  for (const double fraction : {0.0, -0.5, 1.5, std::numeric_limits<double>::quiet_NaN()})
    CHECK_THROWS_AS((data.split({0.1, fraction})), ramp::ValueError);
  CHECK_THROWS_WITH_AS((data.split({0.9, 0.01})),
                       Contains("a part of 0.01 of 10 rows is empty: its share is 0.1 rows, less"),
                       DataError);
  data.labels.clear(), data.classes = 0;
  CHECK_THROWS_WITH_AS((data.split({0.5, 0.5}, {.stratified = true})), Contains("no labels"),
                       DataError);
}

TEST_CASE("names of classes and features go with the rows, and fit them") {
  Dataset<float> data = counting<float>(6);
  data.class_names = {"a", "b", "c", "d"};
  data.feature_names = {"x", "y", "z"};
  const Dataset<float> part = data.take(2);
  CHECK(part.class_names == data.class_names);
  CHECK(part.feature_names == data.feature_names);
  CHECK(part.classes == 4);
  data.class_names.pop_back();
  CHECK_THROWS_WITH_AS(data.check(), Contains("3 names for 4 classes"), DataError);
  data.class_names.clear(), data.feature_names.push_back("w");
  CHECK_THROWS_WITH_AS(data.check(), Contains("4 names for 3 features"), DataError);
}

TEST_CASE_TEMPLATE("mean and deviation of columns, far from 0 and where nothing varies", T, float,
                   double) {
  const std::size_t n = 1000;
  Tensor<T> x({static_cast<std::int64_t>(n), 4});
  for (std::size_t i = 0; i < n; ++i) {
    x[4 * i] = static_cast<T>(i);
    x[4 * i + 1] = T(0.1);                     // no multiple of it is exact
    x[4 * i + 2] = T(1'000'000 + int(i % 2));  // varies in the seventh digit
    x[4 * i + 3] = i == 0 ? T(1) : T(0);
  }
  const auto found = column_statistics(x);
  CHECK(found.mean.shape() == Shape{4});
  CHECK(found.mean[0] == T(499.5));
  CHECK(double(found.deviation[0]) == Approx(std::sqrt((n * n - 1.0) / 12)));
  CHECK(double(found.mean[1]) == Approx(0.1));
  CHECK(found.deviation[1] == 1);
  CHECK(found.mean[2] == T(1'000'000.5));
  CHECK(found.deviation[2] == T(0.5));
  CHECK(double(found.deviation[3]) == Approx(std::sqrt(0.001 * 0.999)));
  Tensor<double> late({2, 1}, {1.7e9, 1.7e9 + 2});  // seconds since 1970
  CHECK(column_statistics(late).deviation[0] == 1.0);
  late[1] = 1.7e9 + 60;
  CHECK(column_statistics(late).deviation[0] == 30.0);
  CHECK_THROWS_AS(column_statistics(Tensor<T>({0, 3})), ramp::ShapeError);
  CHECK_THROWS_AS(column_statistics(Tensor<T>({3})), ramp::ShapeError);
}

TEST_CASE("mean and deviation of numbers near the ends of the range, where no square is one") {
  for (const double unit :
       {1e-320, 1e-310, 1e-200, 1e-160, 1e-10, 1.0, 1e100, 1e160, 1e200, 4e307}) {
    CAPTURE(unit);
    const auto found = column_statistics(
        Tensor<double>({4, 2}, {unit, -4 * unit, 2 * unit, -4 * unit, 3 * unit, 4 * unit,  //
                                4 * unit, 4 * unit}));
    const double accuracy = unit < 1e-310 ? 1e-3 : 1e-12;  // of few digits, as they are themselves
    CHECK(found.mean[0] / unit == Approx(2.5).epsilon(accuracy));
    CHECK(found.deviation[0] / unit == Approx(std::sqrt(1.25)).epsilon(accuracy));
    CHECK(found.mean[1] == 0);
    CHECK(found.deviation[1] / unit == Approx(4).epsilon(accuracy));
  }
  const float large = std::numeric_limits<float>::max();
  const auto found = column_statistics(Tensor<float>({2, 1}, {-large, large}));
  CHECK(found.mean[0] == 0);
  CHECK(found.deviation[0] == large);
}

#include <nn/data/synthetic.hpp>
#include <nn/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <random>
#include <string>

using namespace ramp::nn;
using doctest::Approx;
using doctest::Contains;
using std::numbers::pi;

static_assert(std::uniform_random_bit_generator<Random>);

TEST_CASE("Random is SplitMix64") {
  Random random(1234567);  // the first numbers of Vigna's splitmix64.c
  CHECK(random() == 6457827717110365317u);
  CHECK(random() == 3203168211198807973u);
  CHECK(random() == 9817491932198370423u);
  CHECK(random() == 4593380528125082431u);
  CHECK(random() == 16408922859458223821u);
}

TEST_CASE("the moments of Random's numbers") {
  Random random(7);
  constexpr int n = 200000;
  std::array<double, 3> uniform{}, normal{};
  for (int i = 0; i < n; ++i) {
    const double u = random.uniform(), z = random.normal();
    REQUIRE((u >= 0 && u < 1));
    for (std::size_t k = 0; k < 3; ++k) {
      uniform[k] += std::pow(u, k + 1) / n;
      normal[k] += std::pow(z, k + 2) / n;
    }
  }
  for (std::size_t k = 0; k < 3; ++k)
    CHECK(uniform[k] == Approx(1 / static_cast<double>(k + 2)).epsilon(0.01));
  CHECK(normal[0] == Approx(1).epsilon(0.02));
  CHECK(std::abs(normal[1]) < 0.05);
  CHECK(normal[2] == Approx(3).epsilon(0.05));
}

TEST_CASE("below is unbiased and in range") {
  Random random(3);
  std::array<int, 6> counts{};
  for (int i = 0; i < 60000; ++i) ++counts[random.below(6)];
  for (const int count : counts) CHECK(std::abs(count - 10000) < 500);  // over 5 deviations
  CHECK(random.below(1) == 0);
  // 3 * 2^62: without the rejection, the lowest third would be drawn half of the time.
  int low = 0;
  for (int i = 0; i < 30000; ++i) low += random.below(3ull << 62) < (1ull << 62);
  CHECK(std::abs(low - 10000) < 500);
  CHECK_THROWS_AS(random.below(0), ramp::ValueError);
}

TEST_CASE("each order of a shuffle is equally likely") {
  Random random(11);
  std::array<int, 27> counts{};
  for (int i = 0; i < 60000; ++i) {
    std::array<std::size_t, 3> items{0, 1, 2};
    random.shuffle(items);
    ++counts[items[0] * 9 + items[1] * 3 + items[2]];
  }
  CHECK(std::ranges::count(counts, 0) == 27 - 6);
  for (const int count : counts)
    if (count) CHECK(std::abs(count - 10000) < 500);
}

TEST_CASE("streams differ from each other and from their parent") {
  const Random root(5);
  std::vector<std::uint64_t> first{Random(root)()};
  for (std::uint64_t key = 0; key < 100; ++key) first.push_back(root.stream(key)());
  std::ranges::sort(first);
  CHECK(std::ranges::adjacent_find(first) == first.end());
  CHECK(root.stream(4)() == Random(5).stream(4)());
}

TEST_CASE("a synthetic set: its shape, its labels, and one set from one seed") {
  for (const std::string_view name : synthetic_names()) {
    CAPTURE(name);
    for (const std::size_t n : {2u, 3u, 100u, 101u}) {
      CAPTURE(n);
      const Dataset<double> data = synthetic<double>(name, n, 0.1, 42);
      data.check();
      CHECK(data.name == name);
      CHECK(data.inputs.shape() == ramp::Shape{static_cast<std::int64_t>(n), 2});
      CHECK(data.targets.shape() == ramp::Shape{static_cast<std::int64_t>(n), 1});
      CHECK(data.classes == 2);
      for (std::size_t i = 0; i < n; ++i) CHECK(data.targets[i] == 2 * data.labels[i] - 1);

      const Dataset<double> same = synthetic<double>(name, n, 0.1, 42);
      CHECK(std::ranges::equal(same.inputs, data.inputs));
      CHECK(same.labels == data.labels);
      const Dataset<double> other = synthetic<double>(name, n, 0.1, 43);
      CHECK_FALSE(std::ranges::equal(other.inputs, data.inputs));
      const Dataset<float> narrow = synthetic<float>(name, n, 0.1, 42);
      CHECK(std::ranges::equal(narrow.inputs, data.inputs, {}, {},
                               [](double x) { return static_cast<float>(x); }));
    }
  }
}

TEST_CASE("without noise the classes are balanced, and in random order") {
  for (const std::string_view name : synthetic_names()) {
    CAPTURE(name);
    const Dataset<float> data = synthetic(name, 1000);
    const auto positive = std::accumulate(data.labels.begin(), data.labels.end(), 0);
    CHECK(std::abs(positive - 500) <= (name == "xor" ? 80 : 0));
    const auto early = std::accumulate(data.labels.begin(), data.labels.begin() + 500, 0);
    CHECK(std::abs(early - 250) < 80);
  }
}

TEST_CASE("without noise every point lies where its figure says") {
  const auto for_each_point = [](const Dataset<double>& data, auto check) {
    for (std::size_t i = 0; i < data.size(); ++i)
      check(data.inputs[2 * i], data.inputs[2 * i + 1], data.labels[i] == 1);
  };
  for_each_point(moons<double>(201), [](double x, double y, bool lower) {
    CHECK((lower ? y <= 0.5 : y >= 0));
    CHECK((lower ? std::hypot(x - 1, y - 0.5) : std::hypot(x, y)) == Approx(1));
  });
  for_each_point(circle<double>(201), [](double x, double y, bool inner) {
    const double r = std::hypot(x, y);
    CHECK((inner ? r < 2.5 : r >= 3.5 - 1e-9 && r <= 5 + 1e-9));
  });
  for_each_point(xor_<double>(201), [](double x, double y, bool same) {
    CHECK((x * y > 0) == same);
    for (const double side : {x, y}) CHECK((std::abs(side) >= 0.3 && std::abs(side) <= 5.3));
  });
  for_each_point(spiral<double>(200), [](double x, double y, bool positive) {
    const double r = std::hypot(x, y), t = 1.75 * 2 * pi * r / 5 + (positive ? 0 : pi);
    CHECK(x == Approx(r * std::sin(t)).epsilon(1e-9));
    CHECK(y == Approx(r * std::cos(t)).epsilon(1e-9));
  });
  double mean = 0, square = 0;
  for_each_point(gauss<double>(20000), [&](double x, double y, bool positive) {
    for (const double side : {x, y}) {
      mean += (positive ? side : -side) / 40000;
      square += (positive ? side - 2 : side + 2) * (positive ? side - 2 : side + 2) / 40000;
    }
  });
  CHECK(mean == Approx(2).epsilon(0.02));
  CHECK(square == Approx(0.5).epsilon(0.03));
}

TEST_CASE("what noise does to each set") {
  // moons: residuals are normal; the radial one has the deviation asked for.
  const auto data = moons<double>(20000, 0.05, 1);
  double square = 0;
  for (std::size_t i = 0; i < data.size(); ++i) {
    const double x = data.inputs[2 * i], y = data.inputs[2 * i + 1];
    const double r = data.labels[i] ? std::hypot(x - 1, y - 0.5) : std::hypot(x, y);
    square += (r - 1) * (r - 1) / 20000;
  }
  CHECK(std::sqrt(square) == Approx(0.05).epsilon(0.05));

  // circle, xor: the noise blurs labels and leaves the points inside the figure.
  for (const std::string_view name : {"circle", "xor"}) {
    CAPTURE(name);
    const auto noisy = synthetic<double>(name, 2000, 0.3, 1);
    int wrong = 0;
    for (std::size_t i = 0; i < noisy.size(); ++i) {
      const double x = noisy.inputs[2 * i], y = noisy.inputs[2 * i + 1];
      CHECK((std::abs(x) <= 5.3 && std::abs(y) <= 5.3));
      wrong += (name == "xor" ? x * y > 0 : std::hypot(x, y) < 2.5) != (noisy.labels[i] == 1);
    }
    CHECK((wrong > 100 && wrong < 1000));
  }

  // gauss: the variance grows by 7 for each 1 of noise.
  const auto cloud = gauss<double>(20000, 0.5, 1);
  double variance = 0;
  for (std::size_t i = 0; i < cloud.inputs.size(); ++i) {
    const double centre = cloud.labels[i / 2] ? 2 : -2;
    variance += (cloud.inputs[i] - centre) * (cloud.inputs[i] - centre) / 40000;
  }
  CHECK(variance == Approx(4).epsilon(0.03));
}

TEST_CASE("the noise of circle and xor decides labels as often as it should") {
  // The share of moves, uniform in a square of half side 5 * noise, after which a point is
  // positive.
  constexpr double noise = 0.5, side = 5 * noise;
  constexpr std::size_t n = 4000;
  const auto in_circle = [](double x, double y) {
    constexpr int grid = 40;
    int inside = 0;
    for (int i = 0; i < grid * grid; ++i)
      inside += std::hypot(x + side * ((i % grid + 0.5) * 2 / grid - 1),
                           y + side * ((i / grid + 0.5) * 2 / grid - 1)) < 2.5;
    return inside / double{grid * grid};
  };
  const auto same_sign = [](double x, double y) {
    const auto positive = [](double z) { return std::clamp((z + side) / (2 * side), 0.0, 1.0); };
    return positive(x) * positive(y) + (1 - positive(x)) * (1 - positive(y));
  };
  for (const bool circular : {true, false}) {
    CAPTURE(circular);
    const auto data = synthetic<double>(circular ? "circle" : "xor", n, noise, 3);
    double expected = 0, variance = 0, found = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double x = data.inputs[2 * i], y = data.inputs[2 * i + 1];
      const double p = circular ? in_circle(x, y) : same_sign(x, y);
      expected += p;
      variance += p * (1 - p);
      found += data.labels[i];
    }
    CHECK(std::abs(found - expected) < 4 * std::sqrt(variance));
  }
}

TEST_CASE("the first point of each set from seed 0") {
  struct First {
    std::string_view name;
    double x, y;
    int label;
  };
  for (const First& first : {First{"moons", -0.998514453268, 0.010578685051, 0},
                             {"circle", 1.749094583911, 0.016753078307, 1},
                             {"xor", 2.296699255050, -2.815243622137, 0},
                             {"gauss", 2.016273349109, 2.115883688627, 1},
                             {"spiral", 4.383103836938, 1.993435727070, 0}}) {
    CAPTURE(first.name);
    const auto data = synthetic<double>(first.name, 100, 0.1, 0);
    CHECK(data.inputs[0] == Approx(first.x).epsilon(1e-9));
    CHECK(data.inputs[1] == Approx(first.y).epsilon(1e-9));
    CHECK(data.labels[0] == first.label);
  }
}

TEST_CASE("what synthetic refuses") {
  try {
    synthetic("blobs", 10);
    FAIL("no error");
  } catch (const DataError& error) {
    CHECK(std::string(error.what()) ==
          "[synthetic] no data set \"blobs\": there are moons, circle, xor, gauss, spiral");
  }
  CHECK_THROWS_WITH_AS(moons(1), Contains("[moons] n = 1"), ramp::ValueError);
  for (const double noise :
       {-0.1, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()})
    CHECK_THROWS_WITH_AS(spiral(10, noise), Contains("[spiral] noise"), ramp::ValueError);
}

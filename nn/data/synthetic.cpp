#include <nn/data/synthetic.hpp>
#include <nn/joined.hpp>
#include <nn/random.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

namespace ramp::nn {

namespace {

using std::numbers::pi;

struct Point {
  double x, y;
  bool positive;
};
using Points = std::vector<Point>;

// Random numbers are drawn in separate statements or in braces, never as arguments of one call:
// those are evaluated in an order of the compiler's choice.

Points make_moons(std::size_t n, double noise, Random& random) {
  Points points;
  const auto half = [&](std::size_t count, bool lower) {
    for (std::size_t i = 0; i < count; ++i) {
      const double part = count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 0.0;
      const double t = pi * part;
      Point p{std::cos(t), std::sin(t), lower};
      if (lower) p = {1 - p.x, 0.5 - p.y, lower};
      p.x += noise * random.normal();
      p.y += noise * random.normal();
      points.push_back(p);
    }
  };
  half(n / 2, false);
  half(n - n / 2, true);
  return points;
}

Points make_circle(std::size_t n, double noise, Random& random) {
  constexpr double radius = 5;
  Points points;
  const auto ring = [&](std::size_t count, double inner, double outer) {
    for (std::size_t i = 0; i < count; ++i) {
      const double r = random.uniform(inner, outer);
      const double angle = random.uniform(0, 2 * pi);
      const double x = r * std::sin(angle), y = r * std::cos(angle);
      const double dx = noise * random.uniform(-radius, radius);
      const double dy = noise * random.uniform(-radius, radius);
      points.push_back({x, y, std::hypot(x + dx, y + dy) < radius / 2});
    }
  };
  ring(n / 2, 0, 0.5 * radius);
  ring(n - n / 2, 0.7 * radius, radius);
  return points;
}

Points make_xor(std::size_t n, double noise, Random& random) {
  const auto padded = [](double x) { return x + (x > 0 ? 0.3 : -0.3); };
  Points points;
  for (std::size_t i = 0; i < n; ++i) {
    const double x = padded(random.uniform(-5, 5)), y = padded(random.uniform(-5, 5));
    const double dx = noise * random.uniform(-5, 5), dy = noise * random.uniform(-5, 5);
    points.push_back({x, y, (x + dx) * (y + dy) >= 0});
  }
  return points;
}

Points make_gauss(std::size_t n, double noise, Random& random) {
  const double deviation = std::sqrt(0.5 + 7 * noise);
  Points points;
  const auto cloud = [&](std::size_t count, double centre) {
    for (std::size_t i = 0; i < count; ++i)
      points.push_back(
          {centre + deviation * random.normal(), centre + deviation * random.normal(), centre > 0});
  };
  cloud(n / 2, 2);
  cloud(n - n / 2, -2);
  return points;
}

Points make_spiral(std::size_t n, double noise, Random& random) {
  Points points;
  const auto arm = [&](std::size_t count, double start) {
    for (std::size_t i = 0; i < count; ++i) {
      const double part = static_cast<double>(i) / static_cast<double>(count);
      const double r = 5 * part, t = 1.75 * part * 2 * pi + start;
      points.push_back({r * std::sin(t) + noise * random.uniform(-1, 1),
                        r * std::cos(t) + noise * random.uniform(-1, 1), start == 0});
    }
  };
  arm(n / 2, 0);
  arm(n - n / 2, pi);
  return points;
}

constexpr std::array<std::string_view, 5> names{"moons", "circle", "xor", "gauss", "spiral"};
constexpr std::array makers{make_moons, make_circle, make_xor, make_gauss, make_spiral};

}  // namespace

std::span<const std::string_view> synthetic_names() { return names; }

template <class T>
Dataset<T> synthetic(std::string_view name, std::size_t n, double noise, std::uint64_t seed) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end())
    throw DataError(
        fmt::format("[synthetic] no data set \"{}\": there are {}", name, joined(names)));
  if (n < 2) throw ValueError(fmt::format("[{}] n = {}: two classes need 2 points", name, n));
  if (!(noise >= 0 && std::isfinite(noise)))
    throw ValueError(fmt::format("[{}] noise = {}: it must be a number from 0 up", name, noise));

  Dataset<T> data;
  data.name = name;
  data.classes = 2;
  data.sample_shape = Shape{2};
  data.inputs = Tensor<T>(Shape{static_cast<std::int64_t>(n), 2});

  Random random(seed);
  Points points = makers[static_cast<std::size_t>(found - names.begin())](n, noise, random);
  random.shuffle(points);
  for (std::size_t i = 0; i < n; ++i) {
    data.inputs[2 * i] = static_cast<T>(points[i].x);
    data.inputs[2 * i + 1] = static_cast<T>(points[i].y);
    data.labels.push_back(points[i].positive);
  }
  data.set_targets(-1, 1);
  return data;
}

template Dataset<float> synthetic(std::string_view, std::size_t, double, std::uint64_t);
template Dataset<double> synthetic(std::string_view, std::size_t, double, std::uint64_t);

}  // namespace ramp::nn

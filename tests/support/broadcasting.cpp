#include "broadcasting.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace support {

using namespace ramp;

namespace {

// A shape and one that broadcasts to it.
std::pair<Shape, Shape> random_pair(std::mt19937& random) {
  const auto draw = [&](int n) { return std::uniform_int_distribution(0, n - 1)(random); };
  constexpr std::array<std::uint32_t, 8> sizes{1, 1, 2, 3, 5, 17, 40, 0};
  std::array<std::uint32_t, max_rank> to{}, from{};
  const int rank = draw(max_rank + 1), dropped = draw(rank + 1);
  for (int i = 0; i < rank; ++i) {
    const auto k = static_cast<std::size_t>(i);
    to[k] = sizes[static_cast<std::size_t>(draw(draw(3) ? 7 : 8))];
    if (i >= dropped) from[static_cast<std::size_t>(i - dropped)] = draw(2) ? to[k] : 1;
  }
  return {Shape::of(from, rank - dropped), Shape::of(to, rank)};
}

}  // namespace

std::vector<std::size_t> sources(const Shape& from, const Shape& to) {
  std::vector<std::size_t> all(to.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::size_t rest = i, at = 0, run = 1;
    for (int k = 1; k <= to.rank(); ++k) {
      const std::size_t n = to[to.rank() - k], m = k <= from.rank() ? from[from.rank() - k] : 1;
      at += (m == 1 ? 0 : rest % n) * run;
      rest /= n;
      run *= m;
    }
    all[i] = at;
  }
  return all;
}

std::vector<std::pair<Shape, Shape>> broadcasting_pairs() {
  std::vector<std::pair<Shape, Shape>> all{{{3, 1, 2000}, {3, 4, 2000}},
                                           {{2000}, {3, 2000}},
                                           {{3, 1}, {3, 2000}},
                                           {{1, 1, 2000}, {3, 2, 2000}},
                                           {{3, 1, 2000}, {3, 1, 2000}},
                                           {{1}, {5000}},
                                           {{7, 1, 5, 1}, {7, 11, 5, 13}},
                                           {{1, 11, 1, 13}, {7, 11, 5, 13}},
                                           {{}, {1025}},
                                           {{2, 1}, {2, 0}},
                                           {{1}, {0}},
                                           {{0}, {3, 0}},
                                           {{0, 3}, {0, 3}},
                                           {{1, 3}, {0, 3}},
                                           {{3, 1}, {3, 1024}},
                                           {{1300, 1}, {1300, 3}},
                                           {{}, {}},
                                           {{1, 1}, {1, 1}}};
  std::mt19937 random(7);
  for (int i = 0; i < 300; ++i) all.push_back(random_pair(random));
  return all;
}

Tensor<double> whole_numbers(const Shape& shape, unsigned seed) {
  std::mt19937 random(seed);
  Tensor<double> x(shape);
  for (double& e : x) e = std::uniform_int_distribution(-9, 9)(random);
  return x;
}

bool equal(View<const double> a, View<const double> b) {
  return a.shape == b.shape && std::equal(a.begin(), a.end(), b.begin());
}

}  // namespace support

// A small generator of random numbers. std::mt19937 is the same everywhere, but the distributions
// and std::shuffle are not: a seed must mean the same data set, order and weights on every
// platform.
#pragma once

#include <autodiff/values/error.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <utility>

namespace ramp::nn {

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014): a
/// counter and a hash. Period 2^64; any seed is a good one. Satisfies uniform_random_bit_generator.
///
/// Integers, uniform() and shuffle() are the same on every platform. normal() is the same up to the
/// last bit of the platform's log and cos.
class Random {
 public:
  using result_type = std::uint64_t;

  explicit constexpr Random(std::uint64_t seed) : state_(seed) {}

  /// All there is to it: Random(state()) goes on as this one does.
  constexpr std::uint64_t state() const { return state_; }

  /// The generator number `key` of those that belong to this one's state: for epochs, layers,
  /// workers.
  constexpr Random stream(std::uint64_t key) const { return Random(mix(state_ ^ mix(key + step))); }

  constexpr std::uint64_t operator()() { return mix(state_ += step); }
  static constexpr std::uint64_t min() { return 0; }
  static constexpr std::uint64_t max() { return std::numeric_limits<std::uint64_t>::max(); }

  /// A number in [0, 1), a multiple of 2^-53.
  constexpr double uniform() { return static_cast<double>((*this)() >> 11) * 0x1p-53; }
  /// A number in [low, high).
  constexpr double uniform(double low, double high) { return low + (high - low) * uniform(); }

  /// A standard normal number (Box and Muller 1958). It draws two uniform numbers each time and
  /// keeps nothing back, so that the state is all there is.
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));  // 1 - u: never log(0)
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

  /// A number from 0 to n - 1, each equally likely. Throws ValueError for n = 0.
  constexpr std::uint64_t below(std::uint64_t n) {
    if (n == 0) throw ValueError("[random] below(0): no number is below 0");
    const std::uint64_t excess = (0 - n) % n;  // 2^64 mod n: draws below it would favour some
    std::uint64_t draw = (*this)();
    while (draw < excess) draw = (*this)();
    return draw % n;
  }

  /// Fisher and Yates: each order is equally likely, as far as 64 bits of state can tell them
  /// apart.
  template <class Items>  // a vector, an array or a span
  constexpr void shuffle(Items& items) {
    for (std::size_t n = items.size(); n > 1; --n)
      std::swap(items[n - 1], items[static_cast<std::size_t>(below(n))]);
  }

 private:
  static constexpr std::uint64_t step = 0x9e3779b97f4a7c15;  // 2^64 / golden ratio, odd
  static constexpr std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  std::uint64_t state_;
};

}  // namespace ramp::nn

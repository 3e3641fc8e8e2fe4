// Two-class toy sets in the plane, made from a seed: what a small network can and can't separate.
#pragma once

#include <nn/data/dataset.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ramp::nn {

/// The names that synthetic() knows.
std::span<const std::string_view> synthetic_names();

/// The set called `name`: n points, inputs (n, 2), labels 0 and 1, targets (n, 1) of -1 and +1, in
/// random order. T is float or double; both get the same points, rounded. The same seed gives the
/// same set on every platform, up to the last bits of its sin, cos and log.
///
/// Throws DataError for an unknown name, ValueError for n < 2 or a noise that is negative, infinite
/// or NaN.
template <class T = float> Dataset<T> synthetic(std::string_view name, std::size_t n,
                                                double noise = 0, std::uint64_t seed = 0);

/// Two interleaved half circles of radius 1, label 0 the upper one, `noise` the standard deviation
/// of each coordinate: scikit-learn's make_moons. n / 2 points in the upper, the rest in the lower.
template <class T = float>
Dataset<T> moons(std::size_t n, double noise = 0, std::uint64_t seed = 0) {
  return synthetic<T>("moons", n, noise, seed);
}

// The other four follow TensorFlow Playground's dataset.ts, where noise runs from 0 to 0.5; its
// class +1 is label 1. In circle and xor the noise moves a point only while its label is decided,
// which blurs the border. n / 2 points are positive, the rest negative, but for xor, where chance
// decides.

/// Label 1 within 2.5 of the origin, label 0 from 3.5 to 5.
template <class T = float>
Dataset<T> circle(std::size_t n, double noise = 0, std::uint64_t seed = 0) {
  return synthetic<T>("circle", n, noise, seed);
}

/// Points of a square from -5.3 to 5.3, none within 0.3 of an axis; label 1 where x and y have one
/// sign.
template <class T = float>
Dataset<T> xor_(std::size_t n, double noise = 0, std::uint64_t seed = 0) {
  return synthetic<T>("xor", n, noise, seed);
}

/// Normal clouds around (2, 2), label 1, and (-2, -2), label 0, of variance 0.5 + 7 * noise.
template <class T = float>
Dataset<T> gauss(std::size_t n, double noise = 0, std::uint64_t seed = 0) {
  return synthetic<T>("gauss", n, noise, seed);
}

/// Two spiral arms of radius 5 and 1.75 turns; the noise is uniform in each coordinate.
template <class T = float>
Dataset<T> spiral(std::size_t n, double noise = 0, std::uint64_t seed = 0) {
  return synthetic<T>("spiral", n, noise, seed);
}

}  // namespace ramp::nn

// How many rows of each class go to each part of a split.
#pragma once

#include <nn/random.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace ramp::nn {

/// Each class is rounded alone, which adds up where many are small: then even_out() moves rows from
/// part to part, until the parts are as large as without classes. They are rows of such classes
/// that each class stays within one row of its share.
class Strata {
 public:
  using Counts = std::vector<std::size_t>;

  Strata(std::span<const double> fractions, const Counts& sizes);

  /// In each part, and last of none.
  const Counts& of_class(std::size_t label) const { return counts_[label]; }
  /// Whether a part is more than one row off, or has none of those that it should.
  bool uneven() const;
  void even_out(Random& random);

 private:
  double gain(std::size_t label, std::size_t from, std::size_t to) const;
  void move(std::size_t label, std::size_t from, std::size_t to);
  void move_most(const Counts& order, std::size_t from, std::size_t to);
  bool move_along(const Counts& order, std::size_t from);

  std::vector<double> fractions_;        // with that of the rest
  std::vector<std::ptrdiff_t> surplus_;  // of the parts' rows
  Counts sizes_, wanted_;
  std::vector<Counts> counts_;
};

}  // namespace ramp::nn

#include <nn/data/strata.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

namespace ramp::nn {

namespace {

using Counts = Strata::Counts;

std::ptrdiff_t signed_of(std::size_t n) { return static_cast<std::ptrdiff_t>(n); }

// Of n rows, how many each part gets, and last how many are left over.
Counts shared(std::span<const double> fractions, std::size_t n) {
  Counts counts;
  double share = 0;
  std::size_t first = 0;
  for (const double f : fractions) {  // rounded as a sum, so that nothing gets lost
    share += f;
    const auto last =
        std::min(n, static_cast<std::size_t>(std::llround(share * static_cast<double>(n))));
    counts.push_back(last - std::exchange(first, last));
  }
  counts.push_back(n - first);
  return counts;
}

}  // namespace

Strata::Strata(std::span<const double> fractions, const Counts& sizes)
    : fractions_(fractions.begin(), fractions.end()),
      surplus_(fractions.size() + 1),
      sizes_(sizes),
      wanted_(shared(fractions, std::accumulate(sizes.begin(), sizes.end(), std::size_t{0}))) {
  fractions_.push_back(1 - std::accumulate(fractions.begin(), fractions.end(), 0.0));
  for (const std::size_t size : sizes) counts_.push_back(shared(fractions, size));
  for (std::size_t i = 0; i < surplus_.size(); ++i) {
    for (const Counts& of_class : counts_) surplus_[i] += signed_of(of_class[i]);
    surplus_[i] -= signed_of(wanted_[i]);
  }
}

bool Strata::uneven() const {
  for (std::size_t i = 0; i < surplus_.size(); ++i)
    if (std::abs(surplus_[i]) > 1 || (wanted_[i] > 0 && surplus_[i] == -signed_of(wanted_[i])))
      return true;
  return false;
}

void Strata::even_out(Random& random) {
  Counts order(sizes_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  random.shuffle(order);  // which of equal classes give is chance
  const std::size_t n = surplus_.size();
  for (std::size_t from = 0; from < n; ++from)
    for (std::size_t to = 0; to < n; ++to) move_most(order, from, to);
  for (std::size_t from = 0; from < n; ++from)
    while (surplus_[from] > 0 && move_along(order, from)) {}
}

// How far the class is from its shares in the two parts, in the direction that the move mends;
// below 0 where the move would take it further from one than a row.
double Strata::gain(std::size_t label, std::size_t from, std::size_t to) const {
  const Counts& count = counts_[label];
  const auto size = static_cast<double>(sizes_[label]);
  const double over = static_cast<double>(count[from]) - fractions_[from] * size;
  const double under = fractions_[to] * size - static_cast<double>(count[to]);
  constexpr double rounding = 1e-7;
  if (count[from] == 0 || over < -rounding || under < -rounding) return -1;
  return std::max(0.0, over) + std::max(0.0, under);
}

void Strata::move(std::size_t label, std::size_t from, std::size_t to) {
  --counts_[label][from], --surplus_[from];
  ++counts_[label][to], ++surplus_[to];
}

// Rows of those classes that gain most, one each.
void Strata::move_most(const Counts& order, std::size_t from, std::size_t to) {
  if (surplus_[from] <= 0 || surplus_[to] >= 0) return;
  std::vector<std::pair<double, std::size_t>> able;
  for (const std::size_t label : order)
    if (const double g = gain(label, from, to); g >= 0) able.emplace_back(-g, label);
  std::ranges::stable_sort(able, {}, &std::pair<double, std::size_t>::first);
  for (const auto& [unused, label] : able)
    if (surplus_[from] > 0 && surplus_[to] < 0) move(label, from, to);
}

// One row from a part with too many to one with too few, by the fewest parts between: there is a
// way, since a table can be rounded in its cells, rows and columns at once (Bacharach: Matrix
// rounding problems, 1966).
bool Strata::move_along(const Counts& order, std::size_t from) {
  struct Step {
    std::size_t from, label;
  };
  std::vector<std::optional<Step>> by(surplus_.size());
  Counts met{from};
  for (std::size_t i = 0; i < met.size(); ++i) {
    std::size_t at = met[i];
    if (surplus_[at] < 0) {
      for (; at != from; at = by[at]->from) move(by[at]->label, by[at]->from, at);
      return true;
    }
    for (std::size_t to = 0; to < by.size(); ++to) {
      if (to == from || by[to]) continue;
      double most = -1;
      for (const std::size_t label : order)
        if (const double g = gain(label, at, to); g > most) most = g, by[to] = Step{at, label};
      if (by[to]) met.push_back(to);
    }
  }
  return false;
}

}  // namespace ramp::nn

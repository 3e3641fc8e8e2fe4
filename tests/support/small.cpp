#include "small.hpp"

#include <random>
#include <span>

namespace small {

std::vector<Sizes> all_sizes(std::size_t most_rank, std::int64_t most) {
  std::vector<Sizes> all{{}};
  for (std::size_t first = 0, rank = 0; rank < most_rank; ++rank)
    for (const std::size_t end = all.size(); first < end; ++first)
      for (std::int64_t n = 0; n <= most; ++n) {
        all.push_back(all[first]);
        all.back().push_back(n);
      }
  return all;
}

Shape shape_of(const Sizes& sizes) { return Shape(sizes); }

Sizes sizes_of(const Shape& shape) {
  Sizes sizes;
  for (int i = 0; i < shape.rank(); ++i) sizes.push_back(shape[i]);
  return sizes;
}

std::string text(const Answer& a, const Answer& b) {
  const auto one = [](const Answer& x) { return x ? to_string(shape_of(*x)) : "refused"; };
  return one(a) + " for " + one(b);
}

std::string text(double a, double b) { return std::to_string(a) + " for " + std::to_string(b); }

std::string text(double a, const doctest::Approx& b) {
  return std::to_string(a) + " for " + doctest::toString(b).c_str();
}

Answer broadcast_sizes(Sizes a, Sizes b) {
  while (a.size() < b.size()) a.insert(a.begin(), 1);
  while (b.size() < a.size()) b.insert(b.begin(), 1);
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && a[i] != 1 && b[i] != 1) return {};
    if (a[i] == 1) a[i] = b[i];
  }
  return a;
}

Answer matmul_sizes(const Sizes& a, const Sizes& b) {
  if (a.size() < 2 || b.size() < 2 || a.back() != b[b.size() - 2]) return {};
  Answer y = broadcast_sizes({a.begin(), a.end() - 2}, {b.begin(), b.end() - 2});
  if (y) y->insert(y->end(), {a[a.size() - 2], b.back()});
  return y;
}

void each(const Sizes& sizes, const std::function<void(const Sizes&, std::size_t)>& f) {
  const std::size_t n = shape_of(sizes).size();
  for (std::size_t i = 0; i < n; ++i) {
    Sizes at(sizes.size());
    auto rest = static_cast<std::int64_t>(i);
    for (std::size_t k = sizes.size(); k-- > 0; rest /= sizes[k]) at[k] = rest % sizes[k];
    f(at, i);
  }
}

std::size_t place(const Sizes& sizes, const Sizes& at) {
  std::int64_t i = 0;
  for (std::size_t k = 0; k < sizes.size(); ++k) i = i * sizes[k] + at[k];
  return static_cast<std::size_t>(i);
}

Sizes without(Sizes sizes, std::size_t axis) {
  sizes.erase(sizes.begin() + static_cast<std::ptrdiff_t>(axis));
  return sizes;
}

template <class T> Tensor<T> whole_numbers(const Sizes& sizes, unsigned seed) {
  std::mt19937 random(seed);
  Tensor<T> x(shape_of(sizes));
  for (T& e : x) e = static_cast<T>(std::uniform_int_distribution(-9, 9)(random));
  return x;
}

template <class T> void check_moves(const Var<T>& x, const Var<T>& y, const Moves& moves) {
  Tensor<T> value(y.shape()), back(x.shape());
  const Tensor<T> seed = whole_numbers<T>(sizes_of(y.shape()), 9);
  for (const auto& [from, to] : moves) value[to] += x.view()[from];
  for (const auto& [from, to] : moves) back[from] += seed[to];
  for (std::size_t i = 0; i < value.size(); ++i) SAME(y.view()[i], value[i]);
  Tape<T>& tape = x.tape();
  const Var<T> s = tape.leaf(seed);
  const Var<T> g = tape.grad_on_tape(sum(y * s), {x})[0];
  tape.backward(y, seed);
  const Tensor<T> swept = tape.gradient(x);
  // Twice the same op: the second must add to what the first has put there.
  const Tensor<T> twice = tape.grad(sum(g * g) * T(0.5) + sum(y * s), {s})[0];
  for (std::size_t i = 0; i < back.size(); ++i) SAME(swept[i], back[i]);
  for (std::size_t i = 0; i < back.size(); ++i) SAME(g.view()[i], back[i]);
  for (const auto& [from, to] : moves) value[to] += back[from];
  for (std::size_t i = 0; i < value.size(); ++i) SAME(twice[i], value[i]);
}

template Tensor<float> whole_numbers<float>(const Sizes&, unsigned);
template Tensor<double> whole_numbers<double>(const Sizes&, unsigned);
template void check_moves<float>(const Var<float>&, const Var<float>&, const Moves&);
template void check_moves<double>(const Var<double>&, const Var<double>&, const Moves&);

}  // namespace small

// Einstein's sums, against loops over all indices.
#include <autodiff/einsum.hpp>

#include "support/refused.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

using namespace ramp;
using V = Var<double>;

namespace {

constexpr std::uint32_t size_of(char c) { return static_cast<std::uint32_t>(c - 'a') % 3 + 2; }

std::size_t place(const std::string& axes, std::map<char, std::uint32_t>& at) {
  std::size_t i = 0;
  for (const char c : axes) i = i * size_of(c) + at[c];
  return i;
}

// All letters, counted through.
std::vector<double> by_loops(const std::vector<std::string>& in, const std::string& to,
                             const std::vector<Tensor<double>>& x) {
  std::string letters;
  for (const auto& axes : in)
    for (const char c : axes)
      if (letters.find(c) == std::string::npos) letters += c;
  std::size_t all = 1, n = 1;
  for (const char c : letters) all *= size_of(c);
  for (const char c : to) n *= size_of(c);
  std::vector<double> y(n);
  for (std::size_t e = 0; e < all; ++e) {
    std::map<char, std::uint32_t> at;
    std::size_t rest = e;
    for (const char c : letters)
      at[c] = static_cast<std::uint32_t>(rest % size_of(c)), rest /= size_of(c);
    double product = 1;
    for (std::size_t k = 0; k < in.size(); ++k) product *= x[k][place(in[k], at)];
    y[place(to, at)] += product;
  }
  return y;
}

// A letter that comes more than once has one size: another one is refused in any place, and also
// where two sizes change places, so that their product is what it was.
void check_sizes(const std::string& formula, const std::vector<std::string>& in,
                 const std::vector<Tensor<double>>& x) {
  const auto other = [&](std::size_t k, const Shape& shape) {
    Tape<double> tape;
    std::vector<V> leaves;
    for (std::size_t i = 0; i < x.size(); ++i)
      leaves.push_back(tape.leaf(i == k ? Tensor<double>(shape, 1.0) : x[i]));
    CHECK_THROWS_AS((void)einsum(formula, std::span<const V>(leaves)), Error);
  };
  for (std::size_t k = 0; k < in.size(); ++k)
    for (int i = 0; i < x[k].shape().rank(); ++i) {
      const Shape shape = x[k].shape();
      const auto elsewhere = [&](int axis) {
        const std::string left = formula.substr(0, formula.find('-'));
        return std::count(left.begin(), left.end(), in[k][static_cast<std::size_t>(axis)]) > 1;
      };
      if (elsewhere(i)) other(k, shape.with(i, shape[i] + 1));
      for (int j = 0; j < i; ++j)
        if (shape[i] != shape[j] && (elsewhere(i) || elsewhere(j)))
          other(k, shape.with(i, shape[j]).with(j, shape[i]));
    }
}

}  // namespace

TEST_CASE("einsum is what its loops say, and so are its gradients") {
  const std::vector<std::pair<std::vector<std::string>, std::string>> all{
      {{"ab", "bc"}, "ac"},
      {{"ab", "bc"}, "ca"},
      {{"ab", "ab"}, ""},
      {{"a", "b"}, "ab"},
      {{"a", "b"}, "ba"},
      {{"abc", "acd"}, "abd"},
      {{"abc", "cb"}, "a"},
      {{"abc"}, "cab"},
      {{"abc"}, "b"},
      {{"aa"}, ""},
      {{"aa"}, "a"},
      {{"aba"}, "b"},
      {{"abab"}, "ba"},
      {{"ab", "cd"}, "acbd"},
      {{"ab", "bc", "cd"}, "ad"},
      {{"ab", "b", "c"}, "ca"},
      {{"a", "a", "a"}, "a"},
      {{"abcd", "db"}, "ca"},
      {{"", "ab"}, "ba"},
      {{"ab", "cb"}, "b"},
      {{"aab", "b"}, "a"}};
  for (const auto& [in, to] : all) {
    std::string formula;
    std::vector<Tensor<double>> x;
    for (const std::string& axes : in) {
      formula += (formula.empty() && x.empty() ? "" : ",") + axes;
      std::vector<std::uint32_t> sizes;
      for (const char c : axes) sizes.push_back(size_of(c));
      Tensor<double> t{Shape(sizes)};
      for (std::size_t i = 0; i < t.size(); ++i)
        t[i] = static_cast<double>((i * 7 + x.size() * 3) % 11) / 4 - 1;
      x.push_back(t);
    }
    formula += "->" + to;
    CAPTURE(formula);
    Tape<double> tape;
    std::vector<V> leaves;
    for (const auto& t : x) leaves.push_back(tape.leaf(t));
    const V y = einsum(formula, std::span<const V>(leaves));
    const auto expected = by_loops(in, to, x);
    REQUIRE(y.shape().size() == expected.size());
    REQUIRE(y.shape().rank() == static_cast<int>(to.size()));
    for (std::size_t i = 0; i < expected.size(); ++i)
      CHECK(y.view()[i] == doctest::Approx(expected[i]).epsilon(1e-13).scale(1));
    const auto report =
        check_gradients([&](std::span<const V> v) { return sum(square(einsum(formula, v))); }, x);
    CHECK_MESSAGE(report.ok(), to_string(report));
    check_sizes(formula, in, x);
  }
}

TEST_CASE("formulas without an arrow, with spaces, and others that make no sense") {
  Tape<double> tape;
  const V a = tape.leaf({{1, 2}, {3, 4}}), b = tape.leaf({{0, 1}, {1, 0}}),
          v = tape.leaf({1, 2, 3});
  CHECK(support::equal(einsum("ij, jk", {a, b}).value(), {2.0, 1.0, 4.0, 3.0}));
  CHECK(einsum("ii", {a}).item() == 5);
  CHECK(support::equal(einsum("ba", {a}).value(), {1.0, 3.0, 2.0, 4.0}));
  REFUSED(einsum("ij,j->i", {a, v}), ShapeError, "[einsum] (2, 2) and (3)");
  const V wide = tape.leaf(Tensor<double>({2, 3}, 1.0)),
          high = tape.leaf(Tensor<double>({3, 2}, 1.0));
  for (const char* formula : {"ij,ij->", "ij,ij->ij", "ij,ij->i", "ij,ij->j"})
    REFUSED(einsum(formula, {wide, high}), ShapeError, "a letter stands for two sizes");
  REFUSED(einsum("ij->k", {a}), ValueError, "[einsum] 'ij->k': the result has a letter");
  REFUSED(einsum("ij->ii", {a}), ValueError, "comes twice");
  REFUSED(einsum("ij,jk->ik", {a}), ValueError, "another number of operands");
  REFUSED(einsum("i->i", {a}), ValueError, "another number of axes");
  REFUSED(einsum("i1->i", {a}), ValueError, "axes are letters");
}

TEST_CASE("tensordot and kron") {
  Tape<double> tape;
  const V a = tape.leaf({{1, 2}, {3, 4}}), b = tape.leaf({{0, 5}, {6, 7}});
  CHECK(tensordot(a, b).item() == 10 + 18 + 28);
  CHECK(support::equal(tensordot(a, b, 1).value(), {12.0, 19.0, 24.0, 43.0}));
  CHECK(tensordot(a, b, 0).shape() == Shape{2, 2, 2, 2});
  CHECK_THROWS_AS((void)tensordot(a, b, 3), ShapeError);
  CHECK(support::equal(kron(a, b).value(), {0.0, 5.0, 0.0, 10.0, 6.0, 7.0, 12.0, 14.0, 0.0, 15.0,
                                            0.0, 20.0, 18.0, 21.0, 24.0, 28.0}));
}

TEST_CASE("numbers among the operands") {
  Tape<double> tape;
  const auto v = tape.leaf({1, 2, 3});
  for (const auto& y : {einsum(",i->i", {Var<double>(2), v}), einsum("i,->i", {v, Var<double>(2)}),
                        tensordot(v, Var<double>(2), 0)}) {
    CHECK(std::ranges::equal(y.value(), std::vector<double>{2, 4, 6}));
    CHECK(tape.grad(sum(y), {v})[0][1] == 2);
  }
  CHECK(prod(Var<double>(2)).item() == 2);
  CHECK(prod(v(1)).item() == 2);
}

// Sums of products in Einstein's notation, and what is made of them.
#pragma once

#include <autodiff/autodiff.hpp>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ramp {

namespace einsum_parts {

[[noreturn]] inline void fail(std::string_view formula, const char* why) {
  throw ValueError("[einsum] '" + std::string(formula) + "': " + why);
}

inline bool has(std::string_view axes, char c) {
  return std::find(axes.begin(), axes.end(), c) != axes.end();
}

/// x with its axes in the order of `to`: an axis that isn't there is summed, one that is new gets
/// size 1, one that comes twice is a diagonal.
template <class T>
Var<T> arranged(Var<T> x, std::string axes, std::string_view to, std::string_view formula) {
  if (x.shape().rank() != static_cast<int>(axes.size()))
    fail(formula, "an operand has another number of axes than letters");
  for (std::size_t i = 0; i < axes.size(); ++i)
    for (std::size_t k = axes.find(axes[i], i + 1); k != std::string::npos;
         k = axes.find(axes[i], i + 1)) {
      const auto a = static_cast<int>(i), b = static_cast<int>(k);
      const std::uint32_t n = x.shape()[a];
      if (x.shape()[b] != n) fail(formula, "a letter stands for two sizes");
      Tensor<T> one(Shape{n, n});
      for (std::size_t e = 0; e < n; ++e) one[e * n + e] = 1;
      Shape spread = x.shape();  // an identity that lies along both axes
      for (int axis = 0; axis < spread.rank(); ++axis)
        if (axis != a && axis != b) spread = spread.with(axis, 1);
      const Var<T> mask = reshape(x.tape("einsum").constant(one), spread);
      x = sum(where(mask, x, 0), Axis{b});
      axes.erase(k, 1);
    }
  for (std::size_t i = axes.size(); i-- > 0;)
    if (!has(to, axes[i])) {
      x = sum(x, Axis{static_cast<int>(i)});
      axes.erase(i, 1);
    }
  for (std::size_t i = 0; i < to.size(); ++i) {  // by exchanges, of which most do nothing
    const std::size_t k = axes.find(to[i]);
    if (k == i) continue;
    Axes order;
    std::swap(order.order[i], order.order[k]);
    x = record<Permute>(order, x);
    std::swap(axes[i], axes[k]);
  }
  return x;
}

}  // namespace einsum_parts

/// einsum("ij,jk->ik", {a, b}): the product of all operands, summed over the letters that the
/// result doesn't have; without "->" these are those that come twice. Two operands are one matrix
/// product where they can be. At most four letters at a time. ValueError for a formula that makes
/// no sense, ShapeError where a letter's sizes differ.
template <class T> Var<T> einsum(std::string_view formula, std::span<const Var<T>> in) {
  using namespace einsum_parts;
  std::string text;
  std::copy_if(formula.begin(), formula.end(), std::back_inserter(text),
               [](char c) { return c != ' '; });
  const std::size_t arrow = text.find("->");
  std::vector<std::string> axes(1);
  std::string seen, result;
  for (const char c : text.substr(0, arrow)) {
    if (c == ',') {
      axes.emplace_back();
    } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      axes.back() += c;
      seen += c;
    } else {
      fail(formula, "axes are letters, operands are separated by commas");
    }
  }
  if (axes.size() != in.size()) fail(formula, "it has another number of operands");
  if (arrow != std::string::npos) {
    result = text.substr(arrow + 2);
  } else {
    for (const char c : seen)
      if (std::count(seen.begin(), seen.end(), c) == 1) result += c;
    std::sort(result.begin(), result.end());
  }
  for (const char c : result) {
    if (!has(seen, c)) fail(formula, "the result has a letter that no operand has");
    if (std::count(result.begin(), result.end(), c) > 1)
      fail(formula, "a letter comes twice in the result");
  }
  const std::vector<Var<T>> all = on_one_tape("einsum", in);
  Var<T> y = all[0];
  std::string of_y = axes[0];
  for (std::size_t k = 1; k < in.size(); ++k) {
    std::string later = result;
    for (std::size_t i = k + 1; i < in.size(); ++i) later += axes[i];
    // Letters of both operands that stay (batch), go (inner), and those of one alone.
    std::string batch, inner, left, right;
    for (const char c : of_y)
      if (!has(batch, c) && !has(inner, c) && !has(left, c)) {
        if (has(axes[k], c))
          (has(later, c) ? batch : inner) += c;
        else if (has(later, c))
          left += c;
      }
    for (const char c : axes[k])
      if (!has(of_y, c) && !has(right, c) && has(later, c)) right += c;
    const Var<T> a = arranged(y, of_y, batch + left + inner, formula),
                 b = arranged(all[k], axes[k], batch + inner + right, formula);
    const std::size_t at = batch.size(), to = at + left.size();
    const auto size = [](const Var<T>& x, std::size_t i) { return x.shape()[static_cast<int>(i)]; };
    const auto product = [size](const Var<T>& x, std::size_t i, std::size_t end) {
      std::size_t n = 1;
      for (; i < end; ++i) n *= size(x, i);
      return n;
    };
    bool alike = true;
    for (std::size_t i = 0; i < at; ++i) alike &= size(a, i) == size(b, i);
    for (std::size_t i = 0; i < inner.size(); ++i) alike &= size(a, to + i) == size(b, at + i);
    if (!alike)
      shaping::fail("einsum", all[0].shape(), all[k].shape(), "a letter stands for two sizes");
    const std::size_t n = product(a, 0, at), rows = product(a, at, to),
                      depth = product(b, at, at + inner.size()),
                      columns = product(b, at + inner.size(), at + inner.size() + right.size());
    y = matmul(reshape(a, Shape{n, rows, depth}), reshape(b, Shape{n, depth, columns}));
    of_y = batch + left + right;
    std::vector<std::uint32_t> sizes;
    for (std::size_t i = 0; i < to; ++i) sizes.push_back(size(a, i));
    for (std::size_t i = 0; i < right.size(); ++i) sizes.push_back(size(b, at + inner.size() + i));
    y = reshape(y, Shape(sizes));
  }
  return arranged(y, of_y, result, formula);
}
template <class T> Var<T> einsum(std::string_view formula, std::initializer_list<Var<T>> in) {
  return einsum(formula, std::span<const Var<T>>(in.begin(), in.size()));
}

/// The last `axes` axes of a with the first of b, multiplied and summed.
template <class T> Var<T> tensordot(const Var<T>& a, const Var<T>& b, int axes = 2) {
  const Shape p = shape_of(a, "tensordot"), q = shape_of(b, "tensordot");
  if (axes < 0 || axes > p.rank() || axes > q.rank())
    shaping::fail("tensordot", p, q, "there aren't as many axes");
  std::string left = "abcd", right = "efgh";
  left.resize(static_cast<std::size_t>(p.rank()));
  right.resize(static_cast<std::size_t>(q.rank()));
  const auto n = static_cast<std::size_t>(axes);
  for (std::size_t i = 0; i < n; ++i) right[i] = left[left.size() - n + i];
  const std::string result = left.substr(0, left.size() - n) + right.substr(n);
  return einsum(left + "," + right + "->" + result, {a, b});
}
/// (m, n) and (p, q): the (m p, n q) of all products, block by block.
template <class T> Var<T> kron(const Var<T>& a, const Var<T>& b) {
  Var<T>::check_together("kron", a, b);
  const Shape p = shape_of(a, "kron"), q = shape_of(b, "kron");
  if (p.rank() != 2 || q.rank() != 2) shaping::fail("kron", p, q, "it needs two matrices");
  return reshape(reshape(a, Shape{p[0], 1, p[1], 1}) * reshape(b, Shape{1, q[0], 1, q[1]}),
                 Shape{p[0] * q[0], p[1] * q[1]});
}

}  // namespace ramp

#include "accuracy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <type_traits>

namespace ramp::tool {
namespace {

constexpr double at_zero = 0.25;  // unlike a tie's 1/2

// --- Where to look

// Borders of formulas, of the library's kernels and of what exp and erfc can hold.
constexpr double borders[] = {
    0,      1,      0.5, 0.25,   2,      3,      0.0004, 0.41421, 0.69315, 0.75,    0.75179,
    1.2785, 4,      5.5, 7.9053, 7.9988, 9,      9.0109, 9.4,     10.2,    12,      13.2,
    14.2,   16.64,  17,  17.33,  18.7,   20,     26.54,  27.23,   36.74,   37.5,    38.6,
    40,     44.4,   64,  87.336, 88.376, 88.723, 103.97, 104,     128,     708.396, 709.7827,
    744.44, 745.13, 746, 800,    8192,   13176,  71476,  1.5708,  3.14159, 6.28318, 1e4};

template <class T> T random_bits(std::mt19937_64& random) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  for (;;) {
    const T x = std::bit_cast<T>(static_cast<Bits>(random()));
    if (!std::isnan(x)) return x;
  }
}

template <class T> std::vector<T> ends_of_range() {
  using L = std::numeric_limits<T>;
  return {T(0),     T(-0.0),     L::denorm_min(), -L::denorm_min(), L::min(),      -L::min(),
          L::max(), L::lowest(), L::infinity(),   -L::infinity(),   L::quiet_NaN()};
}

template <class T> std::vector<T> line(const Density& density, std::mt19937_64& random) {
  using L = std::numeric_limits<T>;
  std::vector<T> all = ends_of_range<T>();
  const auto both = [&](T x) { all.insert(all.end(), {x, -x}); };
  for (const double b : borders) {
    T up = static_cast<T>(b), down = up;
    for (int i = 0; i < 5; ++i) {
      both(up);
      both(down);
      up = std::nextafter(up, L::infinity());
      down = std::nextafter(down, -L::infinity());
    }
  }
  const int mantissas = sizeof(T) == 4 ? density.float_mantissas : density.double_mantissas;
  std::uniform_real_distribution<double> unit(0, 1);
  for (int e = L::min_exponent - L::digits; e < L::max_exponent; ++e)
    for (int i = 0; i < mantissas; ++i)
      both(static_cast<T>(std::ldexp(1 + (i + unit(random)) / mantissas, e)));
  for (int i = 0; i < density.random; ++i) {
    both(static_cast<T>(12 * unit(random)));
    if (i % 4 == 0) both(static_cast<T>(110 * unit(random)));
    if (i % 4 == 0) both(static_cast<T>(800 * unit(random)));
    if (i % 4 == 0) all.push_back(random_bits<T>(random));
  }
  return all;
}

// Operands of an op, one vector each.
template <class T> std::vector<std::vector<T>> operands(int arity, const Density& density) {
  std::mt19937_64 random(1);
  const std::vector<T> first = line<T>(density, random);
  if (arity == 1) return {first};
  std::vector<std::vector<T>> all(static_cast<std::size_t>(arity));
  const auto add = [&](std::initializer_list<T> x) {
    for (std::size_t k = 0; k < all.size(); ++k) all[k].push_back(x.begin()[k]);
  };
  std::vector<T> some = ends_of_range<T>();
  for (const double x : {1.0, -1.0, 0.5, 2.0, -2.0, 3.0, -7.5, 10.0, 64.0, 1e-4})
    some.push_back(static_cast<T>(x));
  for (const T a : some)
    for (const T b : some)
      for (const T c : {T(1), some[some.size() - 3], T(-0.0), std::numeric_limits<T>::infinity()})
        add({a, b, c});
  std::uniform_real_distribution<double> moderate(-12, 12);
  for (const T a : first) {
    const T b = static_cast<T>(moderate(random)), c = static_cast<T>(moderate(random));
    add({a, b, c});
    add({b, a, c});
    add({a, a, b});
    add({static_cast<T>(moderate(random)), b, a});
    add({a, random_bits<T>(random), c});
  }
  return all;
}

// --- What the two readings give

template <class T> struct Given {
  std::vector<T> value;
  std::array<std::vector<T>, 3> slopes;  // empty where there is none
};

template <class T>
Given<T> in_scalars(const OpInfo& op, const AnyAttr& attr, const std::vector<std::vector<T>>& x) {
  Given<T> given;
  Tape<T> tape({.at_zero = at_zero});
  for (std::size_t i = 0; i < x[0].size(); ++i) {
    tape.clear();
    std::vector<Var<T>> in;
    for (const auto& operand : x) in.push_back(tape.leaf(operand[i]));
    const Var<T> y = tape.record(op.id, in, attr.bytes.data());
    given.value.push_back(y.item());
    if (op.differentiable == 0) continue;
    tape.backward(y);
    for (std::size_t k = 0; k < x.size(); ++k)
      if (op.differentiable_in(static_cast<int>(k)))
        given.slopes[k].push_back(tape.gradient(in[k]).item());
  }
  return given;
}

template <class T>
Given<T> in_lanes(const OpInfo& op, const AnyAttr& attr, const std::vector<std::vector<T>>& x) {
  Given<T> given;
  Tape<T> tape({.at_zero = at_zero});
  constexpr std::size_t most = 4093;  // no multiple of a register
  for (std::size_t i = 0; i < x[0].size(); i += most) {
    tape.clear();
    const std::size_t n = std::min(most, x[0].size() - i);
    const Shape shape{static_cast<std::int64_t>(n)};
    std::vector<Var<T>> in;
    for (const auto& operand : x) {
      Tensor<T> block(shape);
      std::copy_n(operand.data() + i, n, block.data());
      in.push_back(tape.leaf(block));
    }
    const Var<T> y = tape.record(op.id, in, attr.bytes.data());
    const auto append = [n](std::vector<T>& to, const Tensor<T>& from) {
      to.insert(to.end(), from.data(), from.data() + n);
    };
    append(given.value, Tensor<T>(y.value()));
    if (op.differentiable == 0) continue;
    tape.backward(y, Tensor<T>(shape, T(1)));
    for (std::size_t k = 0; k < x.size(); ++k)
      if (op.differentiable_in(static_cast<int>(k))) append(given.slopes[k], tape.gradient(in[k]));
  }
  return given;
}

// --- Comparison

// What lies outside an op's domain has a value, perhaps NaN, but no slope that anyone promises.
bool has_slopes(const OpInfo& op, const Point& p, Real value) {
  bool nan = false;
  for (std::size_t k = 0; k < static_cast<std::size_t>(op.arity); ++k) {
    const Domain& d = op.domain[k];
    nan |= std::isnan(p.x[k]);
    if (p.x[k] < d.low || p.x[k] > d.high || (d.nonzero && p.x[k] == 0)) return false;
  }
  return nan || !std::isnan(value);
}

template <class T> void walk(const OpInfo& op, const Reference& reference, const Density& density,
                             Worst Row::*scalar, Worst Row::*lanes, std::vector<Row>& rows) {
  const auto x = operands<T>(op.arity, density);
  AnyAttr attr{};
  if (!reference.attr.empty())
    std::memcpy(attr.bytes.data(), reference.attr.data(), reference.attr.size() * sizeof(double));
  const Given<T> one = in_scalars(op, attr, x), many = in_lanes(op, attr, x);
  for (std::size_t i = 0; i < x[0].size(); ++i) {
    Point p{{}, reference.attr.data(), at_zero, op.arity == 1 ? at_zero : 0.5};
    std::array<double, 3> at{};
    for (std::size_t k = 0; k < x.size(); ++k) p.x[k] = at[k] = x[k][i];
    const Real value = reference.value(p);
    const bool slopes = has_slopes(op, p, value);
    for (Row& row : rows) {
      const auto k = static_cast<std::size_t>(row.slope);
      if (row.slope >= 0 && !slopes) continue;
      const Real exact = row.slope < 0 ? value : reference.slopes[k](p);
      const Formula terms_of = row.slope < 0 ? reference.value_terms : reference.slope_terms;
      const Real terms = terms_of ? std::abs(terms_of(p)) : 0;
      const auto look = [&](const Given<T>& given, Worst& worst) {
        const T got = row.slope < 0 ? given.value[i] : given.slopes[k][i];
        const double ulp = error_in_ulp<T>(got, exact, terms);
        if (ulp > worst.ulp)
          worst = {ulp, at, static_cast<double>(got), static_cast<double>(exact)};
      };
      look(one, row.*scalar);
      look(many, row.*lanes);
    }
  }
}

std::string cell(const Worst& worst, int arity) {
  if (worst.ulp == 0) return "0";
  std::string text = std::isinf(worst.ulp) ? "wrong" : fmt::format("{:.2f}", worst.ulp);
  text += " at ";
  for (int k = 0; k < arity; ++k)
    text += fmt::format("{}{:.5g}", k == 0 ? "" : ", ", worst.at[static_cast<std::size_t>(k)]);
  return text;
}

}  // namespace

template <class T> double error_in_ulp(T got, Real exact, Real terms) {
  using L = std::numeric_limits<T>;
  if (std::isnan(exact) || std::isnan(got))
    return std::isnan(exact) && std::isnan(got) ? 0 : std::numeric_limits<double>::infinity();
  const Real beyond = std::ldexp(Real(1), L::max_exponent);
  const Real a = std::isinf(got) ? std::copysign(beyond, static_cast<Real>(got)) : Real(got);
  const Real b = std::clamp(exact, -beyond, beyond);
  const Real scale = std::max(std::abs(b), std::min(terms, beyond));
  const int exponent = std::ilogb(std::clamp(scale, Real(L::min()), Real(L::max())));
  return static_cast<double>(std::abs(a - b) / std::ldexp(Real(1), exponent + 1 - L::digits));
}
template double error_in_ulp(float, Real, Real);
template double error_in_ulp(double, Real, Real);

std::string Row::name() const {
  std::string text = op->about.name;
  for (const double a : reference->attr) text += fmt::format(" {:g}", a);
  return text;
}
double Row::worst() const {
  const double of_double = has_wide_reals ? std::max(scalar_double.ulp, lanes_double.ulp) : 0;
  return std::max({scalar_float.ulp, lanes_float.ulp, of_double});
}

std::vector<std::string> ops_without_reference() {
  std::vector<std::string> missing;
  for (const OpInfo* op : all_ops()) {
    const std::string_view name = op->about.name;
    if (op->elementwise && !name.starts_with("test_") &&
        std::ranges::none_of(references(), [&](const Reference& r) { return r.op == name; }))
      missing.emplace_back(name);
  }
  return missing;
}

std::vector<Row> accuracy(const Density& density) {
  std::vector<Row> all;
  for (const Reference& reference : references()) {
    const OpInfo* op = find_op(reference.op);
    if (op == nullptr) continue;
    std::vector<Row> rows;
    for (int k = -1; k < op->arity; ++k)
      if (k < 0 || op->differentiable_in(k)) rows.push_back({&reference, op, k, {}, {}, {}, {}});
    walk<float>(*op, reference, density, &Row::scalar_float, &Row::lanes_float, rows);
    walk<double>(*op, reference, density, &Row::scalar_double, &Row::lanes_double, rows);
    all.insert(all.end(), rows.begin(), rows.end());
  }
  return all;
}

std::string accuracy_bounds() {
  std::string text;
  std::string_view last;
  for (const Reference& r : references()) {
    if (r.op == last) continue;  // again, with other attributes
    last = r.op;
    if (*r.why != '\0') text += fmt::format("- `{}`: {:g} ulp. {}.\n", r.op, r.bound, r.why);
  }
  return text;
}

std::string accuracy_table(const std::vector<Row>& rows) {
  std::string text =
      "| op | what | float, scalar | float, lanes | double, scalar | double, lanes |\n"
      "|---|---|---|---|---|---|\n";
  constexpr const char* whats[] = {"value", "slope in 1st", "slope in 2nd", "slope in 3rd"};
  for (const Row& row : rows) {
    const int n = row.op->arity;
    const char* what = n == 1 && row.slope == 0 ? "slope" : whats[row.slope + 1];
    text += fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", row.name(), what,
                        cell(row.scalar_float, n), cell(row.lanes_float, n),
                        cell(row.scalar_double, n), cell(row.lanes_double, n));
  }
  return text;
}

}  // namespace ramp::tool

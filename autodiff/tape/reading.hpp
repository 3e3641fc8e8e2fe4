// How an op's formulas are compiled: once for numbers, once for blocks of lanes, once for tensors
// and once for handles.
#pragma once

#include <autodiff/tape/tape.hpp>

namespace ramp {

// Whether a struct's members are doubles: then as many initialize it, and nothing is narrowed.
template <class Attr>
concept all_double = sizeof(Attr) % sizeof(double) ==
                     0 &&[]<std::size_t... I>(std::index_sequence<I...>) {
  return requires(double x) { Attr{(static_cast<void>(I), x)...}; };
}
(std::make_index_sequence<sizeof(Attr) / sizeof(double)>{});

template <class O, class T> struct Reading {
  using Attr = typename O::Attr;
  using Pullbacks = std::remove_cvref_t<decltype(O::pullbacks)>;
  static constexpr std::size_t arity =
      O::arity == variadic ? 1 : static_cast<std::size_t>(O::arity);
  static_assert(arity <= 3, "an op has at most three inputs, or any number (variadic)");
  static_assert(std::tuple_size_v<Pullbacks> == arity, "an op has one pullback per input");
  static_assert(std::is_trivially_copyable_v<Attr> && sizeof(Attr) <= max_attr_bytes);
  static_assert(!O::elementwise || std::is_empty_v<Attr> || all_double<Attr>,
                "attributes of an element-wise op are numbers, of type double");

  template <std::size_t K> static constexpr bool differentiable = differentiable_inputs<O> >> K & 1;

  static At<Attr> at(const void* attr, const Conventions& c) {
    return {*static_cast<const Attr*>(attr), c.at_zero, c.tie};
  }
  // f(0), f(1), ... as compile-time constants.
  template <std::size_t N, class F> [[gnu::always_inline]] static inline void repeat(F f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (f(std::integral_constant<std::size_t, I>{}), ...);
    }
    (std::make_index_sequence<N>{});
  }
  // f(x[0], x[1], ...)
  template <std::size_t N, class F, class X>
  [[gnu::always_inline]] static inline decltype(auto) spread_out(F f, const X& x) {
    return [&]<std::size_t... I>(std::index_sequence<I...>)->decltype(auto) { return f(x[I]...); }
    (std::make_index_sequence<N>{});
  }

  // --- Rank 0 ---------------------------------------------------------------------------------
  static T scalar(const T* in, const void* attr) {
    const Attr& a = *static_cast<const Attr*>(attr);
    return spread_out<arity>([&](auto... x) { return value_of_numbers<O, T>(a, x...); }, in);
  }
  template <std::size_t K>
  static T slope(const T* in, T y, const void* attr, const Conventions& c) {
    const At<Attr> now = at(attr, c);
    return spread_out<arity>([&](auto... x) { return partial<O, K, T>(now, y, x...); }, in);
  }

  // --- Lanes ----------------------------------------------------------------------------------
  // to[i] = f(operands[0][i], operands[1][i], ...), or += where `add`. Whether each f is finite:
  // y - y is 0 then, and NaN else.
  template <std::size_t N, bool add, class F>
  static bool each(std::size_t n, const T* const* operands, T* to, F f) {
    using L = Lanes<T>;
    L bad(0);
    std::size_t i = 0;
    for (; i + L::width <= n; i += L::width) {
      std::array<L, N> x;
      repeat<N>([&](auto k) { x[k] = L::load(operands[k] + i); });
      L y(spread_out<N>(f, x));
      bad = bad + (y - y);
      if constexpr (add) y = L::load(to + i) + y;
      y.store(to + i);
    }
    T sum = 0;
    for (std::size_t k = 0; k < L::width; ++k) sum += bad.v[k];
    if (i < n) {
      const std::size_t rest = n - i;
      alignas(sizeof(L)) std::array<T, L::width> buffer{};
      std::array<L, N> x;
      repeat<N>([&](auto k) {
        std::copy_n(operands[k] + i, rest, buffer.data());
        x[k] = L::load(buffer.data());
      });
      const L y(spread_out<N>(f, x));
      y.store(buffer.data());
      for (std::size_t k = 0; k < rest; ++k) {
        sum += buffer[k] - buffer[k];
        to[i + k] = add ? to[i + k] + buffer[k] : buffer[k];
      }
    }
    return sum == 0;
  }
  static void value_kernel(std::size_t n, const T* const* in, T* y, const void* attr) {
    const Attr a = *static_cast<const Attr*>(attr);
    each<arity, false>(n, in, y, [a](const auto&... x) { return call(O::value, x..., a); });
  }
  static void kinks(std::size_t n, const T* const* in, T within, const void* attr,
                    KinkCount& found) {
    using L = Lanes<T>;
    const Attr a = *static_cast<const Attr*>(attr);
    const auto f = [a](const auto&... x) { return call(O::kink, x..., a); };
    typename L::Truth at{}, near{};  // -1 for each that is true
    std::size_t i = 0;
    for (; i + L::width <= n; i += L::width) {
      std::array<L, arity> x;
      repeat<arity>([&](auto k) { x[k] = L::load(in[k] + i); });
      const L d(spread_out<arity>(f, x));
      at += (d == 0).m;
      near += (d <= within && d >= -within).m;
    }
    for (std::size_t k = 0; k < L::width; ++k)
      found += {0, static_cast<std::uint64_t>(-at[k]), static_cast<std::uint64_t>(-near[k])};
    for (; i < n; ++i) {
      std::array<T, arity> x;
      repeat<arity>([&](auto k) { x[k] = in[k][i]; });
      const auto d = static_cast<T>(spread_out<arity>(f, x));
      found += {0, d == 0, std::abs(d) <= within};
    }
  }
  template <std::size_t K> static bool pull_kernel(std::size_t n, const T* const* operands, T* to,
                                                   bool add, const void* attr,
                                                   const Conventions& c) {
    const At<Attr> now = at(attr, c);
    const auto f = [now](const auto&... x) { return call(std::get<K>(O::pullbacks), x..., now); };
    return add ? each<arity + 2, true>(n, operands, to, f)
               : each<arity + 2, false>(n, operands, to, f);
  }

  // --- Tensors --------------------------------------------------------------------------------
  template <class F, class... First>
  static decltype(auto) with_inputs(F f, std::span<const Value<T>> in) {
    if constexpr (O::arity == variadic)
      return f(in);
    else
      return spread_out<arity>(f, in);
  }
  static void value(const Call<T>& c, const View<T>& y, bool add) {
    const Attr& a = *static_cast<const Attr*>(c.attr);
    with_inputs([&](const auto&... x) { return call(O::value, x..., a); }, c.in).into(y, add);
  }
  template <std::size_t K>
  static void pull(const Call<T>& c, int input, const Value<T>& g, const View<T>& to, bool add) {
    const At<Attr> now = at(c.attr, c.conventions);
    with_inputs(
        [&](const auto&... x) { return call(std::get<K>(O::pullbacks), g, x..., c.y, now, input); },
        c.in)
        .into(to, add);
  }

  // --- Handles --------------------------------------------------------------------------------
  template <std::size_t K> static Var<T> symbol(const VarCall<T>& c, int input, const Var<T>& g) {
    const At<Attr> now = at(c.attr, c.conventions);
    const auto f = [&](const auto&... x) -> Var<T> {
      return call(std::get<K>(O::pullbacks), g, x..., c.y, now, input);
    };
    if constexpr (O::arity == variadic) {
      return f(c.in);
    } else if constexpr (O::elementwise) {
      Var<T> y = spread_out<arity>(f, c.in);
      if (c.open) y = where(*c.open, y, 0);
      return sum_to(y, c.in[K].shape());
    } else
      return spread_out<arity>(f, c.in);
  }

  static Rules<T> rules() {
    Rules<T> r;
    if constexpr (O::elementwise) {
      r.scalar = scalar;
      if constexpr (O::has_slopes)
        repeat<arity>([&](auto k) {
          if constexpr (differentiable<k>) r.partials[k] = slope<k>;
        });
      r.value_kernel = value_kernel;
      if constexpr (has_kink<O>) r.kinks = kinks;
    } else {
      r.value = value;
    }
    repeat<arity>([&](auto k) {
      if constexpr (differentiable<k>) {
        if constexpr (O::elementwise)
          r.pull_kernels[k] = pull_kernel<k>;
        else
          r.pulls[k] = pull<k>;
        r.symbols[k] = symbol<k>;
      }
    });
    return r;
  }
};

std::string numbers_label(const char* name, const double* attr, std::size_t n);
[[noreturn]] void throw_no_broadcast(const char* op, std::span<const Shape> in);

template <class O> Shape op_shape(std::span<const Shape> in, const void* attr) {
  if constexpr (O::elementwise) {
    Shape y = in[0];
    for (const Shape& x : in.subspan(1))
      if (!broadcast(y, x, y)) throw_no_broadcast(O::about.name, in);
    return y;
  } else {
    const auto rule = [](const auto&... x) -> decltype(O::shape(x...)) { return O::shape(x...); };
    const auto& a = *static_cast<const typename O::Attr*>(attr);
    if constexpr (O::arity == variadic)
      return call(rule, in, a);
    else
      return Reading<O, double>::template spread_out<Reading<O, double>::arity>(
          [&](const auto&... x) { return call(rule, x..., a); }, in);
  }
}

// Partials stand for pullbacks only where these are linear in g: on an op's examples they are
// compared. ValueError if they aren't.
void check_slope(const char* op, double of_1, double of_g, double g);
template <class O> void check_slopes() {
  using R = Reading<O, double>;
  for (const auto& example : O::examples()) {
    std::array<double, R::arity> x;
    R::template repeat<R::arity>([&](auto k) { x[k] = example.inputs[k][0]; });
    const double y = R::scalar(x.data(), &example.attr);
    const At<typename O::Attr> at{example.attr, 0, 0.5};
    R::template repeat<R::arity>([&](auto k) {
      for (const double g : {3.0, -0.25})
        check_slope(
            O::about.name, R::template slope<k>(x.data(), y, &example.attr, {0, 0.5}),
            R::template spread_out<R::arity>(
                [&](auto... v) {
                  return static_cast<double>(call(std::get<k>(O::pullbacks), g, v..., y, at));
                },
                x),
            g);
    });
  }
}

template <class O> OpInfo make_op() {
#ifndef NDEBUG
  if constexpr (has_partials<O>) check_slopes<O>();
#endif
  using Attr = typename O::Attr;
  using R = Reading<O, double>;
  OpInfo op;
  op.about = O::about;
  op.arity = O::arity;
  op.elementwise = O::elementwise;
  op.aliases = O::aliases;
  op.linear = O::linear;
  op.commutes = O::commutes;
  op.has_slopes = O::elementwise && O::has_slopes;
  op.has_partials = has_partials<O>;
  op.domain = O::domain;
  op.attr_bytes = std::is_empty_v<Attr> ? 0 : sizeof(Attr);
  op.shape = op_shape<O>;
  op.differentiable = differentiable_inputs<O>;
  R::template repeat<R::arity>([&](auto k) {
    using Pullback = std::tuple_element_t<k, typename R::Pullbacks>;
    if (std::is_same_v<Pullback, std::remove_const_t<decltype(pass_on)>>) op.passes_on |= 1u << k;
  });
  if constexpr (!std::is_null_pointer_v<std::remove_const_t<decltype(O::check)>>)
    op.check = [](const void* attr) { O::check(*static_cast<const Attr*>(attr)); };
  if constexpr (!std::is_null_pointer_v<std::remove_const_t<decltype(O::adopt)>>)
    op.adopt = [](void* attr, Arena& arena) { O::adopt(*static_cast<Attr*>(attr), arena); };
  if constexpr (requires(Attr a) { O::label(a); })
    op.label = [](const void* attr) -> std::string {
      return O::label(*static_cast<const Attr*>(attr));
    };
  else if constexpr (O::elementwise && !std::is_empty_v<Attr>)
    op.label = [](const void* attr) {
      return numbers_label(O::about.name, static_cast<const double*>(attr), sizeof(Attr) / 8);
    };
  if constexpr (has_kink<O>)
    op.kink = [](const double* in, const void* attr) {
      return R::template spread_out<R::arity>(
          [&](auto... x) {
            return static_cast<double>(call(O::kink, x..., *static_cast<const Attr*>(attr)));
          },
          in);
    };
  op.examples = [] {
    std::vector<Trial> all;
    for (const auto& e : O::examples()) {
      Trial t{{e.inputs.begin(), e.inputs.end()}, e.output, {}};
      std::memcpy(t.attr.bytes.data(), &e.attr, sizeof(Attr));
      all.push_back(std::move(t));
    }
    return all;
  };
  op.float_rules = Reading<O, float>::rules();
  op.double_rules = Reading<O, double>::rules();
  return op;
}

/// Puts an op of your own into the registry before its first use, so that tables and tests see it.
/// ValueError if another op has its name.
template <class O> OpId register_op() { return op_id<O>(); }

template <class... Ops> std::vector<OpInfo> make_ops(OpList<Ops...>) {
  std::vector<OpInfo> all;
  (all.push_back(make_op<Ops>()), ...);
  return all;
}

}  // namespace ramp

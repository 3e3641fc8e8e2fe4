// The list of all ops: what is known about each, and its formulas compiled for each reading. Tests,
// tables, graphs and checks are derived from here.
#pragma once

#include <autodiff/ops/all.hpp>
#include <autodiff/ops/op.hpp>
#include <autodiff/values/arena.hpp>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace ramp {

using OpId = std::uint16_t;

struct Conventions {
  double at_zero = 0, tie = 0.5;
};

struct KinkCount {
  std::uint64_t elements = 0, at_kink = 0, near = 0;  // near: those at the kink included
  void operator+=(const KinkCount& c) {
    elements += c.elements, at_kink += c.at_kink, near += c.near;
  }
};

template <class T> struct Call;
template <class T> struct VarCall;

// One op's formulas, read for one number type.
template <class T> struct Rules {
  // Of numbers: the value, and what the pullbacks make of 1; the latter null where there is none,
  // or it isn't linear.
  T (*scalar)(const T* in, const void* attr) = nullptr;
  std::array<T (*)(const T* in, T y, const void* attr, const Conventions&), 3> partials{};
  // Element by element, over n consecutive elements. Operands of a pullback: g, inputs, value.
  using Kernel = void (*)(std::size_t n, const T* const* in, T* y, const void* attr);
  Kernel value_kernel = nullptr;
  // Adds to the count of elements at the kink and near it; null if there is none.
  void (*kinks)(std::size_t n, const T* const* in, T within, const void* attr,
                KinkCount& found) = nullptr;
  // Whether all that it computed is finite.
  using PullKernel = bool (*)(std::size_t n, const T* const* operands, T* to, bool add,
                              const void* attr, const Conventions&);
  std::array<PullKernel, 3> pull_kernels{};
  // Whole tensors.
  void (*value)(const Call<T>& call, const View<T>& y, bool add) = nullptr;
  using Pull = void (*)(const Call<T>& call, int input, const Value<T>& g, const View<T>& to,
                        bool add);
  std::array<Pull, 3> pulls{};
  // Handles: the pullback, recorded.
  using Symbol = Var<T> (*)(const VarCall<T>& call, int input, const Var<T>& g);
  std::array<Symbol, 3> symbols{};
};

inline constexpr std::size_t max_attr_bytes = 64;
struct AnyAttr {  // in as many bytes as the op says; setting all of them costs more than many an op
  alignas(8) std::array<std::byte, max_attr_bytes> bytes;
};

// An example of an op, as the tests run it.
struct Trial {
  std::vector<Tensor<double>> inputs;
  Tensor<double> output;
  AnyAttr attr;
};

struct OpInfo {
  OpId id = 0;
  About about{};
  int arity = 0;
  bool elementwise = false, aliases = false, linear = false, commutes = false;
  bool has_slopes = false;    // each pullback is g times a number that g isn't in
  bool has_partials = false;  // and numbers are recorded with theirs
  std::uint32_t differentiable = 0, passes_on = 0;  // a bit an input
  std::span<const Domain> domain;
  std::size_t attr_bytes = 0;
  Shape (*shape)(std::span<const Shape> inputs, const void* attr) = nullptr;
  void (*check)(const void* attr) = nullptr;
  // Moves what an attribute points to into the tape's own memory.
  void (*adopt)(void* attr, Arena& arena) = nullptr;
  std::string (*label)(const void* attr) = nullptr;
  // The distance of a rank-0 operand from the kink, signed; null where there is none.
  double (*kink)(const double* in, const void* attr) = nullptr;
  std::vector<Trial> (*examples)() = nullptr;
  Rules<float> float_rules;
  Rules<double> double_rules;

  template <class T> const Rules<T>& rules() const {
    if constexpr (std::is_same_v<T, float>)
      return float_rules;
    else
      return double_rules;
  }
  bool differentiable_in(int input) const {
    return differentiable >> (arity == variadic ? 0 : input) & 1;
  }
  bool passes_on_to(int input) const { return passes_on >> (arity == variadic ? 0 : input) & 1; }
};

inline constexpr OpId leaf_op = 0;  // nodes that no op made
inline constexpr OpId first_op = 1;

const OpInfo& op_info(OpId id);
/// Every op there is: the built-in ones, then the user's in the order of their registration.
bool is_op(OpId id);  // whether there is such an op, or leaf
std::vector<const OpInfo*> all_ops();
/// Null if no op has this name.
const OpInfo* find_op(std::string_view name);
/// ValueError if another op has its name already. Safe to call from several threads.
OpId add_op(OpInfo info);

template <class O> OpInfo make_op();  // of each op of a list; where the op is registered
template <class... Ops> std::vector<OpInfo> make_ops(OpList<Ops...>);

template <class O, class List> inline constexpr int index_in = -1;
template <class O, class... All> inline constexpr int index_in<O, OpList<All...>> = [] {
  int at = -1, i = 0;
  ((std::is_same_v<O, All> ? at = i++ : i++), ...);
  return at;
}();

/// Registers a user's op, from the file that includes <autodiff/own_op.hpp>. Built-in ops have
/// their place in the list.
template <class O> OpId op_id() {
  if constexpr (constexpr int index = index_in<O, BuiltinOps>; index >= 0) {
    return static_cast<OpId>(first_op + index);
  } else {
    static const OpId id = add_op(make_op<O>());
    return id;
  }
}

}  // namespace ramp

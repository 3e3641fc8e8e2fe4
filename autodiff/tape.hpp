// The tape: records ops as they run and sweeps gradients back. It knows nodes, rules and memory,
// and no op by name.
#pragma once

#include <autodiff/node.hpp>
#include <autodiff/parameter.hpp>
#include <autodiff/scopes.hpp>
#include <autodiff/value.hpp>
#include <autodiff/var.hpp>

#include <algorithm>
#include <bit>
#include <concepts>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ramp {

struct TapeOptions {
  double at_zero = 0;             // relu'(0), and its like at every kink: any finite number
  std::size_t memory_budget = 0;  // bytes; 0 for no limit
  /// Throw NonFiniteError when a node's value, and the tape is then as before it, or in a sweep,
  /// which then retains, an adjoint turns NaN or infinite.
  bool checked = false;
};

struct Location {
  const char* file;
  std::uint32_t line;
};
std::string to_string(const Location& location);  // "model.cpp:12", without the folders

// A number to print: x86 gives its NaNs a sign, which says nothing.
template <class T> T plain(T x) { return x == x ? x : std::abs(x); }
// The place of the first NaN or infinity; the size if there is none.
template <class T> std::size_t first_bad(View<const T> x) {
  return static_cast<std::size_t>(
      std::find_if_not(x.begin(), x.end(), [](T e) { return isfinite(e); }) - x.begin());
}

struct BackwardOptions {
  bool retain = false;      // keep the gradients of interior nodes, too
  bool accumulate = false;  // add to the leaves' last gradients, to parameters' of this step
};

// A name for a leaf; unlike string_view it can't be built from {0, 1}.
struct Name {
  std::string_view text;
  Name() = default;
  template <class S>
  requires std::convertible_to<const S&, std::string_view> Name(const S& s) : text(s) {}
};

template <class O, class T, class... X>
[[gnu::always_inline]] inline T scalar_value(const typename O::Attr& attr, const X&... x) {
  return static_cast<T>(call(O::value, x..., attr));
}

/// Records a graph and differentiates it. One tape belongs to one thread.
template <class T = double> class Tape {
 public:
  explicit Tape(TapeOptions options = {});
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // --- Leaves -----------------------------------------------------------------------------
  /// An independent variable: a number, a vector, a tensor. Values are copied.
  Var<T> leaf(T value, Name name = {}) { return add_leaf(value, true, name); }
  Var<T> leaf(std::initializer_list<T> values, Name name = {}) {
    return leaf({static_cast<std::int64_t>(values.size())}, values, name);
  }
  Var<T> leaf(const Shape& shape, std::initializer_list<T> values, Name name = {}) {
    return leaf(Tensor<T>(shape, values), name);
  }
  Var<T> leaf(const Tensor<T>& value, Name name = {}) {
    return add_leaf(value.view(), true, true, name);
  }
  /// The same without a gradient.
  Var<T> constant(T value, Name name = {}) { return add_leaf(value, false, name); }
  Var<T> constant(std::initializer_list<T> values, Name name = {}) {
    return constant({static_cast<std::int64_t>(values.size())}, values, name);
  }
  Var<T> constant(const Shape& shape, std::initializer_list<T> values, Name name = {}) {
    return constant(Tensor<T>(shape, values), name);
  }
  Var<T> constant(const Tensor<T>& value, Name name = {}) {
    return add_leaf(value.view(), false, true, name);
  }
  /// A constant that isn't copied: the memory must stay as it is until the tape is cleared.
  Var<T> borrow(View<const T> value, Name name = {}) { return add_leaf(value, false, false, name); }
  /// The leaf that reads a parameter in place; the same one each time. backward() writes the
  /// parameter's gradient, and throws if its value was changed in between; grad() leaves it alone.
  Var<T> parameter(Parameter<T>& p);

  // --- Gradients --------------------------------------------------------------------------
  /// d root / d everything that varies. The root is a scalar, or `seed` of its shape is given. A
  /// root that doesn't vary is a GradientError: all gradients would be 0, and training would go on
  /// without a word. grad() and grad_on_tape() give these zeros, as formulas need them.
  void backward(const Var<T>& root, BackwardOptions options = {});
  void backward(const Var<T>& root, const Tensor<T>& seed, BackwardOptions options = {});
  /// The gradient that the last backward gave a leaf, zeros where the root doesn't depend on it, as
  /// on all that was recorded after it. It outlives a rewind() to a later mark. Those of interior
  /// tensors are there if `retain` asked for them. GradientError otherwise.
  Tensor<T> gradient(const Var<T>& x) const;
  /// d root / d inputs as values. Parameters' own gradients are left alone. GradientError for an
  /// input that doesn't vary.
  std::vector<Tensor<T>> grad(const Var<T>& root, std::span<const Var<T>> inputs);
  std::vector<Tensor<T>> grad(const Var<T>& root, std::initializer_list<Var<T>> inputs) {
    return grad(root, {inputs.begin(), inputs.size()});
  }
  /// The same recorded on the tape, to be differentiated again or drawn.
  std::vector<Var<T>> grad_on_tape(const Var<T>& root, std::span<const Var<T>> inputs,
                                   std::optional<Var<T>> seed = {});
  std::vector<Var<T>> grad_on_tape(const Var<T>& root, std::initializer_list<Var<T>> inputs,
                                   std::optional<Var<T>> seed = {}) {
    return grad_on_tape(root, std::span<const Var<T>>(inputs.begin(), inputs.size()), seed);
  }

  // --- Regions ----------------------------------------------------------------------------
  /// While it lives, ops are recorded as constants.
  class NoGrad {
   public:
    explicit NoGrad(Tape& tape) : tape_(&tape), before_(tape.varying_) {
      tape.vary(tape.varying_ & Node<T>::rank_mask);
    }
    ~NoGrad() { tape_->vary(before_); }
    NoGrad(const NoGrad&) = delete;
    NoGrad& operator=(const NoGrad&) = delete;

   private:
    Tape* tape_;
    std::uint16_t before_;
  };
  [[nodiscard]] NoGrad no_grad() { return NoGrad(*this); }

  /// While it lives, nodes belong to the region `name` inside the current one.
  class Scope {
   public:
    Scope(Tape& tape, std::string_view name) : tape_(&tape), key_(tape.open_scope(name)) {}
    ~Scope() { tape_->scopes_.close(key_, tape_->size()); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Tape* tape_;
    std::uint64_t key_;
  };
  [[nodiscard]] Scope scope(std::string_view name) { return Scope(*this, name); }

  /// The ops recorded from here on, until the next call, are said to come from this line. It is a
  /// call of its own, `tape.here(); y = a * b;`, as an operator can't take a default argument; and
  /// no std::source_location, which Clang 14 doesn't have.
  void here(const char* file = __builtin_FILE(), std::uint32_t line = __builtin_LINE()) {
    try {
      places_.push_back({size(), {file, line}});
    } catch (const std::bad_alloc&) {
      throw_memory_error("[here]");
    }
  }

  struct Mark {
    std::uint32_t nodes = 0, tensors = 0, pool = 0, attrs = 0, names = 0, scopes = 0, bindings = 0;
    std::uint32_t places = 0;
    std::uint64_t epoch = 0;
    Arena::Mark values{};
    const Tape* tape = nullptr;
  };
  Mark mark() const;
  /// Drops every node since the mark. Their handles are refused from then on.
  void rewind(const Mark& mark);
  void clear() { drop({}); }

  /// x under a name, for graphs and messages.
  Var<T> named(const Var<T>& x, std::string_view name);

  // --- What readers of a tape see: nodes, in the order of their recording ----------------------
  std::uint32_t size() const {
    settle();
    return static_cast<std::uint32_t>(nodes_.size());
  }
  const TapeOptions& options() const { return options_; }
  const Node<T>& node(std::uint32_t i) const { return nodes_[i]; }
  std::span<const std::uint32_t> operands(std::uint32_t i) const;
  Shape shape_of(std::uint32_t i) const;
  View<const T> value_of(std::uint32_t i) const;
  const void* attr_of(std::uint32_t i) const { return &attrs_[nodes_[i].attr]; }
  std::string_view name_of(std::uint32_t i) const;          // empty if it has none
  const Parameter<T>* parameter_of(std::uint32_t i) const;  // null if it isn't one's leaf
  /// The gradient of the last backward; nothing where there is none, or it wasn't kept.
  std::optional<View<const T>> gradient_of(std::uint32_t i) const;
  Var<T> handle(std::uint32_t i);  // IndexError if there is no such node
  std::optional<Location> location_of(std::uint32_t i) const;  // where here() was called for it
  /// Which of the nodes up to the root it depends on.
  std::vector<bool> needed_by(std::uint32_t root) const;
  /// Whether node i hands a gradient to its k-th operand.
  bool passes(std::uint32_t i, std::size_t k) const {
    const Node<T>& node = nodes_[i];
    return node.is(Node<T>::varies) && operand_varies(node, k, operands(i)[k]) &&
           op_info(node.op).differentiable_in(static_cast<int>(k));
  }
  Conventions conventions(const Node<T>& node) const {
    const bool both = node.is(Node<T>::first_varies) && node.is(Node<T>::second_varies);
    return {options_.at_zero, both ? 0.5 : options_.at_zero};
  }
  /// A node in words: "relu 'h' (32, 16)", and where it stands: " in mlp/layer0 at model.cpp:12".
  std::string describe(std::uint32_t i, bool where = true) const;
  /// Node i's operands in words, for an element-wise op with the numbers that element e of the
  /// value comes from, or the first that operand `via`'s element e goes into; else with the first
  /// bad ones.
  std::string operands_at(std::uint32_t i, std::size_t e,
                          std::optional<std::size_t> via = {}) const;

  /// The scopes by number; rewind() and clear() may give them new ones.
  const std::vector<ScopeInfo>& scopes() const { return scopes_.all(); }
  std::uint32_t scope_of(std::uint32_t i) const { return scopes_.of(i); }
  std::string scope_path(std::uint32_t scope) const { return scopes_.path(scope); }
  std::size_t bytes() const;  // memory in use by the recording

  // --- Recording ----------------------------------------------------------------------------
  template <class O, class... X> Var<T> record(const typename O::Attr& attr, const X&... x);
  /// Records any op by its id; `attr` points to its attributes.
  Var<T> record(OpId op, std::span<const Var<T>> in, const void* attr);
  /// The node that x stands for. HandleError, naming the op or the call, if x is of another tape,
  /// was dropped or was moved from.
  std::uint32_t at(const Var<T>& x, OpId op) const {
    if (!surely_of(x)) x.word_ = resolved(x.tape_, x.word_, op_info(op).about.name, "an operand");
    return Word::place(x.word_);
  }
  std::uint32_t at(const Var<T>& x, const char* call) const {
    if (!surely_of(x)) x.word_ = resolved(x.tape_, x.word_, call, "the handle");
    return Word::place(x.word_);
  }

 private:
  friend class NoGrad;
  friend class Scope;
  friend class Var<T>;
  struct Epoch {
    std::uint32_t first;
    std::uint64_t number;
  };
  struct NodeName {
    std::uint32_t node;
    std::string_view text;  // in values_
  };
  struct Binding {
    Parameter<T>* parameter;
    std::uint32_t node;
    std::uint64_t version;
  };

  template <class X> decltype(auto) lift(const X& x) {
    if constexpr (std::is_same_v<X, Var<T>>)
      return (x);  // not a copy: it may be fresh
    else if constexpr (is_comparison<X>)
      return x.recorded();
    else
      return number(static_cast<T>(x));
  }
  template <class O, class... In>
  std::uint64_t record_vars(const typename O::Attr& attr, const In&... in);
  template <class O, class... In>
  std::uint64_t record_slowly(const typename O::Attr& attr, const In... in);
  template <class O, std::size_t arity>
  std::uint64_t push_scalar(const typename O::Attr& attr,
                            const std::array<std::uint32_t, arity>& in);
  Word::Kind kind_of(std::uint32_t i) const {
    return nodes_[i].rank() > 0 ? Word::tensor : Word::scalar;
  }
  Var<T> last() {  // what was just recorded
    const auto i = static_cast<std::uint32_t>(nodes_.size() - 1);
    return {this, Word::of(i, stamp_ | kind_of(i))};
  }
  Var<T> push(OpId op, unsigned flags, std::uint32_t attr, const std::array<std::uint32_t, 2>& in,
              T* data, const Shape& shape);
  std::uint32_t keep_attr(const void* attr, std::size_t bytes);
  void grow();
  void check_budget(std::size_t more) const;
  std::uint64_t epoch_of(std::uint32_t i) const;
  static std::uint32_t stamp_of(std::uint64_t epoch) {  // the same again after 2^28 epochs
    return static_cast<std::uint32_t>(epoch * Word::kinds);
  }
  Var<T> add_leaf(T value, bool varies, Name name) {
    if (options_.checked) return add_leaf(View<const T>{&value, Shape{}}, varies, true, name);
    settle();
    if (nodes_.full()) grow();
    Node<T>& node = nodes_.add_unchecked();
    node.op = leaf_op;
    node.flags = varies ? Node<T>::varies : std::uint16_t{0};
    node.attr = 0;
    node.in = {};
    node.value = value;
    if (!name.text.empty()) name_last(name.text);
    return last();
  }
  void name_last(std::string_view name) {  // or drops it
    try {
      named(last(), name);
    } catch (...) {
      nodes_.resize(nodes_.size() - 1);
      throw;
    }
  }
  Var<T> add_leaf(const View<const T>& value, bool varies, bool copied, Name name,
                  Parameter<T>* p = nullptr);
  Var<T> new_leaf(const View<const T>& value, bool varies, bool copied, Name name, Parameter<T>* p,
                  const Mark& before);
  Var<T> new_node(OpId op, std::span<const Var<T>> in, const void* attr, const Mark& before);
  Var<T> finished(const Mark& before);
  void undo(const Mark& before) noexcept;
  std::uint64_t open_scope(std::string_view name);
  void drop(const Mark& mark);

  // --- Sums that grow (growing.cpp) -----------------------------------------------------------
  // A product of rank 0 isn't recorded at once: it waits. If the next op adds it to something, both
  // wait; and if that is assigned to the variable that it was added to, s = s + a * b, nobody knows
  // the old s any more and the product becomes a term, of 8 bytes, of a sum that grows. If anything
  // else happens, what waits is recorded. The growing sum is the last node. Settling never throws
  // and moves no node: room is made where something begins to wait.
  bool settled() const { return !((pending_ | end_) & (Word::fresh | Word::sum)); }
  void settle() const noexcept {
    if (!settled()) const_cast<Tape*>(this)->settle_slowly();
  }
  // Whether x surely is a node of rank 0 of this tape, which isn't checked.
  [[gnu::always_inline]] bool near(const Var<T>& x) const {
    return x.tape_ == this && (__builtin_expect(x.stamp() == quick_, 1) ||
                               (x.stamp() == older_ && Word::place(x.word_) < older_end_));
  }
  [[gnu::always_inline]] std::uint64_t wait(std::uint32_t a, std::uint32_t b) {
    if (nodes_.size() + 2 > nodes_.capacity()) [[unlikely]]
      make_room();
    term_ = a | std::uint64_t{b} << 32;
    return pending_ = Word::of(nodes_.size(), stamp_ | Word::product);
  }
  // Whether x is the product that waits, not a step.
  bool waits(const Var<T>& x) const { return x.word_ == pending_ && !(x.word_ & Word::steps); }
  // The product's turn is over: it and what it is added to wait.
  std::uint64_t step(const Var<T>& product, std::uint32_t kind) {
    pending_ = product.word_ + Word::of(1, kind - Word::product);
    product.word_ = Word::of(0, Word::moved);
    return pending_;
  }
  // Whether a product can be added to x, which isn't the growing sum.
  [[gnu::always_inline]] bool takes(const Var<T>& x) {
    if (!near(x)) [[unlikely]] {
      const std::uint64_t base = base_of(x.word_);
      if (base == 0) return false;
      x.word_ = base;
    }
    step_ = x.word_;
    return true;
  }
  // Whether x is what waits and was made from s.
  bool made_from(std::uint64_t s, std::uint64_t x) const {
    return x == pending_ && (x & Word::steps) && s == (x & Word::sum ? end_ : step_);
  }
  // What waits becomes what it was made from, s: the handle of that from now on.
  std::uint64_t grown(std::uint64_t s) noexcept {
    if (!(pending_ & Word::sum) || s > limit_) [[unlikely]]
      return start_sum();
    put_term(Word::place(s));
    pending_ = idle;
    return end_ = s + Word::of(2, 0);
  }
  void put_term(std::uint32_t place) {
    std::uint64_t term = term_;  // one store; half the time of two
    if constexpr (std::endian::native == std::endian::big) term = std::rotl(term, 32);
    std::memcpy(&pool_[place], &term, sizeof term);
  }
  static constexpr std::uint32_t pool_spare = 8;         // what settling takes
  static constexpr std::uint32_t no_stamp = UINT32_MAX;  // no handle's
  static constexpr std::uint64_t idle = ~std::uint64_t{Word::fresh | Word::sum},  // no handles
      apart = idle - 1;  // nothing is to wait: products are nodes at once
  void settle_slowly() noexcept;
  std::uint64_t start_sum() noexcept;
  void close() noexcept;
  std::uint64_t base_of(std::uint64_t word);
  bool surely_of(const Var<T>& x) const {
    return x.tape_ == this && (x.stamp() ^ stamp_) <= Word::tensor;
  }
  std::uint64_t resolved(const Tape* tape, std::uint64_t word, const char* call,
                         const char* what) const;
  std::uint64_t kept(std::uint64_t word) const noexcept;
  std::optional<std::uint32_t> find(std::uint64_t word) const;
  void make_room();
  void end_pool(std::uint32_t place) {
    end_ = Word::of(place, no_stamp & ~(Word::fresh | Word::sum));
  }
  void pool(std::uint32_t operand) {
    if (pool_.capacity() < std::size_t{Word::place(end_)} + pool_spare) make_room();
    pool_[Word::place(end_)] = operand;
    end_pool(Word::place(end_) + 1);
  }
  void vary(std::uint16_t varying) noexcept;
  // While it lives, values may be anything: they are steps on the way to one that is looked at.
  struct Unchecked {
    explicit Unchecked(Tape& tape) : tape_(tape), before_(std::exchange(tape.checking_, false)) {}
    ~Unchecked() { tape_.checking_ = before_; }
    Unchecked(const Unchecked&) = delete;
    Unchecked& operator=(const Unchecked&) = delete;

   private:
    Tape& tape_;
    bool before_;
  };
  // A number that stands in a formula; those seen lately have their node already.
  Var<T> number(T x);

  template <class Item> Item* scratch(std::size_t n) {
    Item* items = scratch_.template take_array<Item>(n);
    std::uninitialized_default_construct_n(items, n);
    return items;
  }

  void read(std::uint32_t i, Value<T>& to);  // the value of node i
  bool operand_varies(const Node<T>& node, std::size_t k, std::uint32_t operand) const {
    return k < 2 ? node.is(k == 0 ? Node<T>::first_varies : Node<T>::second_varies)
                 : nodes_[operand].is(Node<T>::varies);
  }

  void run_backward(const Var<T>& root, const Tensor<T>* seed, BackwardOptions options);
  void sweep_whole(const Var<T>& root, const Tensor<T>* seed, bool retain, bool into_parameters);
  void sweep(const Var<T>& root, const Tensor<T>* seed, bool retain, bool into_parameters);
  bool sweep_once(std::uint32_t root, const Tensor<T>* seed, bool careful);
  bool sweep_tensor(std::uint32_t i, bool careful);
  void pull_carefully(const OpInfo& op, const Call<T>& call, int input, const Value<T>& g,
                      const View<T>& to, bool add);
  bool record_adjoints(const Var<T>& root, const std::vector<bool>& between,
                       const std::optional<Var<T>>& seed, bool careful,
                       std::vector<std::optional<Var<T>>>& adjoints);
  void finish_parameters(std::uint32_t root);
  std::vector<Var<T>> record_gradients(const Var<T>& root, std::span<const Var<T>> inputs,
                                       const std::optional<Var<T>>& seed);
  void check_inputs(std::span<const Var<T>> inputs, const char* call) const;
  void check_adjoints(std::uint32_t i);
  [[noreturn]] void throw_bad_adjoint(std::uint32_t i, std::size_t k, View<const T> g) const;
  void check_root(const Var<T>& root, const Shape* seed, const char* call) const;
  View<T> adjoint(std::uint32_t i, bool& add);
  const Binding* binding_of(std::uint32_t i) const;

  TapeOptions options_;
  bool checking_ = options_.checked;  // the values that are recorded, not those within a pullback
  // The flag `varies`, but not under no_grad; on a checked tape all of rank_mask as well.
  std::uint16_t varying_;
  std::uint32_t stamp_ = 0;  // of scalars' handles: the epoch, and Word::scalar
  std::uint32_t quick_ = 0;  // the same, or no stamp at all on a checked tape
  // Nodes below older_end_ may have been recorded in the epoch before: before a loop that rewinds.
  std::uint32_t older_ = no_stamp, older_end_ = 0;
  // Not in the order that they are written in: GCC would join neighbours to one wide store, which
  // a narrow load waits for.
  std::uint64_t pending_ = idle;  // the handle of what waits; `idle`, if nothing does; or `apart`
  std::uint64_t limit_ = 0;       // the last place with room behind it in the pool, as a handle
  std::uint64_t term_ = 0;        // the product that waits: its operands
  std::uint64_t end_ = 0;         // the end of the pool in use; as the growing sum's newest handle
  std::uint64_t step_ = 0;        // what the product was added to, if not to the growing sum
  std::uint32_t base_ = 0;        // the node that the growing sum began with
  std::uint64_t epoch_ = 0;
  Records<Node<T>> nodes_;
  Records<TensorRecord<T>> tensors_;
  Records<std::uint32_t> pool_;   // operands of nodes that have more than two
  Records<std::uint64_t> attrs_;  // the first word is no one's: ops without attributes point there
  Arena values_, scratch_;
  struct Adjoints {
    Records<T> scalars;   // of rank-0 nodes, by node
    Records<T*> tensors;  // by tensor; null where nothing came
    Arena memory;
    std::uint32_t swept = 0;  // nodes below it have an adjoint of the last backward
    bool whole = false;       // that has run to its end; to later nodes it gives zeros
    bool retained = false, into_parameters = true;
  };
  Adjoints adjoints_, grads_;  // backward()'s, and grad()'s
  struct Seen {
    std::uint64_t bits = 0, word = Word::of(0, Word::none);
    std::uint32_t scope = 0;
  };
  std::array<Seen, 64> numbers_;
  std::vector<Epoch> epochs_{{0, 0}};
  Scopes scopes_;
  std::vector<std::pair<std::uint32_t, Location>> places_;  // the first node, and where it is
  std::vector<NodeName> names_;
  std::vector<Binding> bindings_;  // in the order of their nodes
};

// Numbers among the attributes as a float tape sees them: compared with a float, 0.1 is 0.1f.
inline double as_float(double x) {
  const volatile float f = static_cast<float>(x);  // g++ 12 drops the two conversions of a pair
  return f;
}
template <class Attr> Attr as_floats(Attr attr) {
  auto numbers = std::bit_cast<std::array<double, sizeof(Attr) / sizeof(double)>>(attr);
  for (double& x : numbers) x = as_float(x);
  return std::bit_cast<Attr>(numbers);
}

// --- Inline: the way of a scalar -----------------------------------------------------------

template <class T> template <class O, std::size_t arity>
inline std::uint64_t Tape<T>::push_scalar(const typename O::Attr& attr,
                                          const std::array<std::uint32_t, arity>& in) {
  using N = Node<T>;
  if (nodes_.full()) grow();  // before the value, which would wait in memory for it
  std::uint32_t attr_at = 0;
  if constexpr (!std::is_empty_v<typename O::Attr>) attr_at = keep_attr(&attr, sizeof attr);
  const unsigned mask = varying_ & N::varies;
  unsigned flags = has_kink<O> ? N::kinked : 0u, any = 0;
  for (std::size_t k = 0; k < arity; ++k) {
    const unsigned varies =
        differentiable_inputs<O> >> k & 1 ? nodes_[in[k]].flags & mask : 0u;  // known when compiled
    any |= varies;
    if (k < 2) flags |= varies << (k + 1);
  }
  const T value = [&]<std::size_t... I>(std::index_sequence<I...>) {
    return scalar_value<O, T>(attr, nodes_[in[I]].value...);
  }
  (std::make_index_sequence<arity>{});
  std::array<std::uint32_t, 2> operands{in[0], in[arity - 1]};
  if constexpr (arity > 2) {
    operands = {Word::place(end_), arity};
    for (const std::uint32_t i : in) pool(i);
    flags |= N::pooled;
  } else {
    flags |= arity << 3;
  }
  const std::uint64_t word = Word::of(nodes_.size(), stamp_);
  N& node = nodes_.add_unchecked();
  node.op = op_id<O>();
  node.flags = static_cast<std::uint16_t>(flags | any);
  node.attr = attr_at;
  node.in = operands;
  node.value = value;
  return word;
}

template <class T> template <class O, class... In>
[[gnu::noinline]] std::uint64_t Tape<T>::record_slowly(const typename O::Attr& attr,
                                                       const In... in) {
  const OpId op = op_id<O>();
  const std::array<std::uint32_t, sizeof...(In)> at{this->at(in, op)...};
  settle();
  if constexpr (O::elementwise) {
    unsigned ranks = varying_;
    for (const std::uint32_t i : at) ranks |= nodes_[i].flags;
    if ((ranks & Node<T>::rank_mask) == 0) {
      if constexpr (std::is_same_v<O, Grown::Term>)
        if (pending_ != apart) return wait(at[0], at[1]);
      return push_scalar<O>(attr, at);
    }
  }
  const std::array<Var<T>, sizeof...(In)> all{in...};
  return record(op, all, &attr).word_;
}

// Always inline: a handle whose address a call takes can't stay in a register.
template <class T> template <class O, class... In>
[[gnu::always_inline]] inline std::uint64_t Tape<T>::record_vars(const typename O::Attr& attr,
                                                                 const In&... in) {
  static_assert(sizeof...(In) == O::arity);
  if constexpr (std::is_same_v<O, Grown::Term>) {
    if ((near(in) && ...) && pending_ == idle) [[likely]]
      return wait(Word::place(in.word_)...);
  } else if constexpr (std::is_same_v<O, Grown::Plus>) {
    const auto [a, b] = std::tie(in...);
    if (a.tape_ == this && b.tape_ == this) {
      if (waits(b) && a.word_ == end_) [[likely]]
        return step(b, Word::step | Word::sum);
      if (waits(a) && b.word_ == end_) return step(a, Word::step_back | Word::sum);
      if (waits(b) && takes(a)) return step(b, Word::step);
      if (waits(a) && takes(b)) return step(a, Word::step_back);
    }
  }
  (in.shared(), ...);
  if constexpr (O::elementwise)
    if ((near(in) && ...)) {
      settle();
      if constexpr (std::is_same_v<O, Grown::Term>)
        if (pending_ != apart) return wait(Word::place(in.word_)...);
      return push_scalar<O>(attr, std::array{Word::place(in.word_)...});
    }
  return record_slowly<O, In...>(attr, Var<T>(in.tape_, in.word_)...);
}

template <class T> inline std::uint32_t Var<T>::index() const { return tape_->at(*this, "index"); }
template <class T> inline void Var<T>::settle() const { word_ = tape_->kept(word_); }
template <class T> inline Var<T>& Var<T>::operator=(Var&& x) noexcept {
  if (x.tape_ == tape_ && tape_->made_from(word_, x.word_)) [[likely]] {
    x.word_ = Word::of(0, Word::moved);
    word_ = tape_->grown(word_);
    return *this;
  }
  const std::uint64_t word = x.taken();
  return become(x.tape_, word);
}

template <class T> inline Var<T> Tape<T>::number(T x) {
  const auto bits = static_cast<std::uint64_t>(std::bit_cast<Bits<T>>(x));
  Seen& seen = numbers_[(bits ^ bits >> 32) * 0x9e3779b97f4a7c15 >> 58];
  if (seen.bits == bits && Word::stamp(seen.word) == stamp_ && seen.scope == scopes_.current())
    return {this, seen.word};
  const Unchecked within(*this);  // an infinite bound is fine where it bounds nothing
  const Var<T> leaf = constant(x);
  seen = {bits, leaf.word_, scopes_.current()};
  return leaf;
}

template <class T> template <class O, class... X>
inline Var<T> Tape<T>::record(const typename O::Attr& attr, const X&... x) {
  if constexpr (O::elementwise && sizeof(T) == 4 && !std::is_empty_v<typename O::Attr>)
    return {this, record_vars<O>(as_floats(attr), lift(x)...)};
  else
    return {this, record_vars<O>(attr, lift(x)...)};
}

namespace tape_detail {
template <class T, class X, class... More> Tape<T>& tape_of(const X& x, const More&... more) {
  if constexpr (std::is_same_v<X, Var<T>>) {
    return x.tape();
  } else if constexpr (is_comparison<X>) {
    return tape_of<T>(x.a, x.b);
  } else {
    static_assert(std::is_arithmetic_v<X>,
                  "float and double tapes don't mix: convert the values, not the handles");
    return tape_of<T>(more...);
  }
}
}  // namespace tape_detail

template <class T> template <class O, class... X>
inline Var<T> Var<T>::record(const typename O::Attr& attr, const X&... x) {
  return tape_detail::tape_of<T>(x...).template record<O>(attr, x...);
}

// x += y and its like, for handles: the variable then stands for the new node.
template <class T, class X>
requires Operand<std::remove_cvref_t<X>> Var<T>
&operator+=(Var<T>& x, X&& y) { return x = x + std::forward<X>(y); }
template <class T, Operand X> Var<T>& operator-=(Var<T>& x, const X& y) { return x = x - y; }
template <class T, Operand X> Var<T>& operator*=(Var<T>& x, const X& y) { return x = x * y; }
template <class T, Operand X> Var<T>& operator/=(Var<T>& x, const X& y) { return x = x / y; }

template <class T> Var<T> concat(std::span<const Var<T>> in, int axis) {
  if (in.empty()) throw ShapeError("[concat] nothing to join: give at least one tensor");
  for (const Var<T>& x : in) in[0].tape().at(x, op_id<Concat>());
  const AlongAxis at{normal_axis("concat", axis, in[0].shape())};
  return in[0].tape().record(op_id<Concat>(), in, &at);
}

/// max({x, y, z}): from left to right, as max(max(x, y), z).
template <class T> Var<T> max(std::initializer_list<Var<T>> all) {
  if (all.size() == 0) throw ValueError("[max] of nothing: give at least one handle");
  return std::accumulate(all.begin() + 1, all.end(), *all.begin(),
                         [](const auto& a, const auto& b) { return maximum(a, b); });
}
template <class T> Var<T> min(std::initializer_list<Var<T>> all) {
  if (all.size() == 0) throw ValueError("[min] of nothing: give at least one handle");
  return std::accumulate(all.begin() + 1, all.end(), *all.begin(),
                         [](const auto& a, const auto& b) { return minimum(a, b); });
}

extern template class Tape<float>;
extern template class Tape<double>;

}  // namespace ramp

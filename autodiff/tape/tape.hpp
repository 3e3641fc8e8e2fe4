// The tape: records ops as they run and sweeps gradients back. It knows nodes, rules and memory,
// and no op by name.
#pragma once

#include <autodiff/tape/node.hpp>
#include <autodiff/tape/options.hpp>
#include <autodiff/tape/trace.hpp>
#include <autodiff/tape/value.hpp>
#include <autodiff/tape/var.hpp>
#include <autodiff/values/parameter.hpp>
#include <autodiff/values/scopes.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ramp {

/// Records a graph and differentiates it. One tape belongs to one thread.
template <class T = double> class Tape {
 public:
  explicit Tape(TapeOptions options = {});
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // --- Leaves -----------------------------------------------------------------------------
  /// An independent variable: a number, a vector, a tensor. Values are copied.
  template <class U>
  requires std::is_arithmetic_v<U> Var<T> leaf(U value, Name name = {}) {
    return leaf_number(static_cast<T>(value), true, name);
  }
  Var<T> leaf(std::initializer_list<Entry<T>> values, Name name = {}) {
    return leaf(row_of(values), name);
  }
  Var<T> leaf(const Shape& shape, std::initializer_list<T> values, Name name = {}) {
    return leaf(Tensor<T>(shape, values), name);
  }
  Var<T> leaf(const Tensor<T>& value, Name name = {}) {
    return add_leaf(value.view(), true, true, name);
  }
  /// Of any container of numbers, as a vector or of `shape`; of rows of numbers, as a matrix.
  template <class R>
  requires Numbers<R> || Rows<R> Var<T> leaf(const R& values, Name name = {}) {
    return leaf(Tensor<T>(values), name);
  }
  template <Numbers R> Var<T> leaf(const Shape& shape, const R& values, Name name = {}) {
    return leaf_of(shape, values, true, name);
  }
  Var<T> leaf(std::initializer_list<std::initializer_list<T>> rows, Name name = {}) {
    return leaf(Tensor<T>(rows), name);
  }
  /// The same without a gradient.
  template <class U>
  requires std::is_arithmetic_v<U> Var<T> constant(U value, Name name = {}) {
    return leaf_number(static_cast<T>(value), false, name);
  }
  Var<T> constant(std::initializer_list<Entry<T>> values, Name name = {}) {
    return constant(row_of(values), name);
  }
  Var<T> constant(const Shape& shape, std::initializer_list<T> values, Name name = {}) {
    return constant(Tensor<T>(shape, values), name);
  }
  Var<T> constant(const Tensor<T>& value, Name name = {}) {
    return add_leaf(value.view(), false, true, name);
  }
  template <class R>
  requires Numbers<R> || Rows<R> Var<T> constant(const R& values, Name name = {}) {
    return constant(Tensor<T>(values), name);
  }
  template <Numbers R> Var<T> constant(const Shape& shape, const R& values, Name name = {}) {
    return leaf_of(shape, values, false, name);
  }
  Var<T> constant(std::initializer_list<std::initializer_list<T>> rows, Name name = {}) {
    return constant(Tensor<T>(rows), name);
  }
  /// A constant that isn't copied: the memory must stay as it is until the tape is cleared.
  Var<T> borrow(View<const T> value, Name name = {}) { return add_leaf(value, false, false, name); }
  /// The leaf that reads a parameter in place; the same one each time. backward() writes the
  /// parameter's gradient, and throws if its value was changed in between; grad() leaves it alone.
  /// A frozen parameter is read as a constant.
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
  /// The same of a number, as a number; ShapeError for a tensor.
  T derivative(const Var<T>& x) const {
    if (x.trace_ == &trace_ && trace_.is_near(x.word_) && adjoints_.whole)
      return x.place() < adjoints_.swept ? adjoints_.scalars[x.place()] : T(0);
    return gradient(x).item();
  }
  /// d root / d inputs as values, zeros of a root that is a number. Parameters' own gradients are
  /// left alone. GradientError for an input that doesn't vary.
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
    explicit NoGrad(Tape& tape) : tape_(&tape), before_(tape.varying_) { tape.vary(false); }
    ~NoGrad() { tape_->vary(before_); }
    NoGrad(const NoGrad&) = delete;
    NoGrad& operator=(const NoGrad&) = delete;

   private:
    Tape* tape_;
    bool before_;
  };
  [[nodiscard]] NoGrad no_grad() { return NoGrad(*this); }

  /// While it lives, nodes belong to the region `name` inside the current one.
  class Scope {
   public:
    Scope(Tape& tape, std::string_view name) : tape_(&tape), key_(tape.open_scope(name)) {}
    ~Scope() { tape_->scopes_.close(key_, tape_->end()); }
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
    check_budget(sizeof places_[0]);
    if (!places_.empty() && places_.back().first == end()) places_.pop_back();  // of no op
    or_memory_error("[here]", [&] { places_.push_back({end(), {file, line}}); });
  }

  struct Mark {
    std::uint32_t nodes = 1, tensors = 0, pool = 0, attrs = 0, names = 0, bindings = 0, places = 0;
    std::uint32_t epoch = 0;
    Arena::Mark values{};
    const Tape* tape = nullptr;
    Location line{};  // that here() named last
  };
  Mark mark() const;
  /// Drops every node since the mark. Their handles are refused from then on.
  void rewind(const Mark& mark);
  void clear() { drop({}); }

  /// x under a name, for graphs and messages.
  Var<T> named(const Var<T>& x, std::string_view name);

  // --- What readers of a tape see: nodes, numbered from 1 in the order of their recording --------
  std::uint32_t size() const { return end() - 1; }  // the number of the last one
  const TapeOptions& options() const { return options_; }
  OpId op(std::uint32_t i) const { return trace_.tags[i].op(); }  // leaf_op if no op made it
  int rank(std::uint32_t i) const { return trace_.tags[i].rank(); }
  bool varies(std::uint32_t i) const { return trace_.tags[i].is(Tag::varies); }
  bool is_parameter(std::uint32_t i) const { return trace_.tags[i].is(Tag::bound); }
  Operands<T> operands(std::uint32_t i) const;
  Shape shape_of(std::uint32_t i) const;
  View<const T> value_of(std::uint32_t i) const;
  /// The same of an operand; of a number in the operand itself.
  View<const T> value_of(const Input<T>& x) const {
    return x.node ? value_of(x.node) : View<const T>{&x.number, Shape{}};
  }
  Shape shape_of(const Input<T>& x) const { return x.node ? shape_of(x.node) : Shape{}; }
  AnyAttr attr_of(std::uint32_t i) const;
  std::string_view name_of(std::uint32_t i) const;  // empty if it has none
  /// The gradient of the last backward; nothing where there is none, or it wasn't kept.
  std::optional<View<const T>> gradient_of(std::uint32_t i) const {
    return gradient_of(i, adjoints_);
  }
  Var<T> handle(std::uint32_t i) const;  // IndexError if there is no such node
  std::optional<Location> location_of(std::uint32_t i) const;  // where here() was called for it
  /// Which of the nodes up to the root it depends on.
  std::vector<bool> needed_by(std::uint32_t root) const;
  /// Whether node i hands a gradient to its k-th operand.
  bool passes(std::uint32_t i, std::size_t k) const {
    return varies(i) && varies(operands(i)[k].node) &&
           op_info(op(i)).differentiable_in(static_cast<int>(k));
  }
  Conventions conventions(std::uint32_t i) const;
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
  /// Records any op by its id; `attr` points to its attributes. A formula's call records the same.
  Var<T> record(OpId op, std::span<const Var<T>> in, const void* attr);
  /// The node that x stands for. HandleError, naming the op or the call, if x is of another tape or
  /// was dropped.
  std::uint32_t at(const Var<T>& x, const char* call) const {
    if (x.trace_ == &trace_ && x.word_ >> 32 == trace_.epoch) return Trace<T>::place(x.word_);
    return find(x, call);
  }
  // For what is inline in record.hpp.
  void grow();
  std::uint32_t keep_attr(const void* attr, std::size_t bytes);

 private:
  static Tensor<T> row_of(std::initializer_list<Entry<T>> values) {
    Tensor<T> row(Shape{values.size()});
    std::copy(values.begin(), values.end(), row.begin());
    return row;
  }
  // Numbers that lie as the tape's do are copied once.
  template <class R> Var<T> leaf_of(const Shape& shape, const R& values, bool varies, Name name) {
    if constexpr (requires {
                    { std::data(values) } -> std::convertible_to<const T*>;
                  })
      if (shape.rank() > 0 && std::size(values) == shape.size())
        return add_leaf({std::data(values), shape}, varies, true, name);
    return add_leaf(Tensor<T>(shape, values).view(), varies, true, name);
  }
  friend class NoGrad;
  friend class Scope;
  friend class Var<T>;
  struct Epoch {
    std::uint32_t first;  // node
    std::uint32_t number;
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
  // What the last backward gave, while another goes: it is there again when this dies.
  struct Aside {
    explicit Aside(Tape& tape) : tape_(&tape) { std::swap(tape.adjoints_, tape.grads_); }
    ~Aside() {
      if (!given_up_) std::swap(tape_->adjoints_, tape_->grads_);
      tape_->grads_.forget();
    }
    void give_up() { given_up_ = true; }  // then the other's stays in its place
    Aside(const Aside&) = delete;
    Aside& operator=(const Aside&) = delete;

   private:
    Tape* tape_;
    bool given_up_ = false;
  };
  std::uint32_t end() const { return static_cast<std::uint32_t>(trace_.nodes.size()); }
  // A handle on a node of the newest epoch; `near` if that is a number that varies.
  Var<T> handle_on(std::uint32_t i, bool near) const {
    return {&trace_, Trace<T>::of_epoch(trace_.epoch) | i | (near ? 0 : Trace<T>::aside)};
  }

  // tape.cpp: memory, marks, regions
  std::size_t in_use() const { return bytes() + adjoints_.bytes() + grads_.bytes(); }
  void check_budget(std::size_t more) const;
  void check_budget_since(const Mark& before, std::size_t had);
  std::size_t bytes_of(std::uint32_t i) const;
  std::uint32_t epoch_of(std::uint32_t i) const;
  std::uint32_t find(const Var<T>& x, const char* call) const;
  void vary(bool varying) noexcept;
  void undo(const Mark& before) noexcept;
  void drop(const Mark& mark);
  std::uint64_t open_scope(std::string_view name);
  const Binding* binding_of(std::uint32_t i) const;

  // record.cpp
  Var<T> leaf_number(T value, bool varies, Name name);
  Var<T> add_leaf(const View<const T>& value, bool varies, bool copied, Name name,
                  Parameter<T>* p = nullptr);
  Var<T> new_leaf(const View<const T>& value, bool varies, bool copied, Name name, Parameter<T>* p);
  Var<T> new_node(const OpInfo& op, std::span<const Var<T>> in, const void* attr);
  template <class O, std::size_t n>
  std::optional<Var<T>> record_numbers(const typename O::Attr& attr,
                                       const std::array<Var<T>, n>& in);
  Var<T> push_number(OpId op, bool varies, const void* attr, std::size_t attr_bytes,
                     std::span<const Input<T>> in, T value);
  void keep_operands(std::span<const Input<T>> in);
  Var<T> push_partials(const OpInfo& op, std::span<const Input<T>> in, const void* attr);
  Var<T> push(Tag tag, std::uint32_t attr, std::uint32_t operands, std::size_t count, T* data,
              const Shape& shape);
  Var<T> checked(const Var<T>& x, const Mark& before);
  void read(const Input<T>& x, Value<T>& to);
  std::uint32_t keep_number(T x) { return keep_attr(&x, sizeof x); }
  template <class Item> Item* scratch(std::size_t n) {
    Item* items = scratch_.template take_array<Item>(n);
    std::uninitialized_default_construct_n(items, n);
    return items;
  }

  // gradient.cpp
  void check_root(const Var<T>& root, const Shape* seed, const char* call) const;
  void check_inputs(std::span<const Var<T>> inputs, const char* call) const;
  void check_parameters(const char* call) const;
  void run_backward(const Var<T>& root, const Tensor<T>* seed, BackwardOptions options);
  void accumulate(const Var<T>& root, const Tensor<T>* seed, bool retain);
  std::optional<View<const T>> gradient_of(std::uint32_t i, const Adjoints<T>& of) const;
  void sweep_whole(const Var<T>& root, const Tensor<T>* seed, bool retain, bool into_parameters);
  void finish_parameters(std::uint32_t root);

  // sweep.cpp
  void sweep(std::uint32_t root, const Tensor<T>* seed);
  void begin_sweep(std::uint32_t root, const Tensor<T>* seed, T nothing);
  bool sweep_quickly(std::uint32_t root);
  void sweep_carefully(std::uint32_t root);
  bool sweep_general(std::uint32_t i, bool careful);
  bool sweep_numbers(std::uint32_t i, const OpInfo& op);
  void pull_carefully(const OpInfo& op, const Call<T>& call, int input, const Value<T>& g,
                      const View<T>& to, bool add);
  View<T> adjoint(std::uint32_t i, bool& add);
  const bool* parts_of(std::uint32_t root);
  bool has_bad_adjoint(std::uint32_t root) const;
  void check_adjoints(std::uint32_t i);
  [[noreturn]] void throw_bad_adjoint(std::uint32_t i, std::size_t k, View<const T> g) const;

  // recorded_gradient.cpp
  std::vector<Var<T>> record_gradients(const Var<T>& root, std::span<const Var<T>> inputs,
                                       const std::optional<Var<T>>& seed);
  bool record_adjoints(std::uint32_t root, const std::vector<bool>& between,
                       const std::optional<Var<T>>& seed, bool careful,
                       std::vector<std::optional<Var<T>>>& adjoints);

  TapeOptions options_;
  OwnTrace<T> own_trace_;
  Trace<T>& trace_ = *own_trace_;
  bool checking_ = options_.checked;  // the values that are recorded, not those within a pullback
  bool varying_ = true;               // not under no_grad
  Records<TensorRecord<T>> tensors_;
  Records<std::uint32_t> pool_;   // operands of general nodes
  Records<std::uint64_t> attrs_;  // attributes, and the operands of general nodes that are numbers
  Arena values_, scratch_;
  Adjoints<T> adjoints_, grads_;  // backward()'s, and grad()'s
  std::vector<Epoch> epochs_;
  Scopes scopes_;
  std::vector<std::pair<std::uint32_t, Location>> places_;  // the first node, and where it is
  std::vector<NodeName> names_;
  std::vector<Binding> bindings_;  // in the order of their nodes
};

extern template class Tape<float>;
extern template class Tape<double>;

}  // namespace ramp

#include <autodiff/tape/record.hpp>

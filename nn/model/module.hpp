// A part of a network: what it is made of and what it does to its input. It knows no layer; those
// are in layers.hpp.
#pragma once

#include <autodiff/tape/tape.hpp>
#include <nn/model/members.hpp>

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ramp::nn {

/// T is float or double. Derive from it; keep parts and parameters as members; name them in
/// members(), and say in forward() what becomes of the input:
///
///     struct Residual : Module<float> {
///       explicit Residual(Random& random) : inner(16, 16, random) {}
///       void members(Members<float>& m) override { m("inner", inner); }
///       Var<float> forward(const Var<float>& x) override { return x + relu(inner(x)); }
///
///       Linear<float> inner;
///     };
///
/// It is a value: copies share nothing with the original, so a vector of models, a snapshot or a
/// clone is what it looks like. To share a part, use it twice.
template <class T = float> class Module {
 public:
  /// The name becomes the scope of its nodes; an empty one opens none. A part's name is the one
  /// that members() gives it.
  explicit Module(std::string name = {}) : name_(std::move(name)) {}
  virtual ~Module() = default;
  Module(const Module& other) : name_(other.name_), training_(other.training_) {}
  Module(Module&& other) noexcept : name_(std::move(other.name_)), training_(other.training_) {}
  Module& operator=(Module other) noexcept {
    name_.swap(other.name_), training_ = other.training_, named_ = false;
    return *this;
  }

  /// Names each parameter, part, buffer and generator that it has.
  virtual void members(Members<T>&) {}
  /// What it does; public, so that another module can leave the scope out. One that takes several
  /// inputs has a forward() of its own instead, and is called by call(); `using Module::forward;`
  /// beside it tells compilers that warn of hidden functions that it is meant.
  virtual Var<T> forward(const Var<T>& x);
  /// Records forward(x) on x's tape, in a scope of the module's name.
  Var<T> operator()(const Var<T>& x);

  const std::string& name() const { return name_; }
  /// Tells parts and parameters their names. The first call of the outermost module does it, and
  /// parameters() does it anew, for when parts were replaced.
  void give_names() {
    if (!named_) contents();
  }

  // --- What it is made of

  /// Its parameters in the order of members(), each named by its place below this module, whose own
  /// name is left out: "layer0.weight".
  std::vector<Parameter<T>*> parameters();
  /// ValueError, which lists the names, for another.
  Parameter<T>& parameter(std::string_view name);
  Tensor<T>& buffer(std::string_view name);
  /// All of it, with names, which parts and parameters are told. Generators that begin with the
  /// same seed begin streams of their own, so that two layers never drop the same units.
  Members<T> contents();
  /// How many numbers the parameters hold together.
  std::size_t parameter_count();

  // --- What is done to all of it

  /// Forgets all gradients (Parameter::zero_grad).
  void zero_grad();
  /// No gradients for its parameters from now on, or gradients again.
  void freeze(bool on = true);
  /// In which mode dropout drops and normalization takes the batch's own statistics, or neither:
  /// a new module trains.
  void train(bool on = true);
  void eval() { train(false); }
  bool training() const { return training_; }
  void set_mode(bool training) { training_ = training; }  // of this module alone
  /// Takes over the values of parameters and buffers. ShapeError, and nothing is changed, unless
  /// names and shapes are the same; it says what differs.
  void assign(Module& other);

 protected:
  void rename(std::string name) { name_ = std::move(name); }
  /// To be called where parts come or go: the next call names all again.
  void forget_names() { named_ = false; }

 private:
  friend Members<T>;

  std::string name_;
  bool training_ = true;
  bool named_ = false;  // whether parts and parameters know their names
};

/// Records module.forward(x, …) on x's tape, in a scope of the module's name: the call of a module
/// that takes several inputs.
template <class M, class X, class... More> auto call(M& module, const X& x, const More&... more) {
  module.give_names();
  if (module.name().empty()) return module.forward(x, more...);
  const auto scope = x.tape().scope(module.name());
  return module.forward(x, more...);
}

}  // namespace ramp::nn

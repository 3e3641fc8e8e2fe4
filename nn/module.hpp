// A part of a network: named parameters, smaller parts, and what it does to its input. It knows no
// layer; those are in layers.hpp.
#pragma once

#include <autodiff/tape/tape.hpp>
#include <autodiff/values/parameter.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ramp::nn {

/// T is float or double. Derive from it, make parameters and parts in the constructor, and say in
/// forward() what becomes of the input:
///
///     class Residual : public Module<float> {
///      public:
///       explicit Residual(Random& random)
///           : Module("residual"), inner_(add<Linear<float>>("inner", 16, 16, random)) {}
///
///      private:
///       Var<float> forward(const Var<float>& x) override { return x + relu(inner_(x)); }
///       Linear<float>& inner_;
///     };
template <class T = float> class Module {
 public:
  /// The name becomes the scope of its nodes; an empty one opens none.
  explicit Module(std::string name = {}) : name_(std::move(name)) {}
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// Records forward(x) on x's tape, in a scope of the module's name.
  Var<T> operator()(const Var<T>& x);

  const std::string& name() const { return name_; }
  /// Its own parameters in the order of their making, then those of its parts. Their names say
  /// where they stand below the outermost module, whose own name is left out: "layer0.weight".
  std::vector<Parameter<T>*> parameters() const;
  /// How many numbers they hold together.
  std::size_t parameter_count() const;
  /// Forgets all their gradients (Parameter::zero_grad).
  void zero_grad();
  /// Its parts, in the order of their making.
  const std::vector<std::unique_ptr<Module>>& parts() const { return parts_; }

 protected:
  virtual Var<T> forward(const Var<T>& x) = 0;

  /// Both throw ValueError for a name that is taken, empty, or has a dot in it. What they return
  /// lives as long as the module does.
  Parameter<T>& add_parameter(std::string_view name, Tensor<T> value);
  template <std::derived_from<Module> M, class... Args>
  M& add(std::string_view name, Args&&... args) {
    auto part = std::make_unique<M>(std::forward<Args>(args)...);
    M& it = *part;
    attach(name, std::move(part));
    return it;
  }

 private:
  void attach(std::string_view name, std::unique_ptr<Module> part);
  void check_name(std::string_view name) const;
  void collect(std::vector<Parameter<T>*>& all) const;
  std::string path() const;  // "layer0." or ""

  std::string name_;
  Module* whole_ = nullptr;
  std::vector<std::unique_ptr<Parameter<T>>> parameters_;  // in place for good: tapes know them
  std::vector<std::unique_ptr<Module>> parts_;
};

}  // namespace ramp::nn

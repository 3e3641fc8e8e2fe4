// Modules one after the other, and the multilayer perceptron, which is that.
#pragma once

#include <nn/model/layers.hpp>
#include <nn/model/module.hpp>
#include <nn/model/normalization.hpp>

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace ramp::nn {

/// Modules one after the other, named "0", "1", … or as you like. It keeps copies of what it is
/// given.
///
///     Sequential<float> model(Linear<float>(2, 16, random, {.activation = "tanh"}),
///                             Dropout<float>(0.2), Linear<float>(16, 2, random));
///     model.push("positive", ActivationLayer<float>("softplus"));
template <class T = float> class Sequential : public Module<T> {
 public:
  explicit Sequential(std::string name = "sequential") : Module<T>(std::move(name)) {}
  template <std::derived_from<Module<T>>... Layers>
  requires(sizeof...(Layers) > 1) explicit Sequential(Layers... layers) : Sequential() {
    (push(std::move(layers)), ...);
  }

  /// Returns the part, which stays where it is until the Sequential dies.
  template <std::derived_from<Module<T>> Layer> Layer& push(std::string name, Layer layer) {
    auto part = std::make_unique<Holder<Layer>>(std::move(layer));
    Layer& it = part->module;
    attach(std::move(name), std::move(part));
    return it;
  }
  template <std::derived_from<Module<T>> Layer> Layer& push(Layer layer) {
    return push(std::to_string(size()), std::move(layer));
  }

  std::size_t size() const { return parts_.size(); }
  /// The part at this place. IndexError.
  Module<T>& operator[](std::size_t i) { return at(i).holder->get(); }
  const std::string& name_of(std::size_t i) const { return at(i).name; }

  void members(Members<T>& m) override;
  Var<T> forward(const Var<T>& x) override;

 private:
  struct AnyHolder {  // knows its module's type, so that it can be copied
    virtual ~AnyHolder() = default;
    virtual Module<T>& get() = 0;
    virtual std::unique_ptr<AnyHolder> clone() const = 0;
  };
  template <class Layer> struct Holder : AnyHolder {
    explicit Holder(Layer layer) : module(std::move(layer)) {}
    Module<T>& get() override { return module; }
    std::unique_ptr<AnyHolder> clone() const override { return std::make_unique<Holder>(module); }
    Layer module;
  };
  struct Part {
    Part(std::string its_name, std::unique_ptr<AnyHolder> its_holder)
        : name(std::move(its_name)), holder(std::move(its_holder)) {}
    Part(const Part& other) : name(other.name), holder(other.holder->clone()) {}
    Part(Part&&) noexcept = default;
    Part& operator=(Part other) noexcept {
      std::swap(name, other.name), std::swap(holder, other.holder);
      return *this;
    }
    ~Part() = default;
    std::string name;
    std::unique_ptr<AnyHolder> holder;
  };
  void attach(std::string name, std::unique_ptr<AnyHolder> part);
  const Part& at(std::size_t i) const;

  std::vector<Part> parts_;
};

struct MLPOptions {
  Activation activation = "relu";  // after each layer but the last
  Init init = "he_uniform";        // he takes the gain of the activation, for the last layer 1
  bool bias = true;
  double dropout = 0;      // after each layer but the last; 0: none
  std::uint64_t seed = 0;  // layer i draws from Random(seed).stream(i)
  std::string name = "mlp";
};

/// Linear layers with activations between them: MLP<float> model({784, 256, 128, 10}). Parameters
/// are layer0.weight, layer0.bias, layer1.weight, …; nodes lie in the scopes mlp/layer0, …, each
/// with its activation. Dropout layers are called dropout0, …. ValueError for fewer than two sizes
/// or one below 1.
template <class T = float> class MLP : public Sequential<T> {
 public:
  explicit MLP(std::vector<std::int64_t> sizes, MLPOptions options = {});

  const std::vector<std::int64_t>& sizes() const { return sizes_; }

 private:
  std::vector<std::int64_t> sizes_;
};

}  // namespace ramp::nn

#include <nn/data/dataset.hpp>
#include <nn/keep/architecture.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <typeinfo>

namespace ramp::nn {

namespace {

template <class T>
void push_described(Sequential<T>& to, const std::string& name, const Json& layer);

// One layer type: what has to be known of it besides its numbers, and how it is made from that.
template <class T> struct Kind {
  const char* name;
  const std::type_info* type;
  Json (*describe)(Module<T>& module);
  void (*push)(Sequential<T>& to, const std::string& name, const Json& layer);
};

// A user's class that derives from a layer may do something else: only the type itself counts.
template <class T, class Layer, class Describe, class Make>
constexpr Kind<T> kind(const char* name, Describe, Make) {
  return {name, &typeid(Layer),
          [](Module<T>& module) { return Describe{}(static_cast<Layer&>(module)); },
          [](Sequential<T>& to, const std::string& as, const Json& layer) {
            to.push(as, Make{}(layer));
          }};
}

Json known(const Activation& activation) {  // null for one that isn't in the table
  for (const Activation& entry : activations())
    if (entry.name() == activation.name() && entry.same_as(activation)) return activation.name();
  return nullptr;
}

template <class T> Json parts_of(Sequential<T>& model) {
  Json parts = Json::array();
  for (std::size_t i = 0; i < model.size(); ++i) {
    Json layer = described(model[i]);
    if (layer.is_null()) return nullptr;
    Json named{{"name", model.name_of(i)}};
    named.update(layer);
    parts.push_back(std::move(named));
  }
  return {{"scope", model.name()}, {"parts", parts}};
}

template <class T> Sequential<T> sequential(const Json& layer) {
  Sequential<T> model(layer.at("scope").get<std::string>());
  for (const Json& part : layer.at("parts")) push_described(model, part.at("name"), part);
  return model;
}

std::int64_t whole(const Json& layer, const char* key) {
  const Json& size = layer.at(key);
  constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  if (!size.is_number_unsigned() || size.get<std::uint64_t>() > most)
    throw ValueError(
        fmt::format("{} is {}: it should be a whole number from 0 to 2^63 - 1", key, size.dump()));
  return size.get<std::int64_t>();
}

// How many numbers the layers take, or more: the product of each one's sizes, of which none makes
// it less, whatever else a file says of the layer.
double numbers_in(const Json& layer) {
  double n = 1, all = 0;
  for (const char* const size : {"in", "out", "features", "count", "width"})
    if (layer.contains(size))
      n *= static_cast<double>(std::max<std::int64_t>(1, whole(layer, size)));
  if (layer.contains("parts"))
    for (const Json& part : layer.at("parts")) all += numbers_in(part);
  return n > 1 ? all + n : all;
}

template <class T> const auto& kinds() {
  static const std::array table{
      kind<T, Linear<T>>(
          "linear",
          [](Linear<T>& l) -> Json {
            const Json activation = known(l.activation());
            if (activation.is_null()) return nullptr;
            return {{"in", l.in()},
                    {"out", l.out()},
                    {"bias", l.bias() != nullptr},
                    {"activation", activation}};
          },
          [](const Json& j) {
            return Linear<T>(whole(j, "in"), whole(j, "out"), Random(0),
                             {.activation = j.at("activation").get<std::string>(),
                              .init = "zeros",
                              .bias = j.at("bias").get<bool>()});
          }),
      kind<T, ActivationLayer<T>>(
          "activation",
          [](ActivationLayer<T>& l) -> Json {
            const Json activation = known(l.activation());
            if (activation.is_null()) return nullptr;
            return {{"activation", activation}};
          },
          [](const Json& j) { return ActivationLayer<T>(j.at("activation").get<std::string>()); }),
      kind<T, Dropout<T>>(
          "dropout",
          [](Dropout<T>& l) -> Json {
            return {{"rate", l.rate()}};
          },
          [](const Json& j) { return Dropout<T>(j.at("rate").get<double>()); }),
      kind<T, LayerNorm<T>>(
          "layer_norm",
          [](LayerNorm<T>& l) -> Json {
            return {{"features", l.features()}, {"eps", l.eps()}};
          },
          [](const Json& j) {
            return LayerNorm<T>(whole(j, "features"), j.at("eps").get<double>());
          }),
      kind<T, BatchNorm1d<T>>(
          "batch_norm_1d",
          [](BatchNorm1d<T>& l) -> Json {
            return {{"features", l.features()}, {"eps", l.eps()}, {"momentum", l.momentum()}};
          },
          [](const Json& j) {
            return BatchNorm1d<T>(whole(j, "features"), j.at("eps").get<double>(),
                                  j.at("momentum").get<double>());
          }),
      kind<T, Standardize<T>>(
          "standardize",
          [](Standardize<T>& l) -> Json {
            return {{"features", l.features()}};
          },
          [](const Json& j) {
            const Tensor<T> ones(Shape{whole(j, "features")}, T(1));
            return Standardize<T>(ones, ones);
          }),
      kind<T, Embedding<T>>(
          "embedding",
          [](Embedding<T>& l) -> Json {
            return {{"count", l.count()}, {"width", l.width()}};
          },
          [](const Json& j) {
            return Embedding<T>(whole(j, "count"), whole(j, "width"), Random(0));
          }),
      kind<T, SoftmaxLayer<T>>(
          "softmax", [](SoftmaxLayer<T>&) { return Json::object(); },
          [](const Json&) { return SoftmaxLayer<T>(); }),
      kind<T, Flatten<T>>(
          "flatten", [](Flatten<T>&) { return Json::object(); },
          [](const Json&) { return Flatten<T>(); }),
      kind<T, Sequential<T>>(
          "sequential", [](Sequential<T>& l) { return parts_of(l); },
          [](const Json& j) { return sequential<T>(j); }),
      kind<T, MLP<T>>(
          "sequential", [](MLP<T>& l) { return parts_of<T>(l); },
          [](const Json& j) { return sequential<T>(j); }),
  };
  return table;
}

template <class T>
void push_described(Sequential<T>& to, const std::string& name, const Json& layer) {
  const std::string wanted = layer.at("kind");
  const auto at = std::ranges::find_if(kinds<T>(), [&](auto& kind) { return kind.name == wanted; });
  if (at == kinds<T>().end())
    throw ValueError(
        fmt::format("layer '{}' is of the unknown kind '{}': was it written by a "
                    "later version?",
                    name, wanted));
  at->push(to, name, layer);
}

}  // namespace

Json parsed(std::string_view text) {
  return Json::parse(text, [](int depth, Json::parse_event_t, Json&) {
    if (depth > 200) throw ValueError("it is nested too deep");
    return true;
  });
}

template <class T> Tensor<T> transposed(const Tensor<T>& x) {
  if (x.shape().rank() != 2) return x;
  const std::size_t rows = x.shape()[0], cols = x.shape()[1];
  Tensor<T> y(Shape{cols, rows});
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < cols; ++j) y[j * rows + i] = x[i * cols + j];
  return y;
}

template <class T> Json described(Module<T>& module) {
  for (const Kind<T>& kind : kinds<T>()) {
    if (*kind.type != typeid(module)) continue;
    const Json layer = kind.describe(module);
    if (layer.is_null()) return nullptr;
    Json all{{"kind", kind.name}};
    all.update(layer);
    return all;
  }
  return nullptr;
}

template <class T> Sequential<T> rebuilt(const Json& layers, std::uint64_t room) {
  if (numbers_in(layers) > static_cast<double>(room))
    throw ValueError("the layers have more numbers than the file");
  return sequential<T>(layers);
}

#define RAMP_ARCHITECTURE(T)                       \
  template Json described(Module<T>&);             \
  template Tensor<T> transposed(const Tensor<T>&); \
  template Sequential<T> rebuilt(const Json&, std::uint64_t);
RAMP_ARCHITECTURE(float)
RAMP_ARCHITECTURE(double)
#undef RAMP_ARCHITECTURE

}  // namespace ramp::nn

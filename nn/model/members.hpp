// What a module is made of, told by itself: the one list behind parameters(), copies, files and
// checkpoints.
#pragma once

#include <autodiff/values/parameter.hpp>
#include <nn/random.hpp>

#include <concepts>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace ramp::nn {

template <class T> class Module;

/// How a parameter lies in a file: as it does in memory, or transposed, as other tools expect
/// weights, (out, in).
enum class Layout { as_is, transposed };

template <class T> struct ParameterEntry {
  std::string name;  // from the outermost module down: "layer0.weight"
  Parameter<T>* parameter;
  Layout layout;
};
template <class T> struct BufferEntry {
  std::string name;
  Tensor<T>* buffer;
};
struct GeneratorEntry {
  std::string name;
  Random* generator;
};

/// A module's members() calls it once for each member. ValueError for a name that is empty, taken,
/// or has a dot in it, which separates a module from its parts. What is met a second time, because
/// it is shared, counts once, under its first name.
template <class T> class Members {
 public:
  /// What `whole` and its parts have. Nobody is told a name: Module::contents() does that.
  explicit Members(Module<T>& whole);

  void operator()(std::string_view name, Parameter<T>& p, Layout layout = Layout::as_is);
  /// A part, and all that it has, below "name.".
  void operator()(std::string_view name, Module<T>& part);
  /// Parts "name.0", "name.1", …: a vector or an array.
  template <class Parts>
  requires std::derived_from<typename Parts::value_type, Module<T>>
  void operator()(std::string_view name, Parts& parts) {
    taken(name, "a list of parts");
    std::size_t i = 0;
    for (auto& part : parts) enter(std::string(name) + "." + std::to_string(i++), part);
  }
  /// What no optimizer moves, but belongs to the model: saved and loaded with it.
  void operator()(std::string_view name, Tensor<T>& buffer);
  /// Where random numbers come from: part of a checkpoint, not of a saved model.
  void operator()(std::string_view name, Random& generator);

  std::vector<ParameterEntry<T>> parameters;
  std::vector<BufferEntry<T>> buffers;
  std::vector<GeneratorEntry> generators;
  std::vector<Module<T>*> modules;  // the outermost first

 private:
  friend Module<T>;
  // The whole name of a member of the module whose turn it is. ValueError.
  std::string taken(std::string_view name, const char* what);
  void enter(const std::string& name, Module<T>& part);

  std::string prefix_;  // "layer0." while layer0 tells its members
  Module<T>* teller_;
  std::vector<std::string> names_;            // of modules, each within the one it is part of
  std::map<std::string, const char*> taken_;  // whole names, and what they name
  std::set<const void*> met_;
};

}  // namespace ramp::nn

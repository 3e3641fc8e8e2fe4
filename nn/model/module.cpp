#include <nn/joined.hpp>
#include <nn/model/module.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <set>

namespace ramp::nn {

// --- What a module is made of

template <class T> Members<T>::Members(Module<T>& whole) : teller_(&whole) { enter("", whole); }

template <class T> std::string Members<T>::taken(std::string_view name, const char* what) {
  const auto fail = [&](const std::string& why) {
    throw ValueError(fmt::format("[module] {}: the name '{}' {}", teller_->name(), name, why));
  };
  if (name.empty()) fail("is empty: members are told apart by their names");
  if (name.find('.') != name.npos) fail("has a dot in it: dots separate a module from its parts");
  const auto [place, is_new] = taken_.emplace(prefix_ + std::string(name), what);
  if (!is_new) fail(fmt::format("is taken by {}", place->second));
  return place->first;
}

template <class T>
void Members<T>::operator()(std::string_view name, Parameter<T>& p, Layout layout) {
  std::string whole = taken(name, "a parameter");
  if (met_.insert(&p).second) parameters.push_back({std::move(whole), &p, layout});
}

template <class T> void Members<T>::operator()(std::string_view name, Tensor<T>& buffer) {
  std::string whole = taken(name, "a buffer");
  if (met_.insert(&buffer).second) buffers.push_back({std::move(whole), &buffer});
}

template <class T> void Members<T>::operator()(std::string_view name, Random& generator) {
  std::string whole = taken(name, "a generator");
  if (met_.insert(&generator).second) generators.push_back({std::move(whole), &generator});
}

template <class T> void Members<T>::operator()(std::string_view name, Module<T>& part) {
  taken(name, "a part");
  enter(std::string(name), part);
}

template <class T> void Members<T>::enter(const std::string& name, Module<T>& part) {
  if (!met_.insert(&part).second) return;
  modules.push_back(&part);
  names_.push_back(name);
  const std::string prefix = prefix_;
  Module<T>* const teller = std::exchange(teller_, &part);
  if (!name.empty()) prefix_ += name + ".";
  part.members(*this);
  prefix_ = prefix;
  teller_ = teller;
}

// --- Modules

template <class T> Var<T> Module<T>::forward(const Var<T>&) {
  throw ValueError(
      fmt::format("[module] {}: it has no forward() of one input: call(module, x, …) is for those "
                  "that take several",
                  name_));
}

template <class T> Var<T> Module<T>::operator()(const Var<T>& x) { return call(*this, x); }

template <class T> Members<T> Module<T>::contents() {
  Members<T> all(*this);
  for (std::size_t i = 1; i < all.modules.size(); ++i) all.modules[i]->rename(all.names_[i]);
  for (Module* module : all.modules) module->named_ = true;
  for (const auto& [name, parameter, layout] : all.parameters) parameter->rename(name);
  std::set<std::uint64_t> states;  // two generators with one seed would draw the same numbers
  for (const auto& [name, generator] : all.generators)
    while (!states.insert(generator->state()).second) *generator = generator->stream(states.size());
  return all;
}

template <class T> std::vector<Parameter<T>*> Module<T>::parameters() {
  std::vector<Parameter<T>*> all;
  for (const auto& entry : contents().parameters) all.push_back(entry.parameter);
  return all;
}

namespace {

template <class Entry> const Entry& entry_named(const std::string& module, const char* what,
                                                std::string_view name,
                                                const std::vector<Entry>& entries) {
  std::vector<std::string> names;
  for (const Entry& entry : entries) {
    if (entry.name == name) return entry;
    names.push_back(entry.name);
  }
  throw ValueError(fmt::format("[module] {}: it has no {} '{}'; there {} {}", module, what, name,
                               names.size() == 1 ? "is" : "are",
                               names.empty() ? "none" : joined(names)));
}

}  // namespace

template <class T> Parameter<T>& Module<T>::parameter(std::string_view name) {
  return *entry_named(name_, "parameter", name, Members<T>(*this).parameters).parameter;
}

template <class T> Tensor<T>& Module<T>::buffer(std::string_view name) {
  return *entry_named(name_, "buffer", name, Members<T>(*this).buffers).buffer;
}

template <class T> std::size_t Module<T>::parameter_count() {
  std::size_t count = 0;
  for (const auto& entry : Members<T>(*this).parameters) count += entry.parameter->value().size();
  return count;
}

template <class T> void Module<T>::zero_grad() {
  for (const auto& entry : Members<T>(*this).parameters) entry.parameter->zero_grad();
}

template <class T> void Module<T>::freeze(bool on) {
  for (const auto& entry : Members<T>(*this).parameters) entry.parameter->freeze(on);
}

template <class T> void Module<T>::train(bool on) {
  for (Module* module : Members<T>(*this).modules) module->set_mode(on);
}

template <class T> void Module<T>::assign(Module& other) {
  const Members<T> here(*this), there(other);
  std::map<std::string, const Tensor<T>*> given;
  for (const auto& entry : there.parameters) given[entry.name] = &entry.parameter->value();
  for (const auto& entry : there.buffers) given[entry.name] = entry.buffer;
  std::map<std::string, const Tensor<T>*> extra = given;
  std::vector<std::string> differences;
  const auto compare = [&](const std::string& name, const Shape& shape) {
    extra.erase(name);
    const auto found = given.find(name);
    if (found == given.end())
      differences.push_back(fmt::format("{} {} is missing", name, to_string(shape)));
    else if (!(found->second->shape() == shape))
      differences.push_back(fmt::format("{} is {} instead of {}", name,
                                        to_string(found->second->shape()), to_string(shape)));
  };
  for (const auto& entry : here.parameters) compare(entry.name, entry.parameter->shape());
  for (const auto& entry : here.buffers) compare(entry.name, entry.buffer->shape());
  for (const auto& [name, value] : extra)
    differences.push_back(fmt::format("{} {} is too much", name, to_string(value->shape())));
  if (!differences.empty())
    throw ShapeError(fmt::format("[assign] {}: the other model doesn't fit: {}", name_,
                                 joined(differences, "; ")));
  const auto take = [&](const std::string& name, const View<T>& to) {
    std::copy_n(given[name]->begin(), to.size(), to.begin());
  };
  for (const auto& entry : here.parameters) take(entry.name, entry.parameter->edit());
  for (const auto& entry : here.buffers) take(entry.name, entry.buffer->view());
}

template class Members<float>;
template class Members<double>;
template class Module<float>;
template class Module<double>;

}  // namespace ramp::nn

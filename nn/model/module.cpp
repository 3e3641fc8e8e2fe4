#include <nn/model/module.hpp>

#include <fmt/format.h>

namespace ramp::nn {

template <class T> Var<T> Module<T>::operator()(const Var<T>& x) {
  if (name_.empty()) return forward(x);
  const auto scope = x.tape().scope(name_);
  return forward(x);
}

template <class T> std::vector<Parameter<T>*> Module<T>::parameters() const {
  std::vector<Parameter<T>*> all;
  collect(all);
  return all;
}

template <class T> void Module<T>::collect(std::vector<Parameter<T>*>& all) const {
  for (const auto& p : parameters_) all.push_back(p.get());
  for (const auto& part : parts_) part->collect(all);
}

template <class T> std::size_t Module<T>::parameter_count() const {
  std::size_t count = 0;
  for (const Parameter<T>* p : parameters()) count += p->value().size();
  return count;
}

template <class T> void Module<T>::zero_grad() {
  for (Parameter<T>* p : parameters()) p->zero_grad();
}

template <class T> std::string Module<T>::path() const {
  return whole_ ? whole_->path() + name_ + "." : "";
}

template <class T> void Module<T>::check_name(std::string_view name) const {
  const auto fail = [&](const char* why) {
    throw ValueError(fmt::format("[module] {}: the name '{}' {}", name_, name, why));
  };
  if (name.empty()) fail("is empty: parameters are told apart by their names");
  if (name.find('.') != name.npos) fail("has a dot in it: dots separate a module from its parts");
  for (const auto& p : parameters_)
    if (p->name() == path() + std::string(name)) fail("is taken by a parameter");
  for (const auto& part : parts_)
    if (part->name() == name) fail("is taken by a part");
}

template <class T> Parameter<T>& Module<T>::add_parameter(std::string_view name, Tensor<T> value) {
  check_name(name);
  parameters_.push_back(
      std::make_unique<Parameter<T>>(path() + std::string(name), std::move(value)));
  return *parameters_.back();
}

template <class T> void Module<T>::attach(std::string_view name, std::unique_ptr<Module> part) {
  check_name(name);
  part->name_ = name;
  part->whole_ = this;
  const std::string before = part->path();
  for (Parameter<T>* p : part->parameters()) p->rename(before + p->name());
  parts_.push_back(std::move(part));
}

template class Module<float>;
template class Module<double>;

}  // namespace ramp::nn

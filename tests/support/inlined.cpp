#include "inlined.hpp"

#include <cstddef>
#include <utility>

namespace support {

using namespace ramp;

namespace {

template <class O, class T> Var<T> recorded(const void* attr, std::span<const Var<T>> in) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return Var<T>::template record<O>(*static_cast<const typename O::Attr*>(attr), in[I]...);
  }
  (std::make_index_sequence<std::size_t{O::arity}>{});
}

template <class O, class T> void add(std::vector<Inlined<T>>& all) {
  if constexpr (O::elementwise) all.push_back({&op_info(op_id<O>()), recorded<O, T>});
}
template <class T, class... Ops> void add_all(std::vector<Inlined<T>>& all, OpList<Ops...>) {
  (add<Ops, T>(all), ...);
}

}  // namespace

template <class T> std::vector<Inlined<T>> inlined_ops() {
  std::vector<Inlined<T>> all;
  add_all(all, BuiltinOps{});
  return all;
}
template std::vector<Inlined<float>> inlined_ops();
template std::vector<Inlined<double>> inlined_ops();

}  // namespace support

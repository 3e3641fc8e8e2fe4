// Layers as JSON, and back. The room's own.
#pragma once

#include <nn/model/sequential.hpp>

#include <nlohmann/json.hpp>

#include <string>

namespace ramp::nn {

using Json = nlohmann::ordered_json;

/// Null for a module that isn't of this library's layers alone.
template <class T> Json described(Module<T>& module);
/// The layer that described() has written, pushed under this name. DataError for an unknown kind.
template <class T>
void push_described(Sequential<T>& to, const std::string& name, const Json& layer);

}  // namespace ramp::nn

// Layers as JSON, and back. The room's own.
#pragma once

#include <nn/model/sequential.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string_view>

namespace ramp::nn {

using Json = nlohmann::ordered_json;

/// Null for a module that isn't of this library's layers alone.
template <class T> Json described(Module<T>& module);
/// The layers of a Sequential that described() has written, which together have no more than `room`
/// numbers: those of the file. ValueError or Json::exception for damaged ones.
template <class T> Sequential<T> rebuilt(const Json& layers, std::uint64_t room);
/// (out, in) of (in, out), and the other way about; what has another rank is as it was.
template <class T> Tensor<T> transposed(const Tensor<T>& x);
/// Json::exception, and ValueError for what is nested deeper than a model is, and would take more
/// stack than there is.
Json parsed(std::string_view text);

}  // namespace ramp::nn

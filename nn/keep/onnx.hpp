// Models in ONNX, the format that other runtimes take: what nn/model builds, written for opset 20
// (IR version 9), and read from opset 13 to 24 where the graph is a chain of such layers.
#pragma once

#include <nn/keep/model_file.hpp>

#include <filesystem>

namespace ramp::nn {

/// Writes a model as it is in eval() mode. Its input is called "input", (batch, features) where the
/// first layer says how many; Linear layers become Gemm, and so take (batch, in). Numbers are
/// written as T is. What ModelInfo says goes along in the metadata. ValueError for a model with
/// modules that aren't this library's, and above the 2 GiB that the format can hold; FileError.
template <class T>
void save_onnx(Module<T>& model, const std::filesystem::path& path, const ModelInfo& info = {});

/// The same of a file that save() wrote.
void write_onnx(const SafeTensors& model, const std::filesystem::path& path);

/// Reads an ONNX file as the file that save() would have written, from which load_model() and
/// load() go on. Gemm, or MatMul and Add: Linear; Relu, LeakyRelu (0.01), Elu (1), Gelu, Sigmoid,
/// Tanh, Softplus, Sigmoid and Mul (silu); Softmax and LayerNormalization over the last axis,
/// BatchNormalization, Dropout (as at inference), Flatten, Identity, Sub and Div by constants
/// (Standardize), Gather of a table (Embedding). Layers are called as their weights are
/// ("fc1.weight": fc1), others are numbered. DataError with the path, and the node where there is
/// one, for all else, a damaged file included. Numbers kept outside of the file are refused.
SafeTensors read_onnx(const std::filesystem::path& path);

/// A model's file: ONNX where the name ends in .onnx, else safetensors.
SafeTensors open_model(const std::filesystem::path& path);

}  // namespace ramp::nn

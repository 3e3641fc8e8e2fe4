// A trained model as a file that other tools read, and that alone rebuilds it.
#pragma once

#include <nn/data/csv.hpp>
#include <nn/keep/safetensors.hpp>
#include <nn/model/module.hpp>
#include <nn/model/sequential.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ramp::nn {

/// What belongs to a model besides its numbers.
struct ModelInfo {
  std::vector<std::string> classes = {};  // what output k stands for; empty: nothing by name
  std::optional<Encoding> encoding = {};  // how rows of a table become its inputs
  Shape sample_shape = {};                // of an input before it was flattened; (): never was
  std::string note = {};                  // free text: where it comes from, how good it was
};

/// Writes a safetensors file: parameters and buffers under the names and with the (out, in) layout
/// of PyTorch's state_dict, so that its load_state_dict takes them; in the metadata what
/// load_model() needs, where the model is built of this library's layers alone. FileError.
template <class T>
void save(Module<T>& model, const std::filesystem::path& path, const ModelInfo& info = {});

/// Reads such a file, of this library or another, into a model that is there. ShapeError, and the
/// model stays as it is, unless names and shapes are those of the model: it lists what is missing,
/// what is there too much, and what has another shape. DataError for a damaged file, and for a
/// number that is infinite or NaN, a deviation of Standardize that isn't above 0, or a variance of
/// BatchNorm1d below 0, or 0 with no eps, each of which it names. A file of another format that can
/// be turned into one (onnx.hpp) is known by its ending, .onnx.
template <class T> ModelInfo load(Module<T>& model, const std::filesystem::path& path);

/// Rebuilds an MLP or Sequential from a file that save() wrote, in eval() mode. DataError where the
/// file doesn't say of what layers it is.
template <class T> struct LoadedModel {
  Sequential<T> model;
  ModelInfo info;
};
/// Rebuilds, too, what is in an .onnx file.
template <class T = float> LoadedModel<T> load_model(const std::filesystem::path& path);

/// What save() writes.
template <class T> SafeTensors packed(Module<T>& model, const ModelInfo& info = {});

/// What save() has put into a file besides the numbers; nothing for a file of others.
struct FileInfo {
  std::string
      architecture;  // as architecture() gives it; empty where load_model() can't rebuild it
  ModelInfo info;
};
std::optional<FileInfo> model_info(const SafeTensors& file);

/// The layers in JSON, as load_model() reads them; empty for a model with modules that aren't this
/// library's.
template <class T> std::string architecture(Module<T>& model);

}  // namespace ramp::nn

// What the commands that use a trained model share.
#pragma once

#include "cli.hpp"

#include <nn/keep/model_file.hpp>

#include <cstddef>
#include <span>
#include <string>

namespace ramp::tool {

/// The file MODEL, or model.safetensors of the folder MODEL, as `ramp train --out` leaves it.
std::string model_path(const std::string& given);
CLI::Option* add_model(CLI::App& command, std::string& path);

/// A table's rows as the model's inputs: by the encoding that it was trained with, else all cells
/// as numbers. Throws Failure, which names what is missing, for a model that has too few or too
/// many.
nn::Dataset<float> inputs_of(const nn::Table& table, const nn::ModelInfo& info, bool with_target);

/// The model without the softmax at its end, if it has one, as many an ONNX file does: what it
/// gives are scores in any case, as cross_entropy and --scores take them, and never probabilities.
class WithoutSoftmax : public nn::Module<float> {
 public:
  explicit WithoutSoftmax(nn::Sequential<float>& model) : model_(model) {}
  void members(nn::Members<float>& m) override { m("model", model_); }
  Var<float> forward(const Var<float>& x) override;

 private:
  nn::Sequential<float>& model_;
};

/// Throws Failure, which names the first row at fault, unless all that the model gives is finite.
/// `lines` is where rows stand in their file; empty: they are numbered from 0.
void check_finite(const Tensor<float>& outputs, const std::string& data,
                  std::span<const std::size_t> lines);

}  // namespace ramp::tool

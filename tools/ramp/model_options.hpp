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

/// Throws Failure, which names the first row at fault, unless all that the model gives is finite.
/// `lines` is where rows stand in their file; empty: they are numbered from 0.
void check_finite(const Tensor<float>& outputs, const std::string& data,
                  std::span<const std::size_t> lines);

}  // namespace ramp::tool

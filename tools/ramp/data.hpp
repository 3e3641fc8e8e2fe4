// The data that `ramp train` trains on: by name or from a folder.
#pragma once

#include "cli.hpp"

#include <nn/data/dataset.hpp>
#include <nn/random.hpp>

#include <cstdint>
#include <string>

namespace ramp::tool {

struct DataOptions {
  std::string name = "fashion-mnist";
  std::uint64_t points = 1000;  // of a synthetic set
  double noise = 0.1;           // of a synthetic set
  int classes = 0;              // of a folder; 0: as the labels say
};

bool is_synthetic(const std::string& name);
/// Reads or makes it.
nn::Split<float> load(const DataOptions& options, nn::Random& seeds);
/// What there is to say about it before the training.
std::string described(const DataOptions& options, const nn::Split<float>& data);
/// The options --data, --points, --noise and --classes; check_data_options() says whether they go
/// together, by CLI::ValidationError.
void add_data_options(CLI::App& command, DataOptions& options);
void check_data_options(const CLI::App& command, const DataOptions& options);

}  // namespace ramp::tool

// The data that the commands work on: by name, from a folder of images, or from a table.
#pragma once

#include "cli.hpp"

#include <nn/data/csv.hpp>
#include <nn/data/dataset.hpp>
#include <nn/random.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace ramp::tool {

struct DataOptions {
  std::string name = "fashion-mnist";
  std::uint64_t points = 1000;              // of a synthetic set
  double noise = 0.1;                       // of a synthetic set
  int classes = 0;                          // of a folder; 0: as the labels say
  std::string target = {}, separator = {};  // of a table; no separator: as its name says
  std::string kind = "automatic";           // of the target: classes, number, or as its cells say
};

struct Data {
  nn::Dataset<float> train, test;
  std::optional<nn::Encoding> encoding;  // of a table

  bool regression() const { return train.classes == 0; }
};

bool is_synthetic(const std::string& name);
bool is_named_set(const std::string& name);  // a synthetic one, or one of images: no path
bool is_table(const std::string& name);
/// How a table of this name is to be read; without a separator: tabs in a .tsv, else commas.
nn::CsvOptions table_options(const std::string& name, const std::string& separator);

/// Reads or makes it. A table, or a synthetic set, is split: a fifth of it tests.
Data load(const DataOptions& options, nn::Random& seeds);
/// What there is to say about it before the training.
std::string described(const DataOptions& options, const Data& data);
/// --kind, for who learns from a table what its target is.
CLI::Option* add_kind(CLI::App& command, std::string& kind);
CLI::Option* add_separator(CLI::App& command, std::string& separator);
/// The options --data, --points, --noise, --classes, --target and --separator; check_data_options()
/// says whether they go together, by CLI::ValidationError.
void add_data_options(CLI::App& command, DataOptions& options);
void check_data_options(const CLI::App& command, const DataOptions& options);

}  // namespace ramp::tool

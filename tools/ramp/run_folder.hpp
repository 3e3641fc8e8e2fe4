// What a training writes to its folder, besides its checkpoints.
#pragma once

#include "cli.hpp"

#include <autodiff/inspect/dot.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ramp::tool {

/// DIR of --out, or no folder at all: then nothing is written.
///
///     settings.json       the command line, for --resume, and whether the training has ended
///     checkpoints/        the state of the training
///     metrics.jsonl       an object for each epoch; the same for two equal runs
///     times.jsonl         how long each epoch took
///     graph.dot, .svg     the network
///     model.safetensors   what was trained
class RunFolder {
 public:
  /// Makes the folder where it isn't there. Throws Failure.
  explicit RunFolder(std::filesystem::path path);

  explicit operator bool() const { return !path_.empty(); }
  std::filesystem::path checkpoints() const { return path_ / "checkpoints"; }
  std::filesystem::path model() const { return path_ / "model.safetensors"; }
  const std::filesystem::path& graph() const { return graph_; }  // to look at; empty: none

  /// For a new training: throws Failure if another one runs there, or has not ended and could be
  /// resumed, unless `overwrite`. It takes nothing away yet: clear() does, once all else that may
  /// fail has been done.
  void begin(bool overwrite) const;
  void clear() const;
  /// For a training that is picked up where no whole checkpoint is left: throws Failure, unless it
  /// was killed before it wrote its first one, and so loses no more than a moment.
  void check_without_checkpoint() const;
  void write_settings(const std::vector<std::string>& arguments, bool ended) const;
  static std::vector<std::string> settings(const std::filesystem::path& path);

  /// Opens the files of metrics and times; those of an earlier run stay until there is an epoch. Of
  /// a run that is picked up again, so many epochs are taken over; Failure where they aren't there.
  void open(std::size_t epochs = 0);
  void add_epoch(std::string_view metrics, std::string_view times);
  /// For before a checkpoint: it counts epochs, and is of no use after a power cut without their
  /// lines.
  void sync();

  /// Draws, and remembers which file is to be looked at.
  void write_graph(const Var<float>& loss, const DotOptions& look = {});

 private:
  std::filesystem::path path_, graph_;
  std::optional<OutputFile> metrics_, times_;
};

}  // namespace ramp::tool

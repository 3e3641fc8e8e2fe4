// The state of a training in files, of which the last good ones are kept. It knows no training: the
// state is tensors by name and a text.
#pragma once

#include <nn/data/npy.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace ramp::nn {

template <class T> struct Checkpoint {
  std::uint64_t step = 0;
  std::string text;  // JSON: all that is no tensor
  NamedTensors<T> tensors;
};

/// A folder that one training at a time writes checkpoints to: checkpoint-STEP.safetensors, each
/// with a checksum; the last `keep` of them stay, and best.safetensors.
template <class T> class CheckpointFolder {
 public:
  /// Makes the folder where it isn't there, and locks it until this object dies, or the process.
  /// FileError if it can't be made or written to, or another run has it.
  explicit CheckpointFolder(std::filesystem::path folder, std::size_t keep = 2);
  ~CheckpointFolder();
  CheckpointFolder(const CheckpointFolder&) = delete;
  CheckpointFolder& operator=(const CheckpointFolder&) = delete;

  const std::filesystem::path& folder() const { return folder_; }
  /// FileError; what was there before stays then.
  void write(const Checkpoint<T>& checkpoint);
  void write_best(const Checkpoint<T>& checkpoint);
  /// The newest that is whole; nothing if there is none. A damaged one is passed over: `note` says
  /// which and why.
  std::optional<Checkpoint<T>> newest(std::string* note = nullptr) const;
  std::optional<Checkpoint<T>> best(std::string* note = nullptr) const;
  /// Removes all checkpoints, for a new run.
  void clear();

 private:
  std::filesystem::path folder_;
  std::size_t keep_;
  int lock_ = -1;
};

}  // namespace ramp::nn

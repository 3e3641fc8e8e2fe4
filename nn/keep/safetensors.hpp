// Tensors by name in one file, as https://huggingface.co/docs/safetensors defines it: 8 bytes with
// the length of a header in JSON, that header, and the numbers.
#pragma once

#include <autodiff/values/tensor.hpp>
#include <nn/data/dataset.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ramp::nn {

class MappedFile;

/// A file, whose numbers stay in it until they are asked for. It refuses, by DataError with the
/// path, whatever the format doesn't allow: a header longer than 100 MB or the file, that is no
/// object, with a name twice, padding other than spaces; a tensor with an unknown type, offsets
/// that overlap, leave a gap, lie outside of the file, or don't fit its shape; bytes behind the
/// last one; names that are no UTF-8.
class SafeTensors {
 public:
  struct Entry {
    std::string name, type;  // "F32", "F64", "F16", "BF16", "I8" … "I64", "U8" … "U64", "BOOL"
    std::vector<std::uint64_t> shape;
    std::size_t offset, bytes;  // in the data
  };

  SafeTensors() = default;
  explicit SafeTensors(const std::filesystem::path& path);

  const std::string& path() const { return path_; }             // empty for one that wasn't read
  void set_path(std::string path) { path_ = std::move(path); }  // which errors name
  /// In the order of their place in the file.
  const std::vector<Entry>& entries() const { return entries_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  /// The numbers as T. DataError for a name that isn't there, which lists those that are, for more
  /// than 4 axes, and for an integer that T can't hold; floats are rounded.
  template <class T> Tensor<T> tensor(std::string_view name) const;
  /// Those of them from `first` on, as many as `to` has.
  template <class T> void read(const Entry& entry, std::size_t first, std::span<T> to) const;

  /// To be written: as F32 or F64, as T is. ValueError for a name that is taken.
  template <class T> void add(std::string name, const Tensor<T>& x);
  void set_metadata(std::string key, std::string value);
  /// FileError; the file is replaced once the new one is whole.
  void write(const std::filesystem::path& path) const;

  /// CRC-32 of the data, and of what is given.
  std::uint32_t checksum(std::string_view more = {}) const;

 private:
  const Entry* find(std::string_view name) const;
  std::string_view data() const;

  std::string path_;
  std::vector<Entry> entries_;
  std::map<std::string, std::string> metadata_;
  std::shared_ptr<const MappedFile> file_;  // of one that was read
  std::size_t header_ = 0;                  // the bytes before its data
  std::string added_;
};

}  // namespace ramp::nn

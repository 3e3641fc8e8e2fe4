// A file to read from the front, decompressed where it is a gzip file. A reader's own; it knows no
// format.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ramp::nn {

struct OpenFile {
  int descriptor;
  std::size_t size;
};
/// Waits for nobody: DataError, "[format] path: problem", for what is no regular file.
OpenFile open_to_read(const std::filesystem::path& path, const char* format);

/// Whether it is compressed is seen from its content, not its name. All errors are DataErrors,
/// "[format] path: problem".
class FileReader {
 public:
  explicit FileReader(const std::filesystem::path& path, const char* format = "idx");
  ~FileReader();
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  /// Fills `to` as far as the file goes and returns how far that is.
  std::size_t read(std::span<std::uint8_t> to);
  /// Whether nothing follows. It checks what a compressed file has after its last byte: the
  /// checksum, and that no garbage follows.
  bool at_end();

  [[noreturn]] void fail(std::string_view problem) const;

 private:
  bool refill();  // false at the end of the file
  std::size_t read_plain(std::span<std::uint8_t> to);
  std::size_t inflate_into(std::span<std::uint8_t> to);

  std::filesystem::path path_;
  const char* format_;
  int file_ = -1;
  bool compressed_ = false, between_members_ = false;
  std::vector<std::uint8_t> buffer_;
  z_stream stream_{};  // its input is what of the buffer is still to be read
};

/// All of it.
std::string read_file(const std::filesystem::path& path, const char* format);

}  // namespace ramp::nn

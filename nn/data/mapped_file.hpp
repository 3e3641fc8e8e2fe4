// A file as memory: read where it is looked at, and never copied. A reader's own.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>

namespace ramp::nn {

/// As it is when it's opened; a file that replaces it later isn't seen. DataError, "[format] path:
/// problem", for what is no regular file or can't be read. A file that somebody shortens meanwhile
/// ends the program where it's read (replace_file() doesn't shorten).
class MappedFile {
 public:
  MappedFile(const std::filesystem::path& path, const char* format);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return {data_, size_}; }

 private:
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace ramp::nn

#include <nn/data/dataset.hpp>
#include <nn/data/file_reader.hpp>
#include <nn/data/mapped_file.hpp>

#include <fmt/format.h>

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace ramp::nn {

MappedFile::MappedFile(const std::filesystem::path& path, const char* format) {
  const OpenFile file = open_to_read(path, format);
  size_ = file.size;
  if (size_ > 0) {  // nothing can't be mapped
    void* const at = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.descriptor, 0);
    const int error = errno;
    close(file.descriptor);
    if (at == MAP_FAILED)
      throw DataError(fmt::format("[{}] {}: {}", format, path.string(),
                                  std::generic_category().message(error)));
    data_ = static_cast<const char*>(at);
  } else {
    close(file.descriptor);
  }
}

MappedFile::~MappedFile() {
  if (size_ > 0) munmap(const_cast<char*>(data_), size_);
}

}  // namespace ramp::nn

#include <nn/data/dataset.hpp>
#include <nn/data/file_reader.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

namespace ramp::nn {

namespace {

std::string message_of(int error) { return std::generic_category().message(error); }

}  // namespace

OpenFile open_to_read(const std::filesystem::path& path, const char* format) {
  const auto fail = [&](const std::string& problem) {
    throw DataError(fmt::format("[{}] {}: {}", format, path.string(), problem));
  };
  // Without O_NONBLOCK, open() would wait for somebody to write to a pipe.
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    const int error = errno;
    std::error_code ignored;
    const auto leads_to = std::filesystem::read_symlink(path, ignored);
    if (error == ENOENT && !leads_to.empty())
      fail(fmt::format("a link to {}, which isn't there", leads_to.string()));
    fail(message_of(error));
  }
  struct stat status {};
  const bool known = fstat(file, &status) == 0;
  if (!known || !S_ISREG(status.st_mode)) {
    const int error = errno;
    close(file);
    if (!known) fail(message_of(error));
    fail(S_ISDIR(status.st_mode) ? "a folder, not a file" : "a pipe or a device, not a file");
  }
  return {file, static_cast<std::size_t>(status.st_size)};
}

FileReader::FileReader(const std::filesystem::path& path, const char* format)
    : path_(path), format_(format), buffer_(1 << 17) {
  file_ = open_to_read(path, format).descriptor;
  try {
    refill();
    const std::uint8_t* const start = stream_.next_in;
    compressed_ = stream_.avail_in >= 2 && start[0] == 0x1f && start[1] == 0x8b;
    if (compressed_ && inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK) fail("out of memory");
  } catch (...) {
    close(file_);
    throw;
  }
}

FileReader::~FileReader() {
  if (compressed_) inflateEnd(&stream_);
  close(file_);
}

void FileReader::fail(std::string_view problem) const {
  throw DataError(fmt::format("[{}] {}: {}", format_, path_.string(), problem));
}

bool FileReader::refill() {
  if (stream_.avail_in > 0) return true;
  ssize_t got;
  do got = ::read(file_, buffer_.data(), buffer_.size());
  while (got < 0 && errno == EINTR);
  if (got < 0) fail(message_of(errno));
  stream_.next_in = buffer_.data();
  stream_.avail_in = static_cast<unsigned>(got);
  return got > 0;
}

std::size_t FileReader::read(std::span<std::uint8_t> to) {
  return compressed_ ? inflate_into(to) : read_plain(to);
}

std::size_t FileReader::read_plain(std::span<std::uint8_t> to) {
  std::size_t done = 0;
  while (done < to.size() && refill()) {
    const std::size_t n = std::min<std::size_t>(stream_.avail_in, to.size() - done);
    std::copy_n(stream_.next_in, n, to.data() + done);
    stream_.next_in += n;
    stream_.avail_in -= static_cast<unsigned>(n);
    done += n;
  }
  return done;
}

// A gzip file is a row of members, each with its checksum; `cat a.gz b.gz` makes one of two.
std::size_t FileReader::inflate_into(std::span<std::uint8_t> to) {
  std::size_t done = 0;
  while (done < to.size()) {
    if (!refill()) {
      if (between_members_) return done;
      fail("the compressed file ends before its checksum: download it again");
    }
    if (between_members_) {
      if (*stream_.next_in != 0x1f)
        fail("the compressed data is followed by bytes that are none of it: download it again");
      inflateReset(&stream_);
      between_members_ = false;
    }
    const auto want = static_cast<unsigned>(std::min<std::size_t>(to.size() - done, 1 << 24));
    stream_.next_out = to.data() + done;
    stream_.avail_out = want;
    const int code = inflate(&stream_, Z_NO_FLUSH);
    done += want - stream_.avail_out;
    if (code == Z_STREAM_END)
      between_members_ = true;
    else if (code != Z_OK && code != Z_BUF_ERROR)
      fail(fmt::format("can't be read ({}): download it again",
                       stream_.msg ? stream_.msg : "damaged"));
  }
  return done;
}

std::string read_file(const std::filesystem::path& path, const char* format) {
  FileReader file(path, format);
  std::string text;
  std::vector<std::uint8_t> part(1 << 18);
  for (std::size_t n = part.size(); n == part.size();) {
    n = file.read(part);
    text.append(reinterpret_cast<const char*>(part.data()), n);
  }
  return text;
}

bool FileReader::at_end() {
  std::uint8_t next = 0;
  return read({&next, 1}) == 0;
}

}  // namespace ramp::nn

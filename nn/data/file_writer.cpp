#include <nn/data/file_writer.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <string>
#include <system_error>

namespace ramp::nn {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const fs::path& path, int error) {
  throw FileError(fmt::format("{}: {}", path.string(), std::generic_category().message(error)));
}

// A file that is closed, and removed unless it was put in its place.
struct Temporary {
  explicit Temporary(int its_file, std::string its_path = {})
      : file(its_file), path(std::move(its_path)) {}
  ~Temporary() {
    if (file >= 0) ::close(file);
    if (!path.empty()) unlink(path.c_str());
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  int file;
  std::string path;
};

void write_all(int file, std::string_view text, const fs::path& path) {
  while (!text.empty()) {
    const ssize_t n = ::write(file, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail(path, n < 0 ? errno : ENOSPC);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

// Where the links of `path` lead, to a file that need not be there yet.
fs::path behind_links(const fs::path& path) {
  constexpr int most = 40;  // as Linux follows
  fs::path at = path;
  std::error_code no_link, ignored;
  for (int links = 0;; ++links) {
    const fs::path next = fs::read_symlink(at, no_link);
    if (no_link) break;
    if (links == most) fail(path, ELOOP);
    at = at.parent_path() / next;
  }
  const fs::path real = fs::weakly_canonical(at, ignored);
  return real.empty() ? at : real;
}

}  // namespace

void sync_folder_of(const fs::path& path) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const Temporary directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.file >= 0) fsync(directory.file);  // some file systems can't, and need not
}

void replace_file(const fs::path& path, std::span<const std::string_view> pieces) {
  struct stat old {};
  const bool there = ::stat(path.c_str(), &old) == 0;
  if (there && S_ISDIR(old.st_mode)) fail(path, EISDIR);
  if (there && !S_ISREG(old.st_mode)) {  // a device or a pipe: nothing to lose
    const Temporary device(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (device.file < 0) fail(path, errno);
    for (const std::string_view piece : pieces) write_all(device.file, piece, path);
    return;
  }
  const fs::path target = behind_links(path);
  const std::string fresh = fmt::format("{}.{}.tmp", target.string(), getpid());
  const int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) fail(path, errno);
  Temporary temporary(file, fresh);
  if (there && fchmod(file, old.st_mode & 07777) != 0) fail(path, errno);
  for (const std::string_view piece : pieces) write_all(file, piece, path);
  if (fsync(file) != 0) fail(path, errno);
  if (rename(fresh.c_str(), target.c_str()) != 0) fail(path, errno);
  temporary.path.clear();
  sync_folder_of(target);
}

void replace_file(const fs::path& path, std::string_view content) {
  replace_file(path, std::span(&content, 1));
}

void remove_leftovers(const fs::path& path) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const std::string start = path.filename().string() + '.';
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.size() <= start.size() + 4 || !name.starts_with(start) || !name.ends_with(".tmp"))
      continue;
    int process = 0;
    const char* const last = name.data() + name.size() - 4;
    if (std::from_chars(name.data() + start.size(), last, process).ptr != last) continue;
    std::error_code ignored;
    if (process == getpid() || kill(process, 0) == 0 || errno != ESRCH) continue;
    fs::remove(at->path(), ignored);
  }
}

}  // namespace ramp::nn

#include "cli.hpp"

#include <autodiff/values/utf8.hpp>
#include <nn/data/file_writer.hpp>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string>
#include <system_error>
#include <utility>

extern char** environ;

namespace ramp::tool {

namespace {

std::string message_of(int error) { return std::generic_category().message(error); }

}  // namespace

void open_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(stream, F_GETFD) < 0 && errno == EBADF)
      open("/dev/null", stream == STDIN_FILENO ? O_RDONLY : O_WRONLY);  // gets the lowest number
}

std::string visible(std::string_view text, std::string_view kept) {
  std::string shown;
  for (std::size_t i = 0, n = 0; i < text.size(); i += n) {
    const auto c = static_cast<unsigned char>(text[i]);
    n = bytes_of_character(text, i);
    const bool second_set = n == 2 && c == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    const bool control = c < 0x20 || c == 0x7f || second_set;
    if (n > 0 && (!control || kept.find(text[i]) != kept.npos)) {
      shown += text.substr(i, n);
    } else {
      shown += fmt::format("\\x{:02x}", c);
      n = 1;
    }
  }
  return shown;
}

void print(std::string_view given) {
  const std::string safe = isatty(STDOUT_FILENO) ? visible(given, "\n\t") : std::string();
  const std::string_view text = safe.empty() ? given : safe;
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0)
    return;
  if (errno == EPIPE) throw ReaderGone();
  throw Failure("standard output: " + message_of(errno));
}

void complain(std::string_view text) {
  std::string line = visible(fmt::format("ramp: {}", text), "\n");
  std::ranges::replace(line, '\n', ' ');
  std::fprintf(stderr, "%s\n", line.c_str());
}

OutputFile::OutputFile(const std::filesystem::path& path) : path_(path), target_(path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (fs::is_directory(status)) fail(EISDIR);
  int flags = O_WRONLY | O_CLOEXEC;
  if (fs::exists(status) && !fs::is_regular_file(status)) {  // a device or a pipe: nothing to lose
    regular_ = false;
    file_ = open(path.c_str(), flags);
  } else {
    const fs::path real = fs::canonical(path, ignored);  // a link goes on to lead to the file
    if (!real.empty()) target_ = real;
    fresh_ = target_.string() + ".new";
    file_ = open(fresh_.c_str(), flags | O_CREAT | O_TRUNC, 0666);
  }
  if (file_ < 0) fail(errno);
}

OutputFile::OutputFile(const std::filesystem::path& path, std::int64_t length)
    : path_(path), target_(path), file_(open(path.c_str(), O_WRONLY | O_CLOEXEC)), length_(length) {
  if (file_ < 0) fail(errno);
  if (ftruncate(file_, length) == 0 && lseek(file_, length, SEEK_SET) == length) return;
  const int error = errno;
  close(file_);
  fail(error);
}

OutputFile::~OutputFile() {
  close(file_);
  if (!fresh_.empty()) unlink(fresh_.c_str());
}

// A kill can cut a write() short where it goes from one page of the file to the next, so no line of
// up to a page crosses a border: the line before it is made longer by spaces, up to the border.
// That goes within one page, and leaves a good line whenever it ends.
void OutputFile::keep_from_border(std::size_t size) {
  constexpr std::int64_t page = 4096;
  const std::int64_t room = page - length_ % page;
  if (room == page || std::cmp_less_equal(size, room) || std::cmp_greater(size, page)) return;
  const std::string spaces = std::string(static_cast<std::size_t>(room), ' ') + '\n';
  const ssize_t n = pwrite(file_, spaces.data(), spaces.size(), length_ - 1);
  if (n != static_cast<ssize_t>(spaces.size())) {
    const int error = n < 0 ? errno : ENOSPC;
    if (pwrite(file_, "\n", 1, length_ - 1) == 1 && ftruncate(file_, length_) == 0) fail(error);
    fail(errno);
  }
  length_ += room;
  lseek(file_, length_, SEEK_SET);
}

void OutputFile::write(std::string_view text) {
  if (regular_ && fresh_.empty()) keep_from_border(text.size());
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::write(file_, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    const int error = n < 0 ? errno : ENOSPC;
    if (n <= 0) {
      if (done > 0 && ftruncate(file_, length_) == 0) lseek(file_, length_, SEEK_SET);
      fail(error);
    }
    done += static_cast<std::size_t>(n);
  }
  length_ += static_cast<std::int64_t>(text.size());
  synced_ = false;
  if (fresh_.empty()) return;
  if (rename(fresh_.c_str(), target_.c_str()) != 0) fail(errno);
  fresh_.clear();
}

void OutputFile::sync() {
  if (synced_ || !regular_) return;
  if (fsync(file_) != 0) fail(errno);
  nn::sync_folder_of(target_);
  synced_ = true;
}

void OutputFile::fail(int error) const {
  throw Failure(fmt::format("{}: {}", path_.string(), message_of(error)));
}

bool draw_svg(std::string_view dot, const std::filesystem::path& path) {
  const std::string fresh = path.string() + ".new";
  const auto give_up = [&] {
    if (!path.empty()) unlink(fresh.c_str());
  };
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw Failure("dot: " + message_of(errno));

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, ends[0], STDIN_FILENO);
  if (!path.empty())
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, fresh.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0666);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t to_default;
  sigemptyset(&to_default);
  sigaddset(&to_default, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &to_default);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);

  char program[] = "dot", format[] = "-Tsvg";
  char* arguments[] = {program, format, nullptr};
  pid_t child;
  const int error = posix_spawnp(&child, program, &files, &attributes, arguments, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  close(ends[0]);
  if (error != 0) {
    close(ends[1]);
    give_up();
    if (error == ENOENT) return false;
    throw Failure("dot: " + message_of(error));
  }

  while (!dot.empty()) {  // the child may end early: its status then tells
    const ssize_t n = ::write(ends[1], dot.data(), dot.size());
    if (n < 0 && errno != EINTR) break;
    if (n > 0) dot.remove_prefix(static_cast<std::size_t>(n));
  }
  close(ends[1]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE) throw ReaderGone();
  if (status != 0) give_up();
  if (status != 0) throw Failure("dot: Graphviz could not draw the graph");
  if (!path.empty() && rename(fresh.c_str(), path.c_str()) != 0)
    throw Failure(fmt::format("{}: {}", path.string(), message_of(errno)));
  return true;
}

}  // namespace ramp::tool

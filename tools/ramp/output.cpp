#include "cli.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <system_error>

extern char** environ;

namespace ramp::tool {

namespace {

std::string message_of(int error) { return std::generic_category().message(error); }

}  // namespace

void print(std::string_view text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0)
    return;
  if (errno == EPIPE) throw ReaderGone();
  throw Failure("standard output: " + message_of(errno));
}

void complain(std::string_view text) {
  std::string line = fmt::format("ramp: {}", text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::fprintf(stderr, "%s\n", line.c_str());
}

OutputFile::OutputFile(std::filesystem::path path) : path_(std::move(path)) {
  errno = 0;
  file_.open(path_, std::ios::binary);
  if (!file_) fail();
}

void OutputFile::write(std::string_view text) {
  errno = 0;
  if (!file_.write(text.data(), static_cast<std::streamsize>(text.size())).flush()) fail();
}

void OutputFile::fail() const {
  throw Failure(fmt::format("{}: {}", path_.string(), message_of(errno)));
}

bool draw_svg(std::string_view dot, const std::filesystem::path& path) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw Failure("dot: " + message_of(errno));

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, ends[0], STDIN_FILENO);
  if (!path.empty())
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, path.c_str(),
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
  if (status != 0) throw Failure("dot: Graphviz could not draw the graph");
  return true;
}

}  // namespace ramp::tool

// Files are replaced as a whole, or stay as they were.
#include <nn/data/file_writer.hpp>

#include "support/idx_files.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

using namespace ramp::nn;
using doctest::Contains;
using idx_files::read, idx_files::TempFolder, idx_files::write;
namespace fs = std::filesystem;

namespace {

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

// Files of this process grow no longer than that while it lives: as on a disk that is full.
struct Limit {
  explicit Limit(rlim_t bytes) : handler(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &old);
    const rlimit now{bytes, old.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &now) == 0);
  }
  ~Limit() {
    setrlimit(RLIMIT_FSIZE, &old);
    std::signal(SIGXFSZ, handler);
  }
  rlimit old{};
  void (*handler)(int);
};

}  // namespace

TEST_CASE("a file is written from pieces, and replaced by a shorter one") {
  const TempFolder folder;
  const std::string long_one(3'000'000, 'x');
  const std::string_view pieces[] = {"head ", "", long_one, std::string_view("\0tail", 5)};
  replace_file(folder / "a", pieces);
  CHECK(read(folder / "a") == "head " + long_one + std::string("\0tail", 5));
  replace_file(folder / "a", "short");
  CHECK(read(folder / "a") == "short");
  replace_file(folder / "a", "");
  CHECK(read(folder / "a") == "");
  CHECK(files_in(folder.path) == 1);
}

TEST_CASE("who has the old file open goes on to read it") {
  const TempFolder folder;
  write(folder / "a", "old content");
  const int open_file = ::open((folder / "a").c_str(), O_RDONLY);
  replace_file(folder / "a", "new");
  char text[16] = {};
  CHECK(::read(open_file, text, sizeof text) == 11);
  ::close(open_file);
  CHECK(std::string(text) == "old content");
}

TEST_CASE("a file keeps its permissions, and a link goes on to lead to it") {
  const TempFolder folder;
  write(folder / "a", "old");
  fs::permissions(folder / "a", fs::perms(0640));
  fs::create_symlink("a", folder / "link");
  replace_file(folder / "link", "new");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(read(folder / "a") == "new");
  CHECK(fs::status(folder / "a").permissions() == fs::perms(0640));
  CHECK(files_in(folder.path) == 2);
}

TEST_CASE("a link to a file that isn't there yet leads to it afterwards") {
  const TempFolder folder;
  fs::create_directory(folder / "of links");
  fs::create_directory(folder / "deep");
  fs::create_directory_symlink("of links", folder / "folder");
  fs::create_symlink("../deep/chain", folder / "of links/link");
  fs::create_symlink(folder / "a", folder / "deep/chain");
  const auto check = [&](const fs::path& link) {
    for (const char* const content : {"first", "then"}) {
      replace_file(link, content);
      CHECK(read(folder / "a") == content);
    }
    CHECK(fs::is_regular_file(fs::symlink_status(folder / "a")));
    CHECK(fs::is_symlink(folder / "of links/link"));
    CHECK(fs::is_symlink(folder / "deep/chain"));
    CHECK(files_in(folder.path) == 4);
    fs::remove(folder / "a");
  };
  check(folder / "of links/link");
  check(folder / "folder/link");  // ".." is of the folder that the link is in
  check(folder / "deep/chain");
  const fs::path before = fs::current_path();
  fs::current_path(folder / "deep");
  check("chain");
  fs::current_path(before);
}

TEST_CASE("links that lead nowhere are refused, and stay") {
  const TempFolder folder;
  fs::create_symlink("other", folder / "one");
  fs::create_symlink("one", folder / "other");
  fs::create_symlink("none/a", folder / "lost");
  const auto refused = [&](const char* name, const char* why) {
    CHECK_THROWS_WITH_AS(replace_file(folder / name, "new"),
                         ((folder / name).string() + ": " + why).c_str(), FileError);
    CHECK(fs::is_symlink(folder / name));
    CHECK(files_in(folder.path) == 3);
  };
  refused("one", "Too many levels of symbolic links");
  refused("other", "Too many levels of symbolic links");
  refused("lost", "No such file or directory");
}

TEST_CASE("a path without a folder is one of the working folder") {
  const TempFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path);
  replace_file("plain", "here");
  fs::current_path(before);
  CHECK(read(folder / "plain") == "here");
}

TEST_CASE("what can't be written is an error with the path, and leaves all as it was") {
  const TempFolder folder;
  const auto refused = [](const fs::path& path, const char* why) {
    CHECK_THROWS_WITH_AS(replace_file(path, "new"), (path.string() + ": " + why).c_str(),
                         FileError);
  };
  refused(folder / "none/a", "No such file or directory");
  refused(folder.path, "Is a directory");
  write(folder / "file", "old");
  refused(folder / "file/a", "Not a directory");
  {
    const Limit limit(1000);
    const std::string long_one(5000, 'x');
    CHECK_THROWS_WITH_AS(replace_file(folder / "file", long_one), Contains("file: File too large"),
                         FileError);
  }
  CHECK(read(folder / "file") == "old");
  CHECK(files_in(folder.path) == 1);
}

TEST_CASE("devices and pipes are written to, not replaced") {
  replace_file("/dev/null", "anything");
  CHECK(fs::is_character_file("/dev/null"));
  if (fs::exists("/dev/full"))
    CHECK_THROWS_WITH_AS(replace_file("/dev/full", "x"), "/dev/full: No space left on device",
                         FileError);
  const TempFolder folder;
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  const int reader = ::open((folder / "pipe").c_str(), O_RDONLY | O_NONBLOCK);
  replace_file(folder / "pipe", "through");
  char text[16] = {};
  CHECK(::read(reader, text, sizeof text) == 7);
  ::close(reader);
  CHECK(std::string(text) == "through");
  CHECK(fs::is_fifo(folder / "pipe"));
}

TEST_CASE("signals in the middle of a write don't end it") {
  const TempFolder folder;
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  static std::atomic<int> signals;
  signals = 0;
  struct sigaction count {
  }, old{};
  count.sa_handler = [](int) { ++signals; };  // and no SA_RESTART
  sigaction(SIGUSR1, &count, &old);
  const std::string long_one(1'000'000, 'x');
  std::string found;
  const int pipe = ::open((folder / "pipe").c_str(), O_RDONLY | O_NONBLOCK);
  const pthread_t writer = pthread_self();
  std::thread reader([&] {
    while (signals < 20) {  // the pipe is full by then, and the writer waits
      pthread_kill(writer, SIGUSR1);
      usleep(1000);
    }
    char part[50'000];
    while (found.size() < long_one.size())
      if (const ssize_t n = ::read(pipe, part, sizeof part); n > 0)
        found.append(part, static_cast<std::size_t>(n));
  });
  replace_file(folder / "pipe", long_one);
  reader.join();
  ::close(pipe);
  sigaction(SIGUSR1, &old, nullptr);
  CHECK(found == long_one);
}

TEST_CASE("a process killed while it writes leaves one of the contents, whole") {
  const TempFolder folder;
  const fs::path path = folder / "a";
  const std::string contents[] = {std::string(400'000, 'a'), std::string(700'000, 'b')};
  write(path, contents[0]);
  for (int kill_after = 0; kill_after < 20; ++kill_after) {
    const pid_t child = fork();
    if (child == 0) {
      for (int i = 0;; ++i) replace_file(path, contents[i % 2]);
    }
    usleep(static_cast<useconds_t>(kill_after * 400));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    const std::string found = read(path);
    CHECK((found == contents[0] || found == contents[1]));
  }
  remove_leftovers(path);
  CHECK(files_in(folder.path) == 1);
}

TEST_CASE("only what a process that is gone left behind is removed") {
  const pid_t gone = fork();
  if (gone == 0) _exit(0);
  waitpid(gone, nullptr, 0);
  const TempFolder folder;
  const std::vector<std::string> kept{"a",          "a.tmp",
                                      "a..tmp",     "a.x.tmp",
                                      "b.1.tmp",    "a." + std::to_string(getpid()) + ".tmp",
                                      "a.12x.tmp",  "a." + std::to_string(gone) + ".tmp2",
                                      "a.b.99.tmp", "a." + std::to_string(getppid()) + ".tmp"};
  for (const std::string& name : kept) write(folder / name, "kept");
  write(folder / ("a." + std::to_string(gone) + ".tmp"), "left behind");
  remove_leftovers(folder / "a");
  CHECK_FALSE(fs::exists(folder / ("a." + std::to_string(gone) + ".tmp")));
  for (const std::string& name : kept) CHECK(fs::exists(folder / name));
  remove_leftovers(folder / "none/a");  // no folder, nothing to do
}

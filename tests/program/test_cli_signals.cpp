// Signals and readers that go away. No wait here has a length that must be right: the program is
// watched until it is where the test wants it, and a signal is sent again until it is heeded.
#include "support/cli.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <thread>

extern char** environ;

using namespace cli;

namespace {

// The program, in a process group of its own, with its output and errors in pipes.
class Running {
 public:
  explicit Running(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), RAMP_CLI);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    for (auto* ends : {&out_, &err_}) REQUIRE(pipe2(ends->data(), O_CLOEXEC) == 0);

    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, out_[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, err_[1], STDERR_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t to_default;  // a shell may have started the tests with these ignored
    sigemptyset(&to_default);
    for (const int signal : {SIGINT, SIGTERM}) sigaddset(&to_default, signal);
    posix_spawnattr_setsigdefault(&attributes, &to_default);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    REQUIRE(posix_spawn(&id_, RAMP_CLI, &files, &attributes, argv.data(), environ) == 0);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    ::close(err_[1]);
  }
  ~Running() {
    if (id_ > 0) {
      kill(id_, SIGKILL);
      waitpid(id_, nullptr, 0);
    }
    for (const int end : {out_[0], out_[1], err_[0]}) ::close(end);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  pid_t id() const { return id_; }
  void signal(int number) const { REQUIRE(kill(id_, number) == 0); }
  void signal_group(int number) const { REQUIRE(kill(-id_, number) == 0); }

  // Reads its output as far as the line that begins like this.
  void read_to_line(const std::string& start) {
    std::string line;
    for (char c; !line.starts_with(start) || c != '\n'; line += c) {
      if (!line.empty() && line.back() == '\n') line.clear();
      REQUIRE(::read(out_[0], &c, 1) == 1);
    }
  }

  // Until its output is full, and it waits for somebody to read it.
  void wait_until_stuck() const {
    fcntl(out_[1], F_SETPIPE_SZ, 4096);
    pollfd room{out_[1], POLLOUT, 0};
    while (poll(&room, 1, 0) > 0 || state() != 'S')
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  // Whether its end of the pipe for errors closes within so many milliseconds.
  bool ends_within(int milliseconds) const {
    pollfd end{err_[0], 0, 0};
    return poll(&end, 1, milliseconds) > 0;
  }

  // Its output is thrown away, its errors are kept. The status is waitpid's.
  int finish(std::string& errors) {
    ::close(out_[1]);
    out_[1] = -1;
    std::array<pollfd, 2> ends{{{out_[0], POLLIN, 0}, {err_[0], POLLIN, 0}}};
    char buffer[4096];
    while (ends[0].fd >= 0 || ends[1].fd >= 0) {
      poll(ends.data(), ends.size(), -1);
      for (pollfd& end : ends) {
        if (end.fd < 0 || end.revents == 0) continue;
        const ssize_t n = ::read(end.fd, buffer, sizeof buffer);
        if (n > 0 && end.fd == err_[0]) errors.append(buffer, static_cast<std::size_t>(n));
        if (n <= 0) end.fd = -1;
      }
    }
    int status = 0;
    REQUIRE(waitpid(id_, &status, 0) == id_);
    id_ = -1;
    return status;
  }

  void stop_reading() {
    ::close(out_[0]);
    ::close(out_[1]);
    out_ = {-1, -1};
  }

 private:
  char state() const {  // of /proc/<id>/stat: "123 (ramp) S …"
    const std::string text = content("/proc/" + std::to_string(id_) + "/stat");
    const std::size_t name = text.rfind(") ");
    return name == text.npos ? '?' : text[name + 2];
  }

  pid_t id_ = -1;
  std::array<int, 2> out_{-1, -1}, err_{-1, -1};
};

std::vector<std::string> endless(const std::string& out = {}) {
  std::vector<std::string> arguments{"train", "--data",   "spiral",    "--layers",
                                     "4",     "--epochs", "100000000", "--no-monitor"};
  if (!out.empty()) arguments.insert(arguments.end(), {"--out", out});
  return arguments;
}

}  // namespace

TEST_CASE("Ctrl-C ends the training in order, and two signals at once are one wish") {
  struct Signals {
    int first, second;
    bool second_to_group;
  };
  for (const Signals& sent : {Signals{SIGINT, 0, false},
                              {SIGINT, SIGINT, false},
                              {SIGINT, SIGINT, true},  // as GNU timeout does
                              {SIGTERM, SIGTERM, true},
                              {SIGTERM, SIGINT, false}}) {
    CAPTURE(sent.first);
    CAPTURE(sent.second);
    const Folder folder;
    const fs::path out = folder / "run";
    Running training(endless(out.string()));
    training.read_to_line("epoch 2/");
    training.signal(sent.first);
    if (sent.second != 0) {
      if (sent.second_to_group)
        training.signal_group(sent.second);
      else
        training.signal(sent.second);
    }
    std::string errors;
    const int status = training.finish(errors);
    REQUIRE(WIFEXITED(status));
    if (sent.second == 0 || sent.second == sent.first)
      CHECK(WEXITSTATUS(status) == 128 + sent.first);
    check_has(errors, "ramp: interrupted after ");
    CHECK(metrics(out).size() >= 2);  // each line parses
    CHECK(content(out / "metrics.jsonl").ends_with("\n"));
  }
}

TEST_CASE("a later signal ends the program at once") {
  Running training(endless());
  training.wait_until_stuck();
  do training.signal(SIGINT);  // the first that comes later than one wish takes
  while (!training.ends_within(50));
  std::string errors;
  const int status = training.finish(errors);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGINT);
  CHECK(errors.empty());
}

TEST_CASE("a reader who leaves early is no failure") {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"ops"},
        {"graph"},
        {"train", "--data", "gauss", "--epochs", "2"}}) {
    Running training(arguments);
    training.stop_reading();  // in the middle, or before it writes
    std::string errors;
    const int status = training.finish(errors);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(errors.empty());
  }
}

TEST_CASE("a training that is killed leaves whole lines") {
  const Folder folder;
  const fs::path out = folder / "run";
  for (int epochs = 1; epochs <= 10; ++epochs) {
    Running training(endless(out.string()));
    training.read_to_line("epoch " + std::to_string(epochs) + "/");
    training.signal(SIGKILL);
    std::string errors;
    training.finish(errors);
    CHECK(metrics(out).size() >= static_cast<std::size_t>(epochs));
    CHECK(content(out / "metrics.jsonl").ends_with("\n"));
  }
}

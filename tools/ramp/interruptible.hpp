// Ctrl-C and SIGTERM as a wish that the program grants in order.
#pragma once

#include <array>
#include <csignal>
#include <cstddef>

namespace ramp::tool {

/// While it lives, Ctrl-C and SIGTERM are noted. Signals within half a second of the first are the
/// same wish: `timeout`, and a shell that stops a job, send two. A later one ends the program at
/// once. What was ignored when the program was started (nohup, a job in the background of a script)
/// stays ignored.
class Interruptible {
 public:
  Interruptible();
  /// Signals end the program again, unless one was noted: its sequel would cut the end short.
  ~Interruptible();
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

  static int caught();  // 0: none yet

 private:
  static constexpr std::array signals{SIGINT, SIGTERM};
  std::array<struct sigaction, signals.size()> before_{};
};

}  // namespace ramp::tool

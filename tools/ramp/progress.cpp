#include "progress.hpp"
#include "ranks.hpp"

#include <fmt/format.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

namespace ramp::tool {

namespace {

// Escape sequences would only clutter a terminal that calls itself dumb.
bool is_terminal(std::FILE* file) {
  const char* const name = std::getenv("TERM");
  return isatty(fileno(file)) && name && std::string_view(name) != "dumb";
}

std::size_t width_of(std::FILE* terminal) {
  winsize size{};
  const bool known = ioctl(fileno(terminal), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80u;
}

}  // namespace

ProgressBar::ProgressBar(bool wanted) {
  if (!wanted) return;
  const bool shown = started_ranks() == 1;  // mpirun gives a terminal of its own, also to a log
  terminal_ = is_terminal(stderr) ? stderr : shown && is_terminal(stdout) ? stdout : nullptr;
}

void ProgressBar::draw(double fraction, std::string_view before, std::string_view after) {
  if (!due()) return;
  last_ = std::chrono::steady_clock::now();
  drawn_ = true;
  constexpr std::size_t length = 30;
  const auto filled = static_cast<std::size_t>(std::clamp(fraction, 0.0, 1.0) * length);
  std::string line = fmt::format("{}  [{:=>{}}{:{}}] {:3.0f} %  {}", before, filled ? ">" : "",
                                 filled, "", length - filled, 100 * fraction, after);
  line.resize(std::min(line.size(), width_of(terminal_) - 1));  // a full line would wrap
  fmt::print(terminal_, "\r{}\033[K", line);
  std::fflush(terminal_);
}

void ProgressBar::erase() {
  if (!drawn_) return;
  fmt::print(terminal_, "\r\033[K");
  std::fflush(terminal_);
  drawn_ = false;
}

}  // namespace ramp::tool

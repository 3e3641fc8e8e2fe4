#include "interruptible.hpp"

#include <time.h>

#include <atomic>
#include <cstdint>

namespace ramp::tool {

namespace {

// A handler may touch nothing but these.
std::atomic<int> noted = 0;
std::atomic<std::int64_t> noted_at = 0;
static_assert(std::atomic<int>::is_always_lock_free);
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

constexpr std::int64_t one_wish = 500;  // milliseconds

std::int64_t milliseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

void note(int signal) {
  if (noted == 0) {
    noted_at = milliseconds();
    noted = signal;
  } else if (milliseconds() - noted_at >= one_wish) {
    std::signal(signal, SIG_DFL);
    raise(signal);  // it comes when the handler is left
  }
}

}  // namespace

int Interruptible::caught() { return noted; }

Interruptible::Interruptible() {
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = SA_RESTART;
  for (const int signal : signals) sigaddset(&action.sa_mask, signal);  // one at a time
  for (std::size_t i = 0; i < signals.size(); ++i) {
    sigaction(signals[i], &action, &before_[i]);
    if (before_[i].sa_handler == SIG_IGN) std::signal(signals[i], SIG_IGN);
  }
}

Interruptible::~Interruptible() {
  if (caught() != 0) return;
  for (std::size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &before_[i], nullptr);
}

}  // namespace ramp::tool

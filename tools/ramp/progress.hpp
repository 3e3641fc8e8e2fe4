// A bar that shows how far an epoch is, for somebody who watches a terminal.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string_view>

namespace ramp::tool {

/// Draws on standard error, or on standard output if only that is a terminal, at most ten times a
/// second; without a terminal, not at all.
class ProgressBar {
 public:
  explicit ProgressBar(bool wanted);
  ~ProgressBar() { erase(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// `before  [=====>    ]  50 %  after`, cut to the terminal's width.
  void draw(double fraction, std::string_view before, std::string_view after);
  /// Makes room for other output.
  void erase();

  /// Whether draw() would draw now; what it shows need not be computed otherwise.
  bool due() const {
    return terminal_ && std::chrono::steady_clock::now() - last_ >= std::chrono::milliseconds(100);
  }

 private:
  std::FILE* terminal_ = nullptr;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace ramp::tool

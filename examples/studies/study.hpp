// What the studies share: their options, a progress line, checks that become the exit status.
#pragma once

#include <fmt/format.h>

#include <unistd.h>

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace study {

struct Options {
  bool full = false;
  std::uint64_t seed = 1;
  std::size_t runs = 0;              // 0: what the mode says
  std::size_t epochs = 0, rows = 0;  // of a study that trains; the same
  std::string resume;                // a folder that keeps what is done; empty: none
};

inline Options parse(int argc, char** argv, std::string_view about) {
  const auto usage = [&](std::FILE* to) {
    fmt::print(to,
               "{}\n\n"
               "  --quick    seconds; the default, and what the tests run\n"
               "  --full     what RESULTS.md records\n"
               "  --seed N   of all random numbers; 1\n"
               "  --runs N   networks (or seeds) a cell, instead of the mode's own number\n"
               "  --epochs N, --rows N   length of a training and size of its set, the same way\n"
               "  --resume DIR   keep what is done there, and go on with it (sparse_rectifiers)\n"
               "  --help     this text\n\n"
               "It exits with 1 if a measurement contradicts what it should be.\n",
               about);
  };
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const auto number = [&](auto& value) {
      const std::string_view text = i + 1 < argc ? argv[++i] : "";
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error == std::errc() && end == text.data() + text.size() && !text.empty()) return;
      fmt::print(stderr, "{} needs a whole number from 0 up\n", word);
      std::exit(2);
    };
    if (word == "--help" || word == "-h") {
      usage(stdout);
      std::exit(0);
    } else if (word == "--quick" || word == "--full") {
      options.full = word == "--full";
    } else if (word == "--seed") {
      number(options.seed);
    } else if (word == "--runs") {
      number(options.runs);
    } else if (word == "--epochs") {
      number(options.epochs);
    } else if (word == "--rows") {
      number(options.rows);
    } else if (word == "--resume" && i + 1 < argc) {
      options.resume = argv[++i];
    } else {
      fmt::print(stderr, "no option {}\n\n", word);
      usage(stderr);
      std::exit(2);
    }
  }
  return options;
}

/// One line that is written over again, and only where somebody looks.
template <class... Args> void progress(fmt::format_string<Args...> format, Args&&... args) {
  static const bool seen = isatty(STDERR_FILENO) != 0;
  if (!seen) return;
  fmt::print(stderr, "\r\033[K{}", fmt::format(format, std::forward<Args>(args)...));
  std::fflush(stderr);
}

/// A share among n trials, in percent, and its standard error.
struct Share {
  double percent, error;
};
inline Share share(std::size_t hits, std::size_t n) {
  const double p = static_cast<double>(hits) / static_cast<double>(n);
  return {100 * p, 100 * std::sqrt(p * (1 - p) / static_cast<double>(n))};
}

/// What a study says at its end, and its exit status.
class Checks {
 public:
  void expect(bool holds, std::string what) {
    ++count_;
    if (holds) return;
    failed_ += "  " + std::move(what) + "\n";
  }
  int report() const {
    progress("{}", "");
    if (failed_.empty())
      fmt::print("\n{} checks passed\n", count_);
    else
      fmt::print("\nFAILED:\n{}", failed_);
    return failed_.empty() ? 0 : 1;
  }

 private:
  int count_ = 0;
  std::string failed_;
};

}  // namespace study

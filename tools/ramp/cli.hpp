// What the subcommands share: how they fail, print, write files and check the values of options.
#pragma once

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdint>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace ramp::tool {

// Each adds a subcommand, which runs when it is parsed.
void add_train(CLI::App& app);
void add_eval(CLI::App& app);
void add_predict(CLI::App& app);
void add_info(CLI::App& app);
void add_export(CLI::App& app);
void add_graph(CLI::App& app);
void add_ops(CLI::App& app);
void add_kinks(CLI::App& app);
void add_accuracy(CLI::App& app);

// --- How to fail: exit status 1, 2 for CLI::ParseError

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct ReaderGone {};  // nobody reads standard output any more; not a failure
struct Silent {};      // a failure that somebody else has told of
struct Interrupted {
  int signal;
};

// --- Output

/// Opens those of standard input, output and error that are closed as /dev/null, so that no file
/// gets their place, and with it what is printed. To be called first.
void open_standard_streams();
/// Control characters but those in `kept`, and what is no UTF-8, as \x1b: text from a file moves no
/// cursor, and begins no line.
std::string visible(std::string_view text, std::string_view kept = "");
/// Writes text to standard output at once, as it is, and to a terminal visible(). Throws Failure,
/// or ReaderGone for a closed pipe.
void print(std::string_view text);
/// One line on standard error, beginning with the program's name.
void complain(std::string_view text);

/// A file of lines that takes the place of an earlier one when the first text is in it, and not
/// before. Each write() adds whole lines or nothing: where the disk is full it takes back what
/// fitted and throws Failure. A line of up to 4,096 bytes is whole after a kill, too; for its sake
/// a line may end on spaces.
class OutputFile {
 public:
  /// Throws Failure if it can't be made.
  explicit OutputFile(const std::filesystem::path& path);
  /// Goes on behind the first `length` bytes of a file that is there; the rest is cut off.
  OutputFile(const std::filesystem::path& path, std::int64_t length);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(std::string_view text);
  /// Returns once all that was written is on the disk.
  void sync();

 private:
  [[noreturn]] void fail(int error) const;
  void keep_from_border(std::size_t size);

  std::filesystem::path path_, target_, fresh_;  // as given; without links; until it is in place
  int file_ = -1;
  std::int64_t length_ = 0;
  bool regular_ = true;  // no device, no pipe
  bool synced_ = true;
};

/// Runs Graphviz on a graph, into a file or, without a path, to standard output. False if it isn't
/// installed; throws Failure if it fails. The file is replaced once the picture is whole.
bool draw_svg(std::string_view dot, const std::filesystem::path& path = {});

// --- Options

/// Lines of at most so many columns, broken at spaces. Characters of UTF-8 count as one.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);
std::size_t columns(std::string_view text);

/// Text for the right-hand side of a --help.
std::string help_text(std::string_view text);

/// An option whose help shows its default.
template <class Value>
CLI::Option* add(CLI::App& command, const char* name, Value& value, std::string_view help) {
  return command.add_option(name, value, help_text(help))->capture_default_str();
}

// Checks of what is given: numbers are finite.
CLI::Validator above(double low);
CLI::Validator at_least(double low);
CLI::Validator from_to(double low, double high);  // below high
CLI::Validator whole(std::uint64_t low, std::uint64_t high = UINT64_MAX);
CLI::Validator one_of(std::span<const std::string_view> names);
/// Of the entries of a table.
template <class Entry> std::vector<std::string_view> names_of(std::span<const Entry> entries) {
  std::vector<std::string_view> names;
  for (const Entry& entry : entries) names.push_back(entry.name());
  return names;
}
CLI::Validator layer_sizes(std::size_t least);  // "256,128": so many sizes or more
/// Empty if it is no list of sizes.
std::vector<std::int64_t> parse_sizes(std::string_view text);

}  // namespace ramp::tool

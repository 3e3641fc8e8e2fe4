#include <nn/data/csv.hpp>
#include <nn/data/file_reader.hpp>
#include <nn/joined.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <istream>
#include <iterator>
#include <set>

namespace ramp::nn {

namespace {

bool is_space(char c) { return c == ' ' || c == '\t'; }

// Walks over the text cell by cell. RFC 4180, and what is common beside it.
class Parser {
 public:
  Parser(std::string_view text, std::string_view name, char separator)
      : text_(text), name_(name), separator_(separator) {
    if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);  // a byte order mark
  }

  std::size_t line() const { return line_; }
  /// The next row that isn't empty; false at the end of the text.
  bool next(std::vector<std::string>& cells) {
    skip_empty_lines();
    cells.clear();
    if (at_ == text_.size()) return false;
    start_ = line_;
    do cells.push_back(cell());
    while (take(separator_));
    const bool returned = take('\r');
    if (!take('\n') && at_ < text_.size())
      fail(returned ? "a carriage return without a line feed: save it with LF or CRLF"
                    : "there is text behind a closing quote");
    return true;
  }
  std::size_t row_line() const { return start_; }

  [[noreturn]] void fail(const std::string& what) const {
    throw DataError(fmt::format("[csv] {}, line {}: {}", name_, start_, what));
  }

 private:
  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    line_ += c == '\n';
    return true;
  }
  void skip_spaces() {
    while (at_ < text_.size() && is_space(text_[at_]) && text_[at_] != separator_) ++at_;
  }
  void skip_empty_lines() {
    while (true) {
      const std::size_t before = at_;
      skip_spaces();
      if (take('\r') || take('\n')) continue;
      if (at_ < text_.size()) at_ = before;
      return;
    }
  }
  std::string cell() {
    skip_spaces();
    if (!take('"')) {
      const std::size_t end = std::min(text_.find_first_of(ends_, at_), text_.size());
      std::string_view found = text_.substr(at_, end - at_);
      at_ = end;
      while (!found.empty() && is_space(found.back())) found.remove_suffix(1);
      return std::string(found);
    }
    std::string found;
    while (true) {
      if (at_ == text_.size()) fail("a quote is never closed");
      if (take('"')) {
        if (!take('"')) break;
        found += '"';
      } else {
        found += text_[at_];
        take(text_[at_]);
      }
    }
    skip_spaces();
    return found;
  }

  std::string_view text_, name_;
  char separator_;
  std::string ends_ = {separator_, '\r', '\n'};
  std::size_t at_ = 0, line_ = 1, start_ = 1;
};

Table parse(std::string_view text, std::string_view name, CsvOptions options) {
  Parser parser(text, name, options.separator);
  Table table;
  table.name = name;
  std::vector<std::string> cells;
  bool any = parser.next(cells);
  if (any && options.header) {
    table.columns = cells;
    std::set<std::string_view> names;
    for (const std::string& name_of_column : cells)
      if (!names.insert(name_of_column).second)
        parser.fail(fmt::format("the column '{}' comes twice", name_of_column));
    any = parser.next(cells);
  } else {
    for (std::size_t i = 0; i < cells.size(); ++i) table.columns.push_back(std::to_string(i));
  }
  for (; any; any = parser.next(cells)) {
    if (cells.size() != table.columns.size())
      parser.fail(
          fmt::format("{} cells, and there are {} columns", cells.size(), table.columns.size()));
    table.rows.push_back(cells);
    table.lines.push_back(parser.row_line());
  }
  if (table.rows.empty()) throw DataError(fmt::format("[csv] {}: there are no rows", name));
  return table;
}

}  // namespace

std::size_t Table::column(std::string_view wanted) const {
  const auto at = std::ranges::find(columns, wanted);
  if (at == columns.end())
    throw IndexError(
        fmt::format("[csv] {}: no column '{}': there are {}", name, wanted, joined(columns)));
  return static_cast<std::size_t>(at - columns.begin());
}

Table read_table(const std::filesystem::path& path, CsvOptions options) {
  return parse(read_file(path, "csv"), path.string(), options);
}

Table read_table(std::istream& in, std::string_view name, CsvOptions options) {
  const std::string text(std::istreambuf_iterator<char>(in), {});
  if (in.bad()) throw DataError(fmt::format("[csv] {}: it can't be read", name));
  return parse(text, name, options);
}

}  // namespace ramp::nn

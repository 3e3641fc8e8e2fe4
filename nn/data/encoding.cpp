#include <nn/data/csv.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace ramp::nn {

namespace {

constexpr std::size_t most_words = 1000, most_number_classes = 20;

// Whether a number is so by its value, however it is written: of one that double can't hold, this
// says whether it is too small or too large.
bool below_one(std::string_view number) {
  const std::size_t e = std::min(number.find_first_of("eE"), number.size());
  const std::string_view digits = number.substr(0, e);
  const std::size_t first = digits.find_first_of("123456789"), point = digits.find('.');
  if (first == digits.npos) return true;
  // Where the first digit that counts has its place: 0 for ones, -1 for tenths.
  auto place = static_cast<std::int64_t>(std::min(point, digits.size()) - first);
  if (place > 0) --place;
  std::int64_t exponent = 0;
  if (e < number.size()) {
    const std::size_t start = e + (number.substr(e + 1).starts_with('+') ? 2 : 1);
    const auto [end, error] =
        std::from_chars(number.data() + start, number.data() + number.size(), exponent);
    if (error != std::errc()) return number[start] == '-';  // no text is long enough against it
  }
  return exponent < -place;
}

// The number that a cell holds, NaN included; infinite where it is too large for double.
std::optional<double> parsed(std::string_view cell) {
  if (cell.starts_with('+') && !cell.starts_with("+-")) cell.remove_prefix(1);
  double x = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), x);
  if (end != cell.data() + cell.size() || error == std::errc::invalid_argument) return {};
  if (error == std::errc()) return x;
  return below_one(cell) ? 0.0 : INFINITY;
}
std::optional<double> number_in(std::string_view cell) {
  const auto x = parsed(cell);
  return x && !std::isnan(*x) ? x : std::nullopt;
}
bool is_missing(std::string_view cell) {
  constexpr std::array<std::string_view, 6> missing{"", "NA", "N/A", "null", "NULL", "?"};
  const auto x = parsed(cell);  // NaN in any of its spellings
  return (x && std::isnan(*x)) || std::ranges::find(missing, cell) != missing.end();
}
// Words that are one: "1" and "1.0", where all are numbers. Whole numbers beyond 2^53 are told
// apart as they are written, since double can't.
std::string same(const std::string& word, bool numbers) {
  if (!numbers) return word;
  const double x = number_in(word).value_or(0) + 0.0;  // -0 is 0
  return std::abs(x) < 0x1p53 ? fmt::format("{}", x) : word;
}

[[noreturn]] void fail(const Table& table, std::size_t row, std::size_t column,
                       const std::string& what) {
  throw DataError(fmt::format("[csv] {}, line {}, column '{}': {}", table.name, table.lines[row],
                              table.columns[column], what));
}

const std::string& cell(const Table& table, std::size_t row, std::size_t column) {
  const std::string& text = table.rows[row][column];
  if (is_missing(text))
    fail(table, row, column, "the value is missing: leave the row out, or put a value there");
  return text;
}

[[noreturn]] void too_large(const Table& table, std::size_t row, std::size_t column) {
  fail(table, row, column, fmt::format("'{}' is beyond what can be held", table.rows[row][column]));
}

struct Kinds {
  std::set<std::string> words;
  bool numbers = true, whole = true;
  std::size_t no_number = 0;  // the row of the first word that is none
};

Kinds look(const Table& table, std::size_t column) {
  Kinds kinds;
  std::optional<std::size_t> infinite;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    const std::string& text = cell(table, row, column);
    const auto x = number_in(text);
    if (!x && std::exchange(kinds.numbers, false)) kinds.no_number = row;
    if (x && std::isinf(*x) && !infinite) infinite = row;
    kinds.whole &= x && *x == std::floor(*x);
    if (kinds.words.size() <= most_words) kinds.words.insert(text);
  }
  if (kinds.numbers && infinite) too_large(table, *infinite, column);
  return kinds;
}

std::vector<std::string> sorted(const Kinds& kinds) {
  std::vector<std::string> words(kinds.words.begin(), kinds.words.end());
  if (!kinds.numbers) return words;
  const auto number = [](const std::string& word) { return *number_in(word); };
  std::ranges::stable_sort(words, {}, number);
  const auto equal = [&](const auto& a, const auto& b) { return same(a, true) == same(b, true); };
  words.erase(std::unique(words.begin(), words.end(), equal), words.end());
  return words;
}

template <class T> T number_at(const Table& table, std::size_t row, std::size_t column) {
  const std::string& text = cell(table, row, column);
  const auto x = number_in(text);
  if (!x) fail(table, row, column, fmt::format("'{}' is no number", text));
  const T value = static_cast<T>(*x);  // what is rounded to the largest number is not beyond it
  if (std::isinf(value)) too_large(table, row, column);
  return value;
}

class Places {  // of words
 public:
  explicit Places(const std::vector<std::string>& words)
      : numbers_(
            std::ranges::all_of(words, [](auto& word) { return number_in(word).has_value(); })) {
    for (const std::string& word : words) place_.emplace(same(word, numbers_), place_.size());
  }
  std::size_t at(const Table& table, std::size_t row, std::size_t column) const {
    const std::string& text = cell(table, row, column);
    const auto found =
        numbers_ && !number_in(text) ? place_.end() : place_.find(same(text, numbers_));
    if (found == place_.end())
      fail(table, row, column,
           fmt::format("'{}' was not among the {} words that the encoding was learned from", text,
                       place_.size()));
    return found->second;
  }

 private:
  bool numbers_;
  std::map<std::string, std::size_t> place_;
};

}  // namespace

std::size_t Encoding::features() const {
  std::size_t n = 0;
  for (const Column& column : inputs) n += std::max<std::size_t>(1, column.words.size());
  return n;
}

std::vector<std::string> Encoding::feature_names() const {
  std::vector<std::string> names;
  for (const Column& column : inputs) {
    if (column.words.empty()) names.push_back(column.name);
    for (const std::string& word : column.words) names.push_back(column.name + '=' + word);
  }
  return names;
}

Encoding learn_encoding(const Table& table, std::string_view target, Target kind) {
  const std::size_t answer = table.column(target);
  Encoding encoding;
  encoding.target = target;
  for (std::size_t column = 0; column < table.columns.size(); ++column) {
    const Kinds kinds = look(table, column);
    if (column != answer) {
      if (!kinds.numbers && kinds.words.size() > most_words)
        fail(table, kinds.no_number, column,
             fmt::format("'{}' is no number, and there are more than {} different words: leave the "
                         "column out, or give numbers",
                         table.rows[kinds.no_number][column], most_words));
      encoding.inputs.push_back(
          {table.columns[column], kinds.numbers ? std::vector<std::string>() : sorted(kinds)});
      continue;
    }
    if (kind == Target::numbers) continue;
    std::vector<std::string> classes = sorted(kinds);
    if (kind == Target::automatic && kinds.numbers &&
        (!kinds.whole || classes.size() > most_number_classes))
      continue;
    if (classes.size() < 2 || classes.size() > most_words)
      throw DataError(
          fmt::format("[csv] {}, column '{}': {}: there must be from 2 to {}", table.name, target,
                      classes.size() < 2 ? "one class" : "too many classes", most_words));
    encoding.classes = std::move(classes);
  }
  if (encoding.inputs.empty())
    throw DataError(fmt::format("[csv] {}: there is no column but '{}'", table.name, target));
  return encoding;
}

template <class T>
Dataset<T> encode(const Table& table, const Encoding& encoding, bool with_target) {
  const std::size_t n = table.rows.size(), width = encoding.features();
  const auto column_of = [&](const std::string& name) {
    if (std::ranges::find(table.columns, name) == table.columns.end())
      throw DataError(
          fmt::format("[csv] {}: there is no column '{}', which the encoding was learned "
                      "from",
                      table.name, name));
    return table.column(name);
  };
  Dataset<T> data;
  data.name = table.name;
  data.feature_names = encoding.feature_names();
  data.inputs = Tensor<T>(Shape{n, width});
  std::size_t first = 0;
  for (const Encoding::Column& input : encoding.inputs) {
    const std::size_t column = column_of(input.name);
    const Places known(input.words);
    for (std::size_t row = 0; row < n; ++row) {
      T* const to = data.inputs.data() + row * width + first;
      if (input.words.empty())
        *to = number_at<T>(table, row, column);
      else
        to[known.at(table, row, column)] = 1;
    }
    first += std::max<std::size_t>(1, input.words.size());
  }
  if (with_target) {
    const std::size_t column = column_of(encoding.target);
    data.classes = static_cast<int>(encoding.classes.size());
    data.class_names = encoding.classes;
    if (encoding.classes.empty()) data.targets = Tensor<T>(Shape{n, 1u});
    const Places known(encoding.classes);
    for (std::size_t row = 0; row < n; ++row)
      if (encoding.classes.empty())
        data.targets[row] = number_at<T>(table, row, column);
      else
        data.labels.push_back(static_cast<std::int32_t>(known.at(table, row, column)));
  }
  data.check();
  return data;
}

template <class T> CsvData<T> read_csv(const std::filesystem::path& path, std::string_view target,
                                       Target kind, CsvOptions options) {
  const Table table = read_table(path, options);
  Encoding encoding = learn_encoding(table, target, kind);
  Dataset<T> data = encode<T>(table, encoding);
  return {std::move(data), std::move(encoding)};
}

#define RAMP_CSV(T)                                                \
  template Dataset<T> encode(const Table&, const Encoding&, bool); \
  template CsvData<T> read_csv(const std::filesystem::path&, std::string_view, Target, CsvOptions);
RAMP_CSV(float)
RAMP_CSV(double)
#undef RAMP_CSV

}  // namespace ramp::nn

#include <nn/data/csv.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <set>

namespace ramp::nn {

namespace {

constexpr std::size_t most_words = 1000, most_number_classes = 20;

bool is_missing(std::string_view cell) {
  constexpr std::array<std::string_view, 8> missing{"",    "NA",   "N/A",  "NaN",
                                                    "nan", "null", "NULL", "?"};
  return std::ranges::find(missing, cell) != missing.end();
}

std::optional<double> number_in(std::string_view cell) {
  if (cell.starts_with('+')) cell.remove_prefix(1);
  double x = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), x);
  if (error != std::errc() || end != cell.data() + cell.size() || !std::isfinite(x)) return {};
  return x;
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

struct Kinds {
  std::set<std::string> words;
  bool numbers = true, whole = true;
};

Kinds look(const Table& table, std::size_t column) {
  Kinds kinds;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    const std::string& text = cell(table, row, column);
    const auto x = number_in(text);
    kinds.numbers &= x.has_value();
    kinds.whole &= x && *x == std::floor(*x);
    if (kinds.words.size() <= most_words) kinds.words.insert(text);
  }
  return kinds;
}

std::vector<std::string> sorted(const Kinds& kinds) {
  std::vector<std::string> words(kinds.words.begin(), kinds.words.end());
  if (kinds.numbers) std::ranges::stable_sort(words, {}, [](auto& w) { return *number_in(w); });
  return words;
}

double number_at(const Table& table, std::size_t row, std::size_t column) {
  const std::string& text = cell(table, row, column);
  const auto x = number_in(text);
  if (!x) fail(table, row, column, fmt::format("'{}' is no number", text));
  return *x;
}

// The place of each word.
using Places = std::map<std::string, std::size_t>;
Places places(const std::vector<std::string>& words) {
  Places all;
  for (std::size_t i = 0; i < words.size(); ++i) all[words[i]] = i;
  return all;
}
std::size_t place_at(const Table& table, std::size_t row, std::size_t column, const Places& known) {
  const std::string& text = cell(table, row, column);
  const auto at = known.find(text);
  if (at == known.end())
    fail(table, row, column,
         fmt::format("'{}' was not among the {} words that the encoding was "
                     "learned from",
                     text, known.size()));
  return at->second;
}

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
        throw DataError(
            fmt::format("[csv] {}, column '{}': more than {} different words: leave it "
                        "out, or give numbers",
                        table.name, table.columns[column], most_words));
      encoding.inputs.push_back(
          {table.columns[column], kinds.numbers ? std::vector<std::string>() : sorted(kinds)});
      continue;
    }
    if (kind == Target::numbers || (kind == Target::automatic && kinds.numbers &&
                                    (!kinds.whole || kinds.words.size() > most_number_classes)))
      continue;
    if (kinds.words.size() < 2 || kinds.words.size() > most_words)
      throw DataError(fmt::format("[csv] {}, column '{}': {} class{}: there must be from 2 to {}",
                                  table.name, target,
                                  kinds.words.size() > most_words ? "too many" : "one",
                                  kinds.words.size() > most_words ? "es" : "", most_words));
    encoding.classes = sorted(kinds);
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
    const Places known = places(input.words);
    for (std::size_t row = 0; row < n; ++row) {
      T* const to = data.inputs.data() + row * width + first;
      if (known.empty())
        *to = static_cast<T>(number_at(table, row, column));
      else
        to[place_at(table, row, column, known)] = 1;
    }
    first += std::max<std::size_t>(1, known.size());
  }
  if (with_target) {
    const std::size_t column = column_of(encoding.target);
    data.classes = static_cast<int>(encoding.classes.size());
    data.class_names = encoding.classes;
    if (encoding.classes.empty()) data.targets = Tensor<T>(Shape{n, 1u});
    const Places known = places(encoding.classes);
    for (std::size_t row = 0; row < n; ++row)
      if (known.empty())
        data.targets[row] = static_cast<T>(number_at(table, row, column));
      else
        data.labels.push_back(static_cast<std::int32_t>(place_at(table, row, column, known)));
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

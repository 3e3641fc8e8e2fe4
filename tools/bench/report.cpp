#include "report.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <stdexcept>

namespace ramp::bench {

bool Options::wants(const std::string& name) const {
  return only.empty() || std::find(only.begin(), only.end(), name) != only.end();
}

bool Options::wants_long(const std::string& name) const {
  return wants(name) && (full || !only.empty());
}

std::vector<Timing> Options::race(const std::vector<Contender>& contenders) const {
  using namespace std::chrono_literals;
  return bench::race(contenders, rounds(), quick ? 2ms : 20ms);
}

void progress(const std::string& what) {
  static const bool watched = isatty(STDERR_FILENO);
  if (watched) fmt::print(stderr, "\r\033[K{}{}", what, what.empty() ? "" : " ...");
}

namespace {

std::string cell(const Column& column, const nlohmann::ordered_json& row) {
  const auto it = row.find(column.key);
  if (it == row.end() || it->is_null()) return "-";
  if (it->is_string()) return it->get<std::string>();
  if (it->is_number_integer()) return fmt::to_string(it->get<std::int64_t>());
  return fmt::format(fmt::runtime(column.format), it->get<double>());
}

// Without those that are empty in every row: of a tool that isn't there, say.
std::vector<Column> shown(const Table& table) {
  std::vector<Column> columns;
  for (const Column& column : table.columns)
    if (std::any_of(table.rows.begin(), table.rows.end(),
                    [&](const auto& row) { return cell(column, row) != "-"; }))
      columns.push_back(column);
  return columns;
}

}  // namespace

std::string Table::text() const {
  std::string out = title + "\n";
  const std::vector<Column> all = shown(*this);
  std::vector<std::size_t> widths;
  for (const Column& column : all) {
    std::size_t width = column.head.size();
    for (const auto& row : rows) width = std::max(width, cell(column, row).size());
    widths.push_back(width);
  }
  const auto line = [&](auto text_of) {
    std::string text;
    for (std::size_t c = 0; c < all.size(); ++c)
      text += c == 0 ? fmt::format("  {:<{}}", text_of(all[c]), widths[c])
                     : fmt::format("  {:>{}}", text_of(all[c]), widths[c]);
    out += text + "\n";
  };
  line([](const Column& column) { return column.head; });
  for (const auto& row : rows) line([&](const Column& column) { return cell(column, row); });
  return out;
}

std::string Table::markdown() const {
  const std::vector<Column> all = shown(*this);
  const auto line = [&](auto text_of) {
    std::string text = "|";
    for (const Column& column : all) text += fmt::format(" {} |", text_of(column));
    return text + "\n";
  };
  std::string out = fmt::format("## {}\n\n{}{}", title, note, note.empty() ? "" : "\n\n");
  out += line([](const Column& column) { return column.head; });
  out += line([&](const Column& column) { return &column == all.data() ? "---" : "---:"; });
  for (const auto& row : rows) out += line([&](const Column& column) { return cell(column, row); });
  return out;
}

Table read_table(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(fmt::format("--add: {} can't be read", path));
  const auto json = nlohmann::ordered_json::parse(file);
  Table table{json.at("name"), json.at("title"), {}};
  table.note = json.value("note", "");
  for (const auto& c : json.at("columns"))
    table.columns.push_back({c.at("key"), c.at("head"), c.value("format", "{}")});
  for (const auto& row : json.at("rows")) table.rows.push_back(row);
  return table;
}

void add_timings(nlohmann::ordered_json& row, const std::string& table,
                 const std::vector<Timing>& timings) {
  for (const Timing& t : timings) {
    row[t.name + "_us"] = t.best / 1e3;
    row[t.name + "_median_us"] = t.median / 1e3;
  }
  for (std::size_t i = 1; i < timings.size(); ++i)
    row[i == 1 ? "ratio" : timings[i].name + "_ratio"] = timings[0].best / timings[i].best;
  if (const auto at_most = target(table, row["name"])) row["target"] = *at_most;
}

}  // namespace ramp::bench

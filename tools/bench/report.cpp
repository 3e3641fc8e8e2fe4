// Tables as text and Markdown, and what the project wants of its own speed.
#include "bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>

namespace ramp::bench {
namespace {

using nlohmann::ordered_json;

// The ratio that a row should have at most. Missing one never fails a run; it puts the row into the
// list of where we lose.
const std::vector<std::pair<std::string, double>> targets{
    {"networks/moons", 1.0},     {"networks/digits", 1.0},    {"networks/mnist", 0.95},
    {"networks/glorot", 0.7},    {"networks/wide", 0.9},      {"inference", 1.03},
    {"programs/scalar-mlp", 11}, {"programs/asian", 3.2},     {"programs/long-chain", 2.7},
    {"programs/pendulum", 7.3},  {"programs/rosenbrock", 20}, {"threads", 1 / 1.6},
    {"training", 0.85},
};

std::string number(double x) {  // three digits of it
  if (x != 0 && std::abs(x) < 1e-3) return fmt::format("{:.0e}", x);
  return fmt::format("{:.{}f}", x,
                     x == std::floor(x) || x >= 100 ? 0
                     : x >= 10                      ? 1
                     : x >= 1                       ? 2
                                                    : 3);
}

std::string cell(const ordered_json& row, const std::string& key) {
  const auto it = row.find(key);
  if (it == row.end() || it->is_null()) return "-";
  if (it->is_string()) return it->get<std::string>();
  std::string text = number(it->get<double>());
  if (const auto unit = key.rfind('_'); unit != std::string::npos)
    if (const std::string median = key.substr(0, unit) + "_median" + key.substr(unit);
        row.contains(median))
      text += fmt::format(" ({})", number(row[median].get<double>()));
  return text;
}

// Of all rows; what only some have stands where it stands in them.
std::vector<std::string> columns(const std::vector<ordered_json>& rows) {
  std::vector<std::string> keys;
  for (const auto& row : rows) {
    auto after = keys.begin();
    for (const auto& item : row.items()) {
      if (item.key().find("_median_") != std::string::npos) continue;
      const auto there = std::find(keys.begin(), keys.end(), item.key());
      after = (there == keys.end() ? keys.insert(after, item.key()) : there) + 1;
    }
  }
  return keys;
}

std::string words(std::string key) {
  std::replace(key.begin(), key.end(), '_', ' ');
  return key;
}

}  // namespace

std::string Table::text(bool markdown) const {
  const auto keys = columns(rows);
  std::vector<std::vector<std::string>> lines(rows.size() + 1);
  for (const auto& key : keys) {
    lines[0].push_back(words(key));
    for (std::size_t i = 0; i < rows.size(); ++i) lines[i + 1].push_back(cell(rows[i], key));
  }
  if (markdown) {
    lines.emplace(lines.begin() + 1, keys.size(), "---:");
    lines[1][0] = "---";
  }
  std::string out = fmt::format("{}{}\n", markdown ? "## " : "", title);
  if (markdown) out += note.empty() ? "\n" : fmt::format("\n{}\n\n", note);
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      std::size_t width = 0;
      for (const auto& other : lines) width = std::max(width, other[i].size());
      out += i == 0 ? fmt::format("| {:<{}} |", line[i], width)
                    : fmt::format(" {:>{}} |", line[i], width);
    }
    out += "\n";
  }
  return out;
}

Table read_table(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(fmt::format("--add: {} can't be read", path));
  const auto json = ordered_json::parse(file);
  return {json.at("name"), json.at("title"), json.value("note", ""), json.at("rows")};
}

void Table::check(const std::string& row, const std::string& who, double difference,
                  double at_most) {
  if (!(difference < at_most))
    failures.push_back(fmt::format("{}/{}: {} differs by {:.1e}", name, row, who, difference));
}

void Table::add_ratios(const std::vector<Contender>& contenders, const std::string& unit) {
  ordered_json& row = rows.back();
  const auto best = [&](std::size_t i) {
    return row[contenders[i].who + "_" + unit].get<double>();
  };
  for (std::size_t i = 1; i < contenders.size(); ++i)
    row[i == 1 ? "ratio" : contenders[i].who + "_ratio"] = best(0) / best(i);
  for (const auto& [key, at_most] : targets)
    if (row.contains("ratio") && (key == name || key == name + "/" + row.value("name", "")))
      row["target"] = at_most;
}

std::string where_we_lose(const std::vector<Table>& tables) {
  std::string out;
  for (const Table& table : tables)
    for (const auto& row : table.rows)
      for (const auto& [key, value] : row.items()) {
        const bool own = key == "ratio" && row.contains("target");
        if (!own && !key.ends_with("_ratio")) continue;
        const double at_most = own ? row["target"].get<double>() : 1;
        if (value > at_most)
          out +=
              fmt::format("- {} / {}: {} {}, to be at most {}\n", table.name, row.value("name", ""),
                          words(key), number(value.get<double>()), number(at_most));
      }
  return "## Where we lose\n\n" + (out.empty() ? "Nowhere in this run.\n" : out);
}

}  // namespace ramp::bench

#include "report.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace ramp::bench {

bool Options::wants(const std::string& name) const {
  return only.empty() || std::find(only.begin(), only.end(), name) != only.end();
}

std::vector<Timing> Options::race(const std::vector<Contender>& contenders) const {
  using namespace std::chrono_literals;
  return quick ? bench::race(contenders, 3, 2ms) : bench::race(contenders, 15, 20ms);
}

void progress(const std::string& what) {
  static const bool watched = isatty(STDERR_FILENO);
  if (watched) fmt::print(stderr, "\r\033[K{}{}", what, what.empty() ? "" : " ...");
}

std::string Table::text() const {
  const auto cell = [](const Column& column, const nlohmann::ordered_json& row) -> std::string {
    const auto it = row.find(column.key);
    if (it == row.end() || it->is_null()) return "-";
    if (it->is_string()) return it->get<std::string>();
    if (it->is_number_integer()) return fmt::to_string(it->get<std::int64_t>());
    return fmt::format(fmt::runtime(column.format), it->get<double>());
  };
  std::string out = title + "\n";
  std::vector<std::size_t> widths;
  for (const Column& column : columns) {
    std::size_t width = column.head.size();
    for (const auto& row : rows) width = std::max(width, cell(column, row).size());
    widths.push_back(width);
  }
  const auto line = [&](auto text_of) {
    std::string text;
    for (std::size_t c = 0; c < columns.size(); ++c)
      text += c == 0 ? fmt::format("  {:<{}}", text_of(columns[c]), widths[c])
                     : fmt::format("  {:>{}}", text_of(columns[c]), widths[c]);
    out += text + "\n";
  };
  line([](const Column& column) { return column.head; });
  for (const auto& row : rows) line([&](const Column& column) { return cell(column, row); });
  return out;
}

}  // namespace ramp::bench

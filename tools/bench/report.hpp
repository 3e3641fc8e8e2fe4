// What the benchmarks have in common: the options, and tables that are printed or written as JSON.
#pragma once

#include "timing.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace ramp::bench {

struct Options {
  bool quick = false;
  bool full = false;              // also what takes minutes
  std::vector<std::string> only;  // names; all if empty

  bool wants(const std::string& name) const;
  bool wants_long(const std::string& name) const;  // for what takes minutes: only if asked for
  int rounds() const { return quick ? 3 : 15; }
  std::vector<Timing> race(const std::vector<Contender>& contenders) const;
};

struct Column {
  std::string key, head;
  std::string format = "{}";  // fmt's, of the value in the row
};

/// Rows are JSON objects. A row prints those of its values that a column has the key of.
struct Table {
  std::string name, title;
  std::vector<Column> columns;
  std::vector<nlohmann::ordered_json> rows = {};
  std::string note = {};                   // a sentence, in Markdown
  std::vector<std::string> failures = {};  // where both sides should agree and don't

  std::string text() const;
  std::string markdown() const;
};

/// Into `row`: each contender's best and median in microseconds as NAME_us and NAME_median_us; the
/// ratio of the first one's best to the second's, to each further one's as NAME_ratio; and what
/// the ratio should be at most, if targets.cpp has one.
void add_timings(nlohmann::ordered_json& row, const std::string& table,
                 const std::vector<Timing>& timings);
/// The target for a row of a table, if there is one.
std::optional<double> target(const std::string& table, const std::string& name);
/// A table that was measured outside of this program, from a JSON file with the members of Table.
Table read_table(const std::string& path);
/// In Markdown: the rows over their targets, and those in which another tool is faster.
std::string where_we_lose(const std::vector<Table>& tables);

/// Says on stderr what is being measured, if somebody is looking.
void progress(const std::string& what);

Table networks(const Options& options);
Table inference(const Options& options);
Table threads(const Options& options);
Table playground(const Options& options);
Table quality(const Options& options);
Table training(const Options& options);
Table memory(const Options& options);
/// Trains one network by one tool, {"ramp", "mnist"}, and prints this process's peak in MiB.
void print_peak(const std::vector<std::string>& who_and_network);
Table chains(const Options& options);
Table programs(const Options& options);
Table instruments(const Options& options);

}  // namespace ramp::bench

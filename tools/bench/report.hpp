// What the benchmarks have in common: the options, and tables that are printed or written as JSON.
#pragma once

#include "timing.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace ramp::bench {

struct Options {
  bool quick = false;
  std::vector<std::string> only;  // names; all if empty

  bool wants(const std::string& name) const;
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
  std::vector<std::string> failures = {};  // where both sides should agree and don't

  std::string text() const;
};

/// Says on stderr what is being measured, if somebody is looking.
void progress(const std::string& what);

Table networks(const Options& options);
Table chains(const Options& options);
Table programs(const Options& options);
Table instruments(const Options& options);

}  // namespace ramp::bench

// What the benchmarks have in common: the options, and tables whose rows are races.
#pragma once

#include "rivals/rival.hpp"

#include <nlohmann/json.hpp>

namespace ramp::bench {

struct Contender {
  std::string who;
  Call call;
};
struct Rounds {
  int count;       // how often a contender has its turn
  double seconds;  // how long it then goes on; with a call that takes longer, a call
};

struct Options {
  bool quick = false;
  bool full = false;              // also what takes minutes
  std::vector<std::string> only;  // names; all if empty

  bool wants(const std::string& name) const;
  Rounds rounds() const { return quick ? Rounds{3, 0.002} : Rounds{15, 0.02}; }
};

/// Rows are flat JSON objects, and their keys the heads of columns. X_median_UNIT stands in
/// parentheses behind X_UNIT.
struct Table {
  std::string name, title;
  std::string note = {};  // a sentence, in Markdown
  std::vector<nlohmann::ordered_json> rows = {};
  std::vector<std::string> failures = {};  // where both sides should agree and don't

  /// Runs the contenders turn about, as the benchmarks name/row["name"]/who, and adds the row with
  /// the best and the median of each, as who_UNIT and who_median_UNIT, a unit being so many ns.
  nlohmann::ordered_json& add(nlohmann::ordered_json row, const std::vector<Contender>& contenders,
                              const Rounds& rounds, const std::string& unit = "us",
                              double ns = 1e3);
  /// Into the last row: the ratio of the first best in it to the second, to each further one as
  /// who_ratio; and what the ratio should be at most, if there is a target.
  void add_ratios(const std::vector<Contender>& contenders, const std::string& unit = "us");
  /// A failure unless `difference` is less than `at_most`; NaN isn't.
  void check(const std::string& row, const std::string& who, double difference, double at_most);
  std::string text(bool markdown) const;
};

/// How often `call` calls the allocator, once it has warmed up.
double allocations_of(const Call& call);
/// A table that was measured outside of this program, from a JSON file with the members of Table.
Table read_table(const std::string& path);
/// In Markdown: the rows over their targets, and those in which another tool is faster.
std::string where_we_lose(const std::vector<Table>& tables);

const Rivals& rivals();
void without_modules();  // from now on only those by hand

Table networks(const Options& options);
Table inference(const Options& options);
Table playground(const Options& options);
Table chains(const Options& options);
Table programs(const Options& options);
Table instruments(const Options& options);
Table memory(const Options& options);
Table training(const Options& options);
Table threads(const Options& options);
/// Trains a network by one rival and prints this process's peak in MiB.
void print_peak(const std::string& who, const std::string& network);

}  // namespace ramp::bench

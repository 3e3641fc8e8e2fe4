// What the project wants of its own speed: the ratio, or the time, that a row should have at most.
// Missing one never fails a run; it puts the row into the list of where we lose.
#include "report.hpp"

#include <fmt/format.h>

#include <map>

namespace ramp::bench {

std::optional<double> target(const std::string& table, const std::string& name) {
  static const std::map<std::string, double> targets{
      {"networks/moons", 1.0}, {"networks/digits", 1.0}, {"networks/mnist", 0.95},
      {"networks/wide", 0.9},  {"networks/glorot", 0.7}, {"programs/scalar-mlp", 7},
      {"programs/asian", 2.5}, {"threads", 1 / 1.6},     {"inference", 1.03},
      {"training", 0.85},      {"playground", 0.2},      {"quality", 1.05},
  };
  for (const std::string& key : {table + "/" + name, table})
    if (const auto it = targets.find(key); it != targets.end()) return it->second;
  return {};
}

std::string where_we_lose(const std::vector<Table>& tables) {
  static const std::map<std::string, std::string> others{{"torch_ratio", "libtorch"},
                                                         {"dnnl_ratio", "code over oneDNN"},
                                                         {"plain_ratio", "the plain loop in C++"},
                                                         {"adolc_ratio", "ADOL-C"},
                                                         {"adolc_replay_ratio", "ADOL-C's replay"}};
  std::string over, slower;
  for (const Table& table : tables)
    for (const auto& row : table.rows) {
      const std::string name = table.name + " / " + row.value("name", "");
      if (row.contains("ratio") && row.contains("target") && row["ratio"] > row["target"])
        over += fmt::format("- {}: {:.2f}, to be at most {:.2f}\n", name,
                            row["ratio"].get<double>(), row["target"].get<double>());
      for (const auto& [key, other] : others)
        if (row.contains(key) && row[key] > 1.0)
          slower += fmt::format("- {}: {:.2f} times the time of {}\n", name, row[key].get<double>(),
                                other);
    }
  std::string out = "## Where we lose\n\n";
  if (over.empty() && slower.empty()) return out + "Nowhere in this run.\n";
  if (!over.empty()) out += "Over the project's own targets:\n\n" + over;
  if (!slower.empty())
    out += fmt::format("{}Slower than another tool:\n\n{}", over.empty() ? "" : "\n", slower);
  return out;
}

}  // namespace ramp::bench

// Peak memory of a program that trains one network: this program started anew for each row and
// rival, since what one has touched stays with the process.
#include "bench.hpp"
#include "networks.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace ramp::bench {
namespace {

double mebibytes() {  // not getrusage, which still knows the peak of who started this process
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
  return 0;
}

double in_a_process(const std::string& who, const std::string& network) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return 0;
  const std::string command = fmt::format("'{}' --peak {} {}", self.string(), who, network);
  std::FILE* const out = popen(command.c_str(), "r");
  double found = 0;
  if (out && std::fscanf(out, "%lf", &found) != 1) found = 0;
  if (out) pclose(out);
  return found;
}

}  // namespace

void print_peak(const std::vector<std::string>& who_and_network) {
  const std::string &who = who_and_network.at(0), &name = who_and_network.at(1);
  if (who != "torch") without_modules();  // the others don't pay for it
  for (const Network& n : all_networks) {
    if (n.name != name) continue;
    const Batch batch(n);
    Task task = batch.task(n);
    const std::vector<float> anything(1000 * 1000, 0.01f);  // no layer has more weights
    for (std::size_t l = 1; l < n.sizes.size(); ++l)
      for (const int size : {n.sizes[l - 1] * n.sizes[l], n.sizes[l]})
        task.initial.push_back(std::span(anything).first(static_cast<std::size_t>(size)));
    Call call;
    if (who == "ramp")
      call = [mlp = std::make_shared<RampMlp>(n, batch)] { return mlp->step(); };
    else
      for (const Rival& rival : rivals())
        if (rival.name == who && !call) call = rival.training(task);
    for (int i = 0; call && i < 5; ++i) call();
    fmt::print("{}\n", mebibytes());
  }
}

Table memory(const Options& options) {
  Table table{"memory", "memory: peak of a process that trains the network, in MiB"};
  table.note =
      "The program itself, its libraries and the batch are in it: so much as no training takes.";
  std::vector<std::string> who{"ramp", "hand", "nothing"};
  for (const Rival& rival : rivals())
    if (rival.name == "torch") who.push_back(rival.name);
  for (const Network& n : all_networks) {
    if (!options.wants("memory") && !options.wants(n.name)) continue;
    nlohmann::ordered_json row{{"name", n.name}};
    for (const std::string& one : who)
      if (const double peak = in_a_process(one, n.name); peak > 0) row[one + "_mib"] = peak;
    if (row.size() > 1) table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace ramp::bench

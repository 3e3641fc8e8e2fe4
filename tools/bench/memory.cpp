// Peak memory of a program that trains one network: this program started anew for each row and
// tool, since what one has touched stays with the process.
#include "networks.hpp"
#include "peers.hpp"
#include "report.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>

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
  const auto n = std::find_if(std::begin(all_networks), std::end(all_networks),
                              [&](const Network& other) { return other.name == name; });
  if (n == std::end(all_networks))
    throw std::runtime_error(fmt::format("--peak: there is no network {}", name));
  nn::Random random(1);
  const Batch batch(*n, random);
  Task given = task(*n, batch);
  const std::vector<float> anything(1000 * 1000, 0.01f);  // no layer has more weights
  for (std::size_t l = 1; l < n->sizes.size(); ++l) {
    const auto in = static_cast<std::size_t>(n->sizes[l - 1]);
    const auto out = static_cast<std::size_t>(n->sizes[l]);
    given.initial.push_back(std::span(anything).first(in * out));
    given.initial.push_back(std::span(anything).first(out));
  }
  std::function<float()> call;
  if (who == "ramp")
    call = [&batch, mlp = std::make_shared<RampMlp>(*n)] { return mlp->step(batch); };
  if (who == "hand")
    call = [&given, mlp = std::make_shared<HandMlp>(by_hand(given))] { return step(*mlp, given); };
  if (who == "torch")
    for (const auto& peer : peers())
      if (peer->name() == who) call = peer->training(given);
  for (int i = 0; call && i < 5; ++i) keep(call());
  fmt::print("{}\n", mebibytes());
}

Table memory(const Options& options) {
  Table table{"memory",
              "memory: peak of a process that trains the network, in MiB",
              {{"name", "network"},
               {"ramp_mib", "Ramp", "{:.1f}"},
               {"hand_mib", "by hand", "{:.1f}"},
               {"torch_mib", "libtorch", "{:.1f}"},
               {"nothing_mib", "no training", "{:.1f}"}}};
  table.note =
      "The program itself, its libraries and the batch are in it: so much as no training takes.";
  const bool torch = std::any_of(peers().begin(), peers().end(),
                                 [](const auto& peer) { return peer->name() == "torch"; });
  for (const Network& n : all_networks) {
    if (!options.wants("memory") && !options.wants(n.name)) continue;
    progress("memory " + n.name);
    nlohmann::ordered_json row{{"name", n.name}};
    for (const char* who : {"ramp", "hand", "torch", "nothing"})
      if (who != std::string("torch") || torch)
        if (const double peak = in_a_process(who, n.name); peak > 0)
          row[std::string(who) + "_mib"] = peak;
    if (row.size() > 1) table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace ramp::bench

#include "report.hpp"

#include <fmt/format.h>

namespace ramp::tool {

namespace {

// "accuracy 91.2 %" or "r2 0.912".
std::string in_words(const nn::Scores& scores, const char* before, int digits) {
  std::string text;
  for (const auto& [name, value] : scores) {
    if (name == "loss") continue;
    text += text.empty() ? "" : "  ";
    text += name == "accuracy" ? fmt::format("{}accuracy {:.{}f} %", before, 100 * value, digits)
                               : fmt::format("{}{} {:.4g}", before, name, value);
  }
  return text;
}

}  // namespace

std::string metrics_line(const nn::EpochInfo& epoch, std::span<const nn::UnitReport> layers,
                         const nlohmann::ordered_json& kinks) {
  nlohmann::ordered_json line{{"epoch", epoch.epoch + 1}, {"loss", epoch.train.at("loss")}};
  for (const auto& [name, value] : epoch.train)
    if (name != "loss") line[name] = value;
  line["test_loss"] = epoch.valid.at("loss");
  for (const auto& [name, value] : epoch.valid) line["test_" + name] = value;
  line["learning_rate"] = epoch.learning_rate;
  for (const nn::UnitReport& layer : layers)
    line["layers"].push_back({{"name", layer.name},
                              {"units", layer.units},
                              {"dead", layer.dead},
                              {"dormant", layer.dormant},
                              {"sparsity", layer.sparsity}});
  if (!kinks.is_null()) line["kinks"] = kinks;
  return line.dump() + '\n';
}

std::string times_line(const nn::EpochInfo& epoch) {
  return nlohmann::ordered_json{{"epoch", epoch.epoch + 1},
                                {"seconds", epoch.seconds},
                                {"test_seconds", epoch.valid_seconds}}
             .dump() +
         '\n';
}

std::string summary_line(const nn::EpochInfo& epoch, std::uint64_t epochs) {
  return fmt::format("epoch {}/{}  loss {:.4f}  {}  test loss {:.4f}  {}  {:.2f} s\n",
                     epoch.epoch + 1, epochs, epoch.train.at("loss"), in_words(epoch.train, "", 1),
                     epoch.valid.at("loss"), in_words(epoch.valid, "test ", 1),
                     epoch.seconds + epoch.valid_seconds);
}

std::string result_lines(const nn::FitResult& training, bool restored, double seconds,
                         const RunFolder& folder) {
  const nn::EpochInfo &best = training.epochs[training.best], &last = training.epochs.back();
  const std::size_t n = training.epochs.size();
  std::string text =
      fmt::format("best epoch {}: {}{}\n", best.epoch + 1, in_words(best.valid, "test ", 2),
                  restored ? ", whose weights are kept" : "");
  text += fmt::format("{} after {} epoch{} in {:.1f} s", in_words(last.valid, "test ", 2), n,
                      n == 1 ? "" : "s", seconds);
  if (folder)
    text += fmt::format("; graph: {}; model: {}", folder.graph().string(), folder.model().string());
  return text + '\n';
}

}  // namespace ramp::tool

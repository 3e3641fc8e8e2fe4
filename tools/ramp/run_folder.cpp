#include "run_folder.hpp"

#include <autodiff/version.hpp>
#include <nn/data/file_writer.hpp>
#include <nn/keep/checkpoint.hpp>
#include <nn/train/fit.hpp>

#include <nlohmann/json.hpp>

#include <fstream>
#include <system_error>

namespace ramp::tool {

namespace fs = std::filesystem;

namespace {

struct Settings {
  std::vector<std::string> arguments;
  bool ended;
};

Settings read_settings(const fs::path& path) {
  std::ifstream file(path / "settings.json");
  if (!file)
    throw Failure(
        fmt::format("--resume {}: there is no settings.json, as a training with --out "
                    "writes it",
                    path.string()));
  try {
    const auto settings = nlohmann::json::parse(file);
    return {settings.at("arguments").get<std::vector<std::string>>(),
            settings.at("ended").get<bool>()};
  } catch (const nlohmann::json::exception&) {
    throw Failure(
        fmt::format("{}: it is damaged: put it back, or begin anew with `ramp train .. --out {} "
                    "--overwrite`",
                    (path / "settings.json").string(), path.string()));
  }
}

bool has_checkpoints(const fs::path& folder) {  // whole or not
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (at->path().filename().string().starts_with("checkpoint-")) return true;
  return false;
}

// How long all epochs but the last took. The end of each is followed by a checkpoint, unless that
// would be too soon.
double seconds_before_last(const fs::path& times) {
  std::ifstream file(times);
  double sum = 0, last = 0;
  for (std::string line; std::getline(file, line);) {
    const auto epoch = nlohmann::json::parse(line, nullptr, false);
    sum += last;
    last = 0;
    for (const char* part : {"seconds", "test_seconds"})
      if (epoch.is_object() && epoch.contains(part) && epoch.at(part).is_number())
        last += epoch.at(part).get<double>();
  }
  return sum;
}

}  // namespace

RunFolder::RunFolder(fs::path path) : path_(std::move(path)) {
  if (path_.empty()) return;
  std::error_code error;
  fs::create_directories(path_, error);
  if (!error && !fs::is_directory(path_)) error = std::make_error_code(std::errc::not_a_directory);
  if (error) throw Failure(fmt::format("--out {}: {}", path_.string(), error.message()));
}

void RunFolder::begin(bool overwrite) const {
  if (path_.empty()) return;
  const nn::CheckpointFolder<float> folder(checkpoints());
  if (overwrite || !fs::exists(path_ / "settings.json")) return;
  if (!read_settings(path_).ended && folder.newest())
    throw Failure(
        fmt::format("--out {0}: there is a training that has not ended: go on with `ramp "
                    "train --resume {0}`, or begin anew with --overwrite",
                    path_.string()));
}

void RunFolder::clear() const {
  if (!path_.empty()) nn::CheckpointFolder<float>(checkpoints()).clear();
}

void RunFolder::check_without_checkpoint() const {
  if (path_.empty()) return;
  if (!read_settings(path_).ended && !has_checkpoints(checkpoints()) &&
      seconds_before_last(path_ / "times.jsonl") < nn::KeepOptions().least_seconds)
    return;
  throw Failure(
      fmt::format("--resume {0}: epochs were done, but {1} has no whole checkpoint to go on from: "
                  "put one back, or begin anew with `ramp train .. --out {0} --overwrite`",
                  path_.string(), checkpoints().string()));
}

void RunFolder::write_settings(const std::vector<std::string>& arguments, bool ended) const {
  if (path_.empty()) return;
  const nlohmann::ordered_json settings{
      {"ramp", RAMP_VERSION}, {"arguments", arguments}, {"ended", ended}};
  std::string text;
  try {
    text = settings.dump(2) + '\n';
  } catch (const nlohmann::json::exception&) {
    throw Failure(
        "--out: settings.json keeps UTF-8, which not all arguments are: rename the file "
        "or the folder");
  }
  nn::replace_file(path_ / "settings.json", text);
}

std::vector<std::string> RunFolder::settings(const fs::path& path) {
  return read_settings(path).arguments;
}

void RunFolder::open(std::size_t epochs) {
  if (path_.empty()) return;
  if (epochs == 0) {
    metrics_.emplace(path_ / "metrics.jsonl");
    times_.emplace(path_ / "times.jsonl");
    return;
  }
  const auto length_of = [&](const char* name) {  // of so many lines
    std::ifstream file(path_ / name, std::ios::binary);
    std::string line;
    std::int64_t length = 0;
    for (std::size_t i = 0; i < epochs; ++i) {
      if (!std::getline(file, line) || file.eof())
        throw Failure(
            fmt::format("--resume {}: {} has {} lines, and the checkpoint is of epoch {}: "
                        "put the file back, or begin anew",
                        path_.string(), name, i, epochs));
      length += static_cast<std::int64_t>(line.size()) + 1;
    }
    return length;
  };
  const std::int64_t metrics = length_of("metrics.jsonl"), times = length_of("times.jsonl");
  metrics_.emplace(path_ / "metrics.jsonl", metrics);
  times_.emplace(path_ / "times.jsonl", times);
}

void RunFolder::add_epoch(std::string_view metrics, std::string_view times) {
  if (path_.empty()) return;
  metrics_->write(metrics);
  times_->write(times);
}

void RunFolder::sync() {
  for (auto* const file : {&metrics_, &times_})
    if (*file) (*file)->sync();
}

void RunFolder::write_graph(const Var<float>& loss, const DotOptions& look) {
  if (path_.empty()) return;
  const std::string dot = to_dot(loss, look);
  const fs::path text = path_ / "graph.dot", picture = path_ / "graph.svg";
  OutputFile(text).write(dot);
  graph_ = picture;
  try {
    if (draw_svg(dot, picture)) return;
  } catch (const Failure& failure) {  // an ill Graphviz should not keep anybody from training
    complain(failure.what());
  }
  std::error_code ignored;
  fs::remove(picture, ignored);  // of an earlier run, or half a file
  graph_ = text;
}

}  // namespace ramp::tool

#include "data.hpp"

#include <nn/data/idx.hpp>
#include <nn/joined.hpp>
#include <nn/data/synthetic.hpp>

#include <algorithm>
#include <array>

namespace ramp::tool {

namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 2> image_sets{"fashion-mnist", "mnist"};

bool contains(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// A folder that can't be looked into, and a link that leads nowhere, are for the reader to explain.
CLI::Validator data_set() {
  const auto check = [](std::string& name) -> std::string {
    if (contains(image_sets, name) || is_synthetic(name)) return "";
    std::error_code error;
    const fs::file_status status = fs::status(name, error);
    if (fs::is_directory(status)) return "";
    if (fs::exists(status)) return fmt::format("'{}' is no folder", name);
    if (error && error != std::errc::no_such_file_or_directory)
      return fmt::format("'{}': {}", name, error.message());
    std::error_code ignored;
    if (fs::is_symlink(fs::symlink_status(name, ignored)))
      return fmt::format("'{}' is a link to {}, which isn't there", name,
                         fs::read_symlink(name, ignored).string());
    return fmt::format("no data set or folder '{}': there are {}, {}", name, nn::joined(image_sets),
                       nn::joined(nn::synthetic_names()));
  };
  return CLI::Validator(check, "");
}

}  // namespace

bool is_synthetic(const std::string& name) { return contains(nn::synthetic_names(), name); }

nn::Split<float> load(const DataOptions& options, nn::Random& seeds) {
  if (contains(image_sets, options.name)) return nn::load_named_dataset(options.name);
  if (!is_synthetic(options.name)) return nn::load_idx_folder(options.name, options.classes);
  const auto all = nn::synthetic(options.name, options.points, options.noise, seeds());
  return all.split(0.8, seeds());
}

std::string described(const DataOptions& options, const nn::Split<float>& data) {
  const nn::Dataset<float>& train = data.train;
  std::string text = fmt::format("{}: {} samples to train, {} to test", options.name, train.size(),
                                 data.test.size());
  if (!is_synthetic(options.name))
    text += fmt::format("; {} classes, labelled {} to {}", train.classes, train.first_label,
                        train.first_label + train.classes - 1);
  return text;
}

void add_data_options(CLI::App& command, DataOptions& options) {
  add(command, "--data", options.name,
      "fashion-mnist, mnist, moons, circle, xor, gauss, spiral, or a folder with IDX files")
      ->type_name("NAME|DIR")
      ->check(data_set());
  add(command, "--points", options.points, "Of moons, circle, xor, gauss or spiral; a fifth tests")
      ->check(whole(10, 100'000'000));
  add(command, "--noise", options.noise, "Of these sets")->check(at_least(0));
  command
      .add_option("--classes", options.classes,
                  help_text("Of a folder; without it, as many as its labels say"))
      ->check(whole(2, 1'000'000));
}

void check_data_options(const CLI::App& command, const DataOptions& options) {
  const bool made = is_synthetic(options.name);
  const auto given = [&](const char* name) { return command.get_option(name)->count() > 0; };
  if (!made)
    for (const char* name : {"--points", "--noise"})
      if (given(name))
        throw CLI::ValidationError(name, "is for synthetic sets, not for " + options.name);
  if (given("--classes") && (made || contains(image_sets, options.name)))
    throw CLI::ValidationError("--classes", "is for folders, not for " + options.name);
}

}  // namespace ramp::tool

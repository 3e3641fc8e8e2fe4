// Arrays as NumPy keeps them: what it writes is read, and what is written comes back.
#include <nn/data/npy.hpp>
#include <nn/random.hpp>

#include "support/idx_files.hpp"
#include "support/refused.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

using namespace ramp::nn;
using idx_files::TempFolder, idx_files::read, idx_files::write;
using ramp::Shape, ramp::Tensor;

namespace {

// A file as NumPy writes it, of any header.
std::string npy(const std::string& header, const std::string& data, char version = 1) {
  std::string text = std::string("\x93NUMPY") + version + '\0';
  for (std::size_t i = 0; i < (version == 1 ? 2 : 4); ++i)
    text += static_cast<char>(header.size() >> 8 * i & 255);
  return text + header + data;
}
std::string npy(const std::string& descr, const std::string& shape, const std::string& data,
                bool fortran = false) {
  return npy(fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}   \n", descr,
                         fortran ? "True" : "False", shape),
             data);
}
// The bytes of numbers, the highest first where `big`.
template <class N> std::string bytes(const std::vector<N>& numbers, bool big = false) {
  std::string all;
  for (const N number : numbers) {
    std::string one(sizeof number, '\0');
    std::memcpy(one.data(), &number, sizeof number);
    all += big ? std::string(one.rbegin(), one.rend()) : one;
  }
  return all;
}

template <class T = double> Tensor<T> read_back(const std::string& text) {
  const TempFolder folder;
  write(folder / "a.npy", text);
  return read_npy<T>(folder / "a.npy");
}

template <class T> Tensor<T> random_tensor(const Shape& shape, Random& random) {
  Tensor<T> x(shape);
  for (T& value : x) value = static_cast<T>(random.normal());
  return x;
}

// A zip archive of one member, as others write it: deflated, with a comment and extra fields.
std::string zip(const std::string& name, const std::string& text, int method) {
  std::string packed = text;
  if (method == 8) {
    packed.resize(text.size() + 100);
    z_stream stream{};
    deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    deflate(&stream, Z_FINISH);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
  }
  const auto number = [](std::size_t value, int n) {
    std::string all;
    for (int i = 0; i < n; ++i) all += static_cast<char>(value >> 8 * i & 255);
    return all;
  };
  const std::size_t crc = crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size());
  const std::string start =
      number(20, 2) + number(0, 2) + number(static_cast<std::size_t>(method), 2) + number(0, 4) +
      number(crc, 4) + number(packed.size(), 4) + number(text.size(), 4) + number(name.size(), 2);
  const std::string local = number(0x04034b50, 4) + start + number(4, 2) + name + "EXTR" + packed;
  const std::string directory = number(0x02014b50, 4) + number(20, 2) + start + number(3, 2) +
                                number(2, 2) + std::string(12, '\0') + name + "EXT" + "CO";
  return local + directory + number(0x06054b50, 4) + number(0, 4) + number(1, 2) + number(1, 2) +
         number(directory.size(), 4) + number(local.size(), 4) + number(7, 2) + "comment";
}

}  // namespace

TEST_CASE_TEMPLATE("what is written is read back to the bit, of any shape", T, float, double) {
  const TempFolder folder;
  Random random(1);
  NamedTensors<T> all;
  for (const Shape& shape :
       {Shape{}, Shape{0}, Shape{7}, Shape{3, 0}, Shape{5, 3}, Shape{2, 3, 4}, Shape{2, 1, 3, 5}}) {
    Tensor<T> x = random_tensor<T>(shape, random);
    if (x.size() > 2)
      x[0] = T(-0.0), x[1] = std::numeric_limits<T>::infinity(),
      x[2] = std::numeric_limits<T>::denorm_min();
    write_npy(folder / "x.npy", x);
    const Tensor<T> y = read_npy<T>(folder / "x.npy");
    CHECK(y.shape() == shape);
    CHECK(std::memcmp(x.data(), y.data(), x.size() * sizeof(T)) == 0);
    const std::string text = read(folder / "x.npy");
    CHECK((text.size() - x.size() * sizeof(T)) % 64 == 0);  // where NumPy wants the data to begin
    all.emplace_back(fmt::format("layer{}.weight", all.size()), std::move(x));
  }
  write_npz(folder / "x.npz", all);
  const NamedTensors<T> found = read_npz<T>(folder / "x.npz");
  REQUIRE(found.size() == all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(found[i].first == all[i].first);
    CHECK(found[i].second.shape() == all[i].second.shape());
    CHECK(std::ranges::equal(found[i].second, all[i].second));
  }
  const std::string once = read(folder / "x.npz");
  write_npz(folder / "x.npz", all);
  CHECK(read(folder / "x.npz") == once);  // no date in it
  write_npz(folder / "x.npz", NamedTensors<T>());
  CHECK(read_npz<T>(folder / "x.npz").empty());
}

TEST_CASE("the bytes of a file are those that NumPy writes") {
  const TempFolder folder;
  write_npy(folder / "a.npy", Tensor<float>({2, 3}, {1, 2, 3, 4, 5, 6}));
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  header.append(117 - header.size(), ' ');
  CHECK(read(folder / "a.npy") == npy(header + '\n', bytes<float>({1, 2, 3, 4, 5, 6})));
  write_npy(folder / "a.npy", Tensor<double>({3}, {1, 2, 3}));
  CHECK(read(folder / "a.npy").find("'<f8', 'fortran_order': False, 'shape': (3,), }") == 20);
}

TEST_CASE("numbers of any type, size and byte order") {
  const auto both = [](const std::string& type, auto number, std::vector<double> expected) {
    CAPTURE(type);
    std::vector<decltype(number)> numbers;
    for (const double x : expected) numbers.push_back(static_cast<decltype(number)>(x));
    for (const bool big : {false, true}) {
      const std::string order = sizeof number == 1 ? "|" : big ? ">" : "<";
      const Tensor<double> x =
          read_back(npy(order + type, fmt::format("({},)", expected.size()), bytes(numbers, big)));
      CHECK(std::ranges::equal(x, expected));
    }
  };
  both("f8", double(), {1.5, -2, 1e300});
  both("f4", float(), {1.5, -2, 0x1p100});
  both("i8", std::int64_t(), {-0x1p53, 7, -1, 0x1p62});
  both("i4", std::int32_t(), {-0x1p31, 7});
  both("i2", std::int16_t(), {-0x1p15, 258});
  both("i1", std::int8_t(), {-128, 127});
  both("u8", std::uint64_t(), {0x1p63, 9});
  both("u4", std::uint32_t(), {4294967295.0, 9});
  both("u2", std::uint16_t(), {65535, 258});
  both("u1", std::uint8_t(), {255, 0});
  both("b1", std::uint8_t(), {1, 0, 1});
  const auto half = [](std::vector<std::uint16_t> bits) {
    return read_back(npy("<f2", fmt::format("({},)", bits.size()), bytes(bits)));
  };
  CHECK(std::ranges::equal(half({0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x3555, 0xfc00}),
                           std::vector<double>{1, -2, 65504, 0x1p-24, 0x1p-14, 0.333251953125,
                                               -std::numeric_limits<double>::infinity()}));
  CHECK(std::isnan(half({0x7e00})[0]));

  REFUSED(read_back<float>(npy("<i4", "(2,)", bytes<std::int32_t>({1, (1 << 24) + 1}))), DataError,
          "the whole number at 1 doesn't fit");
  REFUSED(read_back(npy("<u8", "(1,)", bytes<std::uint64_t>({~std::uint64_t{0}}))), DataError,
          "the whole number at 0 doesn't fit");
}

TEST_CASE("columns first, and headers of three versions") {
  const std::string data = bytes<float>({1, 2, 3, 4, 5, 6});
  const Tensor<double> x = read_back(npy("<f4", "(2, 3)", data, true));
  CHECK(std::ranges::equal(x, std::vector<double>{1, 3, 5, 2, 4, 6}));
  // Element (i, j, k, l) of shape (2, 3, 1, 2) lies at i + 2 (j + 3 (k + l)).
  std::vector<double> numbers(12);
  for (std::size_t i = 0; i < 12; ++i) numbers[i] = static_cast<double>(i);
  const Tensor<double> deep = read_back(npy("<f8", "(2, 3, 1, 2)", bytes(numbers), true));
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t l = 0; l < 2; ++l)
        CHECK(deep[(i * 3 + j) * 2 + l] == static_cast<double>(i + 2 * (j + 3 * l)));

  for (const char version : {'\1', '\2', '\3'})
    for (const std::string header :
         {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n",
          "{\"shape\": (2,3,), \"descr\":\"<f4\",\"fortran_order\": False}",
          " { 'fortran_order' : "
          "False , 'shape' : ( 2 , 3 ) , 'descr' : '<f4' } \n"}) {
      const Tensor<double> y = read_back(npy(header, data, version));
      CHECK(y.shape() == Shape{2, 3});
      CHECK(y[5] == 6);
    }
}

TEST_CASE("what is no array of numbers is refused, with the path") {
  const auto refused = [](const std::string& text, const char* why) {
    const TempFolder folder;
    write(folder / "a.npy", text);
    REFUSED(read_npy<float>(folder / "a.npy"), DataError, why);
    REFUSED(read_npy<float>(folder / "a.npy"), DataError,
            ("[npy] " + (folder / "a.npy").string() + ": ").c_str());
  };
  const std::string four = bytes<float>({1, 2, 3, 4});
  refused("", "it is no array of NumPy");
  refused("text and more text", "it is no array of NumPy");
  refused(npy("{}", four, 4), "version 4 of the format is unknown");
  refused(std::string("\x93NUMPY\2\0\1\0", 10), "the header of the array is cut off");
  refused(std::string("\x93NUMPY\1\0\xff\xff{", 11), "the header of the array is cut off");
  refused(npy("|O", "(4,)", four), "Python objects, which are pickled");
  refused(npy("<c8", "(2,)", four), "the type '<c8', which isn't read: save it as float32");
  refused(npy("<U4", "(1,)", four), "the type '<U4'");
  refused(npy("f4", "(4,)", four), "the type 'f4'");
  refused(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,)}", four), "records");
  refused(npy("<f4", "(1, 1, 1, 2, 2)", four), "the array has 5 axes: 4 are most");
  refused(npy("<f4", "(5,)", four), "the array takes 20 bytes, and there are 16");
  refused(npy("<f4", "(3,)", four), "the array takes 12 bytes, and there are 16");
  refused(npy("<f4", "(4294967296,)", four), "the array is too large");
  refused(npy("<f4", "(4294967295, 4294967295, 4294967295)", four), "the array is too large");
  refused(npy("<f4", "(4000000000, 1000000000)", four), "takes 16000000000000000000 bytes");
  for (const char* shape : {"4", "(-4,)", "(4", "(4 4)", "(,)", "(4,,)", "(99999999999999999999,)",
                            "(2.0,)", "(4,)}", "None"})
    refused(npy("<f4", shape, four), "the header of the array is damaged");
  for (const char* header :
       {"", "{}", "{'descr': '<f4', 'shape': (4,)}", "{'descr': '<f4', 'fortran_order': False}",
        "{'fortran_order': False, 'shape': (4,)}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (4,)}",
        "{'descr': '<f4' 'fortran_order': False, 'shape': (4,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), 'more': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4,)", "{'descr: 3"})
    refused(npy(header, four), "the header of the array is damaged");
  for (const char* again : {"'shape': (4,)", "'shape': (2, 2)", "'descr': '<f4'", "'descr': ''",
                            "'fortran_order': False"})
    refused(npy(fmt::format("{{{}, 'descr': '<f4', 'fortran_order': False, 'shape': (4,)}}", again),
                four),
            "the header of the array is damaged");
  refused(npy("", "(4,)", four), "the type ''");
}

TEST_CASE("archives of others, stored and deflated") {
  const TempFolder folder;
  const std::string array = npy("<f4", "(500,)", bytes(std::vector<float>(500, 2.5)));
  for (const int method : {0, 8}) {
    write(folder / "a.npz", zip("x.npy", array, method));
    const auto found = read_npz<double>(folder / "a.npz");
    REQUIRE(found.size() == 1);
    CHECK(found[0].first == "x");
    CHECK(std::ranges::equal(found[0].second, std::vector<double>(500, 2.5)));
  }
}

TEST_CASE("damaged archives are refused") {
  const TempFolder folder;
  const std::string array = npy("<f4", "(500,)", bytes(std::vector<float>(500, 2.5)));
  const std::string stored = zip("x.npy", array, 0), packed = zip("x.npy", array, 8);
  const auto refused = [&](std::string text, const char* why) {
    write(folder / "a.npz", text);
    REFUSED(read_npz<float>(folder / "a.npz"), DataError, why);
  };
  // A number in the directory, the local header or the end's record is another.
  const auto changed = [](std::string text, const char* mark, std::size_t at, std::string with) {
    std::ranges::copy(with, text.begin() + static_cast<std::ptrdiff_t>(text.rfind(mark) + at));
    return text;
  };
  const auto in_directory = [&](const std::string& text, std::size_t at, std::string with) {
    return changed(text, "PK\1\2", at, with);
  };
  const std::string most(4, '\xff');
  refused("", "it is no zip archive");
  refused(std::string(100'000, 'x'), "it is no zip archive");
  refused(stored.substr(0, stored.size() - 40), "it is no zip archive, or cut off");
  refused(stored.substr(10), "is damaged");
  std::string wrong = stored;
  wrong[wrong.find("EXTR") + 200] ^= 1;
  refused(wrong, "'x.npy' is damaged: its checksum or length differs");
  refused(in_directory(stored, 8, "\1"), "'x.npy' is encrypted");
  refused(in_directory(stored, 10, "\x0c"), "'x.npy' is packed by an unknown method");
  refused(in_directory(packed, 24, std::string("\x10\0\0\0", 4)), "longer than it says");
  refused(in_directory(packed, 24, std::string("\xff\x7f\0\0", 4)), "checksum or length differs");
  refused(in_directory(packed, 24, "\xff\xff\xff\x7f"), "'x.npy' can't grow to 2147483647 bytes");
  refused(in_directory(packed, 20, std::string("\x10\0\0\0", 4)), "'x.npy' is damaged");
  refused(in_directory(stored, 20, "\xff\xff\xff\x7f"), "cut off, or damaged");
  refused(in_directory(stored, 42, "\1"), "'x.npy' isn't where it should be");
  refused(in_directory(stored, 42, "\xff\xff\xff\x7f"), "cut off, or damaged");
  refused(in_directory(stored, 28, most.substr(2)), "cut off, or damaged");
  for (const std::size_t at : {20u, 24u, 42u}) refused(in_directory(stored, at, most), "zip64");
  refused(changed(stored, "PK\5\6", 16, most), "zip64");
  refused(changed(stored, "PK\5\6", 10, std::string("\2\0", 2)),
          "directory of the archive is damaged");
  refused(zip("x.npy", "no array", 0), "a.npz: x.npy: it is no array of NumPy");

  write_npz(folder / "b.npz",
            NamedTensors<float>{{"a", Tensor<float>({1})}, {"b", Tensor<float>({1})}});
  std::string twice = read(folder / "b.npz");
  twice[twice.rfind("b.npy")] = 'a';
  refused(twice, "'a.npy' comes twice");
  REFUSED(write_npz(folder / "c.npz",
                    NamedTensors<float>{{"a", Tensor<float>({1})}, {"a", Tensor<float>({1})}}),
          ramp::ValueError, "the name 'a' comes twice");
  CHECK_FALSE(std::filesystem::exists(folder / "c.npz"));
}

TEST_CASE("many entries that name one member are refused") {
  const TempFolder folder;
  write_npz<float>(folder / "one.npz", {{"a", Tensor<float>(Shape{1000})}});
  const std::string one = read(folder / "one.npz");
  const std::size_t directory = one.find("PK\1\2"), end = one.find("PK\5\6");
  REQUIRE(directory != one.npos);
  const std::string entry = one.substr(directory, end - directory);
  std::string many = one.substr(0, directory);
  for (const char name : {'a', 'b', 'c', 'd', 'e', 'f'}) {
    many += entry;
    many[many.rfind("a.npy")] = name;
  }
  std::string last = one.substr(end);
  last[8] = last[10] = 6;
  write(folder / "many.npz", many + last);
  REFUSED(read_npz<float>(folder / "many.npz"), DataError, "do they overlap?");
}

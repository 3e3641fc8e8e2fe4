// The format, byte by byte: what is written, what is read, and all that is refused.
#include <nn/data/file_writer.hpp>
#include <nn/keep/model_file.hpp>
#include <nn/keep/safetensors.hpp>
#include <nn/random.hpp>

#include "support/idx_files.hpp"
#include "support/refused.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace ramp::nn;
using idx_files::TempFolder, idx_files::read, idx_files::write;
using ramp::Shape, ramp::Tensor, ramp::ValueError;

namespace {

// The bytes of numbers as they lie in memory.
template <class T> std::string bytes(std::initializer_list<T> numbers) {
  std::string text(numbers.size() * sizeof(T), '\0');
  std::memcpy(text.data(), numbers.begin(), text.size());
  return text;
}

std::string file(const std::string& header, const std::string& data = {}) {
  return bytes<std::uint64_t>({header.size()}) + header + data;
}

// One tensor named x.
std::string one(const std::string& type, const std::string& shape, const std::string& data) {
  return file("{\"x\":{\"dtype\":\"" + type + "\",\"shape\":" + shape + ",\"data_offsets\":[0," +
                  std::to_string(data.size()) + "]}}",
              data);
}

SafeTensors opened(const TempFolder& temp, const std::string& text) {
  write(temp / "x.safetensors", text);
  return SafeTensors(temp / "x.safetensors");
}

template <class T> Tensor<T> filled(const Shape& shape, Random& random) {
  Tensor<T> x(shape);
  for (T& v : x) v = static_cast<T>(random.normal() * std::exp(20 * random.normal()));
  return x;
}

template <class T> bool same_bits(const Tensor<T>& a, const Tensor<T>& b) {
  return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

}  // namespace

TEST_CASE("a file is a length, a header in JSON with spaces to a multiple of 8, and the numbers") {
  const TempFolder temp;
  SafeTensors file;
  Tensor<float> b(Shape{2, 1});
  b[0] = 1.5f, b[1] = -2;
  file.add("b", b);
  file.add("a", Tensor<double>(Shape{}, 0.1));
  file.set_metadata("who", "\"ä\"\n");
  file.write(temp / "x.safetensors");
  std::string header =
      R"({"__metadata__":{"who":"\"ä\"\n"},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
      R"("a":{"dtype":"F64","shape":[],"data_offsets":[8,16]}})";
  while (header.size() % 8 != 0) header += ' ';
  CHECK(read(temp / "x.safetensors") ==
        ::file(header, bytes<float>({1.5f, -2}) + bytes<double>({0.1})));
}

TEST_CASE_TEMPLATE("what was written is read, to the bit, in the same order", T, float, double) {
  const TempFolder temp;
  Random random(1);
  const Shape shapes[] = {{}, {1}, {7}, {3, 5}, {2, 3, 4}, {2, 1, 3, 2}, {0}, {4, 0}};
  std::vector<Tensor<T>> tensors;
  SafeTensors out;
  for (const Shape& shape : shapes) {
    tensors.push_back(filled<T>(shape, random));
    out.add("layer." + std::to_string(9 - tensors.size()), tensors.back());
  }
  Tensor<T> odd(Shape{4});
  odd[0] = -T(0), odd[1] = std::numeric_limits<T>::infinity(),
  odd[3] = std::numeric_limits<T>::quiet_NaN();
  odd[2] = std::numeric_limits<T>::denorm_min();
  out.add("odd ones, \"quoted\"", odd);
  out.set_metadata("empty", "");
  out.write(temp / "a");
  const SafeTensors in(temp / "a");
  REQUIRE(in.entries().size() == tensors.size() + 1);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::string name = "layer." + std::to_string(8 - i);
    CHECK(same_bits(in.tensor<T>(name), tensors[i]));
    if (tensors[i].size() > 0) CHECK(in.entries()[i].name == name);
  }
  CHECK(same_bits(in.tensor<T>("odd ones, \"quoted\""), odd));
  CHECK(in.metadata() == out.metadata());
  CHECK(in.contains("layer.1"));
  CHECK_FALSE(in.contains("layer"));
  CHECK(in.checksum() == out.checksum());
  out.write(temp / "b");
  CHECK(read(temp / "a") == read(temp / "b"));
  SafeTensors more = in;  // its numbers are still in the file
  more.add("one more", odd);
  more.write(temp / "a");
  CHECK(same_bits(in.tensor<T>("layer.8"), tensors[0]));
  const SafeTensors with_more(temp / "a");
  CHECK(same_bits(with_more.tensor<T>("one more"), odd));
  CHECK(same_bits(with_more.tensor<T>("layer.8"), tensors[0]));
  CHECK(with_more.entries().size() == in.entries().size() + 1);
  SafeTensors().write(temp / "none");
  CHECK(SafeTensors(temp / "none").entries().empty());
}

TEST_CASE("what the format allows is read") {
  const TempFolder temp;
  const auto x = opened(
      temp, file("{ \"__metadata__\" : {},\n\t\"z\": {\"data_offsets\": [4, 8], \"shape\": [1, 1, "
                 "1, 1, 1], \"dtype\": \"F32\"}, \"a\\u00e4\": {\"dtype\": \"F32\", \"shape\": [], "
                 "\"data_offsets\": [0, 4]}}     ",
                 bytes<float>({3, 4})));
  REQUIRE(x.entries().size() == 2);  // in the order of the numbers, not of the header
  CHECK(x.entries()[0].name == "aä");
  CHECK(x.tensor<float>("aä")[0] == 3);
  REFUSED(x.tensor<float>("z"), DataError, "x.safetensors: 'z' has 5 axes: 4 are most");
  REFUSED(x.tensor<float>("y"), DataError, "'y' isn't there: there are aä, z");
}

TEST_CASE("numbers of any type become float and double, or are refused") {
  const TempFolder temp;
  struct Case {
    const char* type;
    std::string data;
    std::vector<double> expected;
  };
  using std::int64_t, std::uint16_t, std::uint8_t;
  const double inf = std::numeric_limits<double>::infinity();
  const Case cases[] = {
      {"F64", bytes<double>({0.5, -inf}), {0.5, -inf}},
      {"F32", bytes<float>({-0.75f, 1e20f}), {-0.75, 1e20f}},
      // 1, -2, the largest, the smallest, half a step above the smallest normal one, 1/3, -0, inf
      {"F16",
       bytes<uint16_t>({0x3c00, 0xc000, 0x7bff, 0x0001, 0x0401, 0x3555, 0x8000, 0x7c00}),
       {1, -2, 65504, 0x1p-24, 1025 * 0x1p-24, 0.333251953125, -0.0, inf}},
      {"BF16", bytes<uint16_t>({0x3f80, 0xc040, 0x0001, 0x7f80}), {1, -3, 0x1p-133, inf}},
      {"I64", bytes<int64_t>({1 << 24, INT64_MIN}), {1 << 24, -0x1p63}},
      {"I32", bytes<std::int32_t>({-7, INT32_MIN}), {-7, -0x1p31}},
      {"I16", bytes<std::int16_t>({-300, 300}), {-300, 300}},
      {"I8", bytes<std::int8_t>({-128, 127}), {-128, 127}},
      {"U64", bytes<std::uint64_t>({0, 1ull << 63}), {0, 0x1p63}},
      {"U32", bytes<std::uint32_t>({1u << 31, 5}), {0x1p31, 5}},
      {"U16", bytes<uint16_t>({65535}), {65535}},
      {"U8", bytes<uint8_t>({200, 0}), {200, 0}},
      {"BOOL", bytes<uint8_t>({1, 0}), {1, 0}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.type);
    const auto in =
        opened(temp, one(c.type, "[" + std::to_string(c.expected.size()) + "]", c.data));
    CHECK(in.entries()[0].type == c.type);
    const auto wide = in.tensor<double>("x");
    const auto narrow = in.tensor<float>("x");
    for (std::size_t i = 0; i < c.expected.size(); ++i) {
      CAPTURE(i);
      CHECK(std::bit_cast<std::uint64_t>(wide[i]) == std::bit_cast<std::uint64_t>(c.expected[i]));
      CHECK(narrow[i] == static_cast<float>(c.expected[i]));
    }
  }
  const auto f = [&](const std::string& text) { return opened(temp, text).tensor<float>("x"); };
  const auto d = [&](const std::string& text) { return opened(temp, text).tensor<double>("x"); };
  CHECK(std::isnan(f(one("F16", "[]", bytes<uint16_t>({0x7c01})))[0]));
  const std::string odd = one("I64", "[2]", bytes<int64_t>({0, (1 << 24) + 1}));
  CHECK(d(odd)[1] == (1 << 24) + 1);
  REFUSED(f(odd), DataError, "'x' has a whole number at 1 that doesn't fit");
  REFUSED(d(one("I64", "[]", bytes<int64_t>({(1ll << 53) + 1}))), DataError, "doesn't fit");
  REFUSED(d(one("I64", "[]", bytes<int64_t>({INT64_MAX}))), DataError, "doesn't fit");
  REFUSED(d(one("U64", "[]", bytes<std::uint64_t>({UINT64_MAX}))), DataError, "doesn't fit");
}

TEST_CASE("what the format doesn't allow is refused, and the error names the file and the fault") {
  const TempFolder temp;
  const auto refused = [&](const std::string& text, const char* why) {
    CAPTURE(text);
    const std::string said = support::message_of<DataError>([&] { opened(temp, text); });
    CHECK_MESSAGE(said.find(why) != std::string::npos, said);
    CHECK(said.starts_with((temp / "x.safetensors").string()));
  };
  const std::string four = bytes<float>({1});
  const auto header = [&](const std::string& text, const char* why) {
    refused(file(text, four), why);
  };
  const auto tensor = [&](const std::string& members, const char* why) {
    header("{\"x\":{" + members + "}}", why);
  };
  // The length
  refused("", "shorter than");
  refused("1234567", "shorter than");
  refused(bytes<std::uint64_t>({3}) + "{}", "its header says it has 3 bytes, and 2 follow");
  for (const std::uint64_t n : {UINT64_MAX, UINT64_MAX - 7, std::uint64_t{1} << 63})
    refused(bytes<std::uint64_t>({n}) + "{}", "its header says");
  // The header
  refused(file(""), "doesn't begin with {");
  refused(file(" {}"), "doesn't begin with {");
  refused(file("[]"), "doesn't begin with {");
  refused(file("{}\n"), "other than spaces");
  refused(file(std::string("{}\0", 3)), "other than spaces");
  refused(file("{} {}"), "the header is damaged");
  refused(file("{\"x\":"), "other than spaces");
  refused(file("{\"x\":}"), "the header is damaged");
  refused(file("{\"\xff\":{}}"), "the header is damaged");
  refused(file("{\"\\ud800\":{}}"), "the header is damaged");
  refused(file("{\"__metadata__\":{\"a\":1}}"), "the header is damaged");
  refused(file("{\"__metadata__\":[]}"), "the header is damaged");
  std::string deep = "{\"x\":";
  for (int i = 0; i < 1'000'000; ++i) deep += '[';
  refused(file(deep + "}"), "nested deeper");
  refused(file("{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}"), "'a' comes twice");
  const std::string good = R"("x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  CHECK_NOTHROW(opened(temp, file("{" + good + "}", four)));
  header("{" + good + "," + good + "}", "'x' comes twice");
  header("{\"\\u0078\":{},\"x\":{}}", "'x' comes twice");
  tensor(R"("dtype":"F32","dtype":"F64","shape":[1],"data_offsets":[0,4])", "'dtype' comes twice");
  // A tensor
  header("{\"x\":1}", "damaged");
  header("{\"x\":null}", "damaged");
  tensor(R"("shape":[1],"data_offsets":[0,4])", "damaged");
  tensor(R"("dtype":"F32","data_offsets":[0,4])", "damaged");
  tensor(R"("dtype":"F32","shape":[1])", "damaged");
  tensor(R"("dtype":4,"shape":[1],"data_offsets":[0,4])", "damaged");
  for (const char* shape : {"1", "null", "{\"a\":1}", "\"1\""})
    tensor(R"("dtype":"F32","data_offsets":[0,4],"shape":)" + std::string(shape), "damaged");
  for (const char* shape : {"[1.0]", "[-1]", "[\"1\"]", "[[1]]", "[null]", "[true]"})
    tensor(R"("dtype":"F32","data_offsets":[0,4],"shape":)" + std::string(shape),
           "'x' has a size that is no whole number");
  tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1)", "other members");
  for (const char* offsets : {"[]", "[0]", "[0,4,8]"})
    tensor(R"("dtype":"F32","shape":[1],"data_offsets":)" + std::string(offsets), "other members");
  tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4.5])", "no whole number");
  for (const char* type : {"F33", "", "f32", "F8_E4M3"})
    tensor(R"("shape":[1],"data_offsets":[0,4],"dtype":")" + std::string(type) + '"',
           "'x' has the unknown type");
  for (const char* offsets : {"[0,5]", "[4,0]", "[0,18446744073709551615]",
                              "[18446744073709551612,18446744073709551615]"})
    tensor(R"("dtype":"F32","shape":[1],"data_offsets":)" + std::string(offsets),
           "lies outside of the file");
  // Products that wrap to what would fit: 4, and 0.
  for (const char* shape :
       {"[2]", "[0]", "[9223372036854775808,2]", "[4611686018427387905]", "[4294967296,4294967296]",
        "[18446744073709551615,18446744073709551615]"})
    tensor(R"("dtype":"F32","data_offsets":[0,4],"shape":)" + std::string(shape),
           "takes another number");
  // How they lie
  refused(file("{" + good + "}", four + "1"), "1 bytes follow behind the last tensor");
  refused(file("{}", four), "4 bytes follow");
  const std::string eight = four + four;
  const auto second = [&](const char* offsets) {
    return file("{" + good + R"(,"y":{"dtype":"U8","shape":[4],"data_offsets":)" + offsets + "}}",
                eight);
  };
  CHECK_NOTHROW(opened(temp, second("[4,8]")));
  refused(second("[3,7]"), "'y' overlaps what lies before it");
  refused(second("[0,4]"), "overlaps");
  refused(file("{" + good + R"(,"y":{"dtype":"U8","shape":[3],"data_offsets":[5,8]}})", eight),
          "'y' leaves a gap behind what lies before it");
  refused(file(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", eight), "gap");
  refused(file("{" + good + R"(,"y":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}})", four),
          "'y' overlaps");  // an empty tensor within another
}

TEST_CASE("a file that is cut off or changed anywhere is refused, or read without a fault") {
  const TempFolder temp;
  SafeTensors out;
  Random random(3);
  out.add("layer0.weight", filled<float>({3, 2}, random));
  out.add("empty", Tensor<float>(Shape{0}));
  out.add("layer0.bias", filled<double>({3}, random));
  out.set_metadata("format", "pt");
  out.write(temp / "whole");
  const std::string whole = read(temp / "whole");
  for (std::size_t n = 0; n < whole.size(); ++n)
    CHECK_THROWS_AS(opened(temp, whole.substr(0, n)), DataError);
  CHECK_THROWS_AS(opened(temp, whole + '\0'), DataError);
  for (int round = 0; round < 3000; ++round) {
    std::string text = whole;
    for (std::uint64_t n = 1 + random.below(3); n > 0; --n)
      text[random.below(text.size())] = random.below(2)
                                            ? static_cast<char>(random.below(256))
                                            : std::string_view("09[]{}\",: eF")[random.below(12)];
    try {
      const auto in = opened(temp, text);
      for (const auto& entry : in.entries()) (void)in.tensor<float>(entry.name);
    } catch (const DataError&) {}
  }
}

TEST_CASE("what can't be read or written says so, and an old file stays") {
  const TempFolder temp;
  REFUSED(SafeTensors(temp / "no"), DataError, "no: No such file");
  REFUSED(SafeTensors(temp.path), DataError, "a folder, not a file");
  SafeTensors out;
  out.add("a", Tensor<float>(Shape{2}));
  REFUSED_WITH(out.add("a", Tensor<float>(Shape{})), ValueError,
               "[safetensors] the name 'a' is taken");
  REFUSED(out.add("__metadata__", Tensor<float>(Shape{})), ValueError, "is taken");
  CHECK(out.entries().size() == 1);
  REFUSED(out.write(temp / "no" / "x"), FileError, "No such file");
  REFUSED(out.write("/dev/full"), FileError, "No space left");
  out.write(temp / "x");
  const std::string before = read(temp / "x");
  SafeTensors bad;
  bad.add("\xff", Tensor<float>(Shape{2}));
  REFUSED(bad.write(temp / "x"), ValueError, "isn't UTF-8");
  SafeTensors worse;
  worse.set_metadata("a", "\xc3");
  REFUSED(worse.write(temp / "x"), ValueError, "isn't UTF-8");
  CHECK(read(temp / "x") == before);
}

TEST_CASE("the checksum is CRC-32 of the numbers and of what is given") {
  CHECK(SafeTensors().checksum() == 0);
  CHECK(SafeTensors().checksum("123456789") == 0xcbf43926);  // the check value of its definition
  SafeTensors digits;  // 4 bytes '1234', then the rest as text
  digits.add("x", Tensor<float>(Shape{1}, std::bit_cast<float>(0x34333231)));
  CHECK(digits.checksum("56789") == 0xcbf43926);
}

TEST_CASE("a model that can't be written leaves the one before") {
  const TempFolder temp;
  MLP<float> model({3, 4, 2});
  save(model, temp / "m");
  const std::string before = read(temp / "m");
  REFUSED(save(model, temp / "no" / "m"), FileError, "No such file");
  REFUSED(save(model, "/dev/full"), FileError, "No space left");
  REFUSED(load(model, temp / "none"), DataError, "No such file");
  REFUSED(load_model(temp / "none"), DataError, "No such file");
  CHECK(read(temp / "m") == before);
}

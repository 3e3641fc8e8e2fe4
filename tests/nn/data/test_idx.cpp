#include "support/idx_files.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <sys/stat.h>

#include <string>
#include <vector>

using namespace ramp::nn;
using namespace idx_files;
using namespace std::string_literals;
using doctest::Contains;

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
  fs::create_symlink(folder / "nowhere", folder / "dangling");
  CHECK(idx_error(folder / "dangling") ==
        Contains(("a link to " + (folder / "nowhere").string() + ", which isn't there").c_str()));
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);  // nobody will ever write to it
  CHECK(idx_error(folder / "pipe") == Contains("a pipe or a device, not a file"));
  CHECK(idx_error("/dev/zero") == Contains("a pipe or a device, not a file"));
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

TEST_CASE("a compressed file of several members, and one with something after them") {
  const TempFolder folder;
  const std::string text = idx({40}, std::string(40, 'a'));
  const auto packed = [&](const std::string& part) {
    write_gz(folder / "part", part);
    return read(folder / "part");
  };
  for (const std::size_t cut : {0u, 1u, 3u, 8u, 20u, 48u}) {  // as `cat a.gz b.gz` makes them
    CAPTURE(cut);
    write(folder / "two", packed(text.substr(0, cut)) + packed(text.substr(cut)));
    CHECK(read_idx(folder / "two").bytes.size() == 40);
  }
  const std::string whole = packed(text);
  for (const std::string after :
       {"x", "\x1f", "\x1f\x8b", "garbage that is long enough to be a member", "<html>", "\n"}) {
    CAPTURE(after);
    write(folder / "more", whole + after);
    CHECK(idx_error(folder / "more") == Contains("download it again"));
  }
  write(folder / "zeros", whole + std::string(512, '\0'));
  CHECK(idx_error(folder / "zeros") == Contains("followed by bytes that are none of it"));
  write(folder / "longer", whole + packed("b"));  // a member too many
  CHECK(idx_error(folder / "longer") == Contains("the file goes on after them"));
  write(folder / "cut", whole + packed("b").substr(0, 10));
  CHECK(idx_error(folder / "cut") == Contains("ends before its checksum"));
}

#include "idx_files.hpp"

#include <zlib.h>

#include <unistd.h>

#include <fstream>
#include <iterator>

namespace idx_files {

TempFolder::TempFolder() {
  std::string name = (fs::temp_directory_path() / "ramp-idx-XXXXXX").string();
  REQUIRE(mkdtemp(name.data()));
  path = name;
}

std::string idx(std::initializer_list<std::uint32_t> shape, const std::string& body, char type) {
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

doctest::String idx_error(const fs::path& path) {
  return error_of([&] { read_idx(path); });
}

void write_folder(const fs::path& folder) {
  fs::create_directories(folder);
  write(folder / "train-images-idx3-ubyte", idx({3, 2, 2}, std::string(11, '\x33') + '\xff'));
  write(folder / "train-labels-idx1-ubyte", idx({3}, {"\x02\x00\x01", 3}));
  write(folder / "t10k-images-idx3-ubyte", idx({2, 2, 2}, std::string(8, '\0')));
  write(folder / "t10k-labels-idx1-ubyte", idx({2}, {"\x01\x09", 2}));
}

}  // namespace idx_files

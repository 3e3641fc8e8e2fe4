// IDX files for tests, in a folder that is gone with the test.
#pragma once

#include <nn/data/idx.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>

namespace idx_files {

namespace fs = std::filesystem;
using ramp::nn::DataError, ramp::nn::read_idx;

// A folder of its own for a test, gone with it.
struct TempFolder {
  fs::path path;
  TempFolder();
  ~TempFolder() { fs::remove_all(path); }
  fs::path operator/(std::string_view file) const { return path / file; }
};

std::string idx(std::initializer_list<std::uint32_t> shape, const std::string& body,
                char type = 0x08);

void write(const fs::path& path, const std::string& text);
void write_gz(const fs::path& path, const std::string& text);
std::string read(const fs::path& path);

template <class Call> doctest::String error_of(Call call) {
  try {
    call();
  } catch (const DataError& error) {
    return error.what();
  }
  return "no DataError";
}

doctest::String idx_error(const fs::path& path);

// Four files of 3 + 2 images of 2 x 2 pixels.
void write_folder(const fs::path& folder);

}  // namespace idx_files

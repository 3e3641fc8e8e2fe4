// How tests run the program `ramp`, and what they look at.
#pragma once

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace cli {

using nlohmann::json;
namespace fs = std::filesystem;

struct Result {
  int status;
  std::string text;
};

Result shell(const std::string& command);

void check_has(const std::string& text, const std::string& part);

inline const std::string program = "'" RAMP_CLI "' ";

// What the program prints, where it ends well.
std::string output(const std::string& arguments);

// What goes to standard error must be one line, whatever is wrong.
void check_fails(int status, const std::string& arguments, const char* message,
                 const std::string& before = "");

// A folder of its own for a test, gone with it.
class Folder {
 public:
  Folder();
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  fs::path operator/(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

std::string content(const fs::path& path);

std::vector<json> metrics(const fs::path& folder);

inline const std::string spiral = "train --data spiral --layers 16,8 --epochs 2 ";

// Without a kink no unit can die, so that weights of about 1e30 are multiplied, layer by layer.
inline const std::string diverging = spiral + "--activation identity --lr 1e30 ";

}  // namespace cli

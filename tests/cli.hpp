// How tests run the program `ramp`, and what they look at.
#pragma once

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace cli {

using nlohmann::json;
namespace fs = std::filesystem;

struct Result {
  int status;
  std::string text;
};

inline Result shell(const std::string& command) {
  std::FILE* const pipe = popen(command.c_str(), "r");
  REQUIRE(pipe);
  Result result{};
  for (int c; (c = std::fgetc(pipe)) != EOF;) result.text += static_cast<char>(c);
  const int status = pclose(pipe);
  REQUIRE(WIFEXITED(status));
  result.status = WEXITSTATUS(status);
  return result;
}

inline void check_has(const std::string& text, const std::string& part) {
  CAPTURE(text);
  CAPTURE(part);
  CHECK(text.find(part) != std::string::npos);
}

inline const std::string program = "'" RAMP_CLI "' ";

inline std::string output(const std::string& arguments) {
  CAPTURE(arguments);
  const Result result = shell(program + arguments);
  CHECK(result.status == 0);
  return result.text;
}

// What goes to standard error must be one line, whatever is wrong.
inline void check_fails(int status, const std::string& arguments, const char* message,
                        const std::string& before = "") {
  CAPTURE(arguments);
  const Result result = shell(before + program + arguments + " 2>&1 >/dev/null");
  CHECK(result.status == status);
  CHECK(result.text.starts_with("ramp: "));
  CHECK(result.text.find('\n') == result.text.size() - 1);
  check_has(result.text, message);
}

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "ramp-cli-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()));
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  fs::path operator/(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

inline std::string content(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::vector<json> metrics(const fs::path& folder) {
  std::vector<json> lines;
  std::ifstream file(folder / "metrics.jsonl");
  for (std::string line; std::getline(file, line);) lines.push_back(json::parse(line));
  return lines;
}

inline const std::string spiral = "train --data spiral --layers 16,8 --epochs 2 ";

}  // namespace cli

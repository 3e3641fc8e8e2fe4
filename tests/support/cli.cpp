#include "cli.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace cli {

Result shell(const std::string& command) {
  std::FILE* const pipe = popen(command.c_str(), "r");
  REQUIRE(pipe);
  Result result{};
  for (int c; (c = std::fgetc(pipe)) != EOF;) result.text += static_cast<char>(c);
  const int status = pclose(pipe);
  REQUIRE(WIFEXITED(status));
  result.status = WEXITSTATUS(status);
  return result;
}

void check_has(const std::string& text, const std::string& part) {
  CAPTURE(text);
  CAPTURE(part);
  CHECK(text.find(part) != std::string::npos);
}

std::string output(const std::string& arguments) {
  CAPTURE(arguments);
  const Result result = shell(program + arguments);
  CHECK(result.status == 0);
  return result.text;
}

void check_fails(int status, const std::string& arguments, const char* message,
                 const std::string& before) {
  CAPTURE(arguments);
  const Result result = shell(before + program + arguments + " 2>&1 >/dev/null");
  CHECK(result.status == status);
  CHECK(result.text.starts_with("ramp: "));
  CHECK(result.text.find('\n') == result.text.size() - 1);
  check_has(result.text, message);
}

Folder::Folder() {
  std::string name = (fs::temp_directory_path() / "ramp-cli-XXXXXX").string();
  REQUIRE(mkdtemp(name.data()));
  path_ = name;
}

std::string content(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<json> metrics(const fs::path& folder) {
  std::vector<json> lines;
  std::ifstream file(folder / "metrics.jsonl");
  for (std::string line; std::getline(file, line);) lines.push_back(json::parse(line));
  return lines;
}

}  // namespace cli

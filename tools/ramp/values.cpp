// Options: their help, and checks of what is given. An error says what was, and what should have
// been.
#include "cli.hpp"

#include <nn/joined.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

namespace ramp::tool {

namespace {

template <class Number> std::optional<Number> parse(std::string_view text) {
  Number number;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest != end) return {};
  return number;
}

template <class Number, class Accepts> CLI::Validator checked(std::string what, Accepts accepts) {
  const auto check = [what = std::move(what), accepts](std::string& text) -> std::string {
    const std::optional<Number> number = parse<Number>(text);
    return number && accepts(*number) ? "" : fmt::format("'{}' is not {}", text, what);
  };
  return CLI::Validator(check, "");
}

constexpr std::int64_t widest = 1'000'000;  // a layer; more is a slip of the finger

}  // namespace

std::size_t columns(std::string_view text) {  // bytes that begin a character
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t space = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, space);
    text.remove_prefix(std::min(space + 1, text.size()));
    if (lines.empty() || columns(lines.back()) + 1 + columns(word) > width)
      lines.emplace_back(word);
    else
      lines.back().append(" ").append(word);
  }
  return lines;
}

std::string help_text(std::string_view text) { return nn::joined(wrapped(text, 68), "\n"); }

CLI::Validator above(double low) {
  return checked<double>(fmt::format("a number above {}", low),
                         [low](double x) { return x > low && std::isfinite(x); });
}

CLI::Validator at_least(double low) {
  return checked<double>(fmt::format("a number, {} or more", low),
                         [low](double x) { return x >= low && std::isfinite(x); });
}

CLI::Validator from_to(double low, double high) {
  return checked<double>(fmt::format("a number from {} to below {}", low, high),
                         [=](double x) { return x >= low && x < high; });
}

CLI::Validator whole(std::uint64_t low, std::uint64_t high) {
  return checked<std::uint64_t>(high == UINT64_MAX
                                    ? fmt::format("a whole number, {} or more", low)
                                    : fmt::format("a whole number from {} to {}", low, high),
                                [=](std::uint64_t x) { return x >= low && x <= high; });
}

CLI::Validator one_of(std::span<const std::string_view> names) {
  const auto check =
      [names = std::vector(names.begin(), names.end())](std::string& name) -> std::string {
    if (std::ranges::find(names, name) != names.end()) return "";
    return fmt::format("no '{}': there are {}", name, nn::joined(names));
  };
  return CLI::Validator(check, "");
}

std::vector<std::int64_t> parse_sizes(std::string_view text) {
  std::vector<std::int64_t> sizes;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const auto size = parse<std::int64_t>(text.substr(at, comma - at));
    if (!size || *size < 1 || *size > widest) return {};
    sizes.push_back(*size);
    at = comma + 1;
  }
  return sizes;
}

CLI::Validator layer_sizes(std::size_t least) {
  const auto check = [least](std::string& text) -> std::string {
    return parse_sizes(text).size() >= least && !text.empty()
               ? ""
               : fmt::format("'{}' is not a list of {} or more sizes from 1 to {}, such as 256,128",
                             text, least, widest);
  };
  return CLI::Validator(check, "");
}

}  // namespace ramp::tool

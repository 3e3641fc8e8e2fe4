#include <nn/data/convert.hpp>
#include <nn/data/file_writer.hpp>
#include <nn/data/mapped_file.hpp>
#include <nn/joined.hpp>
#include <nn/keep/safetensors.hpp>

#include <fmt/format.h>
#include <zlib.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <set>

namespace ramp::nn {

static_assert(std::endian::native == std::endian::little,
              "the format is little endian, and numbers are copied as they are");

namespace {

using Json = nlohmann::json;
constexpr std::size_t longest_header = 100'000'000;

// The product of the sizes times the size of a number; nothing where it wraps.
std::optional<std::size_t> bytes_of(const SafeTensors::Entry& entry) {
  std::size_t bytes = size_of_type(entry.type);
  for (const std::uint64_t n : entry.shape)
    if (__builtin_mul_overflow(bytes, n, &bytes)) return {};
  return bytes;
}

// Refuses a name that comes twice in one object, of which the parser would keep the last, and what
// is nested deeper than the format is.
template <class Fail> Json parse_header(std::string_view text, const Fail& fail) {
  std::vector<std::set<std::string>> keys;
  const auto look = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > 4) fail("the header is nested deeper than the format is");
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second)
      fail(fmt::format("'{}' comes twice in the header", parsed.get<std::string>()));
    return true;
  };
  return Json::parse(text, look);
}

}  // namespace

SafeTensors::SafeTensors(const std::filesystem::path& path)
    : path_(path.string()), file_(std::make_shared<MappedFile>(path, "safetensors")) {
  const auto fail = [&](const std::string& what) {
    throw DataError(fmt::format("{}: {}", path_, what));
  };
  const std::string_view text = file_->bytes();
  std::uint64_t length = 0;
  if (text.size() < sizeof length) fail("it is shorter than a safetensors file can be");
  std::memcpy(&length, text.data(), sizeof length);
  if (length > longest_header || length > text.size() - sizeof length)
    fail(
        fmt::format("its header says it has {} bytes, and {} follow: the file is cut off, or no "
                    "safetensors file",
                    length, text.size() - sizeof length));
  const char* const begin = text.data() + sizeof length;
  if (length == 0 || *begin != '{') fail("the header doesn't begin with {");
  const std::string_view written(begin, length);
  if (written.find_last_not_of(' ') != written.rfind('}'))
    fail("something other than spaces follows behind the header");
  Json header;
  try {
    header = parse_header(written, fail);
    for (const auto& [name, value] : header.items()) {
      if (name == "__metadata__") {
        metadata_ = value.get<std::map<std::string, std::string>>();
        continue;
      }
      const auto offsets = value.at("data_offsets").get<std::vector<Json>>();
      const auto sizes = value.at("shape").get<std::vector<Json>>();
      Entry entry{name, value.at("dtype"), {}, 0, 0};
      const auto natural = [&,
                            &name = name](const Json& n) {  // Clang 14 lets no lambda take bindings
        if (!n.is_number_unsigned())
          fail(fmt::format("'{}' has a size that is no whole number", name));
        return n.get<std::uint64_t>();
      };
      for (const Json& n : sizes) entry.shape.push_back(natural(n));
      if (value.size() != 3 || offsets.size() != 2)
        fail(fmt::format("'{}' has other members than dtype, shape and two data_offsets", name));
      if (size_of_type(entry.type) == 0)
        fail(fmt::format("'{}' has the unknown type {}", name, entry.type));
      const std::uint64_t first = natural(offsets[0]), last = natural(offsets[1]);
      if (first > last || last > text.size() - sizeof length - length)
        fail(fmt::format("'{}' lies outside of the file, from {} to {}", name, first, last));
      entry.offset = first;
      entry.bytes = last - first;
      if (bytes_of(entry) != entry.bytes)
        fail(fmt::format("'{}' has {} bytes, and its shape ({}) of {} takes another number", name,
                         entry.bytes, joined(entry.shape), entry.type));
      entries_.push_back(std::move(entry));
    }
  } catch (const Json::exception& error) {
    fail(fmt::format("the header is damaged: {}", error.what()));
  }
  std::ranges::stable_sort(entries_, {},
                           [](const Entry& e) { return std::pair(e.offset, e.offset + e.bytes); });
  std::size_t end = 0;
  for (const Entry& entry : entries_) {
    if (entry.offset != end)
      fail(fmt::format("'{}' {} what lies before it", entry.name,
                       entry.offset < end ? "overlaps" : "leaves a gap behind"));
    end += entry.bytes;
  }
  header_ = sizeof length + length;
  if (end != data().size())
    fail(fmt::format("{} bytes follow behind the last tensor", data().size() - end));
}

std::string_view SafeTensors::data() const {
  return file_ ? file_->bytes().substr(header_) : added_;
}

const SafeTensors::Entry* SafeTensors::find(std::string_view name) const {
  const auto at = std::ranges::find(entries_, name, &Entry::name);
  return at == entries_.end() ? nullptr : &*at;
}

template <class T> Tensor<T> SafeTensors::tensor(std::string_view name) const {
  const Entry* const entry = find(name);
  const auto fail = [&](const std::string& what) {
    throw DataError(fmt::format("{}: '{}' {}", path_, name, what));
  };
  if (!entry) {
    std::vector<std::string> names;
    for (const Entry& e : entries_) names.push_back(e.name);
    fail("isn't there: there are " + joined(names));
  }
  if (entry->shape.size() > 4) fail(fmt::format("has {} axes: 4 are most", entry->shape.size()));
  std::array<std::uint32_t, 4> sizes{};
  for (std::size_t i = 0; i < entry->shape.size(); ++i) {
    if (entry->shape[i] > std::numeric_limits<std::uint32_t>::max()) fail("is too large");
    sizes[i] = static_cast<std::uint32_t>(entry->shape[i]);
  }
  Tensor<T> x(Shape::of(sizes, static_cast<int>(entry->shape.size())));
  read(*entry, 0, std::span(x.data(), x.size()));
  return x;
}

template <class T>
void SafeTensors::read(const Entry& entry, std::size_t first, std::span<T> to) const {
  const char* const from = data().data() + entry.offset + first * size_of_type(entry.type);
  const std::size_t bad = convert(entry.type, from, to);
  if (bad < to.size())
    throw DataError(fmt::format("{}: '{}' has a whole number at {} that doesn't fit", path_,
                                entry.name, first + bad));
}

template <class T> void SafeTensors::add(std::string name, const Tensor<T>& x) {
  if (find(name) || name == "__metadata__")
    throw ValueError(fmt::format("[safetensors] the name '{}' is taken", name));
  if (file_) added_ = data(), file_ = nullptr;
  Entry entry{
      std::move(name), sizeof(T) == 4 ? "F32" : "F64", {}, added_.size(), x.size() * sizeof(T)};
  for (int axis = 0; axis < static_cast<int>(x.shape().rank()); ++axis)
    entry.shape.push_back(x.shape()[axis]);
  added_.append(reinterpret_cast<const char*>(x.data()), entry.bytes);
  entries_.push_back(std::move(entry));
}

void SafeTensors::set_metadata(std::string key, std::string value) {
  metadata_[std::move(key)] = std::move(value);
}

void SafeTensors::write(const std::filesystem::path& path) const {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata_.empty()) header["__metadata__"] = metadata_;
  for (const Entry& e : entries_)
    header[e.name] = {
        {"dtype", e.type}, {"shape", e.shape}, {"data_offsets", {e.offset, e.offset + e.bytes}}};
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception&) {
    throw ValueError("[safetensors] a name or a text isn't UTF-8, and can't be written");
  }
  text.append((8 - text.size() % 8) % 8, ' ');  // numbers begin at a multiple of their size
  const std::uint64_t length = text.size();
  const std::string_view pieces[] = {
      {reinterpret_cast<const char*>(&length), sizeof length}, text, data()};
  replace_file(path, pieces);
}

std::uint32_t SafeTensors::checksum(std::string_view more) const {
  uLong sum = crc32(0, nullptr, 0);
  for (const std::string_view part : {data(), more})
    sum = crc32_z(sum, reinterpret_cast<const Bytef*>(part.data()), part.size());
  return static_cast<std::uint32_t>(sum);
}

template Tensor<float> SafeTensors::tensor(std::string_view) const;
template Tensor<double> SafeTensors::tensor(std::string_view) const;
template void SafeTensors::read(const Entry&, std::size_t, std::span<float>) const;
template void SafeTensors::read(const Entry&, std::size_t, std::span<double>) const;
template void SafeTensors::add(std::string, const Tensor<float>&);
template void SafeTensors::add(std::string, const Tensor<double>&);

}  // namespace ramp::nn

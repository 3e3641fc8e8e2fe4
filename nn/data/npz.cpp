#include <nn/data/file_reader.hpp>
#include <nn/data/file_writer.hpp>
#include <nn/data/npy.hpp>
#include <nn/data/npy_bytes.hpp>

#include <fmt/format.h>
#include <zlib.h>

#include <limits>
#include <set>

// A zip archive (APPNOTE.TXT 6.3): members one after the other, each behind a header; at the end a
// directory of them, and a record that says where it begins. The directory counts.
namespace ramp::nn {

namespace {

constexpr std::uint32_t member_mark = 0x04034b50, directory_mark = 0x02014b50,
                        end_mark = 0x06054b50;
constexpr std::size_t member_size = 30, directory_size = 46, end_size = 22;

std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(crc32(0, nullptr, 0), reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

class Archive {
 public:
  Archive(std::string_view bytes, std::string name) : bytes_(bytes), name_(std::move(name)) {}

  [[noreturn]] void fail(const std::string& what) const {
    throw DataError(fmt::format("[npz] {}: {}", name_, what));
  }

  template <class F> void each_member(F f) const {
    std::size_t end = bytes_.size();  // the last place where the end's record can be
    if (end < end_size) fail("it is no zip archive");
    for (end -= end_size; number(end, 4) != end_mark; --end)
      if (end == 0 || bytes_.size() - end > end_size + 0xffff)
        fail("it is no zip archive, or cut off");
    const std::size_t count = number(end + 10, 2);
    std::size_t at = number(end + 16, 4);
    if (count == 0xffff || at == 0xffffffff)
      fail("it is a zip64 archive: save fewer or smaller arrays");
    std::size_t packed = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (number(at, 4) != directory_mark) fail("the directory of the archive is damaged");
      const std::size_t name_length = number(at + 28, 2);
      f(at, std::string(piece(at + directory_size, name_length)));
      packed += number(at + 20, 4) + member_size;  // many small entries may name one large member
      if (packed > bytes_.size()) fail("its members are longer than the archive: do they overlap?");
      at += directory_size + name_length + number(at + 30, 2) + number(at + 32, 2);
    }
  }

  std::string member(std::size_t at, const std::string& name) const {
    if (number(at + 8, 2) & 1) fail(fmt::format("'{}' is encrypted", name));
    const std::size_t method = number(at + 10, 2), packed = number(at + 20, 4),
                      size = number(at + 24, 4), header = number(at + 42, 4);
    if (packed == 0xffffffff || size == 0xffffffff || header == 0xffffffff)
      fail("it is a zip64 archive: save fewer or smaller arrays");
    if (number(header, 4) != member_mark) fail(fmt::format("'{}' isn't where it should be", name));
    const std::string_view data =
        piece(header + member_size + number(header + 26, 2) + number(header + 28, 2), packed);
    std::string found = method == 0   ? std::string(data)
                        : method == 8 ? inflated(data, size, name)
                                      : "";
    if (method != 0 && method != 8) fail(fmt::format("'{}' is packed by an unknown method", name));
    if (found.size() != size || checksum(found) != number(at + 16, 4))
      fail(fmt::format("'{}' is damaged: its checksum or length differs", name));
    return found;
  }

 private:
  std::string_view piece(std::size_t at, std::size_t n) const {
    if (at > bytes_.size() || n > bytes_.size() - at) fail("the archive is cut off, or damaged");
    return bytes_.substr(at, n);
  }
  std::size_t number(std::size_t at, std::size_t n) const {  // little endian
    std::size_t value = 0;
    const std::string_view from = piece(at, n);
    for (std::size_t i = n; i-- > 0;) value = value << 8 | static_cast<unsigned char>(from[i]);
    return value;
  }
  // Deflate makes 1,032 bytes of one at most: who promises more isn't given the memory.
  std::string inflated(std::string_view data, std::size_t size, const std::string& name) const {
    if (size / 1032 > data.size()) fail(fmt::format("'{}' can't grow to {} bytes", name, size));
    std::string found(size + 1, '\0');  // one more, to see what is too long
    z_stream stream{};
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
    stream.avail_in = static_cast<uInt>(data.size());
    stream.next_out = reinterpret_cast<Bytef*>(found.data());
    stream.avail_out = static_cast<uInt>(found.size());
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
    const int status = inflate(&stream, Z_FINISH);
    const std::size_t made = stream.total_out;
    inflateEnd(&stream);
    if (status != Z_STREAM_END) fail(fmt::format("'{}' is damaged, or longer than it says", name));
    found.resize(made);
    return found;
  }

  std::string_view bytes_;
  std::string name_;
};

void put(std::string& to, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) to += static_cast<char>(value >> (8 * i) & 255);
}

}  // namespace

template <class T> NamedTensors<T> read_npz(const std::filesystem::path& path) {
  const std::string bytes = read_file(path, "npz");
  const Archive archive(bytes, path.string());
  NamedTensors<T> arrays;
  std::set<std::string> names;
  archive.each_member([&](std::size_t at, const std::string& file) {
    if (!names.insert(file).second) archive.fail(fmt::format("'{}' comes twice", file));
    const std::string name = file.ends_with(".npy") ? file.substr(0, file.size() - 4) : file;
    arrays.emplace_back(name, npy_from<T>(archive.member(at, file), path.string() + ": " + file));
  });
  return arrays;
}

template <class T>
void write_npz(const std::filesystem::path& path, const NamedTensors<T>& arrays) {
  std::string archive, directory;
  std::set<std::string> names;
  for (const auto& [name, x] : arrays) {
    const std::string file = name + ".npy", bytes = npy_bytes(x);
    if (!names.insert(name).second)
      throw ValueError(fmt::format("[npz] the name '{}' comes twice", name));
    if (bytes.size() + archive.size() >= 0xffffffff || file.size() > 0xffff ||
        names.size() > 0xfffe)
      throw ValueError(
          fmt::format("[npz] '{}' makes the archive larger than 4 GiB, which a zip archive "
                      "can't hold",
                      name));
    std::string common;  // what both headers have: stored, no date
    put(common, 20, 2), put(common, 1 << 11, 2), put(common, 0, 2);  // version, UTF-8, stored
    put(common, 0, 2), put(common, 0x21, 2);  // 1980-01-01, so that equal is equal
    put(common, checksum(bytes), 4);
    put(common, bytes.size(), 4), put(common, bytes.size(), 4);
    put(common, file.size(), 2), put(common, 0, 2);
    put(directory, directory_mark, 4), put(directory, 20, 2);
    directory += common;
    put(directory, 0, 2), put(directory, 0, 2), put(directory, 0, 2), put(directory, 0, 4);
    put(directory, archive.size(), 4);
    directory += file;
    put(archive, member_mark, 4);
    archive += common + file + bytes;
  }
  std::string end;
  put(end, end_mark, 4), put(end, 0, 4);
  put(end, arrays.size(), 2), put(end, arrays.size(), 2);
  put(end, directory.size(), 4), put(end, archive.size(), 4), put(end, 0, 2);
  const std::string_view pieces[] = {archive, directory, end};
  replace_file(path, pieces);
}

#define RAMP_NPZ(T)                                                \
  template NamedTensors<T> read_npz(const std::filesystem::path&); \
  template void write_npz(const std::filesystem::path&, const NamedTensors<T>&);
RAMP_NPZ(float)
RAMP_NPZ(double)
#undef RAMP_NPZ

}  // namespace ramp::nn

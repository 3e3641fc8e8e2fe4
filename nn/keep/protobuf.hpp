// The wire format of protocol buffers, as far as an ONNX file has it: https://protobuf.dev/
// programming-guides/encoding. A hundred lines instead of a library: Debian's libonnx and
// libprotobuf are 8 MB that every user of a model would link, their parser checks nothing that
// isn't checked in onnx_read.cpp anyway, and a file is read in place. The room's own.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ramp::nn::protobuf {

/// A message that is being written: its fields, one after the other.
class Message {
 public:
  Message& number(int field, std::uint64_t x) {
    key(field, 0);
    varint(x);
    return *this;
  }
  Message& real(int field, float x) {
    key(field, 5);
    const auto bits = std::bit_cast<std::uint32_t>(x);
    bytes_.append(reinterpret_cast<const char*>(&bits), sizeof bits);
    return *this;
  }
  Message& text(int field, std::string_view x) {  // or bytes
    key(field, 2);
    varint(x.size());
    bytes_ += x;
    return *this;
  }
  Message& part(int field, const Message& x) { return text(field, x.bytes_); }

  const std::string& bytes() const { return bytes_; }

 private:
  void key(int field, unsigned type) { varint(static_cast<unsigned>(field) << 3 | type); }
  void varint(std::uint64_t x) {
    for (; x >= 128; x >>= 7) bytes_ += static_cast<char>(x | 128);
    bytes_ += static_cast<char>(x);
  }
  std::string bytes_;
};

struct Damaged : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A field that was read. Asking it for what it isn't is an error of the file.
struct Field {
  int id;
  unsigned type;  // 0: a number, 1 and 5: 8 and 4 bytes, 2: text, bytes or a message
  std::uint64_t value;
  std::string_view bytes;

  std::uint64_t number() const { return of(0), value; }
  float real() const { return of(5), std::bit_cast<float>(static_cast<std::uint32_t>(value)); }
  std::string_view text() const { return of(2), bytes; }

 private:
  void of(unsigned wanted) const {
    if (type != wanted)
      throw Damaged("field " + std::to_string(id) + " is of another type than it should be");
  }
};

/// The fields of a message, in the order of the file. It reads in place, and never beyond the end.
class Fields {
 public:
  explicit Fields(std::string_view message) : rest_(message) {}

  /// Damaged for what isn't in the format; nothing at the end.
  std::optional<Field> next() {
    if (rest_.empty()) return {};
    const std::uint64_t key = varint();
    if (key >> 3 == 0 || key >> 3 >= 1u << 29) throw Damaged("it has a field without a number");
    Field field{static_cast<int>(key >> 3), static_cast<unsigned>(key & 7), 0, {}};
    switch (field.type) {
      case 0:
        field.value = varint();
        break;
      case 1:
        fixed(field, 8);
        break;
      case 5:
        fixed(field, 4);
        break;
      case 2:
        field.bytes = take(varint());
        break;
      default:
        throw Damaged("it has a field of an unknown type");
    }
    return field;
  }
  /// The next of a list of packed numbers; only while there are some.
  std::uint64_t varint() {
    std::uint64_t x = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      if (shift == 63 && byte > 1) break;
      x |= static_cast<std::uint64_t>(byte & 127) << shift;
      if (byte < 128) return x;
    }
    throw Damaged("it has a number of more than 64 bits");
  }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view take(std::uint64_t n) {
    if (n > rest_.size()) throw Damaged("it ends within a field: is it cut off?");
    const std::string_view taken = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return taken;
  }
  void fixed(Field& field, std::size_t n) { std::memcpy(&field.value, take(n).data(), n); }

  std::string_view rest_;
};

}  // namespace ramp::nn::protobuf

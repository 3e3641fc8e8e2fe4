#include <nn/data/npy.hpp>
#include <nn/data/npy_bytes.hpp>

#include <nn/data/convert.hpp>
#include <nn/data/file_reader.hpp>
#include <nn/data/file_writer.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <limits>
#include <numeric>
#include <optional>

namespace ramp::nn {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they are");

namespace {

constexpr std::string_view magic("\x93NUMPY", 6);

[[noreturn]] void fail(const std::string& name, const std::string& what) {
  throw DataError(fmt::format("[npy] {}: {}", name, what));
}

// The header is a literal of Python, of which these three members are all that may be there, once:
// {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
struct Header {
  std::optional<std::string> descr;
  std::optional<bool> fortran;
  std::optional<std::vector<std::uint64_t>> shape;
};

class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  Header parse() {
    Header header;
    want('{');
    while (!take('}')) {
      const std::string key = word();
      want(':');
      if (key == "descr" && !header.descr)
        header.descr = word();
      else if (key == "fortran_order" && !header.fortran)
        header.fortran = boolean();
      else if (key == "shape" && !header.shape)
        header.shape = sizes();
      else
        damaged();
      if (!take(',') && peek() != '}') damaged();
    }
    if (peek() != '\0' || !header.descr || !header.fortran || !header.shape) damaged();
    return header;
  }

 private:
  [[noreturn]] void damaged() const { fail(name_, "the header of the array is damaged"); }
  char peek() {
    while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\n')) text_.remove_prefix(1);
    return text_.empty() ? '\0' : text_[0];
  }
  bool take(char c) {
    if (peek() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  void want(char c) {
    if (!take(c)) damaged();
  }
  std::string word() {
    const char quote = peek();
    if (quote == '[') fail(name_, "the array holds records, not numbers");
    if (quote != '\'' && quote != '"') damaged();
    const std::size_t end = text_.find(quote, 1);
    if (end == text_.npos) damaged();
    const std::string found(text_.substr(1, end - 1));
    text_.remove_prefix(end + 1);
    return found;
  }
  bool boolean() {
    peek();
    for (const bool value : {true, false}) {
      const std::string_view spelled = value ? "True" : "False";
      if (!text_.starts_with(spelled)) continue;
      text_.remove_prefix(spelled.size());
      return value;
    }
    damaged();
  }
  std::vector<std::uint64_t> sizes() {
    std::vector<std::uint64_t> all;
    want('(');
    while (!take(')')) {
      peek();
      std::uint64_t n = 0;
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), n);
      if (error != std::errc()) damaged();
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      all.push_back(n);
      if (!take(',') && peek() != ')') damaged();
    }
    return all;
  }

  std::string_view text_;
  const std::string& name_;
};

std::string type_of(const std::string& descr, const std::string& name) {
  if (descr.find('O') != descr.npos)
    fail(name,
         "the array holds Python objects, which are pickled: that is not read, since it could run "
         "any code");
  constexpr std::array<std::pair<std::string_view, std::string_view>, 12> types{{{"f8", "F64"},
                                                                                 {"f4", "F32"},
                                                                                 {"f2", "F16"},
                                                                                 {"i8", "I64"},
                                                                                 {"i4", "I32"},
                                                                                 {"i2", "I16"},
                                                                                 {"i1", "I8"},
                                                                                 {"u8", "U64"},
                                                                                 {"u4", "U32"},
                                                                                 {"u2", "U16"},
                                                                                 {"u1", "U8"},
                                                                                 {"b1", "BOOL"}}};
  const bool ordered =
      !descr.empty() && std::string_view("<>|=").find(descr[0]) != std::string_view::npos;
  if (ordered)
    for (const auto& [code, type] : types)
      if (descr.substr(1) == code) return std::string(type);
  fail(name,
       fmt::format("the array has the type '{}', which isn't read: save it as float32 or float64",
                   descr));
}

// Element i of row-major order lies here in column-major order.
template <class T> Tensor<T> from_fortran(const Tensor<T>& x) {
  const int rank = static_cast<int>(x.shape().rank());
  Tensor<T> y(x.shape());
  std::array<std::size_t, 4> index{};
  for (std::size_t i = 0; i < y.size(); ++i) {
    std::size_t at = 0;
    for (int axis = rank; axis-- > 0;)
      at = at * x.shape()[axis] + index[static_cast<std::size_t>(axis)];
    y[i] = x[at];
    for (int axis = rank; axis-- > 0;) {
      const auto k = static_cast<std::size_t>(axis);
      if (++index[k] < x.shape()[axis]) break;
      index[k] = 0;
    }
  }
  return y;
}

}  // namespace

template <class T> Tensor<T> npy_from(std::string_view bytes, const std::string& name) {
  if (!bytes.starts_with(magic) || bytes.size() < 10) fail(name, "it is no array of NumPy");
  const auto byte = [&](std::size_t i) {
    return std::size_t{static_cast<unsigned char>(bytes[i])};
  };
  const std::size_t version = byte(6);
  if (version < 1 || version > 3)
    fail(name, fmt::format("version {} of the format is unknown", version));
  const std::size_t start = version == 1 ? 10 : 12;
  if (bytes.size() < start) fail(name, "the header of the array is cut off");
  const std::size_t length =
      byte(8) | byte(9) << 8 | (version == 1 ? 0 : byte(10) << 16 | byte(11) << 24);
  if (length > bytes.size() - start) fail(name, "the header of the array is cut off");
  const Header header = HeaderParser(bytes.substr(start, length), name).parse();
  const std::string type = type_of(*header.descr, name);
  const std::size_t each = size_of_type(type), rank = header.shape->size();
  if (rank > 4) fail(name, fmt::format("the array has {} axes: 4 are most", rank));
  std::size_t expected = each;
  std::array<std::uint32_t, 4> sizes{};
  for (std::size_t i = 0; i < rank; ++i) {
    const std::uint64_t n = (*header.shape)[i];
    if (n > std::numeric_limits<std::uint32_t>::max() ||
        __builtin_mul_overflow(expected, n, &expected))
      fail(name, "the array is too large");
    sizes[i] = static_cast<std::uint32_t>(n);
  }
  std::string data(bytes.substr(start + length));
  if (data.size() != expected)
    fail(name, fmt::format("the array takes {} bytes, and there are {}", expected, data.size()));
  if (header.descr->front() == '>')
    for (std::size_t i = 0; i + each <= data.size(); i += each)
      std::reverse(data.begin() + static_cast<std::ptrdiff_t>(i),
                   data.begin() + static_cast<std::ptrdiff_t>(i + each));
  Tensor<T> x(Shape::of(sizes, static_cast<int>(rank)));
  const std::size_t bad = convert(type, data.data(), std::span(x.data(), x.size()));
  if (bad < x.size()) fail(name, fmt::format("the whole number at {} doesn't fit", bad));
  return *header.fortran && rank > 1 ? from_fortran(x) : x;
}

template <class T> std::string npy_bytes(const Tensor<T>& x) {
  std::string shape;
  for (int axis = 0; axis < static_cast<int>(x.shape().rank()); ++axis)
    shape += fmt::format("{}{}", axis > 0 ? ", " : "", x.shape()[axis]);
  if (x.shape().rank() == 1) shape += ',';  // a tuple of one
  std::string header =
      fmt::format("{{'descr': '<f{}', 'fortran_order': False, 'shape': ({}), }}", sizeof(T), shape);
  header.append(63 - (10 + header.size()) % 64, ' ');  // with the line break, a multiple of 64
  header += '\n';
  std::string bytes(magic);
  bytes +=
      {'\1', '\0', static_cast<char>(header.size() & 255), static_cast<char>(header.size() >> 8)};
  bytes += header;
  return bytes.append(reinterpret_cast<const char*>(x.data()), x.size() * sizeof(T));
}

template <class T> Tensor<T> read_npy(const std::filesystem::path& path) {
  return npy_from<T>(read_file(path, "npy"), path.string());
}
template <class T> void write_npy(const std::filesystem::path& path, const Tensor<T>& x) {
  replace_file(path, npy_bytes(x));
}

#define RAMP_NPY(T)                                                  \
  template Tensor<T> npy_from(std::string_view, const std::string&); \
  template std::string npy_bytes(const Tensor<T>&);                  \
  template Tensor<T> read_npy(const std::filesystem::path&);         \
  template void write_npy(const std::filesystem::path&, const Tensor<T>&);
RAMP_NPY(float)
RAMP_NPY(double)
#undef RAMP_NPY

}  // namespace ramp::nn

#include <nn/data/convert.hpp>
#include <nn/joined.hpp>
#include <nn/keep/architecture.hpp>
#include <nn/keep/model_file.hpp>
#include <nn/keep/onnx.hpp>
#include <nn/model/normalization.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <span>

namespace ramp::nn {

namespace {

[[noreturn]] void damaged(const std::string& path, const std::exception& error) {
  throw DataError(
      fmt::format("{}: what it says of its model can't be used: {}", path, error.what()));
}

Json in_json(const ModelInfo& info) {
  Json json{{"classes", info.classes}, {"note", info.note}};
  Json& shape = json["sample_shape"] = Json::array();
  for (int axis = 0; axis < static_cast<int>(info.sample_shape.rank()); ++axis)
    shape.push_back(info.sample_shape[axis]);
  if (!info.encoding) return json;
  Json columns = Json::array();
  for (const Encoding::Column& column : info.encoding->inputs)
    columns.push_back({{"name", column.name}, {"words", column.words}});
  json["encoding"] = {
      {"columns", columns}, {"target", info.encoding->target}, {"classes", info.encoding->classes}};
  return json;
}

ModelInfo to_info(const Json& json) {
  ModelInfo info;
  info.classes = json.at("classes").get<std::vector<std::string>>();
  info.note = json.at("note");
  std::array<std::uint32_t, 4> sizes{};
  const Json& shape = json.at("sample_shape");
  if (shape.size() > sizes.size()) throw ValueError("the sample's shape has too many axes");
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (!shape.at(i).is_number_unsigned() || shape.at(i) > ~0u)
      throw ValueError("the sample's shape is no shape");
    sizes[i] = shape.at(i);
  }
  info.sample_shape = Shape::of(sizes, static_cast<int>(shape.size()));
  if (!json.contains("encoding")) return info;
  const Json& encoding = json.at("encoding");
  info.encoding.emplace();
  for (const Json& column : encoding.at("columns"))
    info.encoding->inputs.push_back(
        {column.at("name"), column.at("words").get<std::vector<std::string>>()});
  info.encoding->target = encoding.at("target");
  info.encoding->classes = encoding.at("classes").get<std::vector<std::string>>();
  return info;
}

std::string some(const std::vector<std::string>& names) {
  constexpr std::size_t most = 8;
  if (names.size() <= most) return joined(names);
  return joined(std::vector(names.begin(), names.begin() + most)) +
         fmt::format(" and {} more", names.size() - most);
}

// Where a tensor of the file goes.
template <class T> struct Piece {
  const SafeTensors::Entry* from;
  bool turned;
  Parameter<T>* parameter;  // or else
  Tensor<T>* buffer;

  std::span<T> to() const {
    const View<T> x = parameter ? parameter->edit() : buffer->view();
    return {x.begin(), x.end()};
  }
};

// A part at a time goes through memory of our own: the file may be larger than what is free.
constexpr std::size_t part_rows = 16, part_columns = 256;
template <class T> using Part = std::array<T, part_rows * part_columns>;

template <class T, class Good>
bool all_are(Good good, const SafeTensors& file, const SafeTensors::Entry& entry) {
  Part<T> part;
  const std::size_t n = entry.bytes / size_of_type(entry.type);
  for (std::size_t i = 0; i < n; i += part.size()) {
    const auto some = std::span(part).first(std::min(part.size(), n - i));
    file.read(entry, i, some);
    if (!std::ranges::all_of(some, good)) return false;
  }
  return true;
}

// (out, in) of the file as (in, out).
template <class T>
void read_turned(const SafeTensors& file, const SafeTensors::Entry& entry, std::span<T> to) {
  const std::size_t rows = entry.shape[0], columns = entry.shape[1];
  Part<T> part;
  for (std::size_t i = 0; i < rows; i += part_rows)
    for (std::size_t j = 0; j < columns; j += part_columns) {
      const std::size_t high = std::min(part_rows, rows - i);
      const std::size_t wide = std::min(part_columns, columns - j);
      for (std::size_t r = 0; r < high; ++r)
        file.read(entry, (i + r) * columns + j, std::span(part).subspan(r * wide, wide));
      for (std::size_t c = 0; c < wide; ++c)
        for (std::size_t r = 0; r < high; ++r) to[(j + c) * rows + i + r] = part[r * wide + c];
    }
}

// Looks at everything, before anything of the model is touched.
template <class T>
std::vector<Piece<T>> fitting(Module<T>& model, const SafeTensors& file, const std::string& path) {
  std::vector<Piece<T>> pieces;
  std::vector<std::string> missing, extra, different, bad, no_divisors;
  std::map<std::string_view, const SafeTensors::Entry*> left;
  for (const SafeTensors::Entry& entry : file.entries()) left[entry.name] = &entry;
  Members<T> all = model.contents();
  std::map<const Tensor<T>*, T> divisors;  // and what is added before it is divided by them
  for (Module<T>* const part : all.modules) {
    if (const auto* layer = dynamic_cast<const Standardize<T>*>(part))
      divisors[&layer->deviation()] = 0;
    if (const auto* layer = dynamic_cast<const BatchNorm1d<T>*>(part))
      divisors[&layer->running_var()] = static_cast<T>(layer->eps());
  }
  const auto look = [&](const std::string& name, const Shape& shape, Layout layout,
                        Parameter<T>* parameter, Tensor<T>* buffer) {
    const bool turned = layout == Layout::transposed && shape.rank() == 2;
    std::vector<std::uint64_t> wanted(shape.sizes().begin(), shape.sizes().begin() + shape.rank());
    if (turned) std::swap(wanted[0], wanted[1]);
    const auto at = left.find(name);
    if (at == left.end()) return missing.push_back(name);
    const SafeTensors::Entry& found = *at->second;
    left.erase(at);
    if (found.shape != wanted)
      return different.push_back(fmt::format("{} is ({}) in the file, ({}) in the model{}", name,
                                             joined(found.shape), joined(wanted),
                                             turned ? ", as (out, in)" : ""));
    if (!all_are<T>([](T x) { return std::isfinite(x); }, file, found))
      bad.push_back(name);
    else if (const auto divisor = divisors.find(buffer); divisor != divisors.end()) {
      const T added = divisor->second;
      if (!all_are<T>([added](T x) { return x >= 0 && x + added > 0; }, file, found))
        no_divisors.push_back(name);
    }
    pieces.push_back({&found, turned, parameter, buffer});
  };
  for (const auto& [name, parameter, layout] : all.parameters)
    look(name, parameter->shape(), layout, parameter, nullptr);
  for (const auto& [name, buffer] : all.buffers)
    look(name, buffer->shape(), Layout::as_is, nullptr, buffer);
  for (const auto& [name, entry] : left)  // PyTorch counts batches; nothing needs it
    if (!name.ends_with("num_batches_tracked")) extra.emplace_back(name);
  std::string text;
  const auto add = [&](const char* what, const std::vector<std::string>& names) {
    if (!names.empty()) text += fmt::format("{}{}{}", text.empty() ? "" : "; ", what, some(names));
  };
  add("not in the file: ", missing);
  add("not in the model: ", extra);
  add("", different);
  if (!text.empty()) throw ShapeError(fmt::format("[load] {}: {}", path, text));
  if (!bad.empty())
    throw DataError(fmt::format("[load] {}: infinite or NaN numbers in {}", path, some(bad)));
  if (!no_divisors.empty())
    throw DataError(fmt::format("[load] {}: numbers that aren't above 0 in {}, which is divided by",
                                path, some(no_divisors)));
  return pieces;
}

template <class T>
void load_from(Module<T>& model, const SafeTensors& file, const std::string& path) {
  for (const Piece<T>& piece : fitting(model, file, path)) {
    if (piece.turned)
      read_turned(file, *piece.from, piece.to());
    else
      file.read(*piece.from, 0, piece.to());
  }
}

}  // namespace

template <class T> std::string architecture(Module<T>& model) {
  model.contents();  // a scope is a part's name: it has to be told before it is described
  const Json layers = described(model);
  return layers.contains("parts") ? layers.dump() : std::string();  // a single layer has no name
}

template <class T> SafeTensors packed(Module<T>& model, const ModelInfo& info) {
  SafeTensors file;
  Members<T> all = model.contents();
  for (const auto& entry : all.parameters)
    file.add(entry.name, entry.layout == Layout::transposed ? transposed(entry.parameter->value())
                                                            : entry.parameter->value());
  for (const auto& entry : all.buffers) file.add(entry.name, *entry.buffer);
  Json about{{"version", 1}};
  about.update(in_json(info));
  if (const Json layers = described(model); layers.contains("parts"))
    about["architecture"] = layers;
  file.set_metadata("format", "pt");  // what PyTorch's tools look for
  try {
    file.set_metadata("ramp", about.dump());
  } catch (const Json::exception&) {
    throw ValueError("[save] a name or a text of the model isn't UTF-8, and can't be written");
  }
  return file;
}

template <class T>
void save(Module<T>& model, const std::filesystem::path& path, const ModelInfo& info) {
  packed(model, info).write(path);
}

std::optional<FileInfo> model_info(const SafeTensors& file) try {
  const auto at = file.metadata().find("ramp");
  if (at == file.metadata().end()) return {};
  const Json about = parsed(at->second);
  if (about.at("version") != 1)
    throw DataError(
        fmt::format("{}: it was written by a later version of this library", file.path()));
  return FileInfo{about.contains("architecture") ? about.at("architecture").dump() : std::string(),
                  to_info(about)};
} catch (const Json::exception& error) {
  damaged(file.path(), error);
} catch (const ValueError& error) {
  damaged(file.path(), error);
}

template <class T> ModelInfo load(Module<T>& model, const std::filesystem::path& path) {
  const SafeTensors file = open_model(path);
  const auto about = model_info(file);
  load_from(model, file, path.string());
  return about ? about->info : ModelInfo();
}

template <class T> LoadedModel<T> load_model(const std::filesystem::path& path) try {
  const SafeTensors file = open_model(path);
  auto about = model_info(file);
  if (!about || about->architecture.empty())
    throw DataError(
        fmt::format("[load_model] {}: the file doesn't say of what layers the model is: "
                    "build it, and load() the numbers into it",
                    path.string()));
  std::uint64_t bytes = 0;
  for (const SafeTensors::Entry& entry : file.entries()) bytes += entry.bytes;
  Sequential<T> model = rebuilt<T>(parsed(about->architecture), bytes);
  load_from(model, file, path.string());
  model.eval();
  return {std::move(model), std::move(about->info)};
} catch (const Json::exception& error) {
  damaged(path.string(), error);
} catch (const ValueError& error) {  // of a layer that can't be
  damaged(path.string(), error);
} catch (const ShapeError& error) {  // layers and numbers of one file that don't go together
  throw DataError(error.what());
}

#define RAMP_MODEL_FILE(T)                                                        \
  template void save(Module<T>&, const std::filesystem::path&, const ModelInfo&); \
  template SafeTensors packed(Module<T>&, const ModelInfo&);                      \
  template ModelInfo load(Module<T>&, const std::filesystem::path&);              \
  template LoadedModel<T> load_model(const std::filesystem::path&);               \
  template std::string architecture(Module<T>&);
RAMP_MODEL_FILE(float)
RAMP_MODEL_FILE(double)
#undef RAMP_MODEL_FILE

}  // namespace ramp::nn

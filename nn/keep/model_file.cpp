#include <nn/joined.hpp>
#include <nn/keep/architecture.hpp>
#include <nn/keep/model_file.hpp>
#include <nn/keep/onnx.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

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

// What is read, before the model is touched.
template <class T> struct Pieces {
  std::vector<std::pair<ParameterEntry<T>, Tensor<T>>> parameters;
  std::vector<std::pair<BufferEntry<T>, Tensor<T>>> buffers;
};

template <class T>
Pieces<T> fitting(Module<T>& model, const SafeTensors& file, const std::string& path) {
  Pieces<T> pieces;
  std::vector<std::string> missing, extra, different, bad;
  std::map<std::string_view, const SafeTensors::Entry*> left;
  for (const SafeTensors::Entry& entry : file.entries()) left[entry.name] = &entry;
  const auto read = [&](const std::string& name, const Shape& shape, Layout layout) {
    const bool turned = layout == Layout::transposed && shape.rank() == 2;
    std::vector<std::uint64_t> wanted(shape.sizes().begin(), shape.sizes().begin() + shape.rank());
    if (turned) std::swap(wanted[0], wanted[1]);
    const auto at = left.find(name);
    if (at == left.end()) {
      missing.push_back(name);
      return Tensor<T>();
    }
    const auto& found = at->second->shape;
    left.erase(at);
    if (found != wanted) {
      different.push_back(fmt::format("{} is ({}) in the file, ({}) in the model{}", name,
                                      joined(found), joined(wanted),
                                      turned ? ", as (out, in)" : ""));
      return Tensor<T>();
    }
    Tensor<T> x = file.tensor<T>(name);
    if (!std::ranges::all_of(x, [](T v) { return std::isfinite(v); })) bad.push_back(name);
    return turned ? transposed(x) : x;
  };
  Members<T> all = model.contents();
  for (const auto& entry : all.parameters)
    pieces.parameters.emplace_back(entry, read(entry.name, entry.parameter->shape(), entry.layout));
  for (const auto& entry : all.buffers)
    pieces.buffers.emplace_back(entry, read(entry.name, entry.buffer->shape(), Layout::as_is));
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
  return pieces;
}

template <class T>
void load_from(Module<T>& model, const SafeTensors& file, const std::string& path) {
  Pieces<T> pieces = fitting(model, file, path);
  for (auto& [entry, x] : pieces.parameters) std::ranges::copy(x, entry.parameter->edit().begin());
  for (auto& [entry, x] : pieces.buffers) *entry.buffer = std::move(x);
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

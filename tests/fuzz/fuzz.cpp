// One target for each reader of files, by libFuzzer: whatever the bytes, a reader gives what it
// promises or throws an error of Ramp's. Which one is run: RAMP_FUZZ_TARGET in the environment.
// With RAMP_FUZZ_SEEDS=FOLDER it writes files to begin with into FOLDER/TARGET, by Ramp's own
// writers, and ends. tools/fuzz runs it.
#include <nn/data/csv.hpp>
#include <nn/data/file_reader.hpp>
#include <nn/data/file_writer.hpp>
#include <nn/data/idx.hpp>
#include <nn/data/npy.hpp>
#include <nn/keep/checkpoint.hpp>
#include <nn/keep/onnx.hpp>
#include <nn/model/sequential.hpp>
#include <nn/train/evaluate.hpp>

#include <fmt/format.h>

#include <unistd.h>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>

namespace fs = std::filesystem;
using namespace ramp::nn;
using ramp::Shape, ramp::Tensor;

namespace {

template <class T> Tensor<T> counting(const Shape& shape) {
  Tensor<T> x(shape);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(i) / 4;
  return x;
}

Sequential<float> small_model() {
  Random random(1);
  Sequential<float> model(Standardize<float>(counting<float>(Shape{3}), Tensor<float>(Shape{3}, 2)),
                          Linear<float>(3, 4, random, {.activation = "silu"}), LayerNorm<float>(4),
                          BatchNorm1d<float>(4), Dropout<float>(0.5), Linear<float>(4, 2, random),
                          SoftmaxLayer<float>());
  model.eval();
  return model;
}

void use(LoadedModel<float> loaded) {
  architecture(loaded.model);
  if (const auto& parameters = loaded.model.parameters(); parameters.empty()) return;
  predict(loaded.model, counting<float>(Shape{2, 3}));
}

void read_folder(const fs::path& file) {  // of a checkpoint that has this content
  const fs::path folder = file.string() + ".run";
  fs::create_directories(folder);
  fs::copy_file(file, folder / "checkpoint-000000000007.safetensors",
                fs::copy_options::overwrite_existing);
  CheckpointFolder<float> run(folder);
  std::string note;
  if (const auto newest = run.newest(&note)) run.write(*newest);
  fs::remove_all(folder);
}

struct Reader {
  const char* name;
  const char* ending;
  void (*read)(const fs::path& file);
  void (*seeds)(const fs::path& folder);
};

const std::array targets{
    Reader{"idx", "", [](const fs::path& file) { read_idx(file); },
           [](const fs::path& folder) {
             using namespace std::string_literals;
             replace_file(folder / "images", "\0\0\x08\3\0\0\0\2\0\0\0\2\0\0\0\1abcd"s);
             replace_file(folder / "labels", "\0\0\x08\1\0\0\0\3\1\2\3"s);
             replace_file(folder / "wide", "\0\0\x08\1\x7f\xff\xff\xff\1\2\3"s);
           }},
    Reader{"gzip", ".gz", [](const fs::path& file) { read_file(file, "gzip"); },
           [](const fs::path& folder) {
             using namespace std::string_literals;  // "ab" and then nothing, as gzip packs them
             const std::string ab =
                 "\x1f\x8b\x08\0\0\0\0\0\0\3\x4b\x4c\2\0\x6d\x48\x83\x9e\2\0\0\0"s;
             const std::string nothing = "\x1f\x8b\x08\0\0\0\0\0\0\3\3\0\0\0\0\0\0\0\0\0"s;
             replace_file(folder / "ab", ab);
             replace_file(folder / "two", ab + nothing);
           }},
    Reader{"npy", ".npy",
           [](const fs::path& file) {
             read_npy<float>(file);
             read_npy<double>(file);
           },
           [](const fs::path& folder) {
             write_npy(folder / "float", counting<float>(Shape{2, 3}));
             write_npy(folder / "double", counting<double>(Shape{1, 2, 1, 2}));
             write_npy(folder / "scalar", Tensor<double>(Shape{}, 1));
           }},
    Reader{"npz", ".npz", [](const fs::path& file) { read_npz<float>(file); },
           [](const fs::path& folder) {
             write_npz<float>(folder / "two", {{"a", counting<float>(Shape{2, 3})},
                                               {"b", counting<float>(Shape{4})}});
             write_npz<float>(folder / "none", {});
           }},
    Reader{"csv", ".csv",
           [](const fs::path& file) {
             const CsvData<float> csv = read_csv<float>(file, "y");
             encode<float>(read_table(file), csv.encoding);
             read_table(file, {.header = false, .separator = ';'});
           },
           [](const fs::path& folder) {
             replace_file(folder / "numbers", "a,b,y\n1,2.5,3\n-1e3,+4,0.5\n");
             replace_file(folder / "words",
                          "a,\"b, c\",y\nx,\"1\",no\n\"say \"\"hi\"\"\",2,yes\r\n");
             replace_file(folder / "missing", "\xef\xbb\xbfy;z\nNA,1\n");
           }},
    Reader{"safetensors", ".safetensors",
           [](const fs::path& file) {
             const SafeTensors tensors(file);
             for (const auto& entry : tensors.entries()) tensors.tensor<double>(entry.name);
             model_info(tensors);
             use(load_model<float>(file));
           },
           [](const fs::path& folder) {
             auto model = small_model();
             save(model, folder / "model", {.classes = {"a", "b"}, .note = "small"});
             SafeTensors file;
             file.add("x", counting<double>(Shape{2, 2}));
             file.add("none", Tensor<float>(Shape{0, 3}));
             file.write(folder / "tensors");
           }},
    Reader{"onnx", ".onnx", [](const fs::path& file) { use(load_model<float>(file)); },
           [](const fs::path& folder) {
             auto model = small_model();
             save_onnx(model, folder / "model", {.classes = {"a", "b"}});
             Random random(1);
             Sequential<float> words(Embedding<float>(5, 2, random), Flatten<float>(),
                                     Linear<float>(6, 2, random, {.bias = false}));
             save_onnx(words, folder / "words");
           }},
    Reader{"checkpoint", ".safetensors", read_folder,
           [](const fs::path& folder) {
             const fs::path run = folder / "run";
             {
               CheckpointFolder<float> checkpoints(run);
               checkpoints.write({7, "{\"a\":1}", {{"w", counting<float>(Shape{2, 3})}}});
             }
             fs::rename(run / "checkpoint-000000000007.safetensors", folder / "seven");
             fs::remove_all(run);
           }},
};

const Reader& chosen() {
  static const Reader& target = [&]() -> const Reader& {
    const char* const name = std::getenv("RAMP_FUZZ_TARGET");
    for (const Reader& each : targets)
      if (name && std::string_view(each.name) == name) return each;
    std::fputs("RAMP_FUZZ_TARGET is none of:", stderr);
    for (const Reader& each : targets) std::fprintf(stderr, " %s", each.name);
    std::fputs("\n", stderr);
    std::exit(2);
  }();
  return target;
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  if (const char* const folder = std::getenv("RAMP_FUZZ_SEEDS")) {
    for (const Reader& each : targets) {
      fs::create_directories(fs::path(folder) / each.name);
      each.seeds(fs::path(folder) / each.name);
    }
    std::exit(0);
  }
  chosen();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fs::path file =
      fs::path("/dev/shm") / fmt::format("ramp-fuzz-{}{}", getpid(), chosen().ending);
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  try {
    chosen().read(file);
  } catch (const ramp::Error&) {  // it says what is wrong
  }
  return 0;
}

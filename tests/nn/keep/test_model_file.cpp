// Models as files: rebuilt to the bit, laid out as other tools expect, refused as a whole.
#include <nn/data/file_writer.hpp>
#include <nn/keep/model_file.hpp>

#include "support/idx_files.hpp"
#include "support/refused.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

using namespace ramp::nn;
using idx_files::TempFolder, idx_files::read, idx_files::write;
using ramp::Shape, ramp::ShapeError, ramp::Tape, ramp::Tensor, ramp::Var;

namespace {

// Numbers that no constructor gives: what isn't saved is noticed.
template <class T> void randomize(Module<T>& model, std::uint64_t seed) {
  Random random(seed);
  auto all = model.contents();
  for (const auto& p : all.parameters)
    for (T& v : p.parameter->edit()) v = static_cast<T>(random.uniform(0.1, 0.9));
  for (const auto& b : all.buffers)
    for (T& v : *b.buffer) v = static_cast<T>(random.uniform(0.5, 1.5));
}

template <class T> std::vector<T> predicted(Module<T>& model, const Tensor<T>& x) {
  model.eval();
  Tape<T> tape;
  const auto y = model(tape.leaf(x)).value();
  return {y.begin(), y.end()};
}

template <class T> Tensor<T> inputs(const Shape& shape) {
  Random random(9);
  Tensor<T> x(shape);
  for (T& v : x) v = static_cast<T>(random.normal());
  return x;
}

// Each kind of layer that takes numbers, with options that aren't the usual ones.
template <class T> Sequential<T> every_layer() {
  Random random(5);
  Sequential<T> model("all of them");
  model.push(Flatten<T>());
  model.push("scale", Standardize<T>(Tensor<T>(Shape{6}, T(1)), Tensor<T>(Shape{6}, T(2))));
  for (const Activation& activation : activations())
    model.push("with " + std::string(activation.name()),
               Linear<T>(6, 6, random, {.activation = activation, .bias = model.size() % 2 == 0}));
  Sequential<T> inner("its own name");
  inner.push(LayerNorm<T>(6, 0.01));
  inner.push(Sequential<T>(Linear<T>(6, 4, random), BatchNorm1d<T>(4, 0.02, 0.3)));
  model.push("inner", inner);
  model.push("mlp", MLP<T>({4, 3, 5}, {.activation = "gelu", .dropout = 0.25}));
  model.push("dropout", Dropout<T>(0.125, 7));
  model.push("out", ActivationLayer<T>("softplus"));
  return model;
}

std::vector<std::string> names(Module<float>& model) {
  std::vector<std::string> all;
  for (const auto& p : model.contents().parameters) all.push_back(p.name);
  return all;
}

// A file with these tensors, and what save() would say of the model.
void write_with(const std::filesystem::path& path, const std::string& about,
                const std::vector<std::pair<std::string, Shape>>& tensors = {}) {
  SafeTensors file;
  for (const auto& [name, shape] : tensors) file.add(name, Tensor<float>(shape, 0.5f));
  file.set_metadata("ramp", about);
  file.write(path);
}
std::string about(const std::string& parts) {
  return R"({"version":1,"classes":[],"note":"","sample_shape":[],"architecture":)"
         R"({"kind":"sequential","scope":"s","parts":[)" +
         parts + "]}}";
}

const Activation doubled("doubled", 1, [](auto x) { return x + x; });
const Activation tanh_of_mine("tanh", 1, [](auto x) { return x + x; });

struct Residual : Module<float> {
  explicit Residual(Random& random) : inner(3, 3, random) {}
  void members(Members<float>& m) override { m("inner", inner), m("count", count); }
  Var<float> forward(const Var<float>& x) override { return x + inner(x); }
  Linear<float> inner;
  Tensor<float> count = Tensor<float>(Shape{});
};

struct MyLinear : Linear<float> {
  using Linear::Linear;
  Var<float> forward(const Var<float>& x) override { return -Linear::forward(x); }
};

}  // namespace

TEST_CASE_TEMPLATE("a file alone rebuilds a model of every layer, to the bit", T, float, double) {
  const TempFolder temp;
  Sequential<T> model = every_layer<T>();
  randomize(model, 1);
  const auto x = inputs<T>({5, 2, 3});
  save(model, temp / "m.safetensors");
  auto [again, info] = load_model<T>(temp / "m.safetensors");
  CHECK_FALSE(again.training());
  CHECK(predicted<T>(again, x) == predicted<T>(model, x));
  CHECK(again.name() == "all of them");
  CHECK(architecture<T>(again) == architecture<T>(model));
  CHECK(architecture<T>(model).find("\"rate\":0.125") != std::string::npos);
  save(again, temp / "again.safetensors");
  CHECK(read(temp / "m.safetensors") == read(temp / "again.safetensors"));
  // What eval() doesn't show: batch statistics and their momentum.
  const auto trained = [&](Module<T>& m) {
    m.train();
    auto& norm = dynamic_cast<BatchNorm1d<T>&>(dynamic_cast<Sequential<T>&>(
        dynamic_cast<Sequential<T>&>(dynamic_cast<Sequential<T>&>(m)[11])[1])[1]);
    Tape<T> tape;
    norm(tape.leaf(inputs<T>({5, 4})));
    const Tensor<T>& mean = norm.buffer("running_mean");
    return std::vector<T>(mean.begin(), mean.end());
  };
  CHECK(trained(again) == trained(model));
}

TEST_CASE("a file of float serves double, and the other way about") {
  const TempFolder temp;
  MLP<float> model({3, 4, 2}, {.seed = 1});
  save(model, temp / "f");
  auto wide = load_model<double>(temp / "f").model;
  CHECK(wide.parameter("layer0.weight").value()[5] == model.parameter("layer0.weight").value()[5]);
  save(wide, temp / "d");
  auto narrow = load_model<float>(temp / "d").model;
  CHECK(predicted<float>(narrow, inputs<float>({2, 3})) ==
        predicted<float>(model, inputs<float>({2, 3})));
}

TEST_CASE("an embedding and an MLP come back under their names") {
  const TempFolder temp;
  Random random(1);
  Sequential<float> words(Embedding<float>(4, 3, random), Linear<float>(3, 2, random));
  randomize<float>(words, 2);
  save(words, temp / "w");
  auto again = load_model(temp / "w").model;
  Tensor<float> x(Shape{3});
  x[0] = 3, x[2] = 1;
  CHECK(predicted<float>(again, x) == predicted<float>(words, x));
  MLP<float> model({3, 4, 2}, {.dropout = 0.5, .seed = 1});
  save(model, temp / "m");
  again = load_model(temp / "m").model;
  CHECK(again.name() == "mlp");
  CHECK(names(again) ==
        std::vector<std::string>{"layer0.weight", "layer0.bias", "layer1.weight", "layer1.bias"});
  CHECK(dynamic_cast<Dropout<float>&>(again[1]).rate() == 0.5);
}

TEST_CASE("weights lie as PyTorch's do, (out, in), and its tools find what they look for") {
  const TempFolder temp;
  Random random(1);
  Sequential<float> model(Linear<float>(3, 2, random), BatchNorm1d<float>(2),
                          Embedding<float>(4, 3, random));
  randomize<float>(model, 3);
  save(model, temp / "m");
  const SafeTensors file(temp / "m");
  std::vector<std::string> found;
  for (const auto& entry : file.entries()) found.push_back(entry.name);
  CHECK(found == std::vector<std::string>{"0.weight", "0.bias", "1.weight", "1.bias", "2.weight",
                                          "1.running_mean", "1.running_var"});
  const auto stored = file.tensor<float>("0.weight");
  const auto& weight = model.parameter("0.weight").value();  // (in, out)
  REQUIRE(stored.shape() == Shape{2, 3});
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 2; ++j) CHECK(stored[j * 3 + i] == weight[i * 2 + j]);
  CHECK(file.tensor<float>("2.weight").shape() == Shape{4, 3});  // an embedding isn't turned
  CHECK(file.metadata().at("format") == "pt");
  CHECK(file.metadata().size() == 2);
}

TEST_CASE("equal models make equal files, whatever their generators and modes") {
  const TempFolder temp;
  MLP<float> model({3, 4, 2}, {.dropout = 0.5, .seed = 1});
  save(model, temp / "a");
  Tape<float> tape;
  model(tape.leaf(inputs<float>({2, 3})));  // its generator goes on
  model.eval();
  MLP<float> copy = model;
  copy.freeze();
  save(copy, temp / "b");
  CHECK(read(temp / "a") == read(temp / "b"));
}

TEST_CASE("what belongs to a model is kept with it") {
  const TempFolder temp;
  MLP<float> model({3, 4, 2});
  ModelInfo info{
      .classes = {"a", "ä \"b\"", ""},
      .encoding = Encoding{{{"size", {}}, {"colour", {"blue", "red"}}}, "kind", {"1", "2"}},
      .sample_shape = {1, 3},
      .note = "93 %\n"};
  save(model, temp / "m", info);
  for (const ModelInfo& read : {load_model(temp / "m").info, load(model, temp / "m"),
                                model_info(SafeTensors(temp / "m"))->info}) {
    CHECK(read.classes == info.classes);
    CHECK(read.sample_shape == info.sample_shape);
    CHECK(read.note == info.note);
    REQUIRE(read.encoding);
    CHECK(read.encoding->feature_names() == info.encoding->feature_names());
    CHECK(read.encoding->target == "kind");
    CHECK(read.encoding->classes == info.encoding->classes);
  }
  CHECK(model_info(SafeTensors(temp / "m"))->architecture == architecture<float>(model));
  save(model, temp / "plain");
  const ModelInfo none = load(model, temp / "plain");
  CHECK((none.classes.empty() && !none.encoding && none.note.empty()));
  CHECK(none.sample_shape == Shape{});
  REFUSED(save(model, temp / "m", {.note = "\xff"}), ramp::Error, "UTF-8");
  CHECK(load(model, temp / "m").note == info.note);
}

TEST_CASE(
    "own modules, layers and activations: the numbers are kept, the file alone isn't enough") {
  const TempFolder temp;
  Random random(1);
  Residual model(random), other(random);
  randomize<float>(model, 1);
  save(model, temp / "m");
  CHECK(load(other, temp / "m").classes.empty());
  const auto x = inputs<float>({2, 3});
  CHECK(predicted<float>(other, x) == predicted<float>(model, x));
  CHECK(other.count[0] == model.count[0]);
  REFUSED(load_model(temp / "m"), DataError, "doesn't say of what layers the model is: build it");
  const auto unknown = [](Module<float>& m) { return architecture(m).empty(); };
  CHECK(unknown(model));
  Sequential<float> with(Linear<float>(3, 3, random, {.activation = doubled}), Flatten<float>());
  CHECK(unknown(with));
  with = Sequential<float>(ActivationLayer<float>(tanh_of_mine), Flatten<float>());
  CHECK(unknown(with));  // of that name there is another
  with = Sequential<float>(MyLinear(3, 3, random), Flatten<float>());
  CHECK(unknown(with));
  with = Sequential<float>(Flatten<float>(), Sequential<float>(Flatten<float>(), Residual(random)));
  CHECK(unknown(with));
  with = Sequential<float>(Linear<float>(3, 3, random, {.activation = "tanh"}), Flatten<float>());
  CHECK_FALSE(unknown(with));
  Linear<float> single(3, 3, random);
  CHECK(unknown(single));
  save(single, temp / "single");
  REFUSED(load_model(temp / "single"), DataError, "build it, and load() the numbers");
}

TEST_CASE("a scope of a part is its name, whether it was told before or not") {
  Random random(1);
  Sequential<float> model("outer");
  model.push("part", Sequential<float>(Linear<float>(3, 3, random), Flatten<float>()));
  const std::string before = architecture<float>(model);
  model.give_names();
  CHECK(before == architecture<float>(model));
}

TEST_CASE("a file of another model is refused with what differs, and the model stays") {
  const TempFolder temp;
  MLP<float> model({3, 4, 2}, {.seed = 1}), narrow({3, 5, 2}), deep({3, 4, 2, 2});
  const auto before = names(model);
  const auto refused = [&](Module<float>& into, Module<float>& from) {
    save(from, temp / "m");
    std::vector<float> was;
    for (auto* p : into.parameters()) was.insert(was.end(), p->value().begin(), p->value().end());
    const std::string said = support::message_of<ShapeError>([&] { load(into, temp / "m"); });
    std::vector<float> is;
    for (auto* p : into.parameters()) is.insert(is.end(), p->value().begin(), p->value().end());
    CHECK(was == is);
    return said;
  };
  const std::string start = "[load] " + (temp / "m").string() + ": ";
  CHECK(refused(model, narrow) ==
        start +
            "layer0.weight is (5, 3) in the file, (4, 3) in the model, as (out, in), "
            "layer0.bias is (5) in the file, (4) in the model, "
            "layer1.weight is (2, 5) in the file, (2, 4) in the model, as (out, in)");
  CHECK(refused(model, deep) == start + "not in the model: layer2.bias, layer2.weight");
  CHECK(refused(deep, model) == start + "not in the file: layer2.weight, layer2.bias");
  CHECK(refused(model, narrow).find("not in") == std::string::npos);
  MLP<float> square({3, 3}), turned({3, 3}, {.name = "other"});
  save(turned, temp / "m");
  CHECK_NOTHROW(load(square, temp / "m"));  // a scope is no part of a name
  MLP<float> large(std::vector<std::int64_t>(12, 2));
  CHECK(refused(large, square).find("layer5.weight, layer5.bias, layer6.weight and 15 more") ==
        std::string::npos);
  CHECK(refused(large, square).find("layer4.weight, layer4.bias and 12 more") != std::string::npos);
}

TEST_CASE("infinite or NaN numbers are named, and the model stays") {
  const TempFolder temp;
  MLP<float> model({3, 4, 2}, {.seed = 1}), same({3, 4, 2}, {.seed = 1}), bad = model;
  bad.parameter("layer0.bias").edit()[2] = std::numeric_limits<float>::quiet_NaN();
  bad.parameter("layer1.weight").edit()[0] = -std::numeric_limits<float>::infinity();
  save(bad, temp / "m");
  REFUSED(load(model, temp / "m"), DataError,
          "m: infinite or NaN numbers in layer0.bias, layer1.weight");
  CHECK(predicted<float>(model, inputs<float>({2, 3})) ==
        predicted<float>(same, inputs<float>({2, 3})));
  REFUSED(load_model(temp / "m"), DataError, "infinite or NaN numbers in layer0.bias");
  Sequential<double> large;
  large.push("layer0", Linear<double>(1, 1, Random(1)));
  large.parameter("layer0.weight").edit()[0] = 1e300;
  save(large, temp / "m");
  REFUSED(load_model<float>(temp / "m"), DataError, "infinite or NaN numbers in layer0.weight");
}

TEST_CASE("a file of PyTorch is read: other types, a count of batches, no word of this library") {
  const TempFolder temp;
  const std::string header =
      R"({"0.bias":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},)"
      R"("0.weight":{"dtype":"F16","shape":[2,1],"data_offsets":[4,8]},)"
      R"("1.bias":{"dtype":"F64","shape":[2],"data_offsets":[8,24]},)"
      R"("1.num_batches_tracked":{"dtype":"I64","shape":[],"data_offsets":[24,32]},)"
      R"("1.running_mean":{"dtype":"F32","shape":[2],"data_offsets":[32,40]},)"
      R"("1.running_var":{"dtype":"F32","shape":[2],"data_offsets":[40,48]},)"
      R"("1.weight":{"dtype":"F32","shape":[2],"data_offsets":[48,56]}})";
  std::string data(56, '\0');
  const auto put = [&](std::size_t at, auto... numbers) {
    ((std::memcpy(data.data() + at, &numbers, sizeof numbers), at += sizeof numbers), ...);
  };
  put(0, std::uint16_t{0x3f80}, std::uint16_t{0xc000}, std::uint16_t{0x3c00}, std::uint16_t{0xb800},
      0.25, -1.0, std::int64_t{-1}, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f, 8.0f);
  const std::uint64_t length = header.size();
  write(temp / "pt", std::string(reinterpret_cast<const char*>(&length), 8) + header + data);
  Random random(1);
  Sequential<float> model(Linear<float>(1, 2, random), BatchNorm1d<float>(2));
  const ModelInfo info = load(model, temp / "pt");
  CHECK((info.classes.empty() && info.note.empty()));
  CHECK(support::equal(model.parameter("0.bias").value(), {1.0f, -2.0f}));
  CHECK(support::equal(model.parameter("0.weight").value(), {1.0f, -0.5f}));
  CHECK(support::equal(model.parameter("1.bias").value(), {0.25f, -1.0f}));
  CHECK(support::equal(model.buffer("1.running_mean"), {3.0f, 4.0f}));
  CHECK(support::equal(model.buffer("1.running_var"), {5.0f, 6.0f}));
  CHECK(support::equal(model.parameter("1.weight").value(), {7.0f, 8.0f}));
  CHECK_FALSE(model_info(SafeTensors(temp / "pt")));
  REFUSED(load_model(temp / "pt"), DataError, "doesn't say of what layers");
}

TEST_CASE(
    "what a file says of its layers is refused where it can't be, before memory is asked for") {
  const TempFolder temp;
  const auto refused = [&](const std::string& text, const char* why) {
    CAPTURE(text.substr(0, 300));
    write_with(temp / "m", text, {{"a.weight", {2, 3}}, {"a.bias", {2}}});
    const std::string said = support::message_of<DataError>([&] { load_model(temp / "m"); });
    CHECK_MESSAGE(said.find(why) != std::string::npos, said);
    CHECK(said.find((temp / "m").string()) != std::string::npos);
  };
  const auto linear = [](const char* in, const char* out, const char* more) {
    return about(std::string(R"({"name":"a","kind":"linear","in":)") + in + ",\"out\":" + out +
                 more + "}");
  };
  const char* const rest = R"(,"bias":true,"activation":"relu")";
  write_with(temp / "m", linear("3", "2", rest), {{"a.weight", {2, 3}}, {"a.bias", {2}}});
  CHECK_NOTHROW(load_model(temp / "m"));
  refused(linear("1000000000", "1000000000", rest), "more numbers than the file");
  for (const char* more : {R"(,"x":0)", R"(,"features":0)", R"(,"count":1,"x":-7)"})
    refused(linear("1000000", "30000", (std::string(rest) + more).c_str()), "more numbers");
  refused(about(R"({"name":"a","kind":"layer_norm","features":4000000000,"eps":0})"),
          "more numbers");
  refused(linear("9223372036854775807", "1", rest), "more numbers than the file");
  refused(linear("3", "-2", rest), "can't be used");
  refused(linear("-3", "-2", rest), "can't be used");
  refused(linear("0", "2", rest), "can't be used");
  refused(linear("3.5", "2", rest), "in is 3.5: it should be a whole number");
  refused(linear("1e300", "2", rest), "whole number");
  refused(linear("18446744073709551615", "2", rest), "in is 18446744073709551615: it should be");
  refused(about(R"({"name":"d","kind":"standardize","features":9223372036854775808})"), "features");
  refused(linear("\"3\"", "2", rest), "whole number");
  refused(linear("3", "2", ""), "can't be used");
  refused(linear("3", "2", R"(,"bias":1,"activation":"relu")"), "can't be used");
  refused(linear("3", "2", R"(,"bias":true,"activation":"rilu")"), "rilu");
  refused(linear("3", "4", rest), "a.weight is (2, 3) in the file, (4, 3) in the model");
  refused(about(R"({"name":"a","kind":"convolution"})"),
          "layer 'a' is of the unknown kind 'convolution'");
  refused(about(R"({"kind":"flatten"})"), "can't be used");
  refused(about(R"({"name":"a.b","kind":"flatten"})"), "can't be used");
  refused(about(R"({"name":"a","kind":"flatten"},{"name":"a","kind":"flatten"})"), "can't be used");
  refused(about(R"({"name":"d","kind":"dropout","rate":1.5})"), "can't be used");
  refused(about(R"({"name":"d","kind":"standardize","features":-1})"), "");
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += R"({"name":"a","kind":"sequential","parts":[)";
  refused(about(deep), "nested too deep");
  refused("", "can't be used");
  refused("[]", "can't be used");
  refused(R"({"version":2})", "written by a later version");
  const auto info = [](const std::string& shape) {
    return R"({"version":1,"classes":[],"note":"","sample_shape":)" + shape + "}";
  };
  for (const char* shape : {"[1,1,1,1,1]", "[-1]", "[1.5]", "[4294967296]", "[\"1\"]"})
    refused(info(shape), "the sample's shape");
  refused(R"({"version":1,"classes":[1],"note":"","sample_shape":[]})", "can't be used");
}

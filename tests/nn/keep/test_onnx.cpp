// ONNX: what is written is read again to the bit; files as others write them; refusals.
#include <nn/data/file_writer.hpp>
#include <nn/data/synthetic.hpp>
#include <nn/keep/onnx.hpp>
#include <nn/keep/protobuf.hpp>
#include <nn/model/sequential.hpp>
#include <nn/train/evaluate.hpp>

#include "support/idx_files.hpp"
#include "support/refused.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

using namespace ramp::nn;
using doctest::Approx;
using idx_files::TempFolder;
using protobuf::Message;
using ramp::Shape, ramp::Tensor, ramp::Var;

namespace {

template <class T> Tensor<T> waves(const Shape& shape) {
  Tensor<T> x(shape);
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<T>(std::sin(static_cast<double>(i * i)));
  return x;
}

// Every layer, with numbers of its own in each parameter and buffer.
template <class T> Sequential<T> all_layers() {
  Random random(3);
  Sequential<T> inner("block");
  inner.push("fc", Linear<T>(6, 6, random, {.activation = "silu", .bias = false}));
  inner.push("norm", LayerNorm<T>(6, 1e-3));
  Sequential<T> model("whole");
  model.push("scaled", Standardize<T>(waves<T>(Shape{5}), Tensor<T>(Shape{5}, T(2))));
  model.push("first", Linear<T>(5, 6, random));
  model.push("bend", ActivationLayer<T>("tanh"));
  model.push("drop", Dropout<T>(0.25));
  model.push("block", std::move(inner));
  model.push("batch", BatchNorm1d<T>(6, 1e-4, 0.3));
  for (const Activation& activation : activations())
    model.push("a_" + std::string(activation.name()), ActivationLayer<T>(activation));
  model.push("last", Linear<T>(6, 4, random, {.activation = "gelu"}));
  model.push("flat", Flatten<T>());
  model.push("p", SoftmaxLayer<T>());
  double shift = 0;
  for (auto& entry : model.contents().parameters)
    for (T& x : entry.parameter->edit()) x += static_cast<T>(0.1 * std::cos(++shift));
  for (auto& entry : model.contents().buffers)
    for (T& x : *entry.buffer) x += static_cast<T>(0.3 + 0.1 * std::cos(++shift));
  return model;
}

// A file as another tool might write it: nodes, constants, input "x", output "y".
struct Foreign {
  Message graph;
  int opset = 17, axes = 0;  // of the input, where it says so

  static Message dims(std::initializer_list<unsigned> shape) {
    Message tensor;
    for (const unsigned n : shape) tensor.number(1, n);
    return tensor;
  }
  Foreign& constant(const char* name, std::initializer_list<unsigned> shape,
                    std::initializer_list<float> numbers) {
    Message tensor = dims(shape);
    for (const float x : numbers) tensor.real(4, x);  // each a field of its own
    graph.part(5, tensor.number(2, 1).text(8, name));
    return *this;
  }
  Foreign& node(const char* op, std::initializer_list<const char*> in, const char* out,
                std::vector<Message> attributes = {}) {
    Message node;
    for (const char* x : in) node.text(1, x);
    node.text(2, out).text(3, std::string("/net/") + op).text(4, op);
    for (const Message& attribute : attributes) node.part(5, attribute);
    graph.part(1, node);
    return *this;
  }
  std::string file() const {
    Message whole = graph;
    Message shape, input = Message().text(1, "x");
    for (int axis = 0; axis < axes; ++axis) shape.part(1, Message().number(1, 2));
    if (axes > 0) input.part(2, Message().part(1, Message().number(1, 1).part(2, shape)));
    whole.part(11, input).part(12, Message().text(1, "y"));
    return Message()
        .number(1, 8)
        .part(7, whole)
        .part(8, Message().number(2, static_cast<unsigned>(opset)))
        .bytes();
  }
};
Message integer(const char* name, std::int64_t x) {
  return Message().text(1, name).number(3, static_cast<std::uint64_t>(x)).number(20, 2);
}
Message real(const char* name, float x) { return Message().text(1, name).real(2, x).number(20, 1); }

LoadedModel<double> read(const Foreign& foreign) {
  const TempFolder folder;
  replace_file(folder / "net.onnx", foreign.file());
  return load_model<double>(folder / "net.onnx");
}
std::string refusal(const std::string& file) {
  const TempFolder folder;
  replace_file(folder / "net.onnx", file);
  try {
    (void)load_model<float>(folder / "net.onnx");
  } catch (const DataError& e) {
    return e.what();
  }
  return "nothing was thrown";
}
std::string refusal(const Foreign& foreign) { return refusal(foreign.file()); }

Foreign one_layer() {
  return Foreign().constant("w", {2, 2}, {1, 2, 3, 4}).constant("b", {2}, {5, 6});
}

}  // namespace

TEST_CASE_TEMPLATE("each layer and activation comes back with its name, and to the bit", T, float,
                   double) {
  const TempFolder folder;
  Sequential<T> model = all_layers<T>();
  model.eval();
  const Tensor<T> x = waves<T>(Shape{7, 5});
  const ModelInfo info{.classes = {"a", "b", "c", "d"}, .sample_shape = Shape{5}, .note = "naïve"};
  save_onnx(model, folder / "model.onnx", info);
  auto loaded = load_model<T>(folder / "model.onnx");
  CHECK(std::ranges::equal(predict(model, x), predict(loaded.model, x)));
  CHECK(loaded.info.classes == info.classes);
  CHECK(loaded.info.note == info.note);
  CHECK(loaded.info.sample_shape == info.sample_shape);
  const std::string layers = architecture(loaded.model);
  for (const char* part :
       {R"("name":"scaled","kind":"standardize")", R"("name":"drop","kind":"dropout","rate":0.25)",
        R"("name":"block_fc","kind":"linear","in":6,"out":6,"bias":false,"activation":"silu")",
        R"("name":"block_norm","kind":"layer_norm","features":6,"eps":0.001)",
        R"("eps":0.0001,"momentum":0.3)", R"("name":"last")", R"("activation":"gelu")"})
    CHECK_MESSAGE(layers.find(part) != layers.npos, part, " in ", layers);

  // Once more: what was read is what is written.
  save_onnx(loaded.model, folder / "again.onnx", info);
  auto again = load_model<T>(folder / "again.onnx");
  CHECK(architecture(again.model) == layers);
  CHECK(std::ranges::equal(predict(model, x), predict(again.model, x)));
}

TEST_CASE("an MLP comes back as it was, and a table of words as an embedding") {
  const TempFolder folder;
  MLP<float> model({3, 8, 2}, {.activation = "elu", .dropout = 0.1, .seed = 4});
  save_onnx(model, folder / "a.onnx");
  save(model, folder / "a.safetensors");
  CHECK(read_onnx(folder / "a.onnx").entries().size() == 4);
  MLP<float> into({3, 8, 2}, {.activation = "elu", .dropout = 0.1, .seed = 5});
  load(into, folder / "a.onnx");  // by its names
  CHECK(std::ranges::equal(predict(into, waves<float>(Shape{4, 3})),
                           predict(model, waves<float>(Shape{4, 3}))));

  Random random(1);
  Sequential<float> words("words");
  words.push("table", Embedding<float>(10, 4, random));
  words.push("flat", Flatten<float>());
  words.push("out", Linear<float>(12, 2, random));
  save_onnx(words, folder / "b.onnx");
  auto loaded = load_model<float>(folder / "b.onnx");
  const Tensor<float> rows(Shape{2, 3}, {1, 9, 0, 4, 4, 2});
  CHECK(std::ranges::equal(predict(words, rows), predict(loaded.model, rows)));

  write_onnx(SafeTensors(folder / "a.safetensors"), folder / "c.onnx");
  CHECK(idx_files::read(folder / "c.onnx") == idx_files::read(folder / "a.onnx"));
}

TEST_CASE("files as others write them") {
  const Tensor<double> x(Shape{1, 2}, {1, -2});
  const auto check = [&](const Foreign& foreign, std::initializer_list<double> wanted) {
    auto loaded = read(foreign);
    const Tensor<double> y = predict(loaded.model, x);
    REQUIRE(y.size() == wanted.size());
    for (std::size_t i = 0; i < y.size(); ++i) CHECK(y[i] == Approx(wanted.begin()[i]));
  };
  // W as (in, out), then the same as (out, in)
  check(one_layer().node("MatMul", {"x", "w"}, "h").node("Add", {"h", "b"}, "y"), {0, 0});
  check(one_layer().node("MatMul", {"x", "w"}, "h").node("Add", {"b", "h"}, "y"), {0, 0});
  check(one_layer().node("Gemm", {"x", "w", "b"}, "y"), {0, 0});
  check(one_layer().node("Gemm", {"x", "w"}, "y"), {-5, -6});
  check(one_layer().node("Gemm", {"x", "w", "b"}, "y", {integer("transB", 1), real("alpha", 1)}),
        {2, 1});
  check(Foreign()
            .node("Sigmoid", {"x"}, "s")
            .node("Identity", {"s"}, "t")
            .node("Mul", {"x", "t"}, "y"),
        {1 / (1 + std::exp(-1)), -2 / (1 + std::exp(2))});
  check(Foreign().node("Sigmoid", {"x"}, "s").node("Mul", {"x", "s"}, "y"),
        {1 / (1 + std::exp(-1)), -2 / (1 + std::exp(2))});
  check(Foreign().node("LeakyRelu", {"x"}, "y"), {1, -0.02});
  check(Foreign().node("Elu", {"x"}, "y", {real("alpha", 1)}), {1, std::exp(-2) - 1});
  check(Foreign().node("Identity", {"x"}, "h").node("Relu", {"h"}, "y"), {1, 0});
  check(one_layer()
            .node("Gemm", {"x", "w", "b"}, "h")
            .node("Softmax", {"h"}, "y", {integer("axis", 1)}),
        {0.5, 0.5});
  check(one_layer().node("LayerNormalization", {"x", "b"}, "y", {real("epsilon", 0)}), {5, -6});
  check(one_layer().node("LayerNormalization", {"x", "b", ""}, "y", {real("epsilon", 0)}), {5, -6});
  check(Foreign()
            .constant("m", {1, 2}, {1, 2})
            .constant("d", {2}, {4, 8})
            .node("Sub", {"x", "m"}, "h")
            .node("Div", {"h", "d"}, "y"),
        {0, -0.5});
  check(
      Foreign().constant("r", {}, {0.5}).node("Dropout", {"x", "r"}, "h").node("Tanh", {"h"}, "y"),
      {std::tanh(1), std::tanh(-2)});
  check(one_layer().node("Identity", {"b"}, "c").node("Gemm", {"x", "w", "c"}, "y"), {0, 0});
  // Constants as nodes, and numbers in a packed list
  const float numbers[]{3, 7};
  const Message value = Foreign::dims({2}).number(2, 1).text(
      4, {reinterpret_cast<const char*>(numbers), sizeof numbers});
  check(one_layer()
            .node("Constant", {}, "c", {Message().text(1, "value").part(5, value).number(20, 4)})
            .node("Gemm", {"x", "w", "c"}, "y"),
        {-2, 1});
  // Half precision: 1.0 and -2.0
  const std::string halves("\x00\x3c\x00\xc0", 4);
  Foreign half = one_layer();
  half.graph.part(5, Foreign::dims({2}).number(2, 10).text(8, "h").text(9, halves));
  check(half.node("Gemm", {"x", "w", "h"}, "y"), {-4, -8});
}

TEST_CASE("what can't be read is refused, and says which node and why") {
  const auto names = [](const std::string& text, const char* what) {
    CHECK_MESSAGE(text.find(what) != text.npos, what, " in: ", text);
    CHECK(text.substr(0, 7) == "[onnx] ");
  };
  const auto bad = [&](const Foreign& foreign, const char* what) { names(refusal(foreign), what); };
  bad(one_layer().node("Conv", {"x", "w"}, "y"), "node Conv '/net/Conv': this op can't be read");
  bad(one_layer().node("Gemm", {"w", "x"}, "y"), "it takes 'w'");
  bad(one_layer().node("Gemm", {"x", "w", "b"}, "y", {real("alpha", 2)}),
      "alpha and beta must be 1");
  bad(one_layer().node("Gemm", {"x", "nowhere"}, "y"), "'nowhere' is no constant");
  bad(one_layer().node("Gemm", {"x", "b"}, "y"), "its weight must have two axes");
  bad(one_layer().node("Gemm", {"x"}, "y"), "it has 1 inputs");
  bad(one_layer().node("Relu", {}, "y"), "it has 0 inputs");
  bad(one_layer().node("Relu", {"x"}, "h").node("Add", {"h", "x"}, "y"),
      "only a chain of layers can be read");
  bad(one_layer().node("Relu", {"x"}, "h").node("Add", {"h", "b"}, "y"),
      "Add can only be read as the bias");
  bad(one_layer().node("Relu", {"x"}, "h").node("Mul", {"h", "b"}, "y"), "x times sigmoid(x)");
  bad(one_layer().node("Sub", {"x", "b"}, "h").node("Relu", {"h"}, "y"), "Sub without Div");
  bad(one_layer().node("Sub", {"x", "b"}, "y"), "the graph ends within a layer");
  bad(one_layer().node("Div", {"x", "b"}, "y"), "Div without Sub");
  bad(one_layer().node("Cast", {"x"}, "h").node("Relu", {"h"}, "y"), "before a Gather");
  bad(one_layer().node("LeakyRelu", {"x"}, "y", {real("alpha", 0.2f)}), "only leaky_relu itself");
  bad(one_layer().node("Elu", {"x"}, "y", {real("alpha", 2)}), "only elu itself");
  bad(one_layer().node("Gelu", {"x"}, "y", {Message().text(1, "approximate").text(4, "tanh")}),
      "only gelu itself");
  bad(one_layer().node("Softmax", {"x"}, "y", {integer("axis", 0)}), "only over the last axis");
  bad(one_layer().node("Flatten", {"x"}, "y", {integer("axis", 0)}), "only from axis 1 on");
  bad(one_layer().node("BatchNormalization", {"x", "b", "b", "b", "b"}, "y",
                       {integer("training_mode", 1)}),
      "training mode");
  bad(one_layer()
          .node("MatMul", {"x", "w"}, "h")
          .node("Sigmoid", {"h"}, "s")
          .node("Identity", {"s"}, "t")
          .node("Mul", {"s", "t"}, "y"),
      "x times sigmoid(x)");
  Foreign three = one_layer().node("BatchNormalization", {"x", "b", "b", "b", "b"}, "y");
  three.axes = 3;
  bad(three, "only of two axes");
  bad(one_layer().node("Relu", {"x"}, "h"), "its output 'y' isn't what the last node gives");
  bad(one_layer().constant("b", {1}, {1}).node("Relu", {"x"}, "y"), "two constants have one name");
  bad(Foreign().constant("w", {2, 3}, {1, 2, 3, 4}).node("MatMul", {"x", "w"}, "y"),
      "'w' has 16 bytes, and its shape (2, 3)");
  bad(Foreign().constant("w", {1u << 31, 1u << 31, 4}, {}).node("MatMul", {"x", "w"}, "y"),
      "takes another number");
  Foreign outside;
  outside.graph.part(5, Foreign::dims({2}).number(2, 1).text(8, "w").number(14, 1));
  bad(outside.node("Relu", {"x"}, "y"), "lie in another file");
  Foreign text;
  text.graph.part(5, Foreign::dims({1}).number(2, 8).text(8, "w").text(9, "a"));
  bad(text.node("Relu", {"x"}, "y"), "of an unknown type");
  Foreign two;
  two.graph.part(11, Message().text(1, "z"));
  bad(two.node("Relu", {"x"}, "y"), "2 inputs and 1 outputs");
  for (const int opset : {0, 9, 12, 25}) {
    Foreign old = one_layer().node("Relu", {"x"}, "y");
    old.opset = opset;
    bad(old, "13 to 24 can be read");
  }
  names(refusal(std::string("not an ONNX file")), "it ");
  names(refusal(std::string()), "no graph");
  names(
      refusal(
          Message().number(1, 8).text(14, Message().text(1, "ramp").text(2, "{").bytes()).bytes()),
      "parse error");

  // Layers and numbers that don't go together, and numbers that are none
  const auto numbers = [](const Foreign& foreign) { return refusal(foreign); };
  CHECK(numbers(one_layer().constant("v", {3}, {1, 1, 1}).node("Gemm", {"x", "w", "v"}, "y"))
            .find("0.bias is (3) in the file, (2) in the model") != std::string::npos);
  CHECK(numbers(Foreign().constant("w", {1, 1}, {std::nanf("")}).node("MatMul", {"x", "w"}, "y"))
            .find("infinite or NaN numbers in 0.weight") != std::string::npos);
}

TEST_CASE("layers may share a weight, but not take far more memory than the file has") {
  const auto sharing = [](int layers) {
    Foreign net;
    net.graph.part(
        5, Foreign::dims({128, 128}).number(2, 1).text(8, "w").text(9, std::string(1 << 16, '\0')));
    std::string before = "x";
    for (int i = 1; i <= layers; ++i) {
      const std::string after = i == layers ? "y" : std::to_string(i);
      net.node("MatMul", {before.c_str(), "w"}, after.c_str());
      before = after;
    }
    return net;
  };
  CHECK(read(sharing(12)).model.size() == 12);
  CHECK(refusal(sharing(400)).find("more than 16 times the file") != std::string::npos);
}

TEST_CASE("what isn't made of this library's layers can't be written") {
  const TempFolder folder;
  struct Own : Module<float> {
    Var<float> forward(const Var<float>& x) override { return x; }
  };
  Sequential<float> model("model");
  model.push(Own());
  CHECK_THROWS_WITH_AS(save_onnx(model, folder / "a.onnx"),
                       doctest::Contains("only those of this library"), ramp::ValueError);
  CHECK_FALSE(std::filesystem::exists(folder / "a.onnx"));
}

TEST_CASE("no damage to a file does harm: it is refused, or gives a model that answers") {
  const TempFolder folder;
  Random random(1);
  Sequential<float> model(Linear<float>(2, 3, random, {.activation = "silu"}), LayerNorm<float>(3),
                          Linear<float>(3, 2, random));
  save_onnx(model, folder / "a.onnx");
  const std::string whole = idx_files::read(folder / "a.onnx");
  int refused = 0, read = 0;
  const auto attempt = [&](const std::string& file) {
    idx_files::write(folder / "b.onnx", file);  // which, unlike replace_file, waits for no disk
    try {
      auto loaded = load_model<float>(folder / "b.onnx");
      try {
        (void)predict(loaded.model, Tensor<float>(Shape{1, 2}, 1.0f));
      } catch (const ramp::Error&) {}
      ++read;
    } catch (const DataError&) {
      ++refused;
    }
  };
  for (std::size_t n = 0; n < whole.size(); ++n) attempt(whole.substr(0, n));
  CHECK(refused > read);
  for (std::size_t n = 0; n < whole.size(); ++n)
    for (const char flip : {'\x01', '\x80', '\x7f'}) {
      std::string file = whole;
      file[n] = static_cast<char>(file[n] ^ flip);
      attempt(file);
    }
  CHECK(refused > 500);
}

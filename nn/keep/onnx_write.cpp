#include <nn/data/file_writer.hpp>
#include <nn/keep/architecture.hpp>
#include <nn/keep/onnx.hpp>
#include <nn/keep/onnx_format.hpp>
#include <nn/keep/protobuf.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace ramp::nn {

namespace {

using protobuf::Message;
using namespace onnx;

// Builds the graph layer by layer: `current_` is what the last node gave.
class Writer {
 public:
  explicit Writer(const SafeTensors& model) : model_(model) {
    for (const auto& entry : model.entries()) type_ = entry.type == "F64" ? type_f64 : type_;
  }

  std::string file(const Json& layers, const std::string& about) {
    const std::string input = current_ = "input";
    sequence(layers, "");
    if (current_ == input) node("Identity", "model", {current_});
    graph_.text(graph_name, layers.at("scope").get<std::string>());
    graph_.part(graph_input, value(input, in_)).part(graph_output, value(current_, out_));
    Message opset_id, entry, file;
    opset_id.text(opset_domain, "").number(opset_version, opset);
    entry.text(entry_key, "ramp").text(entry_value, about);
    file.number(model_ir, ir_version).text(model_producer, "ramp").part(model_graph, graph_);
    return file.part(model_opset, opset_id).part(model_metadata, entry).bytes();
  }

 private:
  void sequence(const Json& layers, const std::string& prefix) {
    for (const Json& part : layers.at("parts"))
      layer(part, prefix + part.at("name").get<std::string>());
  }

  void layer(const Json& layer, const std::string& name) {
    const std::string kind = layer.at("kind");
    const auto own = [&](const char* of) { return tensor(name + "." + of); };
    if (kind == "sequential") {
      sequence(layer, name + ".");
    } else if (kind == "linear") {
      width(layer.at("in"), layer.at("out"));
      std::vector<std::string> in{current_, own("weight")};
      if (layer.at("bias").get<bool>()) in.push_back(own("bias"));
      node("Gemm", name, in, {integer("transB", 1)});
      if (layer.at("activation") != "identity")
        activation(layer.at("activation"), name + ".activation");
    } else if (kind == "activation") {
      activation(layer.at("activation"), name);
    } else if (kind == "softmax") {
      node("Softmax", name, {current_}, {integer("axis", -1)});
    } else if (kind == "flatten") {
      first_ = false;  // of any number of axes
      out_ = 0;
      node("Flatten", name, {current_}, {integer("axis", 1)});
    } else if (kind == "dropout") {
      node("Dropout", name, {current_, scalar(name + ".ratio", layer.at("rate"))});
    } else if (kind == "standardize") {
      width(layer.at("features"), layer.at("features"));
      node("Sub", name + ".centred", {current_, own("mean")});
      node("Div", name, {current_, own("deviation")});
    } else if (kind == "layer_norm") {
      width(layer.at("features"), layer.at("features"));
      node("LayerNormalization", name, {current_, own("weight"), own("bias")},
           {integer("axis", -1), real("epsilon", layer.at("eps"))});
    } else if (kind == "batch_norm_1d") {
      width(layer.at("features"), layer.at("features"));
      node("BatchNormalization", name,
           {current_, own("weight"), own("bias"), own("running_mean"), own("running_var")},
           {real("epsilon", layer.at("eps")),
            real("momentum", 1 - layer.at("momentum").get<double>())});
    } else if (kind == "embedding") {
      first_ = false;
      out_ = 0;
      node("Cast", name + ".places", {current_}, {integer("to", type_int64)});
      node("Gather", name, {own("weight"), current_});
    } else {
      throw ValueError(
          fmt::format("[save_onnx] '{}' is a {}, which has no counterpart", name, kind));
    }
  }

  void activation(const std::string& its, const std::string& name) {
    if (its == "identity") return node("Identity", name, {current_});
    if (its == "silu") {
      const std::string x = current_;
      node("Sigmoid", name, {x});
      return node("Mul", name + ".times", {x, current_});
    }
    const auto at = std::ranges::find(functions, its, &Function::activation);
    if (at == functions.end())
      throw ValueError(fmt::format("[save_onnx] the activation {} has no counterpart", its));
    std::vector<Message> attributes;
    if (at->alpha != 0) attributes.push_back(real("alpha", static_cast<double>(at->alpha)));
    node(std::string(at->op), name, {current_}, attributes);
  }

  void node(const std::string& op, const std::string& name, const std::vector<std::string>& in,
            const std::vector<Message>& attributes = {}) {
    Message node;
    for (const std::string& x : in) node.text(node_input, x);
    node.text(node_output, current_ = name + ".out").text(node_name, name).text(node_op, op);
    for (const Message& attribute : attributes) node.part(node_attribute, attribute);
    graph_.part(graph_node, node);
  }
  static Message integer(const char* name, std::int64_t x) {
    return Message()
        .text(attribute_name, name)
        .number(attribute_i, static_cast<std::uint64_t>(x))
        .number(attribute_type, type_int);
  }
  static Message real(const char* name, double x) {
    return Message()
        .text(attribute_name, name)
        .real(attribute_f, static_cast<float>(x))
        .number(attribute_type, type_float);
  }

  // Weights as they lie in the file: (out, in).
  std::string tensor(const std::string& name) {
    type_ == type_f64 ? tensor(name, model_.tensor<double>(name))
                      : tensor(name, model_.tensor<float>(name));
    return name;
  }
  std::string scalar(const std::string& name, double x) {
    type_ == type_f64 ? tensor(name, Tensor<double>(Shape{}, x))
                      : tensor(name, Tensor<float>(Shape{}, static_cast<float>(x)));
    return name;
  }
  template <class T> void tensor(const std::string& name, const Tensor<T>& x) {
    Message tensor;
    for (int axis = 0; axis < x.shape().rank(); ++axis) tensor.number(tensor_dims, x.shape()[axis]);
    tensor.number(tensor_type, static_cast<std::uint64_t>(type_)).text(tensor_name, name);
    tensor.text(tensor_raw, {reinterpret_cast<const char*>(x.data()), x.size() * sizeof(T)});
    graph_.part(graph_initializer, tensor);
  }

  // What goes in and comes out, (batch, features), as far as it is known; 0: it isn't.
  void width(std::int64_t in, std::int64_t out) {
    if (first_) in_ = in;
    first_ = false;
    out_ = out;
  }
  Message value(const std::string& name, std::int64_t features) const {
    Message tensor;  // TypeProto.Tensor: 1 is the type of its numbers, 2 its shape
    tensor.number(1, static_cast<std::uint64_t>(type_));
    if (features > 0)
      tensor.part(2, Message()
                         .part(1, Message().text(2, "batch"))
                         .part(1, Message().number(1, static_cast<std::uint64_t>(features))));
    return Message().text(value_name, name).part(value_type, Message().part(1, tensor));
  }

  const SafeTensors& model_;
  int type_ = type_f32;
  bool first_ = true;
  std::int64_t in_ = 0, out_ = 0;
  std::string current_;
  Message graph_;
};

}  // namespace

void write_onnx(const SafeTensors& model, const std::filesystem::path& path) {
  const auto about = model_info(model);
  if (!about || about->architecture.empty())
    throw ValueError(fmt::format(
        "[save_onnx] {}: it isn't known of what layers the model is: only those of this "
        "library can be written",
        model.path().empty() ? "the model" : model.path()));
  const std::string file =
      Writer(model).file(parsed(about->architecture), model.metadata().at("ramp"));
  if (file.size() > std::numeric_limits<std::int32_t>::max())
    throw ValueError(
        fmt::format("[save_onnx] {} bytes: an ONNX file has no more than 2 GiB", file.size()));
  replace_file(path, file);
}

template <class T>
void save_onnx(Module<T>& model, const std::filesystem::path& path, const ModelInfo& info) {
  write_onnx(packed(model, info), path);
}
template void save_onnx(Module<float>&, const std::filesystem::path&, const ModelInfo&);
template void save_onnx(Module<double>&, const std::filesystem::path&, const ModelInfo&);

}  // namespace ramp::nn

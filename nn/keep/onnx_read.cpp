#include <nn/data/file_reader.hpp>
#include <nn/keep/architecture.hpp>
#include <nn/keep/onnx.hpp>
#include <nn/keep/onnx_format.hpp>
#include <nn/keep/onnx_graph.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <set>

namespace ramp::nn {

namespace {

using protobuf::Damaged;
using protobuf::Field;
using protobuf::Fields;
using namespace onnx;

// Follows the chain of nodes from the input to the output; each gives a layer, or changes the last.
class Reader {
 public:
  explicit Reader(std::string_view text)
      : most_(std::max<std::size_t>(most_times * text.size(), 1 << 20)) {
    std::string_view graph;
    std::int64_t version = 0;
    for (Fields fields(text); const auto f = fields.next();) {
      if (f->id == model_graph) graph = f->text();
      if (f->id == model_opset) version = std::max(version, opset_of(f->text()));
      if (f->id == model_metadata) read_metadata(f->text());
    }
    if (graph.empty()) throw Damaged("it has no graph: it is no ONNX file");
    if (version < oldest_opset || version > newest_opset)
      throw Damaged(fmt::format("it is for opset {}: {} to {} can be read", version, oldest_opset,
                                newest_opset));
    read_graph(graph);
  }

  SafeTensors file;

 private:
  static std::int64_t opset_of(std::string_view message) {  // 0 for another domain's
    std::string_view domain;
    std::int64_t version = 0;
    for (Fields fields(message); const auto f = fields.next();) {
      if (f->id == opset_domain) domain = f->text();
      if (f->id == opset_version) version = static_cast<std::int64_t>(f->number());
    }
    return domain.empty() || domain == "ai.onnx" ? version : 0;
  }

  // Of a TypeProto: 1 in it is a tensor, 2 in that its shape, 1 in that each size; 0 if it isn't
  // said.
  static int rank_of(std::string_view type) {
    int rank = 0;
    for (Fields fields(type); const auto f = fields.next();)
      if (f->id == 1)
        for (Fields tensor(f->text()); const auto t = tensor.next();)
          if (t->id == 2)
            for (Fields shape(t->text()); const auto s = shape.next();) rank += s->id == 1;
    return rank;
  }

  void read_metadata(std::string_view message) {
    std::string_view key, value;
    for (Fields fields(message); const auto f = fields.next();) {
      if (f->id == entry_key) key = f->text();
      if (f->id == entry_value) value = f->text();
    }
    if (key == "ramp") about_ = parsed(value);
  }

  void add_constant(std::string name, std::shared_ptr<const Numbers> numbers) {
    if (!constants_.emplace(std::move(name), std::move(numbers)).second)
      throw Damaged("two constants have one name");
  }

  void read_graph(std::string_view graph) {
    std::vector<Node> nodes;
    std::vector<std::string> inputs, outputs;
    std::map<std::string, int> ranks;
    for (Fields fields(graph); const auto f = fields.next();) {
      if (f->id == graph_node) nodes.emplace_back(f->text());
      if (f->id == graph_initializer) {
        std::string name;
        for (Fields tensor(f->text()); const auto t = tensor.next();)
          if (t->id == tensor_name) name = t->text();
        add_constant(name, std::make_shared<Numbers>(f->text()));
      }
      if (f->id == graph_input || f->id == graph_output) {
        std::string name;
        int rank = 0;
        for (Fields value(f->text()); const auto v = value.next();) {
          if (v->id == value_name) name = v->text();
          if (v->id == value_type) rank = rank_of(v->text());
        }
        (f->id == graph_input ? inputs : outputs).push_back(name);
        ranks[name] = rank;
      }
    }
    std::erase_if(inputs, [&](const std::string& name) { return constants_.contains(name); });
    if (inputs.size() != 1 || outputs.size() != 1)
      throw Damaged(fmt::format("{} inputs and {} outputs: one of each can be read", inputs.size(),
                                outputs.size()));
    current_ = inputs[0];
    rank_ = ranks[current_];
    for (const Node& node : nodes) try {
        read(node);
      } catch (const Damaged& error) {
        throw Damaged(fmt::format("node {}{}: {}", node.op,
                                  node.name.empty() ? "" : fmt::format(" '{}'", node.name),
                                  error.what()));
      }
    if (!mean_.empty() || places_) throw Damaged("the graph ends within a layer");
    if (current_ != outputs[0])
      throw Damaged(fmt::format("its output '{}' isn't what the last node gives", outputs[0]));
    if (about_.is_null())
      about_ = {{"version", 1},
                {"classes", Json::array()},
                {"note", ""},
                {"sample_shape", Json::array()}};
    about_["architecture"] = {{"kind", "sequential"}, {"scope", "model"}, {"parts", parts_}};
    file.set_metadata("ramp", about_.dump());
  }

  void read(const Node& node) {
    if (!node.domain.empty() && node.domain != "ai.onnx") throw Damaged("it is of another domain");
    if (node.out.empty() || node.out[0].empty()) throw Damaged("it gives nothing");
    if (node.op == "Constant") {
      const Field* const value = node.find("value", attribute_t);
      if (!value) throw Damaged("it has no tensor for its value");
      return add_constant(node.out[0], std::make_shared<Numbers>(value->text()));
    }
    if (node.op == "Identity" && !node.in.empty() && constants_.contains(node.in[0]))
      return add_constant(node.out[0], constants_.at(node.in[0]));  // equal weights, kept once
    const auto at = std::ranges::find(functions, node.op, &Function::op);
    const bool waits = !mean_.empty() || places_;
    if (waits && node.op != (places_ ? "Gather" : "Div"))
      throw Damaged(places_ ? "a Cast can only be read before a Gather"
                            : "Sub without Div can't be read");
    if (at != functions.end()) {
      takes(node, 0, 1);
      const Field* const approximate = node.find("approximate", attribute_s);
      if (std::abs(node.real("alpha", static_cast<double>(at->alpha)) -
                   static_cast<double>(at->alpha)) > 1e-6 ||
          (approximate && approximate->text() != "none"))
        throw Damaged(fmt::format("only {} itself can be read, with the slope that it has here",
                                  at->activation));
      activation(node, std::string(at->activation));
    } else if (node.op == "Gemm") {
      takes(node, 0, 3);
      if (node.real("alpha", 1) != 1 || node.real("beta", 1) != 1 || node.integer("transA", 0) != 0)
        throw Damaged("alpha and beta must be 1, transA 0");
      linear(node, node.integer("transB", 0) != 0);
      rank_ = 2;
    } else if (node.op == "MatMul") {
      takes(node, 0, 2);
      linear(node, false);
    } else if (node.op == "Add") {
      add_bias(node);
    } else if (node.op == "Mul") {
      gate(node);
    } else if (node.op == "Sub") {
      takes(node, 0, 2);
      mean_ = node.in[1];
      (void)constant(mean_);
    } else if (node.op == "Div") {
      takes(node, 0, 2);
      if (mean_.empty()) throw Damaged("Div without Sub can't be read");
      const std::string name = push(node, {{"kind", "standardize"}, {"features", size_of(mean_)}},
                                    node.in[1], ".deviation");
      keep(name + ".mean", mean_, 1);
      keep(name + ".deviation", node.in[1], 1);
      mean_.clear();
    } else if (node.op == "Cast") {
      takes(node, 0, 1);
      places_ = true;
    } else if (node.op == "Gather") {
      takes(node, 1, 2);
      if (node.integer("axis", 0) != 0) throw Damaged("only along axis 0");
      const auto& sizes = constant(node.in[0]).shape();
      if (sizes.size() != 2) throw Damaged("the table must have two axes");
      const std::string name =
          push(node, {{"kind", "embedding"}, {"count", sizes[0]}, {"width", sizes[1]}}, node.in[0]);
      keep(name + ".weight", node.in[0], 2);
      places_ = false;
      if (rank_ > 0) ++rank_;
    } else if (node.op == "Softmax") {
      takes(node, 0, 1);
      last_axis(node);
      push(node, {{"kind", "softmax"}});
    } else if (node.op == "Flatten") {
      takes(node, 0, 1);
      if (node.integer("axis", 1) != 1) throw Damaged("only from axis 1 on");
      push(node, {{"kind", "flatten"}});
      rank_ = 2;
    } else if (node.op == "Dropout") {
      takes(node, 0, 3);
      if (node.in.size() > 2 && !node.in[2].empty() &&
          constant(node.in[2]).tensor<double>(0).item() != 0)
        throw Damaged("it is on in inference, too");
      const bool given = node.in.size() > 1 && !node.in[1].empty();
      push(node, {{"kind", "dropout"}, {"rate", given ? scalar(node.in[1]) : 0.5}});
    } else if (node.op == "LayerNormalization") {
      takes(node, 0, 3);
      last_axis(node);
      const std::string name = push(node,
                                    {{"kind", "layer_norm"},
                                     {"features", size_of(input(node, 1))},
                                     {"eps", node.real("epsilon", 1e-5)}},
                                    node.in[1]);
      keep(name + ".weight", node.in[1], 1);
      if (node.in.size() > 2 && !node.in[2].empty())
        keep(name + ".bias", node.in[2], 1);
      else
        add(name + ".bias", Tensor<float>(Shape{constant(node.in[1]).shape()[0]}));
    } else if (node.op == "BatchNormalization") {
      takes(node, 0, 5);
      if (node.integer("training_mode", 0) != 0) throw Damaged("it is in training mode");
      if (rank_ > 2) throw Damaged("only of two axes");
      const double momentum = std::round((1 - node.real("momentum", 0.9)) * 1e7) / 1e7;
      const std::string name = push(node,
                                    {{"kind", "batch_norm_1d"},
                                     {"features", size_of(input(node, 1))},
                                     {"eps", node.real("epsilon", 1e-5)},
                                     {"momentum", momentum}},
                                    node.in[1]);
      const char* const own[] = {".weight", ".bias", ".running_mean", ".running_var"};
      for (std::size_t k = 0; k < 4; ++k) keep(name + own[k], input(node, k + 1), 1);
    } else if (node.op == "Identity") {
      takes(node, 0, 1);
      current_ = node.out[0];  // what was before it stays
      return;
    } else {
      throw Damaged("this op can't be read: <nn/keep/onnx.hpp> lists those that can");
    }
    before_ = std::exchange(current_, node.out[0]);
  }

  // That input k is what the node before gave, and the others, up to `most`, are constants.
  void takes(const Node& node, std::size_t k, std::size_t most) const {
    if (node.in.size() <= k || node.in.size() > most)
      throw Damaged(fmt::format("it has {} inputs", node.in.size()));
    for (std::size_t i = 0; i < node.in.size(); ++i) {
      if (i == k && node.in[i] != current_)
        throw Damaged(fmt::format(
            "it takes '{}', not what the node before gives: only a chain of layers can be read",
            node.in[i]));
      if (i != k && !node.in[i].empty()) (void)constant(node.in[i]);
    }
  }
  static const std::string& input(const Node& node, std::size_t k) {
    if (k >= node.in.size()) throw Damaged(fmt::format("it has {} inputs", node.in.size()));
    return node.in[k];
  }
  const Numbers& constant(const std::string& name) const {
    const auto at = constants_.find(name);
    if (at == constants_.end())
      throw Damaged(fmt::format("'{}' is no constant: only a chain of layers can be read", name));
    return *at->second;
  }
  double scalar(const std::string& name) const {
    const Numbers& x = constant(name);
    return x.is_double() ? x.tensor<double>(0).item() : as_written(x.tensor<float>(0).item());
  }
  std::uint64_t size_of(const std::string& name) const {
    const auto& shape = constant(name).shape();
    if (shape.empty()) throw Damaged(fmt::format("'{}' is a single number", name));
    return shape.back();
  }
  void last_axis(const Node& node) const {
    const std::int64_t axis = node.integer("axis", -1);
    if (axis != -1 && !(axis == 1 && rank_ == 2)) throw Damaged("only over the last axis");
  }

  // A layer, under the name that its weight has; else that of the node, else a number.
  std::string push(const Node& node, Json layer, const std::string& weight = "",
                   std::string_view ending = ".weight") {
    std::string name = node.name;
    if (weight.ends_with(ending)) name = weight.substr(0, weight.size() - ending.size());
    const bool plain = !name.empty() && name.find('/') == name.npos;
    if (!plain) name = std::to_string(parts_.size());
    std::ranges::replace(name, '.', '_');
    for (int more = 2; !names_.insert(name).second; ++more)
      name = fmt::format("{}_{}", parts_.size(), more);
    Json part{{"name", name}};
    part.update(layer);
    parts_.push_back(std::move(part));
    return name;
  }
  void keep(const std::string& name, const std::string& from, int rank, bool turned = false) {
    const Numbers& x = constant(from);
    const auto keep_as = [&](const auto& numbers) {
      add(name, turned ? transposed(numbers) : numbers);
    };
    x.is_double() ? keep_as(x.tensor<double>(rank)) : keep_as(x.tensor<float>(rank));
  }
  // Each layer has numbers of its own here, and in a file many may share one weight.
  template <class T> void add(const std::string& name, const Tensor<T>& numbers) {
    kept_ += numbers.size() * sizeof(T);
    if (kept_ > most_)
      throw Damaged(
          fmt::format("layers that share weights take more than {} times the file: give "
                      "each its own, or have fewer layers",
                      most_times));
    file.add(name, numbers);
  }

  void linear(const Node& node, bool as_in_file) {  // its weight: (out, in), else (in, out)
    const auto& sizes = constant(input(node, 1)).shape();
    if (sizes.size() != 2) throw Damaged("its weight must have two axes");
    const bool bias = node.in.size() > 2 && !node.in[2].empty();
    const std::string name = push(node,
                                  {{"kind", "linear"},
                                   {"in", sizes[as_in_file ? 1 : 0]},
                                   {"out", sizes[as_in_file ? 0 : 1]},
                                   {"bias", bias},
                                   {"activation", "identity"}},
                                  node.in[1]);
    keep(name + ".weight", node.in[1], 2, !as_in_file);
    if (bias) keep(name + ".bias", node.in[2], 1);
  }
  bool last_is(const char* key, const Json& value) const {
    return !parts_.empty() && parts_.back().contains(key) && parts_.back().at(key) == value;
  }
  void add_bias(const Node& node) {
    const bool first = !node.in.empty() && constants_.contains(node.in[0]);  // b + x
    takes(node, first ? 1 : 0, 2);
    if (!last_is("kind", "linear") || !last_is("bias", false) || !last_is("activation", "identity"))
      throw Damaged("Add can only be read as the bias of a MatMul before it");
    parts_.back()["bias"] = true;
    keep(parts_.back().at("name").get<std::string>() + ".bias", input(node, first ? 0 : 1), 1);
  }
  void gate(const Node& node) {
    const std::vector<std::string> either{before_, current_}, other{current_, before_};
    if ((node.in != either && node.in != other) || !last_is("activation", "sigmoid"))
      throw Damaged("Mul can only be read as x times sigmoid(x)");
    parts_.back()["activation"] = "silu";
  }
  void activation(const Node& node, const std::string& its) {
    if (last_is("kind", "linear") && last_is("activation", "identity"))
      parts_.back()["activation"] = its;
    else
      push(node, {{"kind", "activation"}, {"activation", its}});
  }

  std::map<std::string, std::shared_ptr<const Numbers>> constants_;
  Json about_, parts_ = Json::array();
  std::set<std::string> names_;
  std::string current_, before_, mean_;  // values; the last is waited for Div with
  static constexpr std::size_t most_times = 16;
  std::size_t kept_ = 0, most_;  // bytes
  bool places_ = false;
  int rank_ = 0;  // of what comes next, as far as it is known
};

}  // namespace

SafeTensors read_onnx(const std::filesystem::path& path) {
  const std::string text = read_file(path, "onnx");
  const auto fail = [&](const char* what) -> void {
    throw DataError(fmt::format("[onnx] {}: {}", path.string(), what));
  };
  try {
    Reader reader(text);
    reader.file.set_path(path.string());
    return std::move(reader.file);
  } catch (const Damaged& error) {
    fail(error.what());
  } catch (const Json::exception& error) {
    fail(error.what());
  } catch (const ValueError& error) {  // a name that is taken, metadata nested too deep
    fail(error.what());
  }
  return {};
}

SafeTensors open_model(const std::filesystem::path& path) {
  return path.extension() == ".onnx" ? read_onnx(path) : SafeTensors(path);
}

}  // namespace ramp::nn

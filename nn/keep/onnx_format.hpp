// The numbers by which ONNX names fields, types and attributes: onnx.proto3 of its release 1.15.
// The room's own.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace ramp::nn::onnx {

inline constexpr std::int64_t ir_version = 9, opset = 20, oldest_opset = 13, newest_opset = 24;

// Fields of ModelProto, OperatorSetIdProto, StringStringEntryProto, GraphProto, NodeProto,
// AttributeProto (and its types), TensorProto, ValueInfoProto.
inline constexpr int model_ir = 1, model_producer = 2, model_graph = 7, model_opset = 8,
                     model_metadata = 14;
inline constexpr int opset_domain = 1, opset_version = 2;
inline constexpr int entry_key = 1, entry_value = 2;
inline constexpr int graph_node = 1, graph_name = 2, graph_initializer = 5, graph_input = 11,
                     graph_output = 12;
inline constexpr int node_input = 1, node_output = 2, node_name = 3, node_op = 4,
                     node_attribute = 5, node_domain = 7;
inline constexpr int attribute_name = 1, attribute_f = 2, attribute_i = 3, attribute_s = 4,
                     attribute_t = 5, attribute_type = 20;
inline constexpr int type_float = 1, type_int = 2;
inline constexpr int tensor_dims = 1, tensor_type = 2, tensor_floats = 4, tensor_ints = 5,
                     tensor_longs = 7, tensor_name = 8, tensor_raw = 9, tensor_doubles = 10,
                     tensor_location = 14;
inline constexpr int value_name = 1, value_type = 2;

/// TensorProto.DataType, and the same as safetensors calls it.
inline constexpr std::array<std::pair<int, std::string_view>, 12> types{{{1, "F32"},
                                                                         {2, "U8"},
                                                                         {3, "I8"},
                                                                         {4, "U16"},
                                                                         {5, "I16"},
                                                                         {6, "I32"},
                                                                         {7, "I64"},
                                                                         {10, "F16"},
                                                                         {11, "F64"},
                                                                         {12, "U32"},
                                                                         {13, "U64"},
                                                                         {16, "BF16"}}};
inline constexpr int type_f32 = 1, type_int64 = 7, type_f64 = 11;

/// Activations of the table that are one node, and the attribute alpha that it has there.
struct Function {
  std::string_view activation, op;
  float alpha;  // 0: it has none
};
inline constexpr std::array<Function, 7> functions{{{"relu", "Relu", 0},
                                                    {"leaky_relu", "LeakyRelu", 0.01f},
                                                    {"tanh", "Tanh", 0},
                                                    {"sigmoid", "Sigmoid", 0},
                                                    {"softplus", "Softplus", 0},
                                                    {"gelu", "Gelu", 0},
                                                    {"elu", "Elu", 1}}};

}  // namespace ramp::nn::onnx

// Draws a graph in Graphviz's DOT language.
#pragma once

#include <autodiff/tape/tape.hpp>

#include <map>
#include <string>

namespace ramp {

struct NodeStyle {
  std::string fill, note;  // a colour of Graphviz's, and a last line of the label
};

struct DotOptions {
  bool values = false;     // show each node's value ...
  bool gradients = false;  // ... and its gradient, where the last backward kept one
  /// Where a scope would show more nodes than this, the scopes in it become boxes, the innermost
  /// first, and then it does itself; so do the nodes that lie in no scope. A box's leaves, its
  /// last named node and the root stay, and it says how many it holds.
  std::size_t node_limit = 200;
  /// Looks of single nodes, by their index; a box takes that of its first node that has one.
  std::map<std::uint32_t, NodeStyle> styles = {};
  std::vector<std::uint32_t> highlight = {};  // a path of nodes, drawn red, as explain() gives it
};

/// Everything that `root` depends on: an ellipse for a leaf, a house for a parameter, a dashed
/// ellipse for a constant, a box for an op, and a cluster for each scope. Edges are numbered where
/// the order of operands matters. Ids are stable: the same recording gives the same text.
template <class T> std::string to_dot(const Var<T>& root, const DotOptions& options = {});

}  // namespace ramp

// Draws a graph in Graphviz's DOT language.
#pragma once

#include <autodiff/tape.hpp>

#include <string>

namespace ramp {

struct DotOptions {
  bool values = false;     // show each node's value ...
  bool gradients = false;  // ... and its gradient, where the last backward kept one
  /// A scope with more nodes than this, its inner scopes' included, becomes one box; so do the
  /// nodes that lie in no scope.
  std::size_t node_limit = 200;
};

/// Everything that `root` depends on: an ellipse for a leaf, a house for a parameter, a dashed
/// ellipse for a constant, a box for an op, and a cluster for each scope. Ids are stable: the same
/// recording gives the same text.
template <class T> std::string to_dot(const Var<T>& root, const DotOptions& options = {});

}  // namespace ramp

// Counts the elements of a recording that stand at a kink, or near one.
#pragma once

#include <autodiff/tape/tape.hpp>

namespace ramp {

struct CensusOptions {
  double within = 1e-6;  // from the kink, in the operand's own units, is near
};

struct NodeKinks : KinkCount {
  std::uint32_t node, scope;  // scope: its place in Census::scopes
  const char* op;
  std::optional<Location> location;  // if tape.here() has said
};
struct ScopeKinks : KinkCount {  // of a scope's own nodes; inner scopes have their own entry
  std::string path;
};

struct Census {
  KinkCount total;
  std::vector<NodeKinks> nodes;  // in the order of their recording
  std::vector<ScopeKinks> scopes;

  /// Adds another recording's, as over a training run: nodes of the same op and scope are taken for
  /// the same, in their order; others are added at the end. That of a tape is taken on the way,
  /// without a call of the allocator once all of its nodes have been seen.
  Census& operator+=(const Census& other);
  template <class T> Census& add(const Tape<T>& tape, const CensusOptions& options = {});
};

/// Of all nodes whose op has a kink formula, or those that `root` depends on; also of comparisons
/// and what was recorded under no_grad(), which shape the value. Take it before parameters change.
template <class T> Census census(const Tape<T>& tape, const CensusOptions& options = {});
template <class T> Census census(const Var<T>& root, const CensusOptions& options = {});

}  // namespace ramp

// The named regions of a tape: a tree of names, which of them are open, and where among the nodes
// one ends and the next begins.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ramp {

struct ScopeInfo {
  std::string name;
  std::uint32_t parent;  // scope 0 is the whole tape; a parent comes before its children
};

class Scopes {
 public:
  struct Change {
    std::uint32_t first, scope;  // from this node on
  };

  const std::vector<ScopeInfo>& all() const { return all_; }
  const std::vector<Change>& changes() const { return changes_; }
  std::uint32_t current() const { return current_; }
  std::uint32_t of(std::uint32_t node) const;
  std::string path(std::uint32_t scope) const;  // "mlp/layer0"

  /// Opens a region of the current one, from the next node on; gives the key that closes it.
  /// Regions may be closed in any order: nodes belong to the last one that is open still.
  std::uint64_t open(std::string_view name, std::uint32_t next_node);
  void close(std::uint64_t key, std::uint32_t next_node) noexcept;
  /// Nodes from this one on have been dropped. Scopes that nothing is left of are forgotten, all at
  /// once when there are many: then the others may have new numbers. One step of a loop like the
  /// last keeps its scopes, and allocates nothing.
  void rewind(std::uint32_t next_node) noexcept;

 private:
  struct Open {
    std::uint64_t key;
    std::uint32_t scope;
  };
  struct ByName {  // of pairs: a parent, and a string or what looks like one
    using is_transparent = void;
    bool operator()(const auto& a, const auto& b) const {
      return a.first != b.first ? a.first < b.first
                                : std::string_view(a.second) < std::string_view(b.second);
    }
  };
  using Names = std::map<std::pair<std::uint32_t, std::string>, std::uint32_t, ByName>;

  std::uint32_t named(std::string_view name);
  void enter(std::uint32_t scope, std::uint32_t next_node);
  void forget_unused();

  static constexpr std::size_t few = 64;
  std::vector<ScopeInfo> all_{{"", 0}};
  Names names_;
  std::vector<Open> open_;
  std::vector<Change> changes_{{0, 0}};
  std::uint32_t current_ = 0;
  std::uint64_t last_key_ = 0;
  std::size_t many_ = few;
};

}  // namespace ramp

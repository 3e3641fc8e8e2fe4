#include <autodiff/inspect/census.hpp>
#include <autodiff/kernels/blocks.hpp>

namespace ramp {
namespace {

// Adds recordings to a census. Nodes of the same op and scope follow each other in the same order,
// so each is looked for after the one before.
class Adding {
 public:
  explicit Adding(Census& to) : to_(to), before_(to.nodes.size()) {}

  // Scopes mostly come as they came before, too. `is` compares a path, so that none need be built.
  template <class Is, class Path> void enter(Is is, Path path) {
    auto& all = to_.scopes;
    const std::size_t n = all.size();
    for (std::size_t tried = 0; tried < n; ++tried)
      if (is(all[scope_ = (scope_ + (tried > 0)) % n].path)) return;
    scope_ = n;
    all.push_back({{}, path()});
  }
  // In the scope entered last.
  template <class Where>
  void add(const KinkCount& found, std::uint32_t node, const char* op, Where where) {
    auto& all = to_.nodes;
    const auto scope = static_cast<std::uint32_t>(scope_);
    std::size_t i = next_;
    while (i < before_ && (all[i].op != op || all[i].scope != scope)) ++i;
    if (i < before_) {
      all[i] += found;
      next_ = i + 1;
    } else {
      all.push_back({found, node, scope, op, where()});
    }
    to_.scopes[scope_] += found;
    to_.total += found;
  }

 private:
  Census& to_;
  std::size_t before_, next_ = 0, scope_ = 0;
};

template <class T> bool is_path(const Tape<T>& tape, std::uint32_t scope, std::string_view path) {
  for (;; scope = tape.scopes()[scope].parent) {
    const std::string_view name = tape.scopes()[scope].name;
    if (!path.ends_with(name)) return false;
    path.remove_suffix(name.size());
    if (scope == 0 || tape.scopes()[scope].parent == 0) return path.empty();
    if (!path.ends_with('/')) return false;
    path.remove_suffix(1);
  }
}

template <class T> KinkCount count(const Tape<T>& tape, std::uint32_t i, double within) {
  const OpInfo& op = op_info(tape.op(i));
  const Operands<T> operands = tape.operands(i);
  const AnyAttr attr = tape.attr_of(i);
  std::array<Input<T>, 3> in;  // a number lies in it
  std::array<View<const T>, 3> values;
  for (std::size_t k = 0; k < operands.size(); ++k) values[k] = tape.value_of(in[k] = operands[k]);
  const Shape shape = tape.shape_of(i);
  KinkCount found{shape.size()};
  in_blocks<T>(shape, std::span<const View<const T>>(values.data(), operands.size()),
               [&](std::size_t, std::size_t n, const auto& x) {
                 op.rules<T>().kinks(n, x.data(), static_cast<T>(within), attr.bytes.data(), found);
               });
  return found;
}

template <class T> void add_nodes(Census& to, const Tape<T>& tape, std::uint32_t end,
                                  const std::vector<bool>* wanted, double within) {
  Adding adding(to);
  std::uint32_t known = UINT32_MAX;  // the last node's scope
  for (std::uint32_t i = 1; i < end; ++i) {
    const OpInfo& op = op_info(tape.op(i));
    if (!op.kink || (wanted && !(*wanted)[i])) continue;
    if (const std::uint32_t s = tape.scope_of(i); s != known) {
      known = s;
      adding.enter([&](const std::string& path) { return is_path(tape, s, path); },
                   [&] { return tape.scope_path(s); });
    }
    adding.add(count(tape, i, within), i, op.about.name, [&] { return tape.location_of(i); });
  }
}

}  // namespace

Census& Census::operator+=(const Census& other) {
  or_memory_error("[census]", [&] {
    Adding adding(*this);
    for (const NodeKinks& node : other.nodes) {
      const std::string& path = other.scopes[node.scope].path;
      adding.enter([&](const std::string& known) { return known == path; }, [&] { return path; });
      adding.add(node, node.node, node.op, [&] { return node.location; });
    }
  });
  return *this;
}
template <class T> Census& Census::add(const Tape<T>& tape, const CensusOptions& options) {
  or_memory_error("[census]",
                  [&] { add_nodes(*this, tape, tape.size() + 1, nullptr, options.within); });
  return *this;
}

template <class T> Census census(const Tape<T>& tape, const CensusOptions& options) {
  Census found;
  found.add(tape, options);
  return found;  // itself, not a copy, for which memory could end
}
template <class T> Census census(const Var<T>& root, const CensusOptions& options) {
  return or_memory_error("[census]", [&] {
    const std::uint32_t i = root.tape("census").at(root, "census");
    const std::vector<bool> needed = root.tape().needed_by(i);
    Census found;
    add_nodes(found, root.tape(), i + 1, &needed, options.within);
    return found;
  });
}

template Census& Census::add(const Tape<float>&, const CensusOptions&);
template Census& Census::add(const Tape<double>&, const CensusOptions&);
template Census census(const Tape<float>&, const CensusOptions&);
template Census census(const Tape<double>&, const CensusOptions&);
template Census census(const Var<float>&, const CensusOptions&);
template Census census(const Var<double>&, const CensusOptions&);

}  // namespace ramp

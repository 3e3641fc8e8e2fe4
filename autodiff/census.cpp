#include <autodiff/census.hpp>

namespace ramp {
namespace {

std::uint32_t scope_at(Census& census, const std::string& path) {
  auto& all = census.scopes;
  std::uint32_t i = 0;
  while (i < all.size() && all[i].path != path) ++i;
  if (i == all.size()) all.push_back({{}, path});
  return i;
}

template <class T> Census count(const Tape<T>& tape, std::uint32_t end,
                                const std::vector<bool>* wanted, double within) {
  using Count = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  Census all;
  std::size_t room = 0;
  std::unique_ptr<T[]> distance;
  std::uint32_t known = UINT32_MAX, scope = 0;  // the last node's scope, on the tape and here
  for (std::uint32_t i = 0; i < end; ++i) {
    const Node<T>& node = tape.node(i);
    if (!node.is(Node<T>::kinked) || (wanted && !(*wanted)[i])) continue;
    const OpInfo& op = op_info(node.op);
    const std::span<const std::uint32_t> in = tape.operands(i);
    const Shape shape = tape.shape_of(i);
    const std::size_t size = shape.size();
    KinkCount found{size};
    if (shape.rank() == 0) {
      std::array<double, 3> x{};
      for (std::size_t k = 0; k < in.size(); ++k)
        x[k] = static_cast<double>(tape.node(in[k]).value);
      const double d = op.kink(x.data(), tape.attr_of(i));
      found += {0, d == 0, std::abs(d) <= within};
    } else {
      std::array<Value<T>, 3> x;
      for (std::size_t k = 0; k < in.size(); ++k) x[k] = Value<T>::of(tape.value_of(in[k]));
      if (size > room) distance = std::make_unique_for_overwrite<T[]>(room = size);
      kink_distance<T>(op, {x.data(), in.size()}, tape.attr_of(i), {distance.get(), shape});
    }
    for (std::size_t first = 0, last; shape.rank() > 0 && first < size; first = last) {
      last = std::min(first + 65536, size);  // what a counter of T's own size can hold, vectorised
      Count at = 0, near = 0;
      for (std::size_t e = first; e < last; ++e) {
        at += distance[e] == 0;
        near += std::abs(distance[e]) <= static_cast<T>(within);
      }
      found += {0, at, near};
    }
    if (const std::uint32_t s = tape.scope_of(i); s != known)
      scope = scope_at(all, tape.scope_path(known = s));
    all.nodes.push_back({found, i, scope, op.about.name, tape.location_of(i)});
    all.scopes[scope] += found;
    all.total += found;
  }
  return all;
}

}  // namespace

Census& Census::operator+=(const Census& other) {
  total += other.total;
  const std::size_t size = nodes.size();
  std::size_t next = 0;
  std::vector<std::uint32_t> ours;
  for (const ScopeKinks& s : other.scopes) {
    ours.push_back(scope_at(*this, s.path));
    scopes[ours.back()] += s;
  }
  for (NodeKinks node : other.nodes) {
    node.scope = ours[node.scope];
    std::size_t i = next;
    while (i < size && (nodes[i].op != node.op || nodes[i].scope != node.scope)) ++i;
    if (i < size) {
      nodes[i] += node;
      next = i + 1;
    } else {
      nodes.push_back(node);
    }
  }
  return *this;
}

template <class T> Census census(const Tape<T>& tape, const CensusOptions& options) {
  return count(tape, tape.size(), nullptr, options.within);
}
template <class T> Census census(const Var<T>& root, const CensusOptions& options) {
  root.tape().check(root, leaf_op);
  const std::vector<bool> needed = root.tape().needed_by(root.index());
  return count(root.tape(), root.index() + 1, &needed, options.within);
}

template Census census(const Tape<float>&, const CensusOptions&);
template Census census(const Tape<double>&, const CensusOptions&);
template Census census(const Var<float>&, const CensusOptions&);
template Census census(const Var<double>&, const CensusOptions&);

}  // namespace ramp

#include <autodiff/inspect/dot.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <list>
#include <map>
#include <set>

namespace ramp {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n')
      out += "\\n";
    else if (static_cast<unsigned char>(c) < ' ' || c == 127)
      out += '?';  // Graphviz has no way to draw it
    else
      out += c;
  }
  return out;
}

template <class T> std::string numbers(View<const T> x) {
  constexpr std::size_t most = 4;
  if (x.shape.rank() == 0) return fmt::format("{:.4g}", x[0]);
  std::string text = "[";
  for (std::size_t i = 0; i < std::min(most, x.size()); ++i)
    text += fmt::format("{}{:.4g}", i ? ", " : "", x[i]);
  return text + (x.size() > most ? ", ..]" : "]");
}

template <class T> class Drawing {
 public:
  Drawing(const Var<T>& root, const DotOptions& options)
      : tape_(root.tape("to_dot")), options_(options), root_(tape_.at(root, "to_dot")) {
    seen_ = tape_.needed_by(root_);
    step_.resize(root_ + 1);
    for (std::uint32_t s = 0; s < options.highlight.size(); ++s)
      if (options.highlight[s] <= root_) step_[options.highlight[s]] = s + 1;
    find_nodes();
    find_boxes();
  }

  std::string text() const {
    return "digraph ramp {\n"
           "  rankdir=LR;\n"
           "  node [fontname=\"Helvetica\" fontsize=11 style=filled];\n"
           "  edge [color=\"#606060\" arrowsize=0.7];\n" +
           scopes() + edges() + "}\n";
  }

 private:
  void find_nodes() {
    scope_.resize(root_ + 1);
    own_.resize(tape_.scopes().size());
    for (std::uint32_t i = 1; i <= root_; ++i)
      if (seen_[i]) ++own_[scope_[i] = tape_.scope_of(i)];
  }

  // The scope as whose box each scope's nodes are drawn, or `open`.
  void find_boxes() {
    const auto& all = tape_.scopes();
    inside_ = own_;
    for (std::size_t s = all.size(); s-- > 1;) inside_[all[s].parent] += inside_[s];
    box_.assign(all.size(), open);
    if (own_[0] > options_.node_limit) box_[0] = 0;
    for (std::uint32_t s = 1; s < all.size(); ++s) {  // a parent comes before its children
      const std::uint32_t parent = all[s].parent;
      if (parent != 0 && box_[parent] != open)
        box_[s] = box_[parent];
      else if (inside_[s] > options_.node_limit)
        box_[s] = s;
    }
  }

  std::string id(std::uint32_t i) const {
    const std::uint32_t box = box_[scope_[i]];
    return box == open ? fmt::format("n{}", i) : fmt::format("s{}", box);
  }

  // A scope's number is above that of the one around it: from the last to the first, each is drawn
  // when all that lies in it is, and no recursion is needed however deep they nest. Pieces are
  // handed up by splicing: however many there are, none is copied.
  std::string scopes() const {
    const auto& all = tape_.scopes();
    std::vector<std::size_t> depth(all.size());
    std::vector<std::vector<std::uint32_t>> nodes(all.size());
    for (std::uint32_t s = 1; s < all.size(); ++s) depth[s] = depth[all[s].parent] + 1;
    for (std::uint32_t i = 1; i <= root_; ++i)
      if (seen_[i] && box_[scope_[i]] == open) nodes[scope_[i]].push_back(i);
    std::vector<std::list<std::string>> pieces(all.size());
    for (auto s = static_cast<std::uint32_t>(all.size()); s-- > 0;) {
      const std::uint32_t parent = all[s].parent;
      if (s != 0 && (inside_[s] == 0 || (parent != 0 && box_[parent] != open))) continue;
      std::string text;
      if (box_[s] == s) {
        text = line(depth[s], box(s));
      } else if (s != 0) {
        text = line(depth[s], fmt::format("subgraph cluster_{} {{", s)) +
               line(depth[s] + 1, fmt::format("label=\"{}\"; color=\"#a0a0a0\"; style=rounded; "
                                              "fontname=\"Helvetica\";",
                                              escaped(all[s].name)));
      }
      for (const std::uint32_t i : nodes[s]) text += node(i, depth[s] + 1);
      pieces[s].push_front(text);
      if (s == 0) break;
      if (box_[s] == open) pieces[s].push_back(line(depth[s], "}"));
      pieces[parent].splice(pieces[parent].begin(), pieces[s]);
    }
    return fmt::format("{}", fmt::join(pieces[0], ""));
  }

  std::string box(std::uint32_t s) const {
    std::map<std::string_view, std::size_t> count;
    for (std::uint32_t i = 1; i <= root_; ++i)
      if (seen_[i] && box_[scope_[i]] == s) ++count[op_info(tape_.op(i)).about.name];
    std::string label = s == 0 ? "no scope" : tape_.scopes()[s].name;
    label += fmt::format("\n{} nodes", s == 0 ? own_[0] : inside_[s]);
    for (const auto& [name, n] : count) label += fmt::format("\n{} {}", n, name);
    NodeStyle style{.fill = "#eeeeee", .note = ""};
    for (auto it = options_.styles.rbegin(); it != options_.styles.rend(); ++it)
      if (it->first <= root_ && seen_[it->first] && box_[scope_[it->first]] == s)
        style = it->second;
    if (!style.note.empty()) label += "\n" + style.note;
    return fmt::format("s{} [label=\"{}\" shape=box3d fillcolor=\"{}\"];", s, escaped(label),
                       escaped(style.fill));
  }

  std::string node(std::uint32_t i, std::size_t depth) const {
    const OpInfo& op = op_info(tape_.op(i));
    const bool leaf = op.id == leaf_op, varies = tape_.varies(i);
    const int rank = tape_.rank(i);
    std::string label(tape_.name_of(i));
    if (!leaf) {
      if (!label.empty()) label += "\n";
      label += op.label ? op.label(tape_.attr_of(i).bytes.data()) : op.about.name;
    } else if (label.empty()) {
      label = varies ? "leaf" : rank == 0 ? "" : "constant";
    }
    const auto add = [&](const std::string& text) { label += (label.empty() ? "" : "\n") + text; };
    if (rank > 0) add(to_string(tape_.shape_of(i)));
    if (options_.values || (leaf && !varies && rank == 0))
      add((label.empty() ? "" : "value ") + numbers(tape_.value_of(i)));
    if (options_.gradients)
      if (const auto g = tape_.gradient_of(i)) add("gradient " + numbers(*g));
    const auto style = options_.styles.find(i);
    const bool styled = style != options_.styles.end();
    if (styled && !style->second.note.empty()) add(style->second.note);
    const char* look = tape_.is_parameter(i) ? "shape=house fillcolor=\"#cfe8cf\""
                       : leaf && varies      ? "shape=ellipse fillcolor=\"#fff2b3\""
                       : leaf                ? constant
                       : varies              ? "shape=box fillcolor=\"#d6e4f7\""
                                             : "shape=box fillcolor=\"#f4f4f4\"";
    // Of two fill colours Graphviz takes the later one.
    const auto fill =
        styled ? fmt::format(" fillcolor=\"{}\"", escaped(style->second.fill)) : std::string();
    std::string text = line(depth, fmt::format("n{} [label=\"{}\" {}{}{}{}];", i, escaped(label),
                                               look, i == root_ ? " peripheries=2" : "", fill,
                                               step_[i] ? " color=\"#d00000\" penwidth=2.5" : ""));
    const Operands<T> in = tape_.operands(i);
    for (std::size_t k = 0; k < in.size(); ++k)
      if (in[k].node == 0)
        text +=
            line(depth, fmt::format("n{}_{} [label=\"{:.4g}\" {}];", i, k, in[k].number, constant));
    return text;
  }

  std::string edges() const {
    std::string text;
    std::set<std::pair<std::string, std::string>> drawn;  // those of boxes, once
    for (std::uint32_t i = 1; i <= root_; ++i) {
      if (!seen_[i]) continue;
      const std::uint32_t to = box_[scope_[i]];
      const Operands<T> in = tape_.operands(i);
      for (std::size_t n = 0; n < in.size(); ++n) {
        const std::uint32_t k = in[n].node;
        if (k == 0) {
          if (to == open) text += line(1, fmt::format("n{}_{} -> {};", i, n, id(i)));
          continue;
        }
        const std::uint32_t from = box_[scope_[k]];
        if (to != open || from != open) {
          if (to == from) continue;
          if (!drawn.emplace(id(k), id(i)).second) continue;
        }
        const bool red = step_[k] && step_[i] == step_[k] + 1 && to == open && from == open;
        text += line(1, fmt::format("{} -> {}{};", id(k), id(i),
                                    red ? " [color=\"#d00000\" penwidth=2.5]" : ""));
      }
    }
    return text;
  }

  static std::string line(std::size_t depth, const std::string& text) {
    return std::string(2 * std::max<std::size_t>(1, depth), ' ') + text + '\n';
  }

  static constexpr std::uint32_t open = UINT32_MAX;
  static constexpr const char* constant =
      "shape=ellipse style=\"filled,dashed\" fillcolor=\"#f4f4f4\"";
  const Tape<T>& tape_;
  const DotOptions& options_;
  std::uint32_t root_;
  std::vector<bool> seen_;
  std::vector<std::uint32_t> scope_, box_, step_;  // step_: on the highlighted path, from 1 on
  std::vector<std::size_t> own_, inside_;
};

}  // namespace

template <class T> std::string to_dot(const Var<T>& root, const DotOptions& options) {
  return or_memory_error("[to_dot]", [&] { return Drawing<T>(root, options).text(); });
}

template std::string to_dot(const Var<float>&, const DotOptions&);
template std::string to_dot(const Var<double>&, const DotOptions&);

}  // namespace ramp

#include <autodiff/inspect/dot.hpp>
#include <autodiff/values/utf8.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <list>
#include <map>
#include <set>

namespace ramp {
namespace {

// As text between quotes. What Graphviz has no way to draw becomes a question mark, and what is
// longer than it reads is cut.
std::string escaped(std::string_view text) {
  constexpr std::size_t most = 1000;
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (out.size() >= most) return out + "..";
    const char c = text[i];
    const std::size_t n = bytes_of_character(text, i);
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n')
      out += "\\n";
    else if (c == '&')
      out += "&amp;";  // it reads entities
    else if (n == 0 || static_cast<unsigned char>(c) < ' ' || c == 127)
      out += '?';
    else
      out += text.substr(i, n);
    if (n > 1) i += n - 1;
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
    find_hidden();
  }

  std::string text() const {
    return "digraph ramp {\n"
           "  rankdir=LR;\n"
           "  node [fontname=\"Helvetica\" fontsize=11 style=filled];\n"
           "  edge [color=\"#606060\" arrowsize=0.7 fontname=\"Helvetica\" fontsize=9];\n" +
           nodes() + scopes() + edges() + "}\n";
  }

 private:
  void find_nodes() {
    scope_.resize(root_ + 1);
    own_.resize(tape_.scopes().size());
    for (std::uint32_t i = 1; i <= root_; ++i)
      if (seen_[i]) ++own_[scope_[i] = tape_.scope_of(i)];
  }

  // The scope as whose box each scope's nodes are drawn, or `open`. Where more would be drawn in a
  // scope than the limit, the scopes in it become boxes, the innermost first, then it does itself.
  void find_boxes() {
    const auto& all = tape_.scopes();
    std::vector<std::size_t> depth(all.size()), drawn = own_;
    inside_ = own_;
    for (std::uint32_t s = 1; s < all.size(); ++s) depth[s] = depth[all[s].parent] + 1;
    std::vector<std::vector<std::uint32_t>> children(all.size());
    std::vector<bool> boxed(all.size());
    for (auto s = static_cast<std::uint32_t>(all.size()); s-- > 0;) {
      std::vector<std::uint32_t> open_within;
      for (const std::uint32_t c : children[s]) drawn[s] += boxed[c] ? 1 : drawn[c];
      if (s != 0 && drawn[s] > options_.node_limit) {
        const auto add = [&](std::uint32_t of) {
          std::copy_if(children[of].begin(), children[of].end(), std::back_inserter(open_within),
                       [&](std::uint32_t c) { return !boxed[c]; });
        };
        add(s);
        for (std::size_t k = 0; k < open_within.size(); ++k) add(open_within[k]);
      }
      std::stable_sort(open_within.begin(), open_within.end(),
                       [&](auto a, auto b) { return depth[a] > depth[b]; });
      for (std::size_t k = 0; k < open_within.size() && drawn[s] > options_.node_limit;) {
        for (const std::size_t level = depth[open_within[k]];
             k < open_within.size() && depth[open_within[k]] == level; ++k) {
          const std::uint32_t c = open_within[k];
          std::size_t inside = own_[c];
          for (const std::uint32_t inner : children[c]) inside += boxed[inner] ? 1 : 0;
          if (inside < 2) continue;  // a box would hide nothing
          boxed[c] = true;
          drawn[s] -= inside - 1;
        }
      }
      boxed[s] = s == 0 ? own_[0] > options_.node_limit : drawn[s] > options_.node_limit;
      if (s == 0) break;
      inside_[all[s].parent] += inside_[s];
      children[all[s].parent].push_back(s);
    }
    box_.assign(all.size(), open);
    if (boxed[0]) box_[0] = 0;
    for (std::uint32_t s = 1; s < all.size(); ++s) {  // a parent comes before its children
      const std::uint32_t parent = all[s].parent;
      box_[s] = parent != 0 && box_[parent] != open ? box_[parent] : boxed[s] ? s : open;
    }
  }

  // What has a picture of its own, and how many nodes each box holds.
  void find_hidden() {
    stays_.assign(root_ + 1, false);
    std::map<std::uint32_t, std::uint32_t> last_named;  // of each box
    for (std::uint32_t i = 1; i <= root_; ++i) {
      if (!seen_[i]) continue;
      stays_[i] = box_[scope_[i]] == open || tape_.op(i) == leaf_op || i == root_;
      if (!tape_.name_of(i).empty() && !stays_[i]) last_named[box_[scope_[i]]] = i;
    }
    for (const auto& [box, i] : last_named) stays_[i] = true;
    hidden_.assign(box_.size(), 0);
    for (std::uint32_t i = 1; i <= root_; ++i)
      if (seen_[i] && !stays_[i]) ++hidden_[box_[scope_[i]]];
  }

  std::string id(std::uint32_t i) const {
    return stays_[i] ? fmt::format("n{}", i) : fmt::format("s{}", box_[scope_[i]]);
  }

  // All that is drawn, before the clusters: those name only ids, since not every reader of DOT
  // looks for labels in them.
  std::string nodes() const {
    std::string text;
    for (std::uint32_t s = 0; s < box_.size(); ++s)
      if (hidden_[s] > 0) text += line(box(s));
    for (std::uint32_t i = 1; i <= root_; ++i)
      if (seen_[i] && stays_[i]) text += node(i);
    return text;
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
      if (seen_[i] && stays_[i]) nodes[scope_[i]].push_back(i);
    std::vector<std::list<std::string>> pieces(all.size());
    for (auto s = static_cast<std::uint32_t>(all.size()); s-- > 1;) {
      if (inside_[s] == 0) continue;
      std::string text, ids;
      for (const std::uint32_t i : nodes[s]) {
        ids += fmt::format(" n{};", i);
        const Operands<T> in = tape_.operands(i);
        for (std::size_t k = 0; k < in.size(); ++k)
          if (in[k].node == 0) ids += fmt::format(" n{}_{};", i, k);
      }
      const bool cluster = box_[s] == open || (box_[s] == s && !ids.empty());
      if (hidden_[s] > 0) ids += fmt::format(" s{};", s);
      if (cluster)
        text = line(fmt::format("subgraph cluster_{} {{", s), depth[s]) +
               line(fmt::format("label=\"{}\"; labeljust=l; margin=12; color=\"#a0a0a0\"; "
                                "style=rounded; fontname=\"Helvetica\";",
                                escaped(all[s].name)),
                    depth[s] + 1);
      if (!ids.empty()) text += line(ids.substr(1), depth[s] + 1);
      pieces[s].push_front(text);
      if (cluster) pieces[s].push_back(line("}", depth[s]));
      auto& around = pieces[all[s].parent];
      around.splice(around.begin(), pieces[s]);
    }
    return fmt::format("{}", fmt::join(pieces[0], ""));
  }

  std::string box(std::uint32_t s) const {
    std::map<std::string_view, std::size_t> count;
    for (std::uint32_t i = 1; i <= root_; ++i)
      if (seen_[i] && box_[scope_[i]] == s && !stays_[i]) ++count[op_info(tape_.op(i)).about.name];
    std::string label = s == 0 ? "no scope" : tape_.scopes()[s].name;
    label += fmt::format("\n{} of {} nodes, with .node_limit = {} all", hidden_[s],
                         s == 0 ? own_[0] : inside_[s], inside_[0]);
    for (const auto& [name, n] : count) label += fmt::format("\n{} {}", n, name);
    NodeStyle style{.fill = "#eeeeee", .note = ""};
    for (auto it = options_.styles.rbegin(); it != options_.styles.rend(); ++it)
      if (it->first <= root_ && seen_[it->first] && box_[scope_[it->first]] == s &&
          !stays_[it->first])
        style = it->second;
    if (!style.note.empty()) label += "\n" + style.note;
    return fmt::format("s{} [label=\"{}\" shape=box3d fillcolor=\"{}\"];", s, escaped(label),
                       escaped(style.fill));
  }

  std::string node(std::uint32_t i) const {
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
    std::string text = line(fmt::format("n{} [label=\"{}\" {}{}{}{}];", i, escaped(label), look,
                                        i == root_ ? " peripheries=2" : "", fill,
                                        step_[i] ? " color=\"#d00000\" penwidth=2.5" : ""));
    const Operands<T> in = tape_.operands(i);
    for (std::size_t k = 0; k < in.size(); ++k)
      if (in[k].node == 0)
        text += line(fmt::format("n{}_{} [label=\"{:.4g}\" {}];", i, k, in[k].number, constant));
    return text;
  }

  // Where the order of operands matters, their edges are numbered.
  std::string edges() const {
    std::string text;
    std::set<std::pair<std::string, std::string>> drawn;  // those of boxes, once
    for (std::uint32_t i = 1; i <= root_; ++i) {
      if (!seen_[i]) continue;
      const Operands<T> in = tape_.operands(i);
      const bool numbered = in.size() > 1 && !op_info(tape_.op(i)).commutes;
      for (std::size_t n = 0; n < in.size(); ++n) {
        const std::uint32_t k = in[n].node;
        const std::string look = numbered && stays_[i] ? fmt::format("label=\"{}\"", n + 1) : "";
        if (k == 0) {
          if (stays_[i]) text += edge(fmt::format("n{}_{}", i, n), id(i), look);
          continue;
        }
        if (!stays_[i] || !stays_[k]) {
          if (id(k) == id(i)) continue;
          if (look.empty() && !drawn.emplace(id(k), id(i)).second) continue;
        }
        const bool red = step_[k] && step_[i] == step_[k] + 1 && stays_[i] && stays_[k];
        text += edge(id(k), id(i), look, red ? "color=\"#d00000\" penwidth=2.5" : "");
      }
    }
    return text;
  }

  static std::string edge(const std::string& from, const std::string& to, const std::string& look,
                          const std::string& more = "") {
    const std::string both = look.empty() || more.empty() ? look + more : look + " " + more;
    return line(fmt::format("{} -> {}{};", from, to, both.empty() ? "" : " [" + both + "]"));
  }
  static std::string line(const std::string& text, std::size_t depth = 1) {
    return std::string(2 * depth, ' ') + text + '\n';
  }

  static constexpr std::uint32_t open = UINT32_MAX;
  static constexpr const char* constant =
      "shape=ellipse style=\"filled,dashed\" fillcolor=\"#f4f4f4\"";
  const Tape<T>& tape_;
  const DotOptions& options_;
  std::uint32_t root_;
  std::vector<bool> seen_, stays_;  // stays: it has a picture of its own, not in a box
  std::vector<std::uint32_t> scope_, box_, step_;  // step_: on the highlighted path, from 1 on
  std::vector<std::size_t> own_, inside_, hidden_;
};

}  // namespace

template <class T> std::string to_dot(const Var<T>& root, const DotOptions& options) {
  return or_memory_error("[to_dot]", [&] { return Drawing<T>(root, options).text(); });
}

template std::string to_dot(const Var<float>&, const DotOptions&);
template std::string to_dot(const Var<double>&, const DotOptions&);

}  // namespace ramp

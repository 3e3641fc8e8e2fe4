// Drawings: their text for a small graph, escaping, clusters, collapsed scopes. Where Graphviz is
// installed, it must be able to read each of them.
#include <autodiff/autodiff.hpp>

#include "support/text.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace ramp;
using support::count, support::has;

namespace {

std::string node(const Var<double>& x) { return std::string("n") + std::to_string(x.index()); }

// The text with each @name as the node's name in a drawing.
std::string with_nodes(std::string text,
                       const std::vector<std::pair<std::string, Var<double>>>& nodes) {
  for (const auto& [name, x] : nodes)
    for (std::size_t at; (at = text.find("@" + name)) != std::string::npos;)
      text.replace(at, name.size() + 1, node(x));
  return text;
}

// Graphviz reads it without a word of complaint; the picture, or nothing where it isn't installed.
std::string drawn(const std::string& dot) {
  static const bool installed = std::system("command -v dot > /dev/null 2>&1") == 0;
  if (!installed) return {};
  char name[] = "/tmp/ramp_dot_XXXXXX";
  const int file = mkstemp(name);
  REQUIRE(file >= 0);
  const std::string path = name;
  std::ofstream(path) << dot;
  CHECK(std::system(("dot -Tsvg " + path + " > " + path + ".svg 2> " + path + ".err").c_str()) ==
        0);
  const auto read = [](const std::string& from) {
    std::ifstream in(from);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  const std::string svg = read(path + ".svg"), errors = read(path + ".err");
  CHECK(errors == "");
  for (const char* suffix : {"", ".svg", ".err"}) std::remove((path + suffix).c_str());
  return svg;
}

}  // namespace

TEST_CASE("a small graph's text") {
  Tape tape;
  Parameter<double> p("w", Tensor<double>({2}, {1, 2}));
  const auto x = tape.leaf(3, "x");
  tape.leaf(1, "unused");
  const auto scope = tape.scope("layer");
  const auto w = tape.parameter(p), product = w * x, rest = product - 4, ramp = relu(rest);
  const auto y = tape.named(sum(ramp), "loss");
  tape.backward(y);
  const std::string form = R"dot(digraph ramp {
  rankdir=LR;
  node [fontname="Helvetica" fontsize=11 style=filled];
  edge [color="#606060" arrowsize=0.7 fontname="Helvetica" fontsize=9];
  @x [label="x" shape=ellipse fillcolor="#fff2b3"];
  @w [label="w\n(2)" shape=house fillcolor="#cfe8cf"];
  @product [label="mul\n(2)" shape=box fillcolor="#d6e4f7"];
  @rest [label="sub\n(2)" shape=box fillcolor="#d6e4f7"];
  @rest_1 [label="4" shape=ellipse style="filled,dashed" fillcolor="#f4f4f4"];
  @ramp [label="relu\n(2)" shape=box fillcolor="#d6e4f7"];
  @y [label="loss\nsum" shape=box fillcolor="#d6e4f7" peripheries=2];
  subgraph cluster_1 {
    label="layer"; labeljust=l; margin=12; color="#a0a0a0"; style=rounded; fontname="Helvetica";
    @w; @product; @rest; @rest_1; @ramp; @y;
  }
  @w -> @product;
  @x -> @product;
  @product -> @rest [label="1"];
  @rest_1 -> @rest [label="2"];
  @rest -> @ramp;
  @ramp -> @y;
}
)dot";
  const std::string expected = with_nodes(
      form, {{"x", x}, {"w", w}, {"product", product}, {"rest", rest}, {"ramp", ramp}, {"y", y}});
  CHECK(to_dot(y) == expected);
  CHECK(has(drawn(expected), "<svg") == !drawn(expected).empty());
  tape.leaf(1);
  CHECK(to_dot(y) == expected);  // what follows doesn't matter

  const std::string full = to_dot(y, {.values = true, .gradients = true});
  CHECK(has(full, R"("x\nvalue 3\ngradient 2")"));
  CHECK(has(full, R"("w\n(2)\nvalue [1, 2]\ngradient [0, 3]")"));
  CHECK(has(full, R"("loss\nsum\nvalue 2\ngradient 1")"));
  CHECK_FALSE(has(full, R"(relu\n(2)\nvalue [0, 2]\ngradient)"));  // not kept
  tape.backward(y, {.retain = true});
  CHECK(has(to_dot(y, {.gradients = true}), R"("relu\n(2)\ngradient [1, 1]")"));
  drawn(full);
}

TEST_CASE("any name is drawn as it is") {
  Tape tape;
  const std::string_view names[] = {"say \"hi\"",      "back\\slash", "ends in \\",  "two\nlines",
                                    "</svg>&<b>x</b>", "größe α→β ∑", "\\N \\G \\E", "]; evil [",
                                    "tab\tcr\r",       "{a|b}",       "\x01",        "'quote'",
                                    "R&amp;D &lt;",    "\xff\xfe",    "\xe2\x82"};
  auto y = tape.leaf(1);
  for (const auto name : names) {
    const auto scope = tape.scope(name);
    y = y + tape.leaf(1, name);
  }
  const std::string svg = drawn(to_dot(y));
  if (!svg.empty()) {
    for (const std::string_view shown :
         {"say &quot;hi&quot;", "back\\slash", "größe α→β ∑", "\\N \\G", "]; evil [", "{a|b}",
          ">two<", ">lines<", "R&amp;amp;D"})
      CHECK_MESSAGE(has(svg, shown), shown);
    CHECK(count(svg, "</svg>") == 1);
  }
}

TEST_CASE("scopes nest, and what lies in two of the same name lies in one") {
  Tape tape;
  auto y = tape.leaf(1);
  for (int round = 0; round < 2; ++round) {
    const auto net = tape.scope("net");
    for (const char* name : {"a", "b"}) {
      const auto layer = tape.scope(name);
      y = exp(y);
    }
  }
  const std::string text = to_dot(y);
  CHECK(count(text, "subgraph") == 3);
  CHECK(count(text, "label=\"exp\"") == 4);
  const auto net = text.find("label=\"net\""), a = text.find("label=\"a\""),
             b = text.find("label=\"b\"");
  CHECK(net < a);
  CHECK(a < b);
  CHECK(has(text, "\n    subgraph cluster_"));  // inside another
  CHECK(count(text, "{") == count(text, "}"));
  drawn(text);
}

TEST_CASE("operands are numbered where their order matters") {
  Tape tape;
  const auto a = tape.leaf(3, "a"), b = tape.leaf(2, "b");
  const auto numbered = [](const Var<double>& y) {
    const std::string text = to_dot(y);
    CHECK(count(text, R"( [label="1"];)") == count(text, R"( [label="2"];)"));
    return count(text, R"( [label="1"];)");
  };
  CHECK(numbered((a - b) / pow(b, a)) == 3);
  CHECK(numbered(a * b + max(a, b)) == 0);
  CHECK(numbered(2 - a) == 1);
  // Which edge is the first says which of the two it is.
  const auto minus = a - b, reversed = b - a;
  CHECK(has(to_dot(minus), node(a) + " -> " + node(minus) + R"( [label="1"];)"));
  CHECK(has(to_dot(reversed), node(a) + " -> " + node(reversed) + R"( [label="2"];)"));
}

TEST_CASE("ranges and axes are shown") {
  Tape tape;
  const auto x = tape.leaf(Tensor<double>({4, 6}), "x");
  const std::string text =
      to_dot(sum(concat({slice(x, 1, 2, 5), slice(x, 1, 0, 6, 2)}, 1), Axis{0}, true));
  CHECK(has(text, R"x("slice 2:5 axis 1\n(4, 3)")x"));
  CHECK(has(text, R"x("slice 0:6:2 axis 1\n(4, 3)")x"));
  CHECK(has(text, R"x("concat axis 1\n(4, 6)")x"));
  CHECK(has(text, R"x("sum axis 0\n(1, 6)")x"));
  CHECK(has(to_dot(mean(x, Axis{1})), R"x("mean axis 1\n)x"));
  CHECK(has(to_dot(max(x, Axis{1})), R"x("max axis 1\n)x"));
  CHECK(has(to_dot(min(x, Axis{0})), R"x("min axis 0\n)x"));
  CHECK(has(to_dot(logsumexp(x, Axis{1})), R"x("logsumexp axis 1\n)x"));
  CHECK(has(to_dot(norm(x, Axis{1})), R"x("norm axis 1\n)x"));
  CHECK_FALSE(has(to_dot(sum(x)), "axis"));
}

TEST_CASE("what is too much in a scope becomes boxes, the innermost first") {
  Tape tape;
  const auto x = tape.leaf(1, "x");
  Var<double> y = x;
  {
    const auto net = tape.scope("net");
    for (const char* name : {"small", "large"}) {
      const auto layer = tape.scope(name);
      for (int i = 0; i < (name[0] == 's' ? 3 : 30); ++i) y = sin(y);
    }
  }
  const auto root = y * x;
  CHECK(count(to_dot(root), "label=\"sin\"") == 33);

  const std::string inner = to_dot(root, {.node_limit = 20});
  CHECK(count(inner, "box3d") == 1);
  CHECK(count(inner, "label=\"sin\"") == 3);
  CHECK(has(inner,
            R"(label="large\n30 of 30 nodes, with .node_limit = 35 all\n30 sin" shape=box3d)"));
  CHECK(count(inner, "subgraph") == 2);  // a box with nothing beside it needs no cluster
  drawn(inner);
  const std::string both = to_dot(root, {.node_limit = 3});
  CHECK(count(both, "box3d") == 2);
  CHECK(count(both, " -> ") == 4);  // x -> small -> large -> mul, x -> mul
  const std::string whole = to_dot(root, {.node_limit = 1});
  CHECK(has(whole, R"("net\n33 of 33 nodes, with .node_limit = 35 all\n33 sin")"));
  CHECK_FALSE(has(whole, "no scope"));               // of two nodes, both stay:
  CHECK(has(whole, R"([label="mul" shape=box)"));    // the root
  CHECK(has(whole, R"([label="x" shape=ellipse)"));  // a leaf stays
  drawn(whole);
  CHECK(count(to_dot(root, {.node_limit = 35}), "box3d") == 0);
}

TEST_CASE("a hundred layers are a hundred boxes, with their parameters") {
  Tape tape;
  std::vector<std::unique_ptr<Parameter<double>>> weights;
  Var<double> y = tape.leaf(1, "x");
  {
    const auto net = tape.scope("net");
    for (int i = 0; i < 100; ++i) {
      const auto layer = tape.scope("layer" + std::to_string(i));
      weights.push_back(std::make_unique<Parameter<double>>("w", Tensor<double>({}, {2})));
      for (int k = 0; k < 5; ++k) y = tanh(y * tape.parameter(*weights.back()));
      y = tape.named(y, "out" + std::to_string(i)) * 1;
    }
  }
  const std::string text = to_dot(y);
  CHECK(count(text, "shape=box3d") == 100);
  CHECK(count(text, "shape=house") == 100);
  CHECK(has(text, R"(label="out99\ntanh")"));
  CHECK(has(text, R"(label="layer7\n10 of 12 nodes, with .node_limit = 1201 all\n)"));
  drawn(text);
}

TEST_CASE("labels stand before the clusters, which name ids alone") {
  Tape tape;
  auto y = tape.leaf(1);
  for (const char* name : {"a", "b"}) {
    const auto scope = tape.scope(name);
    y = exp(y) * 2;
  }
  const std::string text = to_dot(y);
  CHECK(text.rfind("[label=") < text.find("subgraph"));
}

TEST_CASE("a path is red step by step, and only as far as the root") {
  Tape tape;
  const auto x = tape.leaf(1), y = exp(x), z = y + x, beyond = z * 2;
  const std::string_view red = " [color=\"#d00000\" penwidth=2.5]";
  const std::string text =
      to_dot(z, {.highlight = {x.index(), y.index(), z.index(), beyond.index(), 1'000'000}});
  CHECK(count(text, red) == 2);
  CHECK(has(text, node(x) + " -> " + node(y) + " [color"));
  CHECK(has(text, node(y) + " -> " + node(z) + " [color"));
  CHECK(has(text, node(x) + " -> " + node(z) + ";"));  // from the path to the path, but past a step
  CHECK(count(text, "color=\"#d00000\" penwidth=2.5") == 5);
}

TEST_CASE("control characters are drawn as something else") {
  Tape tape;
  const std::string text = to_dot(tape.leaf(1, "a\x01 b\x1f c\x7f d\t"));
  CHECK(has(text, "a? b? c? d?"));
  CHECK(has(to_dot(tape.leaf(1, "\xc3\xa9 \xc3 \x80 \xf5\x80\x80\x80 \xe2\x82")),
            "\xc3\xa9 ? ? ???? ??"));
}

TEST_CASE("the same recording gives the same text, and kinds of nodes look different") {
  std::array<std::string, 2> text;
  for (auto& t : text) {
    Tape<float> tape;
    Parameter<float> p("p", Tensor<float>({}, {2}));
    const auto x = tape.leaf({1, 2, 3, 4, 5, 6});
    const auto y =
        sum(x * tape.parameter(p)) + tape.constant(7, "seven") + detach(x * 2).shape()[0];
    t = to_dot(y * detach(y), {.values = true});
  }
  CHECK(text[0] == text[1]);
  CHECK(has(text[0], R"(label="leaf\n(6)\nvalue [1, 2, 3, 4, ..]" shape=ellipse)"));
  CHECK(count(text[0], "shape=house") == 1);
  CHECK(has(text[0], R"(label="seven\nvalue 7" shape=ellipse style="filled,dashed")"));
  CHECK(has(text[0], R"(label="detach\nvalue 55" shape=box fillcolor="#f4f4f4")"));  // constant
  CHECK(count(text[0], "shape=box fillcolor=\"#d6e4f7\"") == 5);
}

TEST_CASE("a name that is longer than Graphviz reads is cut") {
  Tape<double> tape;
  const std::string dot = to_dot(tape.leaf(1, std::string(200'000, 'x')));
  CHECK(dot.find("xxx..") != std::string::npos);
  CHECK(dot.size() < 4000);
}

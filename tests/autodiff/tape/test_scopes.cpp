// Scopes: looked up by name, forgotten with the last node that was in them, never while one is open
// or a mark stands behind it.
#include <autodiff/autodiff.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <random>

using namespace ramp;

namespace {

std::string path(Tape<double>& tape) {  // of what is recorded now
  const auto x = tape.leaf(1);
  return tape.scope_path(tape.scope_of(x.index()));
}
std::string path_of(const Tape<double>& tape, const Var<double>& x) {
  return tape.scope_path(tape.scope_of(x.index()));
}
std::string step(int i) { return std::string("a name of its own for step ") + std::to_string(i); }

}  // namespace

TEST_CASE("names of each step are forgotten with its nodes") {
  Tape tape;
  const auto model = tape.scope("model");
  std::size_t most = 0;
  const auto round = [&](int i) {
    {
      const auto outer = tape.scope(step(i));
      const auto inner = tape.scope("layer");
      CHECK(path(tape) == "model/" + step(i) + "/layer");
    }
    CHECK(path(tape) == "model");
    most = std::max(most, tape.scopes().size());
  };
  SUBCASE("clear after a step") {
    for (int i = 0; i < 2000; ++i) round(i), tape.clear();
  }
  SUBCASE("clear and rewind where no node was recorded") {
    const auto mark = tape.mark();
    for (int i = 0; i < 2000; ++i) {
      const auto empty = tape.scope(step(i));
      most = std::max(most, tape.scopes().size());
      i % 2 ? tape.clear() : tape.rewind(mark);
    }
  }
  SUBCASE("clear within the step, while its scope is open") {
    for (int i = 0; i < 2000; ++i) {
      const auto open = tape.scope(step(i));
      tape.clear();
      CHECK(path(tape) == "model/" + step(i));
      const auto inner = tape.scope("inner");
      CHECK(path(tape) == "model/" + step(i) + "/inner");
      most = std::max(most, tape.scopes().size());
    }
  }
  SUBCASE("rewind to a mark with scopes of its own") {
    std::vector<Var<double>> kept;
    for (int i = 0; i < 50; ++i) {
      const auto early = tape.scope(std::string("early ") + std::to_string(i));
      kept.push_back(tape.leaf(i));
    }
    const auto mark = tape.mark();
    for (int i = 0; i < 2000; ++i) round(i), tape.rewind(mark);
    for (int i = 0; i < 50; ++i)
      CHECK(path_of(tape, kept[static_cast<std::size_t>(i)]) ==
            std::string("model/early ") + std::to_string(i));
    CHECK(tape.scopes().size() >= 51);
    tape.clear();
  }
  CHECK(most < 250);
  CHECK(path(tape) == "model");
}

TEST_CASE("a name is one scope within each parent, however many there are") {
  Tape tape;
  std::vector<std::uint32_t> first;
  for (int twice = 0; twice < 2; ++twice)
    for (int i = 0; i < 300; ++i) {
      const auto outer = tape.scope(step(i));
      const auto inner = tape.scope("inner");
      const auto x = tape.leaf(1);
      if (twice == 0)
        first.push_back(tape.scope_of(x.index()));
      else
        CHECK(tape.scope_of(x.index()) == first[static_cast<std::size_t>(i)]);
      CHECK(path(tape) == step(i) + "/inner");
    }
  CHECK(tape.scopes().size() == 601);
  for (std::uint32_t s = 1; s < tape.scopes().size(); ++s) CHECK(tape.scopes()[s].parent < s);
}

TEST_CASE("scopes may be closed in any order, and over clear()") {
  Tape tape;
  auto a = std::make_unique<Tape<double>::Scope>(tape, "a");
  auto b = std::make_unique<Tape<double>::Scope>(tape, "b");
  a.reset();
  CHECK(path(tape) == "a/b");
  for (int i = 0; i < 500; ++i) {  // numbers change below their feet
    const auto other = tape.scope(step(i));
    tape.clear();
    CHECK(path(tape) == "a/b/" + step(i));
  }
  auto c = std::make_unique<Tape<double>::Scope>(tape, "c");
  b.reset();
  CHECK(path(tape) == "a/b/c");
  c.reset();
  CHECK(path(tape).empty());
}

TEST_CASE("a rewind behind another one leaves nothing of the regions between") {
  Tape tape;
  const auto x = tape.leaf(1);
  const auto early = tape.mark();
  Tape<double>::Mark late;
  {
    const auto a = tape.scope("a");
    late = tape.mark();
    tape.leaf(2);
  }
  tape.rewind(early);
  tape.leaf(2);
  {
    const auto b = tape.scope("b");
    tape.leaf(3);
  }
  const auto c = tape.scope("c");
  tape.rewind(late);
  for (int i = 0; i < 3; ++i) CHECK(path(tape) == "c");
  CHECK(path_of(tape, x).empty());
}

TEST_CASE("random scopes, marks, rewinds and clears keep every node in its scope") {
  std::mt19937 random(3);
  for (int tries = 0; tries < 20; ++tries) {
    Tape tape;
    struct Open {
      std::unique_ptr<Tape<double>::Scope> scope;
      std::string path;
    };
    std::vector<Open> open;
    std::vector<std::pair<Var<double>, std::string>> nodes;
    std::vector<std::pair<Tape<double>::Mark, std::size_t>> marks;
    const auto now = [&] { return open.empty() ? std::string() : open.back().path; };
    for (int i = 0; i < 1500; ++i) {
      switch (random() % 8) {
        case 0:
        case 1: {
          if (open.size() > 4) break;
          const std::string name = std::to_string(random() % 400) + "s";
          const std::string full = now().empty() ? name : now() + "/" + name;
          open.push_back({std::make_unique<Tape<double>::Scope>(tape, name), full});
          break;
        }
        case 2:
        case 3:
          if (!open.empty())
            open.erase(open.begin() + static_cast<std::ptrdiff_t>(random() % open.size()));
          break;
        case 4:
          marks.emplace_back(tape.mark(), nodes.size());
          break;
        case 5:
          if (marks.empty()) break;
          if (random() % 20 == 0) {
            tape.clear();
            marks.clear(), nodes.clear();
            break;
          }
          marks.resize(marks.size() - random() % std::min<std::size_t>(3, marks.size()));
          tape.rewind(marks.back().first);
          nodes.erase(nodes.begin() + static_cast<std::ptrdiff_t>(marks.back().second),
                      nodes.end());
          break;
        default:
          nodes.emplace_back(tape.leaf(i), now());
      }
      if (i % 50 == 0)
        for (const auto& [x, expected] : nodes) REQUIRE(path_of(tape, x) == expected);
    }
    for (const auto& [x, expected] : nodes) REQUIRE(path_of(tape, x) == expected);
    CHECK(tape.scopes().size() <= std::max<std::size_t>(64, 4 * nodes.size()) + 20);
  }
}

// A census: how much stands at a kink or near it, by node, scope and over a run.
#include <autodiff/autodiff.hpp>

#include "support/recordings.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace ramp;

namespace {

const NodeKinks& only(const Census& c, const char* op) {
  const NodeKinks* found = nullptr;
  for (const NodeKinks& n : c.nodes)
    if (std::string_view(n.op) == op) found = &n;
  REQUIRE(found != nullptr);
  return *found;
}

}  // namespace

TEST_CASE_TEMPLATE("a census counts what stands at a kink and what is near", T, float, double) {
  Tape<T> tape;
  // More than a register and a block hold, so that the loops' ends are counted, too.
  Tensor<T> x({7, 331}, T(1));
  x[0] = 0;
  x[1] = T(-0.0);
  x[2] = T(1e-7);
  x[330] = T(-1e-7);
  x[2000] = T(1e-5);
  x[2316] = 0;
  x[5] = std::numeric_limits<T>::quiet_NaN();
  x[6] = std::numeric_limits<T>::infinity();
  const auto v = tape.leaf(x);
  const auto y = relu(v);
  Census c = census(tape);
  REQUIRE(c.nodes.size() == 1);
  CHECK(c.nodes[0].node == y.index());
  CHECK(c.nodes[0].elements == 7 * 331);
  CHECK(c.nodes[0].at_kink == 3);
  CHECK(c.nodes[0].near == 5);
  c = census(tape, {.within = 1e-4});
  CHECK(c.total.near == 6);
  CHECK(census(tape, {.within = 1}).total.near == 7 * 331 - 2);  // the ends belong to it
  CHECK(census(relu(-v), {.within = 1}).total.near == 7 * 331 - 2);
  CHECK(c.total.at_kink == 3);
}

TEST_CASE_TEMPLATE("a census broadcasts as the op does", T, float, double) {
  Tape<T> tape;
  const auto a = tape.leaf({3, 1}, {1, 2, 3});
  const auto b = tape.leaf({4}, {1, 2, 2, 5});
  maximum(a, b);
  minimum(b, T(2));
  const Census c = census(tape);
  CHECK(only(c, "maximum").elements == 12);
  CHECK(only(c, "maximum").at_kink == 3);
  CHECK(only(c, "minimum").elements == 4);
  CHECK(only(c, "minimum").at_kink == 2);
  CHECK(c.total.elements == 16);
  CHECK(c.total.at_kink == 5);
}

TEST_CASE("clamp has two kinks, and an infinite bound is none") {
  Tape<double> tape;
  const auto x = tape.leaf({-1, -0.5, 0, 0.25, 1, 1});
  clamp(x, -1, 1);
  CHECK(census(tape).nodes[0].at_kink == 3);
  clamp(x, 0, INFINITY);
  CHECK(census(tape).nodes[1].at_kink == 1);
  clamp(tape.leaf(1.0), -1, 1);
  CHECK(census(tape).nodes[2].at_kink == 1);
}

TEST_CASE("a census knows scopes, places and what a root depends on") {
  Tape<double> tape;
  const auto x = tape.leaf({0, 1, 2});
  const auto layer = [&](const char* name, const Var<double>& in) {
    const auto scope = tape.scope(name);
    tape.here();
    return relu(in);
  };
  const std::uint32_t line = __LINE__ - 3;
  const auto model = [&] {
    const auto scope = tape.scope("mlp");
    return layer("b", layer("a", x) - 1.0);
  };
  const auto y = model();
  Var<double> mask = y;
  {
    const auto off = tape.no_grad();
    mask = abs(x);  // counts although no gradient passes
  }
  const auto root = sum(y);
  const Census all = census(tape), some = census(root);
  REQUIRE(all.scopes.size() == 3);
  CHECK(all.scopes[0].path == "mlp/a");
  CHECK(all.scopes[0].at_kink == 1);
  CHECK(all.scopes[1].path == "mlp/b");
  CHECK(all.scopes[1].at_kink == 1);
  CHECK(all.scopes[2].path == "");
  CHECK(all.nodes[2].node == mask.index());
  CHECK(all.total.at_kink == 3);
  CHECK(some.total.at_kink == 2);
  CHECK(some.nodes.size() == 2);
  REQUIRE(all.nodes[1].location);
  CHECK(to_string(*all.nodes[1].location) == "test_census.cpp:" + std::to_string(line));
}

TEST_CASE("censuses of a run add up by scope and order") {
  Tape<float> tape;
  const auto record = [&](float shift, bool more) {
    tape.clear();
    const auto x = tape.leaf({0, 1, 2});
    const auto scope = tape.scope("net");
    relu(x - shift);
    if (more) abs(x);
    relu(x - 2 * shift);
    return census(tape);
  };
  Census run;
  run += record(0, false);  // both at 0
  run += record(1, false);  // 1 and 2
  REQUIRE(run.nodes.size() == 2);
  CHECK(run.nodes[0].at_kink == 2);
  CHECK(run.nodes[0].elements == 6);
  CHECK(run.nodes[1].at_kink == 2);
  run += record(3, true);  // relus at none; abs at one, between
  REQUIRE(run.nodes.size() == 3);
  CHECK(run.nodes[0].elements == 9);
  CHECK(run.nodes[1].elements == 9);
  CHECK(std::string_view(run.nodes[2].op) == "abs");
  CHECK(run.total.at_kink == 5);
  CHECK(run.total.elements == 21);
  REQUIRE(run.scopes.size() == 1);
  CHECK(run.scopes[0].elements == 21);
}

TEST_CASE_TEMPLATE("a census taken on the way is the sum of single ones", T, float, double) {
  Tape<T> tape;
  Census run, sum;
  for (int i = 0; i < 6; ++i) {
    support::record_layers(
        tape, T(i % 3),
        i == 4);  // once the scopes change places, and so do their numbers on the tape
    run.add(tape);
    sum += census(tape);
  }
  CHECK(run.total.elements == 6 * (4 * 2100 + 1));
  CHECK(run.total.at_kink > 0);
  CHECK(run.total.near == sum.total.near);
  REQUIRE(run.nodes.size() == sum.nodes.size());
  for (std::size_t i = 0; i < run.nodes.size(); ++i) {
    CAPTURE(i);
    CHECK(std::string_view(run.nodes[i].op) == sum.nodes[i].op);
    CHECK(run.nodes[i].scope == sum.nodes[i].scope);
    CHECK(run.nodes[i].elements == sum.nodes[i].elements);
    CHECK(run.nodes[i].at_kink == sum.nodes[i].at_kink);
  }
  REQUIRE(run.scopes.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(run.scopes[i].path == sum.scopes[i].path);
    CHECK(run.scopes[i].at_kink == sum.scopes[i].at_kink);
  }
}

TEST_CASE("scopes whose paths end alike are kept apart") {
  Tape<double> tape;
  const auto kink_in = [&](std::initializer_list<const char*> path) {
    tape.clear();
    std::vector<std::unique_ptr<Tape<double>::Scope>> open;
    for (const char* name : path) open.push_back(std::make_unique<Tape<double>::Scope>(tape, name));
    relu(tape.leaf(0.0));
    while (!open.empty()) open.pop_back();  // the inner ones first
  };
  Census run;
  for (int twice = 0; twice < 2; ++twice) {
    for (const auto& path : std::initializer_list<std::initializer_list<const char*>>{
             {}, {"a"}, {"b", "a"}, {"a", "a"}, {"ba"}, {"b.a"}, {"b_a"}}) {
      kink_in(path);
      run.add(tape);
    }
  }
  REQUIRE(run.scopes.size() == 7);
  const char* const paths[] = {"", "a", "b/a", "a/a", "ba", "b.a", "b_a"};
  for (std::size_t i = 0; i < 7; ++i) {
    CHECK(run.scopes[i].path == paths[i]);
    CHECK(run.scopes[i].at_kink == 2);
  }
}

TEST_CASE("an empty tape and empty tensors have an empty census") {
  Tape<double> tape;
  CHECK(census(tape).total.elements == 0);
  relu(tape.leaf(Tensor<double>(Shape{0})));
  CHECK(census(tape).total.elements == 0);
  CHECK(census(tape).nodes.size() == 1);
}

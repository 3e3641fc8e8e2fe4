// Marks and rewind(): what is dropped, what stays, and which marks are refused.
#include <autodiff/autodiff.hpp>

#include "support/refused.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <utility>

using namespace ramp;
using support::equal;

TEST_CASE("marks nest, and one that was dropped itself is refused") {
  Tape tape;
  const auto x = tape.leaf({2, 3});
  const auto outer = tape.mark();
  const auto a = x * x;
  const auto inner = tape.mark();
  for (int round = 0; round < 3; ++round) {
    const auto root = sum(a * pow(x, 2));
    tape.backward(root);
    CHECK(equal(tape.gradient(x), {32.0, 108.0}));
    tape.rewind(inner);
    CHECK(equal(a.value(), {4.0, 9.0}));
  }
  tape.rewind(inner);  // nothing to drop
  tape.rewind(outer);
  REFUSED(tape.rewind(inner), HandleError, "[rewind]");
  const auto b = x + 1;
  const auto c = concat({x, b, x}, 0);
  REFUSED(tape.rewind(inner), HandleError, "[rewind]");  // other nodes lie there now
  CHECK(equal(b.value(), {3.0, 4.0}));
  CHECK(c.value()[5] == 3);
  Tape other;
  other.leaf({1, 2});
  other.leaf({1, 2});
  REFUSED(other.rewind(tape.mark()), HandleError, "[rewind]");
}

TEST_CASE("the mark of a tape that is gone is refused by one that stands where it did") {
  std::optional<Tape<double>> tape(std::in_place);
  tape->leaf({1, 2, 3});
  const auto mark = tape->mark();
  tape->leaf({4, 5});
  for (int round = 0; round < 3; ++round) {
    tape.emplace();
    const auto a = tape->leaf({1, 2, 3}), b = 2 * a;
    REFUSED_WITH(tape->rewind(mark), HandleError, "[rewind] the mark is another tape's");
    tape->leaf({7, 8, 9});
    CHECK(equal(a.value(), {1.0, 2.0, 3.0}));
    CHECK(equal(b.value(), {2.0, 4.0, 6.0}));
  }
}

TEST_CASE("a name that was given since the mark goes with it, whether nodes were or not") {
  for (const bool node : {false, true}) {
    Tape tape;
    const auto x = tape.leaf(1);
    const auto mark = tape.mark();
    const std::size_t bytes = tape.bytes();
    tape.named(x, "late");
    if (node) (void)(x * x);
    tape.rewind(mark);
    CHECK(tape.name_of(x.index()).empty());
    CHECK(tape.bytes() == bytes);
    CHECK((x + 1).item() == 2);
  }
}

TEST_CASE("rewind takes parameters, scopes and names back") {
  Tape tape;
  Parameter<double> p("p", Tensor<double>({2}, {1, 2})), q("q", Tensor<double>({2}, {5, 5}));
  const auto outer = tape.scope("outer");
  const auto w = tape.parameter(p);
  const auto mark = tape.mark();
  {
    const auto inner = tape.scope("inner");
    const auto y = tape.named(tape.parameter(q) * w, "y");
    CHECK(tape.scope_path(tape.scope_of(y.index())) == "outer/inner");
    CHECK(tape.name_of(y.index()) == "y");
    tape.rewind(mark);
    CHECK(tape.scope_path(tape.scope_of((w * 2).index())) == "outer/inner");
  }
  const auto after = w * 2;
  CHECK(tape.scope_path(tape.scope_of(after.index())) == "outer");
  CHECK(tape.name_of(after.index()).empty());
  q.edit()[0] = 6;  // nobody has read q any more
  tape.backward(sum(w * 3));
  CHECK(equal(p.gradient(), {3.0, 3.0}));
  CHECK(tape.parameter(p).index() == w.index());
  tape.backward(sum(tape.parameter(q) * w));
  CHECK(equal(p.gradient(), {6.0, 5.0}));
}

TEST_CASE("what stands before a mark is used again, round after round") {
  Tape<double> tape;
  const Var<double> a = tape.leaf(2), b = tape.leaf(3), base = tape.leaf(1);
  const auto mark = tape.mark();
  for (int round = 0; round < 3; ++round) {
    Var<double> s = base;
    for (int i = 0; i < 4; ++i) s = i % 2 ? a * b + s : s + a * b;  // either order
    CHECK(s.item() == 25);
    tape.backward(s);
    CHECK(tape.gradient(a)[0] == 12);
    const Var<double> dropped = a * b;
    CHECK(dropped.item() == 6);
    tape.rewind(mark);
    CHECK_THROWS_AS((void)(a * dropped), HandleError);
    CHECK_THROWS_AS((void)(dropped + a * b), HandleError);
    CHECK_THROWS_AS((void)exp(s), HandleError);
    tape.rewind(mark);  // of the product in the middle one
  }
}

TEST_CASE("a mark that is rewound to after an earlier one brings nothing back") {
  Tape tape;
  const auto x = tape.leaf(1, "x");
  const auto early = tape.mark();
  std::optional<Tape<double>::Scope> scope(std::in_place, tape, "inner");
  tape.named(x, "renamed");
  const auto late = tape.mark();  // as many nodes, but more names and scopes
  scope.reset();
  (void)exp(x);
  tape.rewind(early);
  (void)exp(x);
  tape.rewind(late);
  CHECK(tape.name_of(x.index()) == "x");
  const auto y = exp(x);
  CHECK(tape.scope_of(y.index()) == 0);
  CHECK(tape.name_of(y.index()).empty());
}

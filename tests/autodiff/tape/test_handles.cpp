// What a handle is, and what the errors about wrong ones say. All calls with all kinds of wrong
// handles: property/test_handles.cpp.
#include <autodiff/autodiff.hpp>

#include "support/recordings.hpp"

#include <doctest/doctest.h>

#include <array>
#include <optional>
#include <string>
#include <type_traits>

using namespace ramp;
using support::Good;
using V = Var<double>;

TEST_CASE("the error says what to do") {
  Good good, other;
  const auto text = [](auto f) -> std::string {
    try {
      f();
    } catch (const HandleError& e) {
      return e.what();
    }
    return "";
  };
  CHECK(text([&] { (void)(good.x + other.x); }) ==
        "[add] the handle is on another tape: record all on one");
  CHECK(text([&] { (void)good.tape.gradient(other.x); }) ==
        "[gradient] the handle is on another tape: record all on one");
  const V x = good.x;
  good.tape.clear();
  CHECK(text([&] { (void)x.value(); }) ==
        "[value] the handle's node was dropped by clear() or rewind(): record it again");
}

TEST_CASE("a handle is copied as a number is, and outlives its tape") {
  static_assert(std::is_trivially_copyable_v<V> && sizeof(V) == 16);
  std::optional<Good> first(std::in_place);
  const V kept = first->x, copy = kept;
  CHECK(copy.item() == 0.5);
  first.reset();
  CHECK_THROWS_WITH_AS((void)kept.item(), doctest::Contains("of a tape that is gone"), HandleError);
  for (int i = 0; i < 3; ++i) {  // which take the place of the first, one after the other
    const Good later;
    CHECK_THROWS_WITH_AS((void)copy.item(), doctest::Contains("of a tape that is gone"),
                         HandleError);
    CHECK_THROWS_AS((void)(copy * later.x), HandleError);
    CHECK_THROWS_AS((void)(later.x * copy), HandleError);
    CHECK(later.x.item() == 0.5);
  }
}

TEST_CASE("marks of another tape, and indices that no node has, are refused") {
  Good good, twin;
  CHECK_THROWS_AS(good.tape.rewind(twin.tape.mark()), HandleError);
  CHECK_THROWS_AS(good.tape.rewind({}), HandleError);
  CHECK_THROWS_WITH_AS((void)good.tape.handle(good.tape.size() + 1),
                       doctest::Contains("[handle] node"), IndexError);
  CHECK_THROWS_AS((void)good.tape.handle(0), IndexError);
  CHECK(good.tape.handle(good.x.index()).item() == 0.5);
  CHECK_THROWS_AS((void)good.tape.record(leaf_op, {}, nullptr), ValueError);
  CHECK_THROWS_WITH_AS((void)good.tape.record(op_id<Clamp>(), std::array{good.x}, nullptr),
                       doctest::Contains("[clamp] it has attributes"), ValueError);
}

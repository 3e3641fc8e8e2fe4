// Parameters as values: copied, moved, assigned and frozen, and what tapes that have read them say.
#include <autodiff/tape/tape.hpp>

#include <support/refused.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace ramp;
using support::equal;

static_assert(std::is_nothrow_move_constructible_v<Parameter<float>>, "vectors move them");

namespace {

// sum(p * p) on a tape of its own: the gradient of p is 2 p.
template <class T> void give_gradient(Parameter<T>& p) {
  Tape<T> tape;
  const Var<T> x = tape.parameter(p);
  tape.backward(sum(x * x));
}

}  // namespace

TEST_CASE_TEMPLATE("a copy of a parameter shares nothing with it", T, float, double) {
  for (const bool assigned : {false, true}) {
    CAPTURE(assigned);
    Parameter<T> p("p", Tensor<T>({2}, {1, 2}));
    give_gradient(p);
    Parameter<T> copy("other", Tensor<T>({3}, 7));
    give_gradient(copy);
    if (assigned)
      copy = p;
    else
      copy = Parameter<T>(p);
    CHECK(copy.name() == "p");
    CHECK(equal<T>(copy.value(), {1, 2}));
    CHECK_FALSE(copy.has_gradient());
    CHECK(copy.gradient().shape() == p.shape());
    CHECK(copy.version() != p.version());
    copy.edit()[0] = 5;
    CHECK(equal<T>(p.value(), {1, 2}));
    CHECK(p.has_gradient());
    CHECK(equal<T>(p.gradient(), {2, 4}));
    give_gradient(copy);
    CHECK(equal<T>(copy.gradient(), {10, 4}));
    CHECK(equal<T>(p.gradient(), {2, 4}));
  }
}

TEST_CASE_TEMPLATE("a parameter that is moved takes its gradient along", T, float, double) {
  Parameter<T> p("p", Tensor<T>({2}, {1, 2}));
  give_gradient(p);
  const T* const numbers = p.value().data();
  Parameter<T> moved(std::move(p));
  CHECK(moved.name() == "p");
  CHECK(moved.value().data() == numbers);
  CHECK(moved.has_gradient());
  CHECK(equal<T>(moved.gradient(), {2, 4}));
  CHECK_FALSE(p.has_gradient());
  p = std::move(moved);  // one that was moved from can be used again
  CHECK(p.has_gradient());
  CHECK(equal<T>(p.gradient(), {2, 4}));
  Parameter<T>& itself = p;
  p = itself;
  CHECK(equal<T>(p.value(), {1, 2}));
}

TEST_CASE("a tape goes backward only while the parameters that it has read are where they were") {
  Parameter<double> p("p", Tensor<double>({2}, {1, 2}));
  std::optional<Parameter<double>> away;
  const Tensor<double> other({2}, {3, 4});
  const auto refused_after = [&](auto change) {
    Tape<double> tape;
    const auto y = sum(tape.parameter(p) * 2);
    change();
    REFUSED(tape.backward(y), GradientError, "was changed after this tape read it");
    REFUSED(tape.parameter(p), GradientError, "clear or rewind the tape first");
    tape.clear();
    if (p.shape() == other.shape()) tape.backward(sum(tape.parameter(p) * 2));
  };
  refused_after([&] { away.emplace(std::move(p)); });
  refused_after([&] { p = std::move(*away); });
  refused_after([&] { p = Parameter<double>("p", other); });
  refused_after([&] {
    const Parameter<double> copied("p", other);
    p = copied;
  });
  refused_after([&] { p.freeze(false); });
  Tape<double> tape;
  const auto y = sum(tape.parameter(p) * 2);
  const Parameter<double> copy(p);  // changes nothing
  tape.backward(y);
  CHECK(equal<double>(p.gradient(), {2, 2}));
}

TEST_CASE_TEMPLATE("a frozen parameter is a constant", T, float, double) {
  for (const Shape& shape : {Shape{}, Shape{2}}) {
    CAPTURE(shape);
    Parameter<T> p("p", Tensor<T>(shape, T(3))), q("q", Tensor<T>(shape, T(5)));
    give_gradient(p);
    p.freeze();
    CHECK(p.frozen());
    CHECK_FALSE(p.has_gradient());
    Tape<T> tape;
    const Var<T> frozen = tape.parameter(p);
    CHECK_FALSE(frozen.varies());
    CHECK(frozen.view()[0] == 3);
    const Var<T> y = sum(frozen * tape.parameter(q));
    for (const bool accumulate : {false, true, true}) {
      tape.backward(y, {.accumulate = accumulate});
      CHECK_FALSE(p.has_gradient());
      CHECK(p.gradient()[0] == 0);
    }
    CHECK(q.gradient()[0] == 9);
    REFUSED(tape.gradient(frozen), GradientError, "doesn't vary");
    const Var<T> nothing = sum(frozen * frozen);
    REFUSED(tape.backward(nothing), GradientError, "depends on no variable");

    const Parameter<T> copy(p);
    Parameter<T> assigned("a", Tensor<T>(shape)), moved(std::move(q));
    assigned = copy;
    CHECK(copy.frozen());
    CHECK(assigned.frozen());
    CHECK_FALSE(moved.frozen());
    moved = std::move(assigned);
    CHECK(moved.frozen());

    p.freeze(false);
    give_gradient(p);
    CHECK(p.gradient()[0] == 6);
  }
}

TEST_CASE("what was accumulated before freezing is given up, and the others' is kept") {
  Parameter<double> p("p", Tensor<double>({1}, {3})), q("q", Tensor<double>({1}, {5}));
  Tape<double> tape;
  const auto step = [&] {
    tape.clear();
    tape.backward(sum(tape.parameter(p) * tape.parameter(q)), {.accumulate = true});
  };
  step();
  p.freeze();
  step();
  CHECK_FALSE(p.has_gradient());
  CHECK(q.gradient()[0] == 6);
  p.freeze(false);
  step();
  CHECK(p.gradient()[0] == 5);
  CHECK(q.gradient()[0] == 9);
}

TEST_CASE("a vector of parameters grows") {
  std::vector<Parameter<double>> all;
  for (int i = 0; i < 20; ++i) {
    all.emplace_back("p", Tensor<double>({2}, {double(i), 1}));
    give_gradient(all.back());
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(all[i].has_gradient());  // moved, not copied
    CHECK(equal<double>(all[i].gradient(), {2 * double(i), 2}));
  }
}

TEST_CASE("nothing goes backward through a value that was changed since") {
  Parameter<double> p("p", Tensor<double>({2}, {1, 2}));
  Tape<double> tape;
  const auto a = tape.parameter(p);
  const auto y = sum(exp(a) * a);
  const std::uint32_t size = tape.size();
  p.edit()[0] = 5;
  const char* const rest =
      "parameter 'p' was changed after this tape read it, so the recorded values no longer fit: "
      "record again";
  const auto text = [&](const char* call) { return std::string("[") + call + "] " + rest; };
  REFUSED_WITH(tape.backward(y), GradientError, text("backward").c_str());
  REFUSED_WITH(tape.grad(y, {a}), GradientError, text("grad").c_str());
  REFUSED_WITH(tape.grad_on_tape(y, {a}), GradientError, text("grad_on_tape").c_str());
  CHECK(tape.size() == size);
}

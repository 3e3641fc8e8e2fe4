// Checked tapes, which stop at the first value or adjoint that isn't finite, and the places that
// here() marks.
#include <autodiff/autodiff.hpp>

#include "support/refused.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

using namespace ramp;

namespace {

bool has(const std::string& text, const char* part) {
  CAPTURE(text);
  CAPTURE(part);
  CHECK(text.find(part) != std::string::npos);
  return true;
}

}  // namespace

TEST_CASE_TEMPLATE("a checked tape stops at the first bad value, and is as before", T, float,
                   double) {
  Tape<T> tape({.checked = true});
  const auto x = tape.leaf({1, 0, 2}, "x");
  const auto y = sum(x * x);
  tape.backward(y);
  const auto layer = tape.scope("layer0");
  tape.here();
  const std::uint32_t line = __LINE__ - 1, size = tape.size();
  const std::size_t bytes = tape.bytes();
  const std::string text = support::message_of<NonFiniteError>([&] { log(x); });
  has(text, "[log]");
  has(text, "log (3) in layer0 at test_checked.cpp:");
  has(text, std::to_string(line).c_str());
  has(text, "-inf at element 1");
  has(text, "leaf 'x' (3) with 0 at element 1");
  CHECK(tape.size() == size);
  CHECK(tape.bytes() == bytes);
  CHECK(tape.gradient(x)[2] == 4);  // the last sweep is still there
  const auto z = exp(x);            // earlier handles hold, and recording goes on
  CHECK(z.view()[1] == 1);
  CHECK(tape.size() == size + 1);
  CHECK(tape.gradient(x)[0] == 2);
}

TEST_CASE_TEMPLATE("scalars are checked, with attributes and three operands", T, float, double) {
  Tape<T> tape({.checked = true});
  const auto x = tape.leaf(T(-1), "x"), c = tape.leaf(T(1));
  const auto mark = tape.mark();
  const std::uint32_t size = tape.size();
  const std::size_t bytes = tape.bytes();
  has(support::message_of<NonFiniteError>([&] { sqrt(x); }),
      "[sqrt] the value of sqrt is nan at element 0; operands: leaf 'x'");
  has(support::message_of<NonFiniteError>([&] { pow(x, 0.5); }),
      "[pow_constant] the value of pow_constant 0.5 is nan");
  has(support::message_of<NonFiniteError>([&] { x / (x + 1); }), "[div] the value of div is -inf");
  CHECK(tape.size() == size + 1);  // x + 1 is fine
  tape.rewind(mark);
  CHECK(tape.bytes() == bytes);
  CHECK(where(c, x, T(2)).item() == -1);
}

TEST_CASE_TEMPLATE("leaves, constants and parameters are checked where they are recorded", T, float,
                   double) {
  const T nan = std::numeric_limits<T>::quiet_NaN();
  Tape<T> tape({.checked = true});
  Parameter<T> p("layer0.bias", Tensor<T>({2}, {1, nan})), q("slope", Tensor<T>(Shape{}, nan));
  const Tensor<T> t({2}, {nan, 1});
  has(support::message_of<NonFiniteError>([&] { tape.leaf(nan, "a"); }),
      "leaf 'a' is nan at element 0");
  has(support::message_of<NonFiniteError>([&] { tape.leaf(t, "b"); }),
      "leaf 'b' (2) is nan at element 0");
  has(support::message_of<NonFiniteError>([&] { tape.constant(nan); }), "constant is nan");
  has(support::message_of<NonFiniteError>([&] { tape.borrow(t.view(), "c"); }),
      "constant 'c' (2) is nan");
  for (int twice = 0; twice < 2; ++twice) {
    has(support::message_of<NonFiniteError>([&] { tape.parameter(p); }),
        "parameter 'layer0.bias' (2) is nan at element 1");
    has(support::message_of<NonFiniteError>([&] { tape.parameter(q); }),
        "parameter 'slope' is nan");
  }
  CHECK(tape.size() == 0);
  p.edit()[1] = 2;
  CHECK(tape.parameter(p).value()[1] == 2);
}

TEST_CASE_TEMPLATE("a checked tape stops at the first bad adjoint", T, float, double) {
  Tape<T> tape({.checked = true});
  const auto x = tape.leaf({4, 0, 1}, "x");
  const auto h = [&] {
    const auto scope = tape.scope("mlp");
    tape.here();
    return sqrt(x * T(1));
  }();
  const auto root = sum(h * T(2));
  const std::string text = support::message_of<NonFiniteError>([&] { tape.backward(root); });
  has(text,
      "[sqrt] the adjoint of mul (3) turns inf at element 1 in the pullback of sqrt (3) in mlp");
  has(text, "test_checked.cpp:");
  has(text, "mul (3) with 0 at element 1");
  CHECK_THROWS_AS(tape.gradient(x), GradientError);  // no half of a sweep
  has(support::message_of<NonFiniteError>([&] { tape.grad(root, {x}); }), "[sqrt]");
  const auto seed = Tensor<T>({3}, {1, T(NAN), 1});
  has(support::message_of<NonFiniteError>([&] { tape.backward(h, seed); }), "seed");

  Tape<T> scalars({.checked = true});
  const auto s = scalars.leaf(T(0), "s");
  has(support::message_of<NonFiniteError>([&] { scalars.backward(sqrt(s)); }),
      "the adjoint of leaf 's' turns inf");
}

TEST_CASE("a bad adjoint of a broadcast operand is shown with the element it meets") {
  Tape<double> tape({.checked = true});
  const auto a = tape.leaf({1, 0, 1}, "a"), b = tape.leaf({2, 1}, {1, 2}, "b");
  const auto root = sum(pow(a + 0.0, b * 0.5));
  const std::string text = support::message_of<NonFiniteError>([&] { tape.backward(root); });
  has(text, "add (3) with 0 at element 1");
  has(text, "mul (2, 1) with 0.5 at element 0");
}

TEST_CASE("without the option NaN flows on, and a checked tape gives the same gradients") {
  Tape<double> tape, checked({.checked = true});
  CHECK(std::isnan(sqrt(tape.leaf(-1.0)).item()));
  const auto run = [](Tape<double>& t) {
    const auto x = t.leaf({2, 3}, {1, -2, 3, -4, 5, -6});
    const auto s = t.leaf(0.5);
    const auto root = sum(relu(x) * tanh(s) + maximum(s, x)) + s * s;
    t.backward(root);
    std::vector<double> all{root.item(), t.gradient(s).item()};
    for (const double g : t.gradient(x)) all.push_back(g);
    return all;
  };
  // A checked tape's scalars go the way of tensors, in lanes, whose exp may round otherwise.
  const std::vector<double> one = run(tape), other = run(checked);
  for (std::size_t i = 0; i < one.size(); ++i)
    CHECK(one[i] == doctest::Approx(other[i]).epsilon(1e-14));
}

TEST_CASE("places: from here() to the next, dropped by rewind and clear") {
  Tape<double> tape;
  const auto a = tape.leaf(1.0);
  CHECK(!tape.location_of(a.index()));
  tape.here("f/model.cpp", 7);
  const auto b = a * a;
  const auto mark = tape.mark();
  tape.here("model.cpp", 8);
  const auto c = b + a;
  CHECK(to_string(*tape.location_of(b.index())) == "model.cpp:7");
  CHECK(tape.location_of(c.index())->line == 8);
  tape.rewind(mark);
  const auto d = b + a;
  CHECK(tape.location_of(d.index())->line == 7);
  tape.here("model.cpp", 9);
  const auto before = tape.mark();  // of an op, as was the other
  tape.here("model.cpp", 10);
  const auto e = b + a;
  CHECK(tape.location_of(e.index())->line == 10);
  tape.rewind(before);
  CHECK(tape.location_of((b + a).index())->line == 9);
  tape.here();
  CHECK(tape.location_of((d * d).index())->line == __LINE__ - 1);
  tape.clear();
  CHECK(!tape.location_of(tape.leaf(1.0).index()));
}

TEST_CASE_TEMPLATE("a checked tape takes infinite bounds and empty tensors, but no infinite value",
                   T, float, double) {
  Tape<T> tape({.checked = true});
  const T inf = std::numeric_limits<T>::infinity();
  const auto x = tape.leaf({-1, 2}, "x");
  const auto y = sum(clamp(x, 0, inf)) + sum(minimum(x, inf)) + sum(where(x > 0, x, x));
  tape.backward(y);
  CHECK(tape.gradient(x)[0] == 2);
  CHECK(tape.grad_on_tape(y, {x})[0].value()[1] == 3);
  const auto empty = tape.leaf(Tensor<T>(Shape{0, 1, 3}), "nothing");
  CHECK(tape.grad_on_tape(sum(pow(T(-4.57), empty)), {empty})[0].shape() == Shape{0, 1, 3});
  has(support::message_of<NonFiniteError>([&] { maximum(x, inf); }),
      "[maximum] the value of maximum (2) is inf at element 0");
}

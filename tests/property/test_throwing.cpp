// A user's own code that throws, in every place where the engine calls it: the exception comes out
// as it is, the tape is as it was, and goes on.
#include <autodiff/autodiff.hpp>
#include <autodiff/own_op.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace ramp;

namespace {

struct Thrown : std::runtime_error {
  using std::runtime_error::runtime_error;
};

int calls_left = -1;  // until the one that throws; below 0 none does

void tick() {
  if (calls_left == 0) throw Thrown("of the user's");
  if (calls_left > 0) --calls_left;
}

struct Elements : Elementwise<2> {
  static constexpr About about{"test_throwing", "a b", "Any of its functions may throw."};
  static constexpr auto value = [](auto a, auto b) {
    tick();
    return a * b;
  };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto, auto b) {
                                                 tick();
                                                 return g * b;
                                               },
                                               [](auto g, auto a) {
                                                 tick();
                                                 return g * a;
                                               }};
  static constexpr auto kink = [](auto a, auto b) {
    tick();
    return a - b;
  };
  static Examples examples() { return {{{2, 3}, 6}}; }
};

struct Whole : Structural<2> {
  static constexpr About about{"test_throwing_whole", "a b", "Any of its functions may throw."};
  static Shape shape(const Shape& a, const Shape& b) {
    tick();
    return Shape{a[0], b[1]};
  }
  static constexpr auto value = [](auto a, auto b) {
    tick();
    return matmul(a, b);
  };
  static constexpr auto pullbacks = std::tuple{[](auto g, auto, auto b) {
                                                 tick();
                                                 return matmul(g, transpose(b));
                                               },
                                               [](auto g, auto a, auto) {
                                                 tick();
                                                 return matmul(transpose(a), g);
                                               }};
  static Examples examples() {
    return {{{{Shape{1, 1}, {2}}, {Shape{1, 1}, {3}}}, {Shape{1, 1}, {6}}}};
  }
};

Var<double> product(const Var<double>& a, const Var<double>& b) {
  return record<Elements>({}, a, b);
}
Var<double> whole(const Var<double>& a, const Var<double>& b) { return record<Whole>({}, a, b); }

struct Start {
  Parameter<double> p{"p", Tensor<double>({1}, 4.0)};
  Tape<double> tape;
  Var<double> s = tape.leaf(0.5), x = tape.leaf(Tensor<double>({3, 3}, 2.0));
  Var<double> loss = sum(whole(product(x, x), x)) * product(s, s) * sum(tape.parameter(p));
};

struct Attempt {
  const char* name;
  std::function<void(Start&)> run;
};
const std::vector<Attempt> attempts{
    {"a scalar", [](Start& t) { (void)product(t.s, t.s); }},
    {"a tensor", [](Start& t) { (void)product(t.x, t.x); }},
    {"a broadcast one", [](Start& t) { (void)product(t.x, t.s); }},
    {"a structural op", [](Start& t) { (void)whole(t.x, t.x); }},
    {"backward", [](Start& t) { t.tape.backward(t.loss); }},
    {"backward, accumulated",
     [](Start& t) { t.tape.backward(t.loss, {.retain = true, .accumulate = true}); }},
    {"grad_on_tape",
     [](Start& t) {
       (void)t.tape.grad_on_tape(t.loss, {t.x, t.s});
     }},
    {"explain", [](Start& t) { (void)explain(t.loss, t.x); }},
    {"census", [](Start& t) { (void)census(t.tape); }},
    {"to_dot", [](Start& t) { (void)to_dot(t.loss, {.values = true}); }},
};

}  // namespace

TEST_CASE("whichever call of a user's function throws, the tape is as it was, and goes on") {
  for (const Attempt& attempt : attempts) {
    const std::string name = attempt.name;
    CAPTURE(name);
    int failures = 0;
    for (int n = 0;; ++n) {
      REQUIRE(n < 1000);
      Start t;
      const std::uint32_t size = t.tape.size();
      const std::size_t bytes = t.tape.bytes(), scopes = t.tape.scopes().size();
      calls_left = n;
      bool thrown = false;
      try {
        attempt.run(t);
      } catch (const Thrown&) {
        thrown = true;
      }
      calls_left = -1;
      if (thrown) {
        ++failures;
        CHECK(t.tape.size() == size);
        CHECK(t.tape.bytes() == bytes);
        CHECK(t.tape.scopes().size() == scopes);
        CHECK_THROWS_AS((void)t.tape.gradient(t.s), GradientError);
        CHECK_FALSE(t.p.has_gradient());
        attempt.run(t);
      }
      t.p.zero_grad();
      t.tape.backward(t.loss);
      // The sum is 9 * 3 * 2³ = 216, times s² p.
      REQUIRE(t.tape.gradient(t.s).item() == 2 * 0.5 * 216 * 4);
      REQUIRE(t.tape.gradient(t.x)[8] == 3 * 3 * 4.0);
      REQUIRE(t.p.gradient()[0] == 216 * 0.25);
      if (!thrown) break;
    }
    if (name != "to_dot") CHECK(failures > 0);  // it computes nothing, and calls none today
  }
}

TEST_CASE("gradients that were accumulated survive a sweep that throws") {
  for (int n = 0;; ++n) {
    Start t;
    t.tape.backward(t.loss, {.retain = true});
    const double before = t.p.gradient()[0];
    bool thrown = false;
    calls_left = n;
    try {
      t.tape.backward(t.loss, {.retain = true, .accumulate = true});
    } catch (const Thrown&) {
      thrown = true;
    }
    calls_left = -1;
    CHECK(t.p.has_gradient());
    CHECK(t.p.gradient()[0] == (thrown ? before : 2 * before));
    if (!thrown) {
      CHECK(n > 2);
      break;
    }
  }
}

TEST_CASE("what calls a function lets its exception through, at whichever call it comes") {
  const auto check = [](double right, auto call) {
    int n = 0;
    for (bool thrown = true; thrown; ++n) {
      calls_left = n;
      thrown = false;
      try {
        const double got = call();
        REQUIRE(got == right);
      } catch (const Thrown&) {
        thrown = true;
      }
      calls_left = -1;
    }
    CHECK(n > 2);
  };
  const std::vector<Tensor<double>> at{Tensor<double>({2}, 1.5)};
  const Function f = [](auto x) { return sum(product(x[0], x[0])); };
  const auto alone = [](auto x) { return sum(product(x, x)); };
  check(3, [&] { return gradient(alone, 1.5); });
  check(3, [&] { return jacobian(alone, at[0])[1]; });
  check(2, [&] { return hessian(alone, at[0])[3]; });
  int failures = 0;
  for (int n = 0; n < 200; n += 7) {
    calls_left = n;
    try {
      const auto report = check_gradients(f, at);
      REQUIRE(report.ok());
    } catch (const Thrown&) {
      ++failures;
    }
    calls_left = -1;
  }
  CHECK(failures > 2);
}

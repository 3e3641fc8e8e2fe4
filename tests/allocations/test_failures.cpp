// Where memory can't be had: the error says for what, the tape is as it was, and goes on.
#include <autodiff/autodiff.hpp>

#include "support/allocations.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <new>
#include <string>
#include <vector>

using namespace ramp;

namespace {

constexpr std::int64_t many = std::int64_t{1} << 20;

template <class F> std::string refused(F f, std::size_t bytes) {
  try {
    f();
  } catch (const std::exception& e) {  // whoever catches this must get it
    const auto* memory = dynamic_cast<const MemoryError*>(&e);
    CHECK(memory != nullptr);
    if (memory) CHECK(memory->bytes >= bytes);
    return e.what();
  }
  return "nothing was thrown";
}

// A recording on which each call is tried. The `fill` nodes before it differ, so that the tape's
// lists outgrow their memory within the call, too.
struct Start {
  Parameter<double> p{"weights", Tensor<double>({40, 50}, 0.5)};
  Tape<double> tape;
  Var<double> s = tape.leaf(0.5), x = tape.leaf(Tensor<double>({100, 1}, 0.5)),
              y = tape.leaf(Tensor<double>({1, 100}, 2.0)), kinked = relu(x),
              loss = sum(exp(x) * 3) * s;
  explicit Start(int fill) {
    Var<double> z = s;
    for (int i = 0; i < fill; ++i) z = sin(z);
  }
};

struct Attempt {
  const char* name;
  bool whole;  // all of it or nothing is recorded
  std::function<void(Start&)> run;
};

const std::vector<std::int32_t> rows(90, 3);

const std::vector<Attempt>& calls() {
  static const std::vector<Attempt> all{
      {"an outer product", true, [](Start& t) { (void)(t.x * t.y); }},
      {"a matrix product", true, [](Start& t) { (void)matmul(t.x, t.y); }},
      {"a sum", true, [](Start& t) { (void)sum(t.x, Axis{0}); }},
      {"concat", true,
       [](Start& t) {
         (void)concat({t.x, t.x, t.x}, 0);
       }},
      {"gather", true, [](Start& t) { (void)gather(t.x, rows); }},
      {"clamp", true, [](Start& t) { (void)clamp(t.x, 0, 1); }},
      {"a large leaf", true,
       [](Start& t) {
         t.tape.leaf(Tensor<double>({200, 100}));
       }},
      {"a named leaf", true, [](Start& t) { t.tape.leaf(1, "a name too long for the string"); }},
      {"a named tensor", true,
       [](Start& t) {
         t.tape.leaf({1, 2}, "a name too long for it");
       }},
      {"a borrowed constant", true, [](Start& t) { t.tape.borrow(t.p.value().view()); }},
      {"a parameter", true, [](Start& t) { t.tape.parameter(t.p); }},
      {"a name", true, [](Start& t) { t.tape.named(t.x, "what the input is called"); }},
      {"a scope", true, [](Start& t) { (void)t.tape.scope("a name that needs memory"); }},
      {"a place", true, [](Start& t) { t.tape.here(); }},
      {"backward", true, [](Start& t) { t.tape.backward(t.loss); }},
      {"backward, accumulated", true,
       [](Start& t) { t.tape.backward(t.loss, {.retain = true, .accumulate = true}); }},
      {"grad_on_tape", true,
       [](Start& t) {
         (void)t.tape.grad_on_tape(t.loss, {t.x, t.s});
       }},
      {"a tape", true, [](Start&) { Tape<double>().leaf(1); }},
      {"explain", true, [](Start& t) { (void)explain(t.loss, t.x); }},
      {"to_dot", true, [](Start& t) { (void)to_dot(t.loss, {.values = true}); }},
      {"census", true, [](Start& t) { (void)(census(t.kinked) += census(t.tape)); }},
      {"check_gradients", true,
       [](Start&) {
         static const std::vector<Tensor<double>> at{Tensor<double>(Shape{}, 0.5)};
         static const Function f = [](auto x) { return exp(x[0]); };
         (void)check_gradients(f, at);
       }},
      {"scalars", false,
       [](Start& t) {
         Var<double> z = t.s;
         for (int i = 0; i < 200; ++i) z = clamp(sin(z), -2, 2) + where(z > 0, z, 1);
       }},
      {"a sum that grows", false,
       [](Start& t) {
         Var<double> z = t.s;
         for (int i = 0; i < 200; ++i) z = z + t.s * t.s;
         (void)z.item();
       }},
  };
  return all;
}

}  // namespace

TEST_CASE_TEMPLATE("an accidental outer product is refused by name, with shapes and bytes", T,
                   float, double) {
  Tape<T> tape;
  const auto a = tape.leaf(Tensor<T>({many, 1}, T(1))), b = tape.leaf(Tensor<T>({many}, T(1)));
  const std::size_t asked = sizeof(T) << 40;
  const std::string refusal = std::to_string(asked) + " bytes can't be had";
  for (int twice = 0; twice < 2; ++twice) {
    CHECK(refused([&] { (void)(a * b); }, asked) ==
          "[mul] of (1048576, 1) and (1048576): " + refusal);
    CHECK(refused([&] { (void)where(a > 0, b, 1); }, asked).substr(0, 42) ==
          "[where] of (1048576, 1) and (1048576) and ");
    CHECK(refused(
              [&] {
                (void)matmul(a, reshape(b, Shape{1, many}));
              },
              asked) == "[matmul] of (1048576, 1) and (1, 1048576): " + refusal);
    CHECK(refused(
              [&] {
                (void)broadcast_to(a, Shape{many, many});
              },
              asked) == "[broadcast_to] of (1048576, 1): " + refusal);
    CHECK(refused(
              [&] {
                Tensor<T>(Shape{many, many});
              },
              asked) == "[tensor] (1048576, 1048576): " + refusal);
    CHECK(refused(
              [&] {
                tape.leaf(Tensor<T>(Shape{many, many}));
              },
              asked) == "[tensor] (1048576, 1048576): " + refusal);
    tape.rewind(tape.mark());
  }
  tape.backward(sum(a * b.tape().constant(2)));
  CHECK(tape.gradient(a)[7] == T(2));
}

TEST_CASE("whichever allocation fails, the error has a name, and the tape is as it was") {
  for (const Attempt& call : calls()) {
    const std::string name = call.name;
    CAPTURE(name);
    int failures = 0;
    for (int fill = 0; fill<130; fill += fill % 64> 50 ? 1 : 17) {
      CAPTURE(fill);
      for (std::size_t n = 0;; ++n) {
        CAPTURE(n);
        Start start(fill);
        const std::uint32_t size = start.tape.size();
        const std::size_t bytes = start.tape.bytes(), scopes = start.tape.scopes().size();
        std::string text;
        support::fail_allocation_after(n);
        try {
          call.run(start);
        } catch (const MemoryError& e) {
          text = e.what();
        } catch (const std::bad_alloc&) {
          text = "a bare bad_alloc";
        }
        const bool failed = support::allocation_has_failed();
        if (failed) {
          ++failures;
          // Where something is only kept in mind for the next time, it may do without.
          if (!text.empty()) CHECK(text.substr(0, 1) == "[");
          if (!text.empty() && call.whole) {
            CHECK(start.tape.size() == size);
            CHECK(start.tape.bytes() == bytes);
            CHECK(start.tape.scopes().size() == scopes);
          }
          if (!text.empty() && std::string_view(call.name).starts_with("backward"))
            CHECK_THROWS_AS((void)start.tape.gradient(start.s), GradientError);
        }
        call.run(start);
        start.tape.backward(sum(start.x * start.y) * start.s);
        REQUIRE(start.tape.gradient(start.s).item() == 10'000);
        REQUIRE(start.tape.gradient(start.x)[99] == 100);
        if (!failed) break;
        REQUIRE(n < 300);
      }
    }
    CHECK(failures > 0);
  }
}

TEST_CASE("a tensor that fails to be copied leaves the other alone") {
  Tensor<double> a({100}, 1.0), b({3}, 2.0);
  support::fail_allocation_after(0);
  CHECK_THROWS_AS(b = a, MemoryError);
  CHECK(support::allocation_has_failed());
  CHECK(b.size() == 3);
  CHECK(b[2] == 2);
}

// Long recordings, memory budgets, and several threads.
#include <autodiff/autodiff.hpp>

#include "support/refused.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace ramp;
using doctest::Approx;

TEST_CASE("a chain of a million nodes needs no stack") {
  Tape tape;
  const auto x = tape.leaf(1);
  auto y = x;
  for (int i = 0; i < 1'000'000; ++i) y = y + x;
  tape.backward(y);
  CHECK(tape.gradient(x).item() == 1'000'001);
  CHECK(to_dot(y).size() < 2000);
  CHECK(tape.grad_on_tape(y, {x})[0].item() == 1'000'001);
}

TEST_CASE("a tape over its budget says which scope used what") {
  Tape<double> tape({.memory_budget = 100'000});
  const auto x = tape.leaf(Tensor<double>({100}));
  const auto mark = tape.mark();
  for (int round = 0; round < 2; ++round) {
    std::string text;
    try {
      const auto outer = tape.scope("net");
      const auto inner = tape.scope("layer7");
      for (int i = 0; i < 200; ++i) (void)exp(x);
    } catch (const BudgetError& e) {
      text = e.what();
    }
    CHECK(text.find("over the budget of 100000") != std::string::npos);
    CHECK(text.find("net/layer7") != std::string::npos);
    CHECK(text.find("outside of any scope ") != std::string::npos);
    CHECK(tape.bytes() <= 100'000);
    CHECK(x.value()[99] == 0);  // what was recorded still holds
    tape.rewind(mark);
  }
  tape.clear();
  CHECK_THROWS_AS(tape.leaf(Tensor<double>({20'000})), BudgetError);
  CHECK(tape.size() == 0);
}

TEST_CASE("what fits the budget once fits it again") {
  Tape<double> tape({.memory_budget = 1'000'000});
  for (int i = 0; i < 300; ++i) tape.leaf(Tensor<double>({200}));
  tape.clear();
  tape.leaf(Tensor<double>({110'000}));
  CHECK_NOTHROW(tape.leaf(Tensor<double>({10'000})));
}

TEST_CASE("a budget holds for numbers as well") {
  Tape<double> tape({.memory_budget = 1 << 20});
  const Var<double> a = tape.leaf(1);
  Var<double> s = a;
  CHECK_THROWS_AS(
      [&] {
        for (int i = 0; i < 10'000'000; ++i) s = s + a * a;
      }(),
      BudgetError);
  CHECK(tape.bytes() <= 1 << 20);
  CHECK(a.item() == 1);
  CHECK(s.item() > 1000);  // up to there it is good
  tape.backward(s);
  tape.clear();
  CHECK(tape.leaf(4).item() == 4);
}

TEST_CASE("tapes in different threads share nothing") {
  std::array<double, 2> result{};
  const auto work = [&result](std::size_t k) {
    Tape tape;
    for (int round = 0; round < 200; ++round) {
      tape.clear();
      const auto v = tape.leaf(Tensor<double>({50}, static_cast<double>(k) + 1));
      tape.backward(sum(square(v) * sigmoid(v - v)));
      result[k] += tape.gradient(v)[49];
    }
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  CHECK(result[0] == Approx(200 * 1.0));
  CHECK(result[1] == Approx(200 * 2.0));
}

TEST_CASE("bytes() counts each kind of thing that is kept") {
  Tape<double> tape;
  const auto x = tape.leaf(1.0), c = tape.constant(2.0);
  const auto v = tape.leaf(Tensor<double>({1000}));
  const auto costs = [&](auto call) {
    const std::size_t before = tape.bytes();
    call();
    return tape.bytes() - before;
  };
  const std::size_t number = costs([&] { (void)exp(x); });
  CHECK(number > 0);
  CHECK(number < 100);
  CHECK(costs([&] { (void)(x * x); }) == number);
  CHECK(costs([&] { (void)(x * c); }) > number);         // where the operands lie
  CHECK(costs([&] { (void)clamp(x, 0, 1); }) > number);  // two attributes
  CHECK(costs([&] { tape.here(); }) > 0);
  CHECK(costs([&] { (void)exp(v); }) >= 8000 + number);
  const std::size_t alias = costs([&] { (void)reshape(v, Shape{10, 100}); });
  CHECK(alias > number);  // its sizes, and no elements
  CHECK(alias < 1000);
  tape.clear();
  CHECK(tape.bytes() == 0);
}

TEST_CASE("the error of a budget adds up what each scope holds") {
  Tape<double> tape({.memory_budget = 100'000});
  {
    const auto scope = tape.scope("a");
    (void)tape.leaf(Tensor<double>({5000}));
  }
  {
    const auto scope = tape.scope("b");
    for (int i = 0; i < 3; ++i) (void)tape.leaf(Tensor<double>({1000}));
  }
  try {
    (void)tape.leaf(Tensor<double>({10'000}));
    FAIL("the budget is exceeded");
  } catch (const BudgetError& e) {
    const std::string text = e.what();
    CAPTURE(text);
    unsigned a = 0, b = 0;
    const std::size_t at = text.find("100000: a ");
    REQUIRE(at != std::string::npos);
    REQUIRE(std::sscanf(text.c_str() + at, "100000: a %u bytes, b %u bytes", &a, &b) == 2);
    CHECK(a >= 40'000);
    CHECK(a < 41'000);
    CHECK(b >= 24'000);
    CHECK(b < 25'000);
  }
  // A part of a tensor that is there already takes no room.
  const auto x = tape.leaf(Tensor<double>({4000}));
  CHECK_NOTHROW((void)reshape(x, Shape{40, 100}));
}

TEST_CASE(
    "the budget counts names, indices, attributes and gradients, and its error adds up to what is "
    "in use") {
  const std::vector<std::int32_t> rows(3000, 1);
  const std::string name(5000, 'n');
  Parameter<double> outside("outside",
                            Tensor<double>({500}, 1.0));  // the program's, not the tape's
  const std::vector<std::pair<const char*, std::function<void(Tape<double>&)>>> users{
      {"names", [&](auto& tape) { tape.named(tape.leaf(1.0), name); }},
      {"named leaves", [&](auto& tape) { tape.leaf(Tensor<double>({10}), name); }},
      {"indices", [&](auto& tape) { (void)gather(tape.leaf(Tensor<double>({2})), rows); }},
      {"attributes", [](auto& tape) { (void)clamp(tape.leaf(Tensor<double>({2})), 0, 1); }},
      {"operands",
       [](auto& tape) {
         (void)concat(std::vector(300, tape.leaf({1.0, 2.0})), 0);
       }},
      {"shared",
       [](auto& tape) {
         (void)reshape(tape.leaf(Tensor<double>({300})), Shape{3, 100});
       }},
      {"parameters", [&](auto& tape) { (void)exp(tape.parameter(outside)); }},
      {"gradients", [](auto& tape) { tape.backward(sum(exp(tape.leaf(Tensor<double>({300}))))); }},
      {"numbers", [](auto& tape) { tape.backward(exp(sin(tape.leaf(1.0)))); }},
      {"lines",
       [](auto& tape) {
         tape.here();
         tape.leaf(1.0);
       }},
  };
  for (const auto& user : users) {
    const std::string name_of_use = user.first;
    CAPTURE(name_of_use);
    Tape<double> tape({.memory_budget = 200'000});
    std::string message;
    std::size_t rounds = 0;
    CHECK_THROWS_AS(
        [&] {
          for (; rounds < 100'000; ++rounds) {
            const auto scope = tape.scope(rounds % 2 ? "odd" : "even");
            user.second(tape);
          }
        }(),
        BudgetError);
    CHECK(rounds > 1);
    try {
      (void)tape.leaf(Tensor<double>({1'000'000}));
    } catch (const BudgetError& e) {
      message = e.what();
    }
    CAPTURE(message);
    std::size_t in_use = 0, sum = 0;
    int at = 0;
    REQUIRE(std::sscanf(message.c_str(), "[tape] %zu bytes are in use%n", &in_use, &at) == 1);
    for (std::size_t end = message.find("over the budget");
         (end = message.find(" bytes", end + 1)) < message.size();) {
      const std::size_t begin = message.rfind(' ', end - 1) + 1;
      sum += std::stoul(message.substr(begin, end - begin));
    }
    CHECK(in_use > 100'000);
    CHECK(in_use <= 200'000);
    CHECK(sum == in_use);
    tape.clear();  // and all of it can be had again
    CHECK_NOTHROW((void)tape.leaf(Tensor<double>({24'000})));
  }
}

TEST_CASE("a recorded gradient leaves nothing behind that counts") {
  Tape<double> tape({.memory_budget = 400'000});
  for (int round = 0; round < 5; ++round) {
    tape.clear();
    const auto x = tape.leaf(Tensor<double>({2000}));
    const auto y = sum(where(x > 0, sqrt(x), x));  // which asks for the careful way
    CHECK(tape.grad_on_tape(y, {x})[0].value()[0] == 1);
  }
  tape.clear();
  (void)tape.leaf(Tensor<double>({45'000}));
}

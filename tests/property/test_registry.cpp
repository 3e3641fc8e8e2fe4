// A walk over the registry: what holds for every op is checked for every op, without naming one.
#include <autodiff/autodiff.hpp>

#include "support/ops.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

using namespace ramp;

namespace {

// Numbers inside the domain of an input, and not close to its end.
double sample(const Domain& domain, std::mt19937& random) {
  const double low = std::isfinite(domain.low) ? domain.low + 0.5 : -2;
  const double high = std::isfinite(domain.high) ? domain.high - 0.3 : 2;
  for (;;) {
    const double x = std::uniform_real_distribution(low, high)(random);
    if (!domain.nonzero || std::abs(x) > 0.3) return x;
  }
}

const Domain& domain_of(const OpInfo& op, std::size_t input) {
  return op.domain[op.arity == variadic ? 0 : input];
}

// Inputs of the given shapes. Numbers differ from each other by more than a difference quotient's
// step, so that no two tie; for element-wise ops no element stands near a kink.
std::vector<Tensor<double>> inputs_for(const OpInfo& op, const Trial& trial,
                                       const std::vector<Shape>& shapes, std::mt19937& random) {
  for (;;) {
    std::vector<Tensor<double>> in;
    for (std::size_t k = 0; k < shapes.size(); ++k) {
      in.emplace_back(shapes[k]);
      for (double& x : in.back()) x = sample(domain_of(op, k), random);
    }
    support::make_regular(op, in);
    if (!op.kink) return in;
    Tape<double> tape;  // let broadcasting itself line the operands up
    Shape whole;
    for (const Shape& s : shapes) broadcast(whole, s, whole);
    std::vector<Tensor<double>> wide;
    for (const auto& x : in) wide.push_back(broadcast_to(tape.constant(x), whole).value());
    bool near = false;
    for (std::size_t i = 0; i < whole.size(); ++i) {
      std::vector<double> at;
      for (const auto& x : wide) at.push_back(x[i]);
      near |= std::abs(op.kink(at.data(), trial.attr.bytes.data())) < 0.01;
    }
    if (!near) return in;
  }
}

Function function_of(const OpInfo& op, const Trial& trial) {
  return [&op, &trial](std::span<const Var<double>> in) {
    return in[0].tape().record(op.id, in, trial.attr.bytes.data());
  };
}

// What each op is tried on: for element-wise ones all ranks and ways to broadcast, for the others
// the shapes of their examples.
std::vector<std::vector<Shape>> shapes_for(const OpInfo& op, const Trial& trial) {
  std::vector<Shape> own;
  for (const auto& x : trial.inputs) own.push_back(x.shape());
  if (!op.elementwise) return {own};
  if (op.arity == 1) return {{{}}, {{5}}, {{3, 4}}, {{2, 3, 20}}, {{2, 1, 2, 2}}};
  if (op.arity == 2)
    return {{{}, {}},         {{3}, {3}},       {{}, {3}},    {{2, 3}, {3}},
            {{2, 1}, {1, 3}}, {{2, 3, 4}, {4}}, {{3, 1}, {}}, {{2, 1, 3}, {2, 2, 1}}};
  return {{{}, {}, {}}, {{3}, {3}, {3}}, {{3}, {}, {2, 3}}, {{2, 1}, {3}, {}}, {{}, {2, 2}, {2}}};
}

// A constant in the eyes of the tape, whatever its value does.
bool opaque(const OpInfo& op) { return std::string_view(op.about.name) == "detach"; }

template <class F> void for_each_trial(F f) {
  for (const OpInfo* op : support::library_ops()) {
    for (const Trial& trial : op->examples()) {
      const std::string name = op->about.name;
      CAPTURE(name);
      f(*op, trial);
    }
  }
}

template <class T>
std::vector<Var<T>> leaves(Tape<T>& tape, const std::vector<Tensor<double>>& in) {
  std::vector<Var<T>> all;
  for (const auto& x : in) {
    Tensor<T> value(x.shape());
    for (std::size_t i = 0; i < x.size(); ++i) value[i] = static_cast<T>(x[i]);
    all.push_back(tape.leaf(value));
  }
  return all;
}

}  // namespace

TEST_CASE("every op says what it is") {
  for (const OpInfo* op : support::library_ops()) {
    const std::string name = op->about.name;
    CAPTURE(name);
    CHECK(std::string_view(op->about.name).size() > 0);
    CHECK(std::string_view(op->about.formula).size() > 0);
    CHECK(std::string_view(op->about.doc).size() > 0);
    CHECK(op->examples().size() > 0);
    CHECK((op->kink == nullptr || std::string_view(op->about.at_kink).size() > 0));
    CHECK(find_op(op->about.name) == op);
  }
}

TEST_CASE("an op commutes if it says so") {
  std::mt19937 random(6);
  for_each_trial([&](const OpInfo& op, const Trial& trial) {
    bool same = op.elementwise && op.arity == 2;
    for (int i = 0; i < 100 && same; ++i) {
      std::vector<double> x{sample(domain_of(op, 0), random), sample(domain_of(op, 0), random)};
      const auto value = [&] {
        return op.rules<double>().scalar(x.data(), trial.attr.bytes.data());
      };
      const double y = value();
      std::swap(x[0], x[1]);
      same = value() == y;
    }
    CHECK(op.commutes == same);
  });
}

TEST_CASE_TEMPLATE("every op's examples hold", T, float, double) {
  for_each_trial([](const OpInfo& op, const Trial& trial) {
    Tape<T> tape;
    const auto in = leaves(tape, trial.inputs);
    const Var<T> y = tape.record(op.id, in, trial.attr.bytes.data());
    REQUIRE(to_string(y.shape()) == to_string(trial.output.shape()));
    const double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-14;
    for (std::size_t i = 0; i < trial.output.size(); ++i)
      CHECK(static_cast<double>(y.value()[i]) ==
            doctest::Approx(trial.output[i]).epsilon(tolerance).scale(1e-10));
  });
}

TEST_CASE_TEMPLATE("element-wise ops give the same for a tensor as for a scalar", T, float,
                   double) {
  for_each_trial([](const OpInfo& op, const Trial& trial) {
    if (!op.elementwise) return;
    // More elements than a SIMD register holds, and than a block; one of them is the example.
    for (const std::int64_t n : {1, 3, 37, 2500}) {
      std::vector<Tensor<double>> wide;
      for (const auto& x : trial.inputs) wide.emplace_back(Shape{n}, x.item());
      Tape<T> tape;
      const auto in = leaves(tape, wide);
      const Tensor<T> y = tape.record(op.id, in, trial.attr.bytes.data()).value();
      const double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-14;
      for (std::size_t i = 0; i < y.size(); ++i)
        REQUIRE(static_cast<double>(y[i]) ==
                doctest::Approx(trial.output.item()).epsilon(tolerance).scale(1e-10));
    }
  });
}

TEST_CASE("every op's gradients agree with differences") {
  std::mt19937 random(1);
  for_each_trial([&](const OpInfo& op, const Trial& trial) {
    if (opaque(op)) return;
    for (const auto& shapes : shapes_for(op, trial)) {
      const auto in = inputs_for(op, trial, shapes, random);
      const auto report = check_gradients(function_of(op, trial), in);
      CHECK_MESSAGE(report.ok(), to_string(report));
    }
  });
}

TEST_CASE("every op's gradients agree when one operand is a constant") {
  std::mt19937 random(2);
  for_each_trial([&](const OpInfo& op, const Trial& trial) {
    if (opaque(op) || op.arity < 2) return;
    for (const auto& shapes : shapes_for(op, trial)) {
      const auto in = inputs_for(op, trial, shapes, random);
      for (std::size_t varying = 0; varying < in.size(); ++varying) {
        const auto f = [&](std::span<const Var<double>> x) {
          std::vector<Var<double>> all;
          for (std::size_t k = 0; k < in.size(); ++k)
            all.push_back(k == varying ? x[0] : x[0].tape().constant(in[k]));
          return function_of(op, trial)(all);
        };
        const auto report = check_gradients(f, {in[varying]});
        CHECK_MESSAGE(report.ok(), to_string(report));
      }
    }
  });
}

TEST_CASE("every op's gradients agree when its operands are the same node") {
  std::mt19937 random(3);
  for_each_trial([&](const OpInfo& op, const Trial& trial) {
    // Two equal operands tie: at a kink there is nothing to compare. Pow's base must be positive.
    if (!op.elementwise || op.arity < 2 || op.kink) return;
    for (const Shape& shape : {Shape{}, Shape{3}, Shape{2, 3}}) {
      const auto in = inputs_for(op, trial, {shape}, random);
      const auto f = [&](std::span<const Var<double>> x) {
        const std::vector<Var<double>> all(static_cast<std::size_t>(op.arity), square(x[0]) + 0.5);
        return function_of(op, trial)(all);
      };
      const auto report = check_gradients(f, in);
      CHECK_MESSAGE(report.ok(), to_string(report));
    }
  });
}

TEST_CASE("every op's recorded gradient equals the swept one, and its own gradient differences") {
  std::mt19937 random(4);
  for_each_trial([&](const OpInfo& op, const Trial& trial) {
    if (op.differentiable == 0) return;
    for (const auto& shapes : shapes_for(op, trial)) {
      const auto in = inputs_for(op, trial, shapes, random);
      Tape<double> tape;
      const auto x = leaves(tape, in);
      const auto y = tape.record(op.id, x, trial.attr.bytes.data());
      const auto root = sum(y * y * 0.5 + y);
      const auto swept = tape.grad(root, x);
      const auto recorded = tape.grad_on_tape(root, x);
      for (std::size_t k = 0; k < x.size(); ++k) {
        REQUIRE(to_string(recorded[k].shape()) == to_string(in[k].shape()));
        for (std::size_t i = 0; i < in[k].size(); ++i)
          CHECK(recorded[k].value()[i] == doctest::Approx(swept[k][i]).epsilon(1e-12).scale(1e-12));
      }
      const auto second = check_gradients(
          [&](std::span<const Var<double>> z) {
            Tape<double>& t = z[0].tape();
            const auto v = t.record(op.id, z, trial.attr.bytes.data());
            Var<double> total = t.constant(0);
            double weight = 1;
            for (const auto& g : t.grad_on_tape(sum(v * v * 0.5 + v), z))
              total += sum(g * g) * (weight += 0.5);
            return total;
          },
          in, {.tolerance = 1e-5});
      CHECK_MESSAGE(second.ok(), to_string(second));
    }
  });
}

TEST_CASE("float and double agree in value and gradient") {
  std::mt19937 random(5);
  for_each_trial([&](const OpInfo& op, const Trial& trial) {
    for (const auto& shapes : shapes_for(op, trial)) {
      const auto in = inputs_for(op, trial, shapes, random);
      Tape<double> d;
      Tape<float> f;
      const auto xd = leaves(d, in);
      const auto xf = leaves(f, in);
      const auto yd = d.record(op.id, xd, trial.attr.bytes.data());
      const auto yf = f.record(op.id, xf, trial.attr.bytes.data());
      const auto agree = [](const Tensor<double>& a, const Tensor<float>& b) {
        for (std::size_t i = 0; i < a.size(); ++i)
          CHECK(static_cast<double>(b[i]) == doctest::Approx(a[i]).epsilon(1e-4).scale(1));
      };
      agree(yd.value(), yf.value());
      if (!yd.varies()) continue;
      d.backward(sum(yd));
      f.backward(sum(yf));
      for (std::size_t k = 0; k < in.size(); ++k) agree(d.gradient(xd[k]), f.gradient(xf[k]));
    }
  });
}

TEST_CASE("shapes that don't broadcast and a wrong number of operands are refused by name") {
  for_each_trial([](const OpInfo& op, const Trial& trial) {
    Tape<double> tape;
    const std::string name = std::string("[") + op.about.name + "]";
    const auto message = [&](const std::vector<Var<double>>& in) -> std::string {
      try {
        tape.record(op.id, in, trial.attr.bytes.data());
      } catch (const Error& e) {
        return e.what();
      }
      return "nothing was thrown";
    };
    const auto a = tape.leaf(Tensor<double>({2, 3})), b = tape.leaf(Tensor<double>({4}));
    const std::uint32_t size = tape.size();
    if (op.elementwise && op.arity > 1) {
      std::vector<Var<double>> in(static_cast<std::size_t>(op.arity), a);
      in.back() = b;
      const std::string text = message(in);
      CHECK(text.rfind(name, 0) == 0);
      CHECK(text.find("(2, 3)") != std::string::npos);
      CHECK(text.find("(4)") != std::string::npos);
    }
    if (op.arity != variadic) {
      const std::vector<Var<double>> in(static_cast<std::size_t>(op.arity) + 1, a);
      CHECK(message(in).rfind(name, 0) == 0);
    }
    CHECK(tape.size() == size);  // nothing half recorded
  });
}

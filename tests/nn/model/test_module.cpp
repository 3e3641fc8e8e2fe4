// What any module does: names, copies, modes, freezing, sharing, assign().
#include <nn/model/layers.hpp>
#include <nn/model/normalization.hpp>

#include <support/module_gradients.hpp>
#include <support/refused.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace ramp::nn;
using ramp::Parameter, ramp::Shape, ramp::Tape, ramp::Tensor, ramp::Var;
using Names = std::vector<std::string>;

namespace {

// Scales by a parameter, and remembers the last input's mean.
struct Scale : Module<double> {
  explicit Scale(double by = 1) : Module("scale"), factor("?", Tensor<double>({2}, by)) {}
  void members(Members<double>& m) override {
    m("factor", factor);
    m("mean", seen);
  }
  Var<double> forward(const Var<double>& x) override {
    if (training()) seen[0] = mean(x).item();
    return x * x.tape().parameter(factor);
  }
  Parameter<double> factor;
  Tensor<double> seen = Tensor<double>(Shape{1});
};

// A part, parts in a vector, and a parameter of its own.
struct Tower : Module<double> {
  explicit Tower(std::size_t n) : Module("tower"), last(2), bias("?", Tensor<double>(Shape{2})) {
    for (std::size_t i = 0; i < n; ++i) blocks.emplace_back(double(i + 2));
  }
  void members(Members<double>& m) override {
    m("blocks", blocks);
    m("last", last);
    m("bias", bias);
    m("random", random);
  }
  Var<double> forward(const Var<double>& x) override {
    Var<double> y = x;
    for (auto& block : blocks) y = block(y);
    return last(y) + x.tape().parameter(bias);
  }
  std::vector<Scale> blocks;
  Scale last;
  Parameter<double> bias;
  Random random{1};
};
static_assert(std::is_nothrow_move_constructible_v<Tower>, "vectors move them");

Names names(Module<double>& module) {
  Names all;
  for (const auto* p : module.parameters()) all.push_back(p->name());
  return all;
}

template <class T> std::set<std::string> scopes(const Tape<T>& tape) {
  std::set<std::string> paths;
  for (std::uint32_t i = 1; i <= tape.size(); ++i) paths.insert(tape.scope_path(tape.scope_of(i)));
  return paths;
}

double value(Module<double>& module) {  // at (1, 1), of the first output
  Tape<double> tape;
  return module(tape.constant({1.0, 1.0})).view()[0];
}

void give_gradients(Module<double>& module) {
  Tape<double> tape;
  tape.backward(sum(module(tape.constant({1.0, 1.0}))));
}

// Whatever members() a test wants.
template <class F> struct With : Module<double> {
  explicit With(F f) : Module("with"), of(f) {}
  void members(Members<double>& m) override { of(m); }
  F of;
};

}  // namespace

TEST_CASE("names say where members are, in the order of members()") {
  Tower model(2);
  const Names expected{"blocks.0.factor", "blocks.1.factor", "last.factor", "bias"};
  CHECK(names(model) == expected);
  const Members<double> all = model.contents();
  REQUIRE(all.parameters.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(all.parameters[i].name == expected[i]);
    CHECK(all.parameters[i].layout == Layout::as_is);
    CHECK(&model.parameter(expected[i]) == all.parameters[i].parameter);
  }
  REQUIRE(all.buffers.size() == 3);
  CHECK(all.buffers[1].name == "blocks.1.mean");
  CHECK(&model.buffer("last.mean") == &model.last.seen);
  REQUIRE(all.generators.size() == 1);
  CHECK(all.generators[0].name == "random");
  CHECK(all.generators[0].generator == &model.random);
  CHECK(all.modules ==
        std::vector<Module<double>*>{&model, &model.blocks[0], &model.blocks[1], &model.last});
  CHECK(model.parameter_count() == 8);
  CHECK(names(model.last) == Names{"factor"});  // seen from there
  CHECK(names(model) == expected);
  REFUSED(model.parameter("factor"), ramp::ValueError,
          "it has no parameter 'factor'; there are blocks.0.factor, blocks.1.factor, last.factor");
  REFUSED(model.buffer("mean"), ramp::ValueError, "there are blocks.0.mean");
  REFUSED(Module<double>().parameter("w"), ramp::ValueError, "there are none");
}

TEST_CASE("the first call gives names; scopes are spelled as parameters are") {
  Tower model(2);
  Tape<double> tape;
  model(tape.leaf({1.0, 1.0}));
  CHECK(model.last.factor.name() == "last.factor");
  CHECK(scopes(tape) ==
        std::set<std::string>{"", "tower", "tower/blocks.0", "tower/blocks.1", "tower/last"});
  model.blocks.emplace_back(9);  // parts that come later
  CHECK(names(model)[2] == "blocks.2.factor");
  CHECK(model.blocks[2].name() == "blocks.2");

  Scale own = model.last;  // a copy is an outermost module
  give_gradients(own);
  CHECK(own.factor.name() == "factor");
  CHECK(model.last.factor.name() == "last.factor");
  for (const bool on : {true, false}) model.last.freeze(on);  // renames nothing
  model.last.eval(), model.last.zero_grad();
  CHECK(model.last.factor.name() == "last.factor");

  Module<double> nameless;
  REFUSED(nameless(tape.leaf(1.0)), ramp::ValueError, "it has no forward() of one input");
}

TEST_CASE("a name is used once, isn't empty and has no dot") {
  Scale part;
  std::vector<Scale> list(1);
  const auto refused = [&](auto of, const char* why) {
    With module(of);
    REFUSED(module.contents(), ramp::ValueError, why);
  };
  using M = Members<double>;
  refused([&](M& m) { m("a", part.factor), m("a", part); },
          "[module] with: the name 'a' is taken by a parameter");
  refused([&](M& m) { m("a", part), m("a", part.factor); }, "'a' is taken by a part");
  refused([&](M& m) { m("a", list), m("a", part); }, "'a' is taken by a list of parts");
  refused([&](M& m) { m("a", part.seen), m("a", part.seen); }, "'a' is taken by a buffer");
  refused([&](M& m) { m("", part); }, "is empty");
  refused([&](M& m) { m("part", part), m("", part); }, "[module] with: ");  // not its part
  refused([&](M& m) { m("a.b", part.factor); }, "has a dot");
  refused([&](M& m) { m("a.b", list); }, "has a dot");
  With outer([&](M& m) { m("x", part), m("factor", list); });  // each module has names of its own
  CHECK(names(outer) == Names{"x.factor", "factor.0.factor"});
}

TEST_CASE("what is shared counts once, under its first name, and its gradients add up") {
  struct Tied : Module<double> {
    void members(Members<double>& m) override {
      m("first", part), m("again", part), m("weight", part.factor), m("own", own);
      m("seen", part.seen), m("random", random), m("generator", random);
    }
    Var<double> forward(const Var<double>& x) override {
      return part(part(x)) * x.tape().parameter(part.factor) * x.tape().parameter(own);
    }
    Scale part{3};
    Random random{1};
    Parameter<double> own{"?", Tensor<double>({2}, {1, 2})};
  };
  Tied model;
  CHECK(names(model) == Names{"first.factor", "own"});
  const Members<double> all = model.contents();
  CHECK(all.modules.size() == 2);
  CHECK(all.buffers.size() == 1);
  CHECK(all.generators.size() == 1);
  CHECK(model.parameter_count() == 4);
  Tape<double> tape;
  const auto y = model(tape.constant({1.0, 1.0}));
  CHECK(y.view()[0] == 27);
  tape.backward(sum(y));
  CHECK(support::equal<double>(model.part.factor.gradient(), {27, 54}));  // d(w^3) = 3 w^2
  support::check_gradients_of(model, support::scattered({3, 2}));
}

TEST_CASE("a module is a value: a copy is deep, a snapshot stays") {
  Tower model(2);
  model.eval();
  give_gradients(model);
  const Names before = names(model);
  Tower snapshot = model, assigned(5);
  assigned = model;
  CHECK_FALSE(snapshot.training());
  CHECK_FALSE(assigned.blocks[1].training());
  model.blocks[1].factor.edit()[0] = 100;
  model.train();
  CHECK(value(model) == 2 * 100 * 2);
  CHECK(model.last.seen[0] != 0);
  model.random();
  for (Tower* copy : {&snapshot, &assigned}) {
    CHECK(value(*copy) == 2 * 3 * 2);
    CHECK(copy->last.seen[0] == 0);
    CHECK(copy->random.state() == Random(1).state());
    CHECK(names(*copy) == before);
    for (auto* p : copy->parameters()) CHECK_FALSE(p->has_gradient());
    give_gradients(*copy);
    CHECK(copy->blocks[0].factor.gradient()[0] == 6);
  }
  CHECK(model.blocks[0].factor.has_gradient());  // its own is still there
  snapshot.bias.edit()[0] = 1;
  model = snapshot;  // back to it
  CHECK(value(model) == 2 * 3 * 2 + 1);
}

TEST_CASE("modules move: out of functions, into vectors that grow") {
  std::vector<Tower> all;
  for (std::size_t n = 0; n < 12; ++n) {
    all.emplace_back(n);
    give_gradients(all.back());
    all.back().bias.edit()[0] = double(n);
  }
  for (std::size_t n = 0; n < all.size(); ++n) {
    CHECK(all[n].bias.has_gradient());  // moved, not copied
    double product = 2;
    for (std::size_t i = 0; i < n; ++i) product *= double(i + 2);
    CHECK(value(all[n]) == product + double(n));
    CHECK(all[n].name() == "tower");
    CHECK(names(all[n]).size() == n + 2);
  }
  std::swap(all[1], all[2]);
  CHECK(value(all[1]) == 2 * 3 * 2 + 2);
  CHECK(names(all[1])[1] == "blocks.1.factor");
  const Tower moved = std::move(all[1]);
  CHECK(moved.blocks.size() == 2);
}

TEST_CASE("train(), eval(), freeze() and zero_grad() reach all parts") {
  Tower model(2);
  for (auto* module : model.contents().modules) CHECK(module->training());
  model.eval();
  for (auto* module : model.contents().modules) CHECK_FALSE(module->training());
  value(model);
  CHECK(model.blocks[0].seen[0] == 0);
  model.set_mode(true);  // of this one
  CHECK(model.training());
  CHECK_FALSE(model.last.training());
  model.train();
  CHECK(model.blocks[1].training());
  value(model);
  CHECK(model.blocks[0].seen[0] == 1);

  give_gradients(model);
  for (auto* p : model.parameters()) CHECK(p->has_gradient());
  model.zero_grad();
  for (auto* p : model.parameters()) CHECK_FALSE(p->has_gradient());
  model.freeze();
  model.last.freeze(false);
  give_gradients(model);
  for (auto* p : model.parameters()) CHECK(p->has_gradient() == (p->name() == "last.factor"));
  model.freeze(false);
  give_gradients(model);
  for (auto* p : model.parameters()) CHECK(p->has_gradient());
}

TEST_CASE("assign() takes over parameters and buffers") {
  Tower model(2), other(2);
  other.blocks[1].factor.edit()[0] = 7;
  other.last.seen[0] = 8;
  other.last.freeze();
  const std::uint64_t version = model.bias.version();
  model.assign(other);
  CHECK(value(model) == 2 * 7 * 2);
  CHECK(model.bias.version() != version);  // tapes that have read it know
  CHECK_FALSE(model.last.factor.frozen());
  Tower third(2);
  third.assign(model), third.assign(third);
  CHECK(third.blocks[1].factor.value()[0] == 7);
  other.last.seen[0] = 1;
  third.assign(other);
  CHECK(third.last.seen[0] == 1);
}

TEST_CASE("assign() changes all or nothing, and says what differs") {
  Tower model(2), other(1);
  other.bias = Parameter<double>("bias", Tensor<double>(Shape{3}));
  other.last.seen[0] = 5, other.last.factor.edit()[0] = 5;
  CHECK_THROWS_WITH_AS(model.assign(other),
                       "[assign] tower: the other model doesn't fit: blocks.1.factor (2) is "
                       "missing; bias is (3) instead of (2); blocks.1.mean (1) is missing",
                       ramp::ShapeError);
  CHECK(model.last.seen[0] == 0);
  CHECK(model.last.factor.value()[0] == 2);
  REFUSED(other.assign(model), ramp::ShapeError, "blocks.1.factor (2) is too much");
}

TEST_CASE("a module of several inputs is called by call()") {
  struct Mix : Module<double> {
    Mix() : Module("mix"), a("?", Tensor<double>({2}, {2, 3})) {}
    using Module::forward;
    void members(Members<double>& m) override { m("a", a), m("scale", scale); }
    Var<double> forward(const Var<double>& x, const Var<double>& y, const Var<double>& z) {
      return scale(x) * y + x.tape().parameter(a) * z;
    }
    Parameter<double> a;
    Scale scale{5};
  };
  Mix model;
  Tape<double> tape;
  const auto x = tape.leaf({1.0, 2.0}), y = tape.leaf({3.0, 4.0}), z = tape.leaf({5.0, 6.0});
  const auto out = call(model, x, y, z);
  CHECK(support::equal<double>(out.value(), {5 * 1 * 3 + 2 * 5, 5 * 2 * 4 + 3 * 6}));
  CHECK(tape.scope_path(tape.scope_of(out.index())) == "mix");
  CHECK(scopes(tape).count("mix/scale") == 1);
  CHECK(model.scale.factor.name() == "scale.factor");
  const auto report = ramp::check_gradients(
      [&](auto in) { return call(model, in[0], in[1], in[2]); },
      {support::scattered({2}), support::scattered({2}, 1), support::scattered({2}, 2)});
  CHECK_MESSAGE(report.ok(), to_string(report));
  REFUSED(model(x), ramp::ValueError, "[module] mix: it has no forward() of one input");
}

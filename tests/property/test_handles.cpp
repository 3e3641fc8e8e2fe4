// Every public call against every kind of wrong handle: it is refused by name, and the tape stays
// as it was.
#include <autodiff/autodiff.hpp>

#include "support/inlined.hpp"
#include "support/recordings.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace ramp;
using support::Good;

namespace {

using V = Var<double>;

// Where a wrong handle comes from, of rank 0 or 1. `far`: it is right on a tape of its own.
struct Wrong {
  const char* name;
  bool far;
  std::function<V(Good& good, std::vector<std::unique_ptr<Good>>& others, bool tensor)> make;
};

V last(Good& g, bool tensor) { return tensor ? g.v * 2 : g.x * 2; }

const std::vector<Wrong>& kinds() {
  static const std::vector<Wrong> all{
      {"of a twin tape, where the same node lies", true,
       [](Good&, auto& others, bool tensor) {
         Good& twin = *others.emplace_back(std::make_unique<Good>());
         return tensor ? twin.v : twin.x;
       }},
      {"of a longer tape, where this one has no node", true,
       [](Good&, auto& others, bool tensor) {
         Good& longer = *others.emplace_back(std::make_unique<Good>());
         for (int i = 0; i < 1000; ++i) (void)exp(longer.v);
         return last(longer, tensor);
       }},
      {"of another tape in another epoch", true,
       [](Good&, auto& others, bool tensor) {
         Good& other = *others.emplace_back(std::make_unique<Good>());
         const auto mark = other.tape.mark();
         for (int i = 0; i < 5; ++i) (void)exp(other.v), other.tape.rewind(mark);
         return last(other, tensor);
       }},
      {"dropped by rewind", false,
       [](Good& good, auto&, bool tensor) {
         const auto mark = good.tape.mark();
         const V dropped = last(good, tensor);
         good.tape.rewind(mark);
         return dropped;
       }},
      {"dropped by rewind, with another in its place", false,
       [](Good& good, auto&, bool tensor) {
         const auto mark = good.tape.mark();
         const V dropped = last(good, tensor);
         good.tape.rewind(mark);
         (void)last(good, tensor), (void)last(good, tensor), (void)last(good, tensor);
         return dropped;
       }},
      {"dropped by clear", false,
       [](Good& good, auto&, bool tensor) {
         const V dropped = tensor ? good.v : good.x;
         good.tape.clear();
         return dropped;
       }},
      {"dropped by clear, with the same recorded again", false,
       [](Good& good, auto&, bool tensor) {
         const V dropped = tensor ? good.v : good.x;
         good.tape.clear();
         good.x = good.tape.leaf(0.5);
         good.v = good.tape.leaf({0.5, 0.25});
         good.m = good.tape.leaf(Shape{2, 2}, {1, 2, 3, 4});
         good.root = good.x * sum(good.v * good.v);
         return dropped;
       }},
      {"of a tape that is gone", false,
       [](Good&, auto&, bool tensor) {
         Good gone;
         return tensor ? gone.v : gone.x;
       }},
      {"of a tape that is gone, whose place another has taken", false,
       [](Good&, auto& others, bool tensor) {
         std::optional<Good> gone(std::in_place);
         const V x = tensor ? gone->v : gone->x;
         gone.reset();
         others.push_back(std::make_unique<Good>());
         return x;
       }}};
  return all;
}

struct Attempt {
  std::string name;  // what the error must name
  bool alone;        // nothing but the handle: one of another tape is right there
  std::function<void(Good&, const V& wrong)> call;
};

std::vector<Attempt> attempts() {
  std::vector<Attempt> all{
      {"backward", false, [](Good& g, const V& w) { g.tape.backward(w); }},
      {"backward", false,
       [](Good& g, const V& w) {
         g.tape.backward(w, Tensor<double>({2}, {1, 1}));
       }},
      {"backward", false, [](Good& g, const V& w) { g.tape.backward(w, {.accumulate = true}); }},
      {"gradient", false, [](Good& g, const V& w) { (void)g.tape.gradient(w); }},
      {"gradient", false,
       [](Good& g, const V& w) {
         g.tape.backward(g.root);
         (void)g.tape.derivative(w);
       }},
      {"grad", false, [](Good& g, const V& w) { (void)g.tape.grad(w, {w}); }},
      {"grad_on_tape", false, [](Good& g, const V& w) { (void)g.tape.grad_on_tape(w, {w}); }},
      {"grad_on_tape", false, [](Good& g, const V& w) { (void)g.tape.grad_on_tape(w, {}); }},
      {"named", false, [](Good& g, const V& w) { (void)g.tape.named(w, "name"); }},
      {"a call", false, [](Good& g, const V& w) { (void)g.tape.at(w, "a call"); }},
      {"check_gradients", false,
       [](Good&, const V& w) {
         check_gradients([&](auto) { return w; }, {Tensor<double>({2}, {1, 2})});
       }},
      // What asks the handle's own tape.
      {"index", true, [](Good&, const V& w) { (void)w.index(); }},
      {"shape", true, [](Good&, const V& w) { (void)w.shape(); }},
      {"varies", true, [](Good&, const V& w) { (void)w.varies(); }},
      {"view", true, [](Good&, const V& w) { (void)w.view(); }},
      {"value", true, [](Good&, const V& w) { (void)w.value(); }},
      {"item", true, [](Good&, const V& w) { (void)w.item(); }},
      {"to_dot", true, [](Good&, const V& w) { (void)to_dot(w); }},
      {"census", true, [](Good&, const V& w) { (void)census(w); }},
      {"explain", true, [](Good&, const V& w) { (void)explain(w, w); }},
      {"concat", true, [](Good&, const V& w) { (void)concat({w}, 0); }},
      {"slice", true, [](Good&, const V& w) { (void)slice(w, 0, 0, 1); }},
      {"permute", true, [](Good&, const V& w) { (void)permute(w, {0}); }},
      {"reshape", true, [](Good&, const V& w) { (void)reshape(w, Shape{2}); }},
      {"transpose", true, [](Good&, const V& w) { (void)transpose(w); }},
      {"broadcast_to", true, [](Good&, const V& w) { (void)broadcast_to(w, Shape{2}); }},
      {"sum_to", true, [](Good&, const V& w) { (void)sum_to(w, Shape{}); }},
      {"sum", true, [](Good&, const V& w) { (void)sum(w); }},
      {"sum", true, [](Good&, const V& w) { (void)sum(w, Axis{0}); }},
      {"mean", true, [](Good&, const V& w) { (void)mean(w, Axis{0}); }},
      {"max", true, [](Good&, const V& w) { (void)max(w, Axis{0}); }},
      {"min", true, [](Good&, const V& w) { (void)min(w, Axis{0}); }},
      {"logsumexp", true, [](Good&, const V& w) { (void)logsumexp(w, Axis{0}); }},
      {"softmax", true, [](Good&, const V& w) { (void)softmax(w, Axis{0}); }},
      {"log_softmax", true, [](Good&, const V& w) { (void)log_softmax(w, Axis{0}); }},
      {"detach", true, [](Good&, const V& w) { (void)detach(w); }},
      {"relu", true, [](Good&, const V& w) { (void)relu(w); }},
      {"clamp", true, [](Good&, const V& w) { (void)clamp(w, 0, 1); }},
      {"pow_constant", true, [](Good&, const V& w) { (void)pow(w, 2); }},
      {"neg", true, [](Good&, const V& w) { (void)-w; }},
      // Recorded in several steps, of which none may be taken.
      {"matmul", false, [](Good& g, const V& w) { (void)matmul(g.v, w); }},
      {"matmul", false, [](Good& g, const V& w) { (void)matmul(w, g.v); }},
      {"solve", false, [](Good& g, const V& w) { (void)solve(g.m, w); }},
  };
  // With a handle that is right beside it.
  const auto beside = [&](const char* name, auto f) {
    all.push_back({name, false, [f](Good& g, const V& w) { f(g, w, g.x); }});
    all.push_back({name, false, [f](Good& g, const V& w) { f(g, g.x, w); }});
  };
#define BESIDE(name, ...) \
  beside(name, [](Good& g, const V& a, const V& b) { (void)g, (void)(__VA_ARGS__); })
  BESIDE("grad", g.tape.grad(a, {b}));
  BESIDE("grad_on_tape", g.tape.grad_on_tape(a, {b}));
  BESIDE("grad_on_tape", g.tape.grad_on_tape(a, {g.x}, b));
  BESIDE("explain", explain(a, b));
  BESIDE("add", a + b);
  BESIDE("sub", a - b);
  BESIDE("mul", a * b);
  BESIDE("div", a / b);
  BESIDE("maximum", maximum(a, b));
  BESIDE("maximum", max(a, b));
  BESIDE("minimum", min(a, b));
  BESIDE("minimum", minmax(a, b));
  BESIDE("maximum", clamp(a, b, g.x));
  BESIDE("pow", pow(a, b));
  BESIDE("greater", bool(a > b));
  BESIDE("equal", bool(a == b));
  BESIDE("where", where(a, g.x, b));
  BESIDE("gate", gate(a, b, g.x, 0.5));
  BESIDE("concat", concat({a, g.v, b, g.v}, 0));
  BESIDE("matmul", matmul(a, b));
#undef BESIDE
  all.push_back({"add", false, [](Good& g, const V& w) { g.x += w; }});
  all.push_back({"mul", false, [](Good& g, const V& w) { g.x *= w; }});
  for (const auto& inlined : support::inlined_ops<double>())
    for (std::size_t k = 0; k < static_cast<std::size_t>(inlined.op->arity); ++k)
      all.push_back(
          {inlined.op->about.name, inlined.op->arity == 1, [inlined, k](Good& g, const V& wrong) {
             std::vector<V> in(static_cast<std::size_t>(inlined.op->arity), g.x);
             in[k] = wrong;
             const AnyAttr none{};
             (void)inlined.record(none.bytes.data(), in);
           }});
  for (const OpInfo* op : all_ops()) {  // users' ops, too, and those on whole tensors
    const auto trials = op->examples();
    if (trials.empty()) continue;
    for (std::size_t k = 0; k < trials[0].inputs.size(); ++k)
      all.push_back({op->about.name, false, [op, k, trial = trials[0]](Good& g, const V& wrong) {
                       std::vector<V> in(trial.inputs.size(), g.x);
                       in[k] = wrong;
                       g.tape.record(op->id, in, trial.attr.bytes.data());
                     }});
  }
  return all;
}

}  // namespace

TEST_CASE("every call refuses every kind of wrong handle by name, and the tape stays as it was") {
  for (const Attempt& attempt : attempts()) {
    CAPTURE(attempt.name);
    for (const Wrong& kind : kinds()) {
      const std::string where = kind.name;
      CAPTURE(where);
      if (kind.far && attempt.alone) continue;
      for (const bool tensor : {false, true}) {
        Good good;
        std::vector<std::unique_ptr<Good>> others;
        const V wrong = kind.make(good, others, tensor);
        const bool cleared = std::string_view(kind.name) == "dropped by clear";
        if (cleared && !attempt.alone) good.x = good.v = good.m = good.root = good.tape.leaf(1);
        const std::uint32_t size = good.tape.size();
        std::string text = "nothing was thrown";
        try {
          attempt.call(good, wrong);
        } catch (const HandleError& e) {
          text = e.what();
        } catch (const Error& e) {
          text = std::string("another error: ") + e.what();
        }
        CHECK(text.substr(0, attempt.name.size() + 2) == "[" + attempt.name + "]");
        CHECK(good.tape.size() == size);
        if (cleared) continue;
        good.tape.backward(good.root);
        CHECK(good.tape.gradient(good.v)[0] == 0.5);
      }
    }
  }
}

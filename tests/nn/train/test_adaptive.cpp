// Adam, AdamW and RMSprop: the numbers are three steps of torch.optim's in PyTorch 1.13.
#include <nn/train/optimizer.hpp>

#include <doctest/doctest.h>
#include <autodiff/tape/tape.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

using namespace ramp::nn;
using doctest::Approx;
using doctest::Contains;
using ramp::Parameter, ramp::Shape, ramp::Tape, ramp::Tensor;

namespace {

using Numbers = std::vector<double>;
// f(w) = sum of a_i / 2 w_i^2, whose gradient is a_i w_i.
const Numbers curvature{1, 2, 0.5, 3, 1.5, 0.1, 4, 2.5, 0.7};
const Numbers start{1, -2, 3, 0.5, -0.25, 10, 0.1, 2, -1};

template <class T> void descend(Parameter<T>& w, Optimizer<T>& optimizer, int steps) {
  for (int k = 0; k < steps; ++k) {
    for (std::size_t i = 0; i < w.value().size(); ++i)
      w.edit_gradient()[i] = static_cast<T>(curvature[i]) * w.value()[i];
    optimizer.step();
  }
}

// In both precisions: float has the first six digits of it.
template <template <class> class O, class Options>
void check_steps(Options options, const Numbers& expected) {
  Parameter<double> w("w", Tensor<double>(start));
  O<double> optimizer({&w}, options);
  descend(w, optimizer, 3);
  Parameter<float> narrow("w", Tensor<float>(start));
  O<float> other({&narrow}, options);
  descend(narrow, other, 3);
  for (std::size_t i = 0; i < start.size(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(w.value()[i] - expected[i]) < 1e-13);
    CHECK(std::abs(static_cast<double>(narrow.value()[i]) - expected[i]) < 2e-6);
  }
}

}  // namespace

TEST_CASE("Adam") {
  check_steps<Adam>(AdamOptions{.learning_rate = 0.1},
                    {0.701586274504415, -1.700623392046465, 2.700381524971978, 0.20487125150058239,
                     0.030208323159308687, 9.7001009952905, -0.07443756177614615,
                     1.7006233918933353, -0.7015862758401732});
  check_steps<Adam>(
      AdamOptions{
          .learning_rate = 0.1, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-3, .weight_decay = 0.3},
      {0.7024911182113265, -1.7010070941228566, 2.700716331654941, 0.20654130270672313,
       0.02585806864462227, 9.700237415372529, -0.06388078932300888, 1.7009952263504249,
       -0.7025626874066673});
}

TEST_CASE("AdamW, whose decay is 0.01 unless another is given") {
  const Numbers usual{0.6989111847156934,   -1.6949445143849768, 2.6917036509701275,
                      0.20371238191484486,  0.03056595931546504, 9.670441524960465,
                      -0.07433378360146951, 1.6949445142319317,  -0.6989111860506597};
  check_steps<AdamW>(AdamOptions{.learning_rate = 0.1}, usual);
  check_steps<AdamW>(AdamOptions{.learning_rate = 0.1, .weight_decay = 0.01}, usual);
  check_steps<AdamW>(
      AdamOptions{
          .learning_rate = 0.1, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-3, .weight_decay = 0.3},
      {0.6250659918054388, -1.535972778477838, 2.448352552682683, 0.17331029861410108,
       0.035531442631992774, 8.836646600146272, -0.060722068458998135, 1.5359577510033806,
       -0.6251963726079925});
  Parameter<double> one("w", Tensor<double>(start)), two("w", Tensor<double>(start));
  Adam<double> adam({&one});
  AdamW<double> adamw({&two}, {.weight_decay = 0.0});
  descend(one, adam, 5);
  descend(two, adamw, 5);
  CHECK(std::ranges::equal(one.value(), two.value()));
  CHECK(adam.kind() == "adam");
  CHECK(adamw.kind() == "adamw");
}

TEST_CASE("RMSprop") {
  check_steps<RMSprop>(RMSpropOptions{.learning_rate = 0.1},
                       {5.088548363103125e-12, -0.3096873875871078, 1.0689949823967693,
                        -0.07638717488596114, 0.04639913441129842, 7.79982281982354,
                        -0.009766581958972564, 0.3096873832320489, -7.269260545551079e-12});
  check_steps<RMSprop>(
      RMSpropOptions{
          .learning_rate = 0.05, .alpha = 0.8, .eps = 1e-3, .momentum = 0.9, .weight_decay = 0.3},
      {0.48858620053167917, -1.4768992738749727, 2.473752997718035, 0.016367795884074672,
       0.15352615136521347, 9.469165207285682, -0.08931789800432352, 1.4768595880011564,
       -0.4888141610967216});
}

TEST_CASE("Adam's first step has the size of the rate, whatever the gradient's") {
  for (const double size : {1e-4, 1.0, 1e6}) {
    Parameter<float> w("w", Tensor<float>({1}));
    w.edit_gradient()[0] = static_cast<float>(-size);
    Adam<float>({&w}, {.learning_rate = 0.25}).step();
    CHECK(w.value()[0] == Approx(0.25).epsilon(1e-3));
  }
}

TEST_CASE("each parameter's bias is corrected by the steps that it has taken itself") {
  Parameter<double> often("often", Tensor<double>({1})), seldom("seldom", Tensor<double>({1}));
  Adam<double> adam({&often, &seldom}, {.learning_rate = 0.1});
  for (int i = 0; i < 50; ++i) {
    often.edit_gradient()[0] = 1;
    adam.step();
  }
  often.edit_gradient()[0] = 1;
  seldom.edit_gradient()[0] = 1;
  adam.step();
  CHECK(seldom.value()[0] == Approx(-0.1));  // by steps of the optimizer: -0.007
  CHECK(adam.counters().of_parameters == std::vector<std::uint64_t>{51, 1});
}

TEST_CASE("decay in groups, a factor of the rate, and the schedule") {
  const auto value_of = [](double rate, double decay) {
    Parameter<double> w("w", Tensor<double>({1}, 2.0));
    w.edit_gradient()[0] = 1;
    AdamW<double>({&w}, {.learning_rate = rate, .weight_decay = decay}).step();
    return w.value()[0];
  };
  Parameter<double> weight("w.weight", Tensor<double>({1, 1}, 2.0));
  Parameter<double> bias("w.bias", Tensor<double>({1}, 2.0));
  AdamW<double> adamw({&weight, &bias}, {.learning_rate = 0.4, .groups = {no_decay_on_biases()}});
  adamw.set_rate_factor(0.5);
  weight.edit_gradient()[0] = bias.edit_gradient()[0] = 1;
  adamw.step();
  CHECK(weight.value()[0] == value_of(0.2, 0.01));
  CHECK(bias.value()[0] == value_of(0.2, 0));
  CHECK(adamw.options().weight_decay == 0.01);
}

TEST_CASE("clipping comes before the moments") {
  const auto check = [](auto make) {
    Parameter<double> one("w", Tensor<double>({2})), two("w", Tensor<double>({2}));
    auto clipped = make(one, 1), plain = make(two, 0);
    for (const double size : {5.0, 0.5}) {  // the second is short: else their sizes cancel
      const double cut = std::min(size, 1.0);
      one.edit_gradient()[0] = 0.6 * size, one.edit_gradient()[1] = 0.8 * size;
      two.edit_gradient()[0] = 0.6 * cut, two.edit_gradient()[1] = 0.8 * cut;
      CHECK(*clipped.step() == Approx(size));
      plain.step();
    }
    for (std::size_t i = 0; i < 2; ++i) CHECK(one.value()[i] == Approx(two.value()[i]));
  };
  check([](auto& w, double longest) { return RMSprop<double>({&w}, {.clip_norm = longest}); });
  check([](auto& w, double longest) { return Adam<double>({&w}, {.clip_norm = longest}); });
}

TEST_CASE("state taken out and put back goes on to the bit") {
  const auto check = [](auto make, const std::vector<std::string>& names) {
    Parameter<float> w("w", Tensor<float>(start));
    auto one = make(w);
    descend(w, one, 5);
    Parameter<float> again = w;
    auto two = make(again);
    const auto from = one.slots(), to = two.slots();
    REQUIRE(from.size() == names.size());
    for (std::size_t i = 0; i < from.size(); ++i) {
      CHECK(from[i].first == names[i]);
      *to[i].second = *from[i].second;
    }
    two.set_counters(one.counters());
    descend(w, one, 5);
    descend(again, two, 5);
    CHECK(std::ranges::equal(w.value(), again.value()));
  };
  check([](Parameter<float>& w) { return Adam<float>({&w}); }, {"w.mean", "w.square"});
  check([](Parameter<float>& w) { return RMSprop<float>({&w}); }, {"w.square"});
  check([](Parameter<float>& w) { return RMSprop<float>({&w}, {.momentum = 0.9}); },
        {"w.square", "w.momentum"});
}

TEST_CASE("options that make no sense") {
  Parameter<float> w("w", Tensor<float>({1}));
  const auto adam = [&](AdamOptions options, const char* why) {
    CHECK_THROWS_WITH_AS(AdamW<float>({&w}, options), Contains(why), ramp::ValueError);
  };
  adam({.beta1 = 1}, "[adamw] beta1 1: it must be below 1");
  adam({.beta1 = -0.1}, "[adamw] beta1 -0.1");
  adam({.beta2 = std::nan("")}, "[adamw] beta2 nan");
  adam({.eps = 0}, "[adamw] eps 0: it must be above 0");
  adam({.eps = 1e-60}, "[adamw] eps 1e-60");  // 0 as a float
  adam({.weight_decay = -1}, "[adamw] weight_decay -1");
  const auto rmsprop = [&](RMSpropOptions options, const char* why) {
    CHECK_THROWS_WITH_AS(RMSprop<float>({&w}, options), Contains(why), ramp::ValueError);
  };
  rmsprop({.alpha = 1}, "[rmsprop] alpha 1: it must be below 1");
  rmsprop({.eps = -1}, "[rmsprop] eps -1");
  rmsprop({.momentum = 1}, "[rmsprop] momentum 1");
  CHECK_THROWS_WITH_AS(Adam<float>({}), Contains("[adam] no parameters"), ramp::ValueError);
}

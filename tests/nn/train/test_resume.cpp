// A training that stops anywhere and goes on ends, to the last bit, as one that never stopped.
#include <nn/data/synthetic.hpp>
#include <nn/model/sequential.hpp>
#include <nn/train/fit.hpp>

#include "support/idx_files.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

using namespace ramp::nn;
using idx_files::TempFolder;
using ramp::Tape, ramp::Var;

namespace {

using Model = std::unique_ptr<Module<float>>;
using Optim = std::unique_ptr<Optimizer<float>>;

Model plain(std::uint64_t seed) {
  return std::make_unique<MLP<float>>(std::vector<std::int64_t>{2, 6, 2}, MLPOptions{.seed = seed});
}
Model dropping(std::uint64_t seed) {
  return std::make_unique<MLP<float>>(std::vector<std::int64_t>{2, 8, 6, 2},
                                      MLPOptions{.dropout = 0.3, .seed = seed});
}
Model normalized(std::uint64_t seed) {
  Random random(seed);
  return std::make_unique<Sequential<float>>(Linear<float>(2, 6, random), BatchNorm1d<float>(6),
                                             ActivationLayer<float>("relu"),
                                             Linear<float>(6, 2, random));
}

template <template <class> class Kind, class Options> auto by(Options options) {
  return [options](Module<float>& model) -> Optim {
    return std::make_unique<Kind<float>>(model.parameters(), options);
  };
}
const auto momentum = by<SGD>(SGDOptions{.learning_rate = 0.1, .momentum = 0.9});

struct Configuration {
  const char* name;
  Model (*model)(std::uint64_t seed);
  std::function<Optim(Module<float>&)> optimizer;
  FitOptions<float> options = {};
};

// 45 samples in batches of 8, the last of 5.
const Split<float> sets = moons<float>(60, 0.2, 1).split(0.75, 2);
// What is right in the training set is wrong here: it only gets worse.
const Dataset<float> opposite = [] {
  Dataset<float> data = sets.train;
  for (auto& label : data.labels) label = 1 - label;
  return data;
}();

void shift(const BatchBuffers<float>& batch, Random& random) {
  for (float& x : batch.inputs) x += static_cast<float>(0.1 * random.normal());
}

const std::vector<Configuration>& configurations() {
  static const std::vector<Configuration> all{
      {"momentum", plain, momentum},
      {"nesterov, decay, clipping", plain,
       by<SGD>(SGDOptions{.learning_rate = 0.1,
                          .momentum = 0.8,
                          .nesterov = true,
                          .weight_decay = 1e-3,
                          .clip_norm = 0.3})},
      {"adam", plain, by<Adam>(AdamOptions{.learning_rate = 0.02})},
      {"adamw with groups", plain,
       by<AdamW>(AdamOptions{
           .learning_rate = 0.02, .weight_decay = 0.1, .groups = {no_decay_on_biases()}})},
      {"rmsprop", plain, by<RMSprop>(RMSpropOptions{.learning_rate = 0.01, .momentum = 0.5})},
      {"dropout", dropping, momentum},
      {"batch norm", normalized, momentum},
      {"cosine", plain, by<SGD>(SGDOptions{.learning_rate = cosine(0.3, 18)})},
      {"warm up and steps", plain,
       by<Adam>(AdamOptions{.learning_rate = warm_up(5, step_decay(0.05, 4, 0.5))})},
      {"plateau", plain, momentum, {.plateau = {.factor = 0.5, .patience = 1}}},
      {"patience, the best restored", normalized, momentum, {.patience = 2}},
      {"the best restored at the end", dropping, momentum, {.restore_best = true}},
      {"micro batches", dropping, momentum, {.micro_batch = 3}},
      {"augment", plain, momentum, {.augment = shift}},
      {"prefetch", plain, momentum, {.prefetch = true, .augment = shift}},
      {"drop_last, no shuffle", plain, momentum, {.shuffle = false, .drop_last = true}},
      {"metrics", plain, momentum, {.metrics = {"accuracy", "f1"}, .watch = "f1"}},
      {"penalty",
       plain,
       momentum,
       {.penalty =
            [](Tape<float>& tape) { return 0.5 * tape.constant(ramp::Tensor<float>({}, {2})); }}},
  };
  return all;
}

using Seen = std::tuple<std::uint64_t, std::uint64_t, std::size_t, double, double>;

// All objects of a training, made anew: what a program has that was just started.
struct Training {
  explicit Training(const Configuration& c, std::uint64_t seed = 1, KeepOptions keep = {})
      : model(c.model(seed)), optimizer(c.optimizer(*model)) {
    FitOptions<float> options = c.options;
    options.epochs = 3;
    options.batch_size = 8;
    options.keep = std::move(keep);
    options.on_step = [this](const StepInfo<float>& s) {
      seen.emplace_back(s.step, s.epoch, s.batch_index, s.loss_value, s.learning_rate);
      if (s.step == throw_at) throw std::runtime_error("thrown from a callback");
      return s.step != stop_at;
    };
    options.on_epoch = [this](const EpochInfo& e) {
      if (taking) taken.push_back(trainer->checkpoint());
      return e.epoch != stop_epoch;
    };
    trainer = std::make_unique<Trainer<float>>(
        *model, *optimizer, "cross_entropy", sets.train,
        c.options.patience > 0 || c.options.plateau.factor < 1 ? &opposite : &sets.test, options);
  }

  static constexpr std::uint64_t never = 1000;
  std::uint64_t stop_at = never, throw_at = never, stop_epoch = never;
  bool taking = false;
  std::vector<Checkpoint<float>> taken;  // in on_epoch
  std::vector<Seen> seen;
  Model model;
  Optim optimizer;
  std::unique_ptr<Trainer<float>> trainer;
};

void check_same(const EpochInfo& a, const EpochInfo& b) {
  CHECK(a.epoch == b.epoch);
  CHECK(a.steps == b.steps);
  CHECK(a.samples == b.samples);
  CHECK(a.train == b.train);
  CHECK(a.valid == b.valid);
  CHECK(a.learning_rate == b.learning_rate);
}

// Of two trainings that have come to their ends: all there is.
void check_same(Training& a, Training& b) {
  const FitResult &x = a.trainer->result(), &y = b.trainer->result();
  CHECK(x.best == y.best);
  CHECK(x.stop == y.stop);
  REQUIRE(x.epochs.size() == y.epochs.size());
  for (std::size_t i = 0; i < x.epochs.size(); ++i) check_same(x.epochs[i], y.epochs[i]);
  const Members<float> m = a.model->contents(), n = b.model->contents();
  for (std::size_t i = 0; i < m.parameters.size(); ++i)
    CHECK(
        std::ranges::equal(m.parameters[i].parameter->value(), n.parameters[i].parameter->value()));
  for (std::size_t i = 0; i < m.buffers.size(); ++i)
    CHECK(std::ranges::equal(*m.buffers[i].buffer, *n.buffers[i].buffer));
  for (std::size_t i = 0; i < m.generators.size(); ++i)
    CHECK(m.generators[i].generator->state() == n.generators[i].generator->state());
  const auto s = a.optimizer->slots(), t = b.optimizer->slots();
  REQUIRE(s.size() == t.size());
  for (std::size_t i = 0; i < s.size(); ++i) CHECK(std::ranges::equal(*s[i].second, *t[i].second));
  CHECK(a.optimizer->steps() == b.optimizer->steps());
  CHECK(a.optimizer->rate_factor() == b.optimizer->rate_factor());
  CHECK(a.trainer->checkpoint().text == b.trainer->checkpoint().text);
}

// The steps of a part are those that the whole run made at this place.
void check_part(const std::vector<Seen>& part, const std::vector<Seen>& whole) {
  REQUIRE(part.size() <= whole.size());
  CHECK(std::ranges::equal(part, std::span(whole).last(part.size())));
}

struct Whole : Training {
  explicit Whole(const Configuration& c) : Training(c) { trainer->run(); }
};

}  // namespace

TEST_CASE("stopped at any step, run() goes on to the same end") {
  for (const Configuration& c : configurations()) {
    CAPTURE(c.name);
    Whole whole(c);
    REQUIRE(whole.seen.size() >= 15);
    Training at_each(c);
    for (std::uint64_t stop = 0; stop < whole.seen.size(); ++stop) {
      CAPTURE(stop);
      Training part(c);
      part.stop_at = at_each.stop_at = stop;
      CHECK(part.trainer->run().stop == Stop::callback);
      CHECK(part.seen.size() == stop + 1);
      CHECK(part.optimizer->steps() == stop + 1);  // its update was made
      part.trainer->run();
      CHECK(part.seen == whole.seen);
      check_same(part, whole);
      at_each.trainer->run();
      CHECK(at_each.seen.size() == stop + 1);
    }
    at_each.trainer->run();
    CHECK(at_each.seen == whole.seen);
    check_same(at_each, whole);
    at_each.trainer->run();  // it has come to its end
    CHECK(at_each.seen == whole.seen);
    check_same(at_each, whole);
  }
}

TEST_CASE("a checkpoint of any step, restored into fresh objects, goes on to the same end") {
  for (const Configuration& c : configurations()) {
    CAPTURE(c.name);
    Whole whole(c);
    for (std::uint64_t stop = 0; stop < whole.seen.size(); ++stop) {
      CAPTURE(stop);
      Training first(c), second(c, 99);  // whose weights are others
      first.stop_at = stop;
      first.trainer->run();
      second.trainer->restore(first.trainer->checkpoint());
      second.trainer->run();
      CHECK(second.seen.size() + stop + 1 == whole.seen.size());
      check_part(second.seen, whole.seen);
      check_same(second, whole);
    }
    Training first(c), again(c, 99);  // also into one that has come to its own end
    first.stop_at = 4;
    first.trainer->run();
    again.trainer->run();
    again.trainer->restore(first.trainer->checkpoint());
    again.trainer->run();
    check_same(again, whole);
  }
}

TEST_CASE("stopped after an epoch, and checkpoints taken there") {
  for (const Configuration& c : configurations()) {
    CAPTURE(c.name);
    Whole whole(c);
    for (std::uint64_t stop = 0; stop < whole.trainer->result().epochs.size(); ++stop) {
      Training first(c), second(c, 99), third(c, 99);
      first.stop_epoch = stop;
      first.taking = true;
      const FitResult& result = first.trainer->run();
      CHECK(result.epochs.size() == stop + 1);
      const bool last = stop + 1 == whole.trainer->result().epochs.size();
      CHECK((result.stop == Stop::callback) == !last);
      second.trainer->restore(first.trainer->checkpoint());
      first.trainer->run();
      second.trainer->run();
      check_same(first, whole);
      check_same(second, whole);
      third.trainer->restore(first.taken.at(stop));
      third.trainer->run();
      check_same(third, whole);
    }
  }
}

TEST_CASE("the folder alone is enough to go on: stopped, or ended by an exception") {
  for (const Configuration& c : configurations()) {
    const std::string_view name = c.name;  // a few: each file that is written is synced
    if (name != "adamw with groups" && name != "patience, the best restored" &&
        name != "the best restored at the end" && name != "plateau" && name != "prefetch")
      continue;
    CAPTURE(c.name);
    Whole whole(c);
    const TempFolder temp;
    Training kept(c, 1, {.folder = temp / "whole"});
    kept.trainer->run();
    check_same(kept, whole);
    for (const bool thrown : {false, true}) {
      // Then a step is as far as it goes back; else the end of an epoch.
      const double seconds = thrown && name == "plateau" ? 0 : 600;
      const KeepOptions keep{.folder = temp / (thrown ? "thrown" : "stopped"),
                             .resume = true,
                             .seconds = seconds,
                             .least_seconds = 0};
      std::uint64_t seed = 1;
      for (const std::uint64_t stop : {7u, 8u, 13u}) {
        Training part(c, seed, keep);
        (thrown ? part.throw_at : part.stop_at) = stop;
        if (thrown)
          CHECK_THROWS_WITH(part.trainer->run(), "thrown from a callback");
        else
          CHECK(part.trainer->run().stop == Stop::callback);
        seed = 7;  // from now on, all comes from the folder
      }
      Training last(c, seed, keep);
      last.trainer->run();
      CHECK(last.seen.size() < 10);
      check_part(last.seen, whole.seen);
      check_same(last, whole);
      last.trainer.reset();
      kept.trainer.reset();
      for (const bool best : {false, true}) {
        const CheckpointFolder<float> a(temp / "whole"), b(keep.folder);
        const auto x = best ? a.best() : a.newest(), y = best ? b.best() : b.newest();
        REQUIRE((x && y));
        CHECK(x->step == y->step);
        CHECK(x->text == y->text);
        REQUIRE(x->tensors.size() == y->tensors.size());
        for (std::size_t i = 0; i < x->tensors.size(); ++i) {
          CHECK(x->tensors[i].first == y->tensors[i].first);
          CHECK(std::ranges::equal(x->tensors[i].second, y->tensors[i].second));
        }
      }
    }
  }
}

// What can't be gone on from is refused by name, and leaves everything as it was; what is damaged
// is passed over.
#include <nn/data/file_writer.hpp>
#include <nn/data/synthetic.hpp>
#include <nn/model/sequential.hpp>
#include <nn/train/fit.hpp>

#include "support/idx_files.hpp"
#include "support/refused.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace ramp::nn;
using doctest::Contains;
using idx_files::TempFolder;
namespace fs = std::filesystem;
using ramp::Shape, ramp::Tape, ramp::Var;

namespace {

// What a training is made of, to be changed before it is begun.
struct Parts {
  Dataset<float> train = moons<float>(40, 0.1, 1), valid = moons<float>(20, 0.1, 2);
  std::vector<std::int64_t> sizes{2, 5, 2};
  MLPOptions model;
  SGDOptions sgd{.learning_rate = cosine(0.1, 15), .momentum = 0.9};
  bool adam = false, with_valid = true;
  Loss<float> loss = "cross_entropy";
  FitOptions<float> options{.epochs = 3, .batch_size = 8};
};

struct Training {
  explicit Training(Parts its) : parts(std::move(its)), model(parts.sizes, parts.model) {
    if (parts.adam)
      optimizer = std::make_unique<Adam<float>>(model.parameters());
    else
      optimizer = std::make_unique<SGD<float>>(model.parameters(), parts.sgd);
    trainer =
        std::make_unique<Trainer<float>>(model, *optimizer, parts.loss, parts.train,
                                         parts.with_valid ? &parts.valid : nullptr, parts.options);
  }
  Parts parts;
  MLP<float> model;
  std::unique_ptr<Optimizer<float>> optimizer;
  std::unique_ptr<Trainer<float>> trainer;
};

Parts stopping_at(std::uint64_t step) {
  Parts parts;
  parts.options.on_step = [step](const StepInfo<float>& s) { return s.step != step; };
  return parts;
}

using Change = std::function<void(Parts&)>;

const std::vector<std::pair<const char*, Change>>& changes() {
  static const std::vector<std::pair<const char*, Change>> all{
      {"settings was , and is b", [](Parts& p) { p.options.keep.settings = "b"; }},
      {"the model was",
       [](Parts& p) {
         p.sizes = {2, 6, 2};
       }},
      {"the model was",
       [](Parts& p) {
         p.sizes = {2, 5, 5, 2};
       }},
      {"the model was", [](Parts& p) { p.model.activation = "tanh"; }},
      {"the model was", [](Parts& p) { p.model.dropout = 0.1; }},
      {"the optimizer was sgd, and is adam", [](Parts& p) { p.adam = true; }},
      {"weight_decay was 0, and is 0.001", [](Parts& p) { p.sgd.weight_decay = 0.001; }},
      {"clip_norm was 0, and is 1", [](Parts& p) { p.sgd.clip_norm = 1; }},
      {"clip_value was 0, and is 1", [](Parts& p) { p.sgd.clip_value = 1; }},
      {"momentum was 0.9, and is 0", [](Parts& p) { p.sgd.momentum = 0; }},
      {"nesterov was 0, and is 1", [](Parts& p) { p.sgd.nesterov = true; }},
      {"the groups was 1 0, 1 0, 1 0, 1 0, , and is 0.5 0, 1 0, 0.5 0, 1 0, ",
       [](Parts& p) {
         p.sgd.groups = {{[](auto&, const Shape& s) { return s.rank() == 2; }, 0.5, {}}};
       }},
      {"the learning rate was", [](Parts& p) { p.sgd.learning_rate = cosine(0.1, 16); }},
      {"the loss was cross_entropy, and is bce_with_logits",
       [](Parts& p) {
         p.train.set_targets(0, 1);
         p.valid.set_targets(0, 1);
         p.loss = "bce_with_logits";
       }},
      {"penalty was none, and is given",
       [](Parts& p) { p.options.penalty = [](Tape<float>& tape) { return tape.leaf(1.0f); }; }},
      {"metrics was accuracy , and is accuracy f1 ",
       [](Parts& p) {
         p.options.metrics = {"accuracy", "f1"};
       }},
      {"batch_size was 8, and is 4", [](Parts& p) { p.options.batch_size = 4; }},
      {"micro_batch was 0, and is 4", [](Parts& p) { p.options.micro_batch = 4; }},
      {"seed was 0, and is 1", [](Parts& p) { p.options.seed = 1; }},
      {"shuffle was true, and is false", [](Parts& p) { p.options.shuffle = false; }},
      {"drop_last was false, and is true", [](Parts& p) { p.options.drop_last = true; }},
      {"augment was none, and is given",
       [](Parts& p) { p.options.augment = [](const BatchBuffers<float>&, Random&) {}; }},
      {"watch was loss, and is accuracy", [](Parts& p) { p.options.watch = "accuracy"; }},
      {"plateau was 1 after 5, and is 0.5 after 5",
       [](Parts& p) { p.options.plateau.factor = 0.5; }},
      {"restore_best was by patience, and is true",
       [](Parts& p) { p.options.restore_best = true; }},
      {"at_zero was 0, and is 1", [](Parts& p) { p.options.tape.at_zero = 1; }},
      {"the training set was", [](Parts& p) { p.train.inputs[79] += 1; }},
      {"the training set was", [](Parts& p) { std::swap(p.train.labels[0], p.train.labels[1]); }},
      {"the training set was", [](Parts& p) { p.train = p.train.take(39); }},
      {"the validation set was", [](Parts& p) { p.valid.inputs[0] += 1; }},
      {", and is none", [](Parts& p) { p.with_valid = false; }},
  };
  return all;
}

// The newest file of checkpoints in a folder.
fs::path newest_file(const fs::path& folder) {
  fs::path newest;
  std::uint64_t step = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("checkpoint-") || !name.ends_with(".safetensors")) continue;
    const std::uint64_t its = std::stoull(name.substr(11));
    if (its >= step) step = its, newest = entry.path();
  }
  return newest;
}

}  // namespace

TEST_CASE("a checkpoint of another run is refused, and leaves everything as it was") {
  Parts labels_differ = stopping_at(6);
  REQUIRE(labels_differ.train.labels[0] != labels_differ.train.labels[1]);
  Training first(stopping_at(6));
  first.trainer->run();
  const Checkpoint<float> checkpoint = first.trainer->checkpoint();
  for (const auto& [text, change] : changes()) {
    const char* const message = text;  // Clang captures no binding
    CAPTURE(message);
    Parts parts = stopping_at(7);
    parts.model.seed = 5;
    change(parts);
    const bool runs = parts.loss.name() == "cross_entropy";  // bce takes one output
    Training other(parts), untouched(parts);
    if (runs) other.trainer->run(), untouched.trainer->run();
    CHECK_THROWS_WITH_AS(other.trainer->restore(checkpoint), Contains(message), DataError);
    CHECK_THROWS_WITH_AS(other.trainer->restore(checkpoint),
                         Contains("[resume] the checkpoint is of another run: "), DataError);
    if (runs) other.trainer->run(), untouched.trainer->run();
    const Checkpoint<float> a = other.trainer->checkpoint(), b = untouched.trainer->checkpoint();
    CHECK(a.text == b.text);
    REQUIRE(a.tensors.size() == b.tensors.size());
    for (std::size_t i = 0; i < a.tensors.size(); ++i)
      CHECK(std::ranges::equal(a.tensors[i].second, b.tensors[i].second));
  }
}

TEST_CASE("epochs, patience and prefetching may differ, and another seed of the weights") {
  Training first(stopping_at(6));
  first.trainer->run();
  Parts parts;
  parts.model.seed = 5;
  parts.options.epochs = 4;
  parts.options.patience = 4;
  parts.options.prefetch = true;
  Training second(parts);
  second.trainer->restore(first.trainer->checkpoint());
  CHECK(second.trainer->run().epochs.size() == 4);
}

TEST_CASE("what was frozen stays frozen") {
  Training first(stopping_at(6));
  first.model.parameter("layer0.weight").freeze();
  first.trainer->run();
  Training second{Parts()};
  second.model.parameter("layer1.bias").freeze();  // which wasn't then
  second.trainer->restore(first.trainer->checkpoint());
  for (const auto* p : second.model.parameters())
    CHECK(p->frozen() == (p->name() == "layer0.weight"));
}

TEST_CASE("a checkpoint's own faults are refused, too") {
  Training first(stopping_at(6));
  first.trainer->run();
  const Checkpoint<float> good = first.trainer->checkpoint();
  const auto refused = [&](const char* message, auto change) {
    Checkpoint<float> bad = good;
    change(bad);
    Training other{Parts()};
    const auto before = other.trainer->checkpoint();
    CHECK_THROWS_WITH_AS(other.trainer->restore(bad), Contains(message), DataError);
    CHECK(other.trainer->checkpoint().text == before.text);
    CHECK(std::ranges::equal(other.trainer->checkpoint().tensors[0].second,
                             before.tensors[0].second));
  };
  const auto replace = [](Checkpoint<float>& c, const std::string& what, const std::string& by) {
    const auto at = c.text.find(what);
    REQUIRE(at != c.text.npos);
    c.text.replace(at, what.size(), by);
  };
  refused("text is damaged", [](auto& c) { c.text.resize(c.text.size() / 2); });
  refused("text is damaged", [](auto& c) { c.text = ""; });
  refused("text is damaged", [&](auto& c) { replace(c, "\"plateau_waited\"", "\"plateau\""); });
  const std::string together = "counts don't go together";
  refused(together.c_str(),
          [&](auto& c) { replace(c, "\"metric_sums\":[", "\"metric_sums\":[1,"); });
  refused(together.c_str(),
          [&](auto& c) { replace(c, "\"metric_sums\":", "\"metric_sums\":[],\"x\":"); });
  refused(together.c_str(), [&](auto& c) { replace(c, "\"batch\":2", "\"batch\":6"); });
  refused(together.c_str(), [&](auto& c) { replace(c, "\"batch\":2", "\"batch\":-1"); });
  refused(together.c_str(), [&](auto& c) { replace(c, "\"best\":0,", "\"best\":1,"); });
  refused(together.c_str(), [&](auto& c) { replace(c, "{\"epoch\":1", "{\"epoch\":2"); });
  refused("another version", [&](auto& c) { replace(c, "\"format\":2", "\"format\":3"); });
  refused("no parameter/layer0.weight", [](auto& c) { c.tensors.erase(c.tensors.begin()); });
  refused("parameter/layer0.weight was (5, 2), and is (2, 5)", [](auto& c) {
    c.tensors[0].second = ramp::Tensor<float>(ramp::Shape{5, 2});
  });
  refused("the number of tensors was 9, and is 8",
          [](auto& c) { c.tensors.emplace_back("slot/more", ramp::Tensor<float>()); });
}

TEST_CASE("another build is noted, and no more") {
  Training first(stopping_at(6));
  first.trainer->run();
  Checkpoint<float> checkpoint = first.trainer->checkpoint();
  const auto at = checkpoint.text.find("\"build\":\"");
  REQUIRE(at != checkpoint.text.npos);
  checkpoint.text.insert(at + 9, "an older ");
  std::vector<std::string> notes;
  Parts parts;
  parts.options.keep.note = [&](const std::string& text) { notes.push_back(text); };
  Training second(parts);
  second.trainer->restore(first.trainer->checkpoint());
  CHECK(notes.empty());
  second.trainer->restore(checkpoint);
  REQUIRE(notes.size() == 1);
  CHECK_MESSAGE(notes[0].find("was written by an older ") != notes[0].npos, notes[0]);
}

TEST_CASE("what callbacks remember is kept and given back") {
  std::string told;
  Parts parts = stopping_at(4);
  parts.options.keep.save_more = [] { return std::string("a \"state\"\n\xc3\xa9"); };
  parts.options.keep.load_more = [&](const std::string& text) { told = text; };
  Training first(parts), second(parts);
  first.trainer->run();
  CHECK(told.empty());
  second.trainer->restore(first.trainer->checkpoint());
  CHECK(told == parts.options.keep.save_more());

  const TempFolder temp;
  parts.options.keep.folder = temp / "run";
  Training(parts).trainer->run();
  told.clear();
  parts.options.keep.resume = true;
  const Training resumed(parts);
  CHECK(told == parts.options.keep.save_more());
}

TEST_CASE("a damaged checkpoint is passed over with a note, and the end is the same") {
  Training whole{Parts()};
  whole.trainer->run();
  const auto damage = {
      +[](std::string& bytes) { bytes.resize(bytes.size() / 2); },
      +[](std::string& bytes) { bytes.clear(); },
      +[](std::string& bytes) { bytes[bytes.size() - 3] ^= 1; },
      +[](std::string& bytes) { bytes[200] ^= 4; },
  };
  for (const auto& how : damage)
    for (const bool all : {false, true}) {
      const TempFolder temp;
      std::vector<std::string> notes;
      Parts parts = stopping_at(8);
      parts.options.keep = {.folder = temp / "run",
                            .resume = true,
                            .least_seconds = 0,
                            .note = [&](const std::string& text) { notes.push_back(text); }};
      Training(parts).trainer->run();
      CHECK(notes.empty());
      for (const auto& entry : fs::directory_iterator(parts.options.keep.folder))
        if (all && entry.path().extension() == ".safetensors") {
          std::string bytes = idx_files::read(entry.path());
          how(bytes);
          idx_files::write(entry.path(), bytes);
        }
      const fs::path newest = newest_file(parts.options.keep.folder);
      std::string bytes = idx_files::read(newest);
      if (!all) how(bytes);
      idx_files::write(newest, bytes);
      std::uint64_t first = 1000;
      parts.options.on_step = [&](const StepInfo<float>& s) {
        first = std::min(first, s.step);
        return true;
      };
      Training resumed(parts);
      REQUIRE(notes.size() == 1);
      CHECK_MESSAGE(notes[0].find(newest.filename().string()) != notes[0].npos, notes[0]);
      resumed.trainer->run();
      CHECK(first == (all ? 0 : 5));
      CHECK(resumed.trainer->result().epochs.back().train ==
            whole.trainer->result().epochs.back().train);
      for (std::size_t i = 0; i < 4; ++i)
        CHECK(std::ranges::equal(resumed.model.parameters()[i]->value(),
                                 whole.model.parameters()[i]->value()));
    }
}

TEST_CASE("a folder is for one run at a time, and for one that can write there") {
  const TempFolder temp;
  Parts parts = stopping_at(8);
  parts.options.keep.folder = temp / "run";
  {
    Training first(parts);
    CHECK_THROWS_AS(Training{parts}, FileError);
    first.trainer->run();
    Parts resuming = parts;
    resuming.options.keep.resume = true;
    CHECK_THROWS_AS(Training{resuming}, FileError);
  }
  CHECK_THROWS_WITH_AS(Training{parts}, Contains("there are checkpoints of another run"),
                       FileError);
  Parts other = parts;
  other.options.keep.resume = true;
  other.options.seed = 3;
  CHECK_THROWS_WITH_AS(Training{other}, Contains("seed was 0, and is 3"), DataError);
  parts.options.keep.resume = true;
  CHECK(Training(parts).trainer->result().epochs.size() == 1);

  idx_files::write(temp / "file", "no folder");
  parts.options.keep.folder = temp / "file/run";
  CHECK_THROWS_AS(Training{parts}, FileError);
  parts.options.keep.folder = "/proc/ramp";
  CHECK_THROWS_AS(Training{parts}, FileError);
}

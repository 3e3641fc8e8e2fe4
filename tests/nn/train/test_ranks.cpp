// Ranks that train together: in one process here, a thread each. What MPI adds is tested by
// tests/program/ranks.py, where it is there.
#include <nn/data/synthetic.hpp>
#include <nn/model/normalization.hpp>
#include <nn/model/sequential.hpp>
#include <nn/part.hpp>
#include <nn/train/fit.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

using namespace ramp::nn;
using doctest::Approx;
using doctest::Contains;

namespace {

namespace fs = std::filesystem;

// Runs f(ranks) on a thread for each rank, and gives what each has thrown.
std::vector<std::string> each_rank(int size, const std::function<void(std::shared_ptr<Ranks>)>& f) {
  auto ranks = thread_ranks(size);
  std::vector<std::string> thrown(ranks.size());
  std::vector<std::thread> threads;
  for (std::size_t r = 0; r < ranks.size(); ++r)
    threads.emplace_back([&, r, mine = std::move(ranks[r])]() mutable {
      try {
        f(mine);
      } catch (const RankError& error) {
        thrown[r] = error.what();
      } catch (const std::exception& error) {
        thrown[r] = std::string("not a RankError: ") + error.what();
      }
      mine.reset();
    });
  for (std::thread& thread : threads) thread.join();
  return thrown;
}

void check_nothing_thrown(const std::vector<std::string>& thrown) {
  for (const std::string& text : thrown) CHECK(text == "");
}

const Dataset<double>& points() {
  static const Dataset<double> data = spiral<double>(101, 0.1, 1);
  return data;
}
const Dataset<double>& others() {
  static const Dataset<double> data = spiral<double>(700, 0.1, 2);
  return data;
}

using Options = FitOptions<double>;
Options usual() {
  return {.epochs = 3, .batch_size = 32, .seed = 7, .metrics = {"accuracy", "auc"}};
}

auto small_weights(Module<double>& model) {
  return [&](ramp::Tape<double>& tape) {
    return 1e-3 * sum(square(tape.parameter(*model.parameters()[0])));
  };
}

struct Trained {
  FitResult result;
  std::vector<double> weights;
};

// Each rank has another start, which counts for nothing where there are several.
Trained train(const std::shared_ptr<Ranks>& ranks, Options options, double dropout = 0) {
  MLP<double> model({2, 8, 2}, {.dropout = dropout, .seed = ranks && ranks->rank() ? 99u : 4u});
  Adam<double> optimizer(model.parameters(), {.learning_rate = 0.02, .clip_norm = 1});
  options.ranks = ranks;
  options.penalty = small_weights(model);
  Trained trained{fit(model, optimizer, "cross_entropy", points(), others(), options), {}};
  for (const auto* p : model.parameters())
    trained.weights.insert(trained.weights.end(), p->value().begin(), p->value().end());
  return trained;
}

std::vector<Trained> train(int size, const Options& options, double dropout = 0) {
  std::vector<Trained> all(static_cast<std::size_t>(size));
  check_nothing_thrown(each_rank(size, [&](const std::shared_ptr<Ranks>& ranks) {
    all[static_cast<std::size_t>(ranks->rank())] = train(ranks, options, dropout);
  }));
  return all;
}

void check_alike(const Trained& a, const Trained& b, double epsilon) {
  REQUIRE(a.result.epochs.size() == b.result.epochs.size());
  for (std::size_t e = 0; e < a.result.epochs.size(); ++e) {
    const EpochInfo &x = a.result.epochs[e], &y = b.result.epochs[e];
    CHECK(x.samples == y.samples);
    CHECK(x.steps == y.steps);
    for (const char* name : {"loss", "accuracy"}) {
      CHECK(x.train.at(name) == Approx(y.train.at(name)).epsilon(epsilon));
      CHECK(x.valid.at(name) == Approx(y.valid.at(name)).epsilon(epsilon));
    }
    CHECK(x.valid.at("auc") == Approx(y.valid.at("auc")).epsilon(epsilon));
  }
  REQUIRE(a.weights.size() == b.weights.size());
  for (std::size_t i = 0; i < a.weights.size(); ++i)
    CHECK(a.weights[i] == Approx(b.weights[i]).epsilon(epsilon));
}

struct Folder {
  fs::path path = fs::temp_directory_path() / ("ramp_ranks_" + std::to_string(getpid()));
  Folder() { fs::remove_all(path); }
  ~Folder() { fs::remove_all(path); }
};

}  // namespace

TEST_CASE("parts hold every sample once, and rank 0 has one first") {
  for (const std::size_t n : {0u, 1u, 3u, 4u, 5u, 64u, 101u})
    for (const std::size_t ranks : {1u, 2u, 3u, 4u, 7u}) {
      std::size_t next = 0;
      for (std::size_t r = 0; r < ranks; ++r) {
        const Part part = part_of(n, r, ranks);
        CHECK(part.first == next);
        CHECK(part.last - part.first <= (n + ranks - 1) / ranks);
        next = part.last;
      }
      CHECK(next == n);
      CHECK((part_of(n, 0, ranks).last > 0) == (n > 0));
    }
}

TEST_CASE("sums and broadcasts of threads") {
  check_nothing_thrown(each_rank(3, [](const std::shared_ptr<Ranks>& ranks) {
    const double r = ranks->rank();
    std::vector<double> a{r, 10 * r}, b{1};
    std::vector<float> c{2};
    ranks->begin_sum(std::span(a));
    ranks->begin_sum(std::span(c));
    ranks->begin_sum(std::span(b));
    ranks->wait();
    CHECK(a == std::vector<double>{3, 30});
    CHECK(b == std::vector<double>{3});
    CHECK(c == std::vector<float>{6});
    ranks->broadcast(std::as_writable_bytes(std::span(b = {r})), 2);
    CHECK(b == std::vector<double>{2});
  }));
  CHECK_THROWS_WITH_AS(thread_ranks(0), Contains("0 ranks"), ramp::ValueError);
}

// 101 samples in batches of 32 leave one of 5, so that of 7 ranks some have nothing to do there.
TEST_CASE("ranks train as one process with the same global batch, to rounding") {
  const Trained alone = train(nullptr, usual());
  for (const int size : {1, 2, 3, 4, 7}) {
    CAPTURE(size);
    const auto all = train(size, usual());
    for (const Trained& one : all) check_alike(one, alone, 1e-9);
    for (const Trained& one : all) CHECK(one.weights == all[0].weights);
  }
}

TEST_CASE("so they do in micro batches, with a loader's thread and a rest left out") {
  Options options = usual();
  options.micro_batch = 5;
  options.prefetch = true;
  options.drop_last = true;
  const Trained alone = train(nullptr, options);
  for (const Trained& one : train(3, options)) check_alike(one, alone, 1e-9);
}

TEST_CASE("weights of the best epoch are the same on all ranks, and early stops come together") {
  Options options = usual();
  options.epochs = 30;
  options.patience = 2;
  const Trained alone = train(nullptr, options);
  const auto all = train(2, options);
  for (const Trained& one : all) check_alike(one, alone, 1e-6);
  CHECK(all[0].result.best == all[1].result.best);
}

TEST_CASE("dropout drops other units on each rank, and the same in each run") {
  const auto first = train(2, usual(), 0.3), second = train(2, usual(), 0.3);
  CHECK(first[0].weights == second[0].weights);
  CHECK(first[0].weights == first[1].weights);

  std::vector<std::vector<std::uint64_t>> states(2);
  check_nothing_thrown(each_rank(2, [&](const std::shared_ptr<Ranks>& ranks) {
    MLP<double> model({2, 8, 2}, {.dropout = 0.3, .seed = 4});
    SGD<double> optimizer(model.parameters());
    Options options = usual();
    options.ranks = ranks;
    options.on_step = [&](const StepInfo<double>&) {
      states[static_cast<std::size_t>(ranks->rank())].push_back(
          model.contents().generators[0].generator->state());
      return true;
    };
    fit(model, optimizer, "cross_entropy", points(), options);
  }));
  REQUIRE(states[0].size() == 12);
  for (std::size_t i = 0; i < 12; ++i) CHECK(states[0][i] != states[1][i]);
}

TEST_CASE("a wish of one rank stops all at the same step, and they go on as if nothing had been") {
  const Trained whole = train(2, usual())[0];
  std::vector<std::vector<double>> weights(2);
  std::vector<std::uint64_t> stopped(2);
  check_nothing_thrown(each_rank(2, [&](const std::shared_ptr<Ranks>& ranks) {
    const auto r = static_cast<std::size_t>(ranks->rank());
    MLP<double> model({2, 8, 2}, {.seed = 4});
    Adam<double> optimizer(model.parameters(), {.learning_rate = 0.02, .clip_norm = 1});
    Options options = usual();
    options.ranks = ranks;
    options.penalty = small_weights(model);
    options.on_step = [&](const StepInfo<double>& step) { return r != 1 || step.step != 4; };
    Trainer<double> trainer(model, optimizer, "cross_entropy", points(), &others(), options);
    CHECK(trainer.run().stop == Stop::callback);
    stopped[r] = optimizer.steps();
    CHECK(trainer.run().stop == Stop::finished);
    for (const auto* p : model.parameters())
      weights[r].insert(weights[r].end(), p->value().begin(), p->value().end());
  }));
  CHECK(stopped == std::vector<std::uint64_t>{6, 6});
  CHECK(weights[0] == whole.weights);
  CHECK(weights[1] == whole.weights);
}

TEST_CASE("rank 0 keeps checkpoints, and another number of ranks goes on from them") {
  const Folder folder;
  const Trained whole = train(nullptr, usual());
  Options options = usual();
  options.keep.folder = folder.path;
  options.keep.least_seconds = 0;
  std::atomic<int> steps = 0;
  options.on_step = [&](const StepInfo<double>&) { return ++steps < 14; };
  for (const Trained& one : train(3, options)) CHECK(one.result.stop == Stop::callback);
  options.keep.resume = true;
  options.on_step = {};
  options.epochs = 2;
  for (const Trained& one : train(2, options)) CHECK(one.result.epochs.size() == 2);
  options.epochs = 3;
  check_alike(train(nullptr, options), whole, 1e-9);
}

TEST_CASE("what one rank throws, all throw") {
  Options options = usual();
  const auto thrown_in = [&](auto change) {
    return each_rank(3, [&](const std::shared_ptr<Ranks>& ranks) {
      Options own = options;
      change(own, ranks->rank());
      train(ranks, own);
    });
  };
  const auto check_all = [](const std::vector<std::string>& thrown, const char* part) {
    for (const std::string& text : thrown) CHECK_MESSAGE(text.find(part) != text.npos, text);
  };
  const auto fails_at = [&](std::uint64_t at) {
    return thrown_in([at](Options& own, int rank) {
      own.on_step = [at, rank](const StepInfo<double>& step) {
        if (rank == 1 && step.step == at) throw std::runtime_error("the disk is full");
        return true;
      };
    });
  };
  for (const std::uint64_t step : {0u, 2u, 3u, 11u})  // 3 and 11 are the last ones of an epoch
    check_all(fails_at(step), "rank 1 of 3: the disk is full");
  check_all(thrown_in([](Options& own, int rank) {
              own.on_epoch = [rank](const EpochInfo&) -> bool {
                if (rank == 2) throw std::runtime_error("no room");
                return true;
              };
            }),
            "rank 2 of 3: no room");
  check_all(thrown_in([](Options& own, int rank) {
              own.augment = [rank](const BatchBuffers<double>& to, Random&) {
                if (rank == 2) to.inputs.data[0] = std::numeric_limits<double>::quiet_NaN();
              };
            }),
            "rank 2 of 3: [train] spiral: the inputs have nan");
  check_all(thrown_in([](Options& own, int rank) { own.seed = static_cast<std::uint64_t>(rank); }),
            "rank 1 of 3: [resume] the checkpoint is of another run: seed was 0, and is 1");
  check_all(thrown_in([](Options& own, int rank) { own.epochs += rank == 2; }),
            "rank 2 of 3: [ranks] rank 0 has 3 epochs");
  check_all(thrown_in([](Options& own, int rank) { own.watch = rank == 1 ? "luck" : "loss"; }),
            "rank 1 of 3: [train] watch 'luck'");
  check_all(thrown_in([](Options& own, int rank) {
              own.metrics = {Metric<double>(
                  [rank](auto, const Batch<double>& all) -> double {
                    if (rank == 1 && all.size() > 101) throw std::runtime_error("odd");
                    return 1;
                  },
                  "mine")};
            }),
            "rank 1 of 3: odd");
}

TEST_CASE("weights that differ are found at the end of the epoch") {
  const auto thrown = each_rank(3, [](const std::shared_ptr<Ranks>& ranks) {
    MLP<double> model({2, 8, 2});
    SGD<double> optimizer(model.parameters());
    Options options = usual();
    options.ranks = ranks;
    options.on_step = [&](const StepInfo<double>& step) {
      if (step.step == 6 && ranks->rank() == 2) model.parameters()[0]->edit_gradient()[0] += 1;
      return true;
    };
    fit(model, optimizer, "cross_entropy", points(), options);
  });
  for (const std::string& text : thrown)
    CHECK_MESSAGE(text.find("after epoch 2 the weights of rank 2 differ") != text.npos, text);
}

TEST_CASE("a rank that is gone is an error on the others") {
  const auto thrown = each_rank(3, [](const std::shared_ptr<Ranks>& ranks) {
    if (ranks->rank() == 1) return;
    train(ranks, usual());
  });
  CHECK(thrown[1] == "");
  for (const int r : {0, 2})
    CHECK(thrown[static_cast<std::size_t>(r)].find("rank 1 of 3 is gone") != std::string::npos);
}

TEST_CASE("running statistics of all ranks are rank 0's after an epoch") {
  std::vector<std::vector<double>> means(2);
  check_nothing_thrown(each_rank(2, [&](const std::shared_ptr<Ranks>& ranks) {
    Sequential<double> model("model");
    model.push("norm", BatchNorm1d<double>(2));
    model.push("linear", Linear<double>(2, 2, Random(1)));
    SGD<double> optimizer(model.parameters());
    Options options = usual();
    options.batch_size = 16;
    options.ranks = ranks;
    fit(model, optimizer, "cross_entropy", points(), others(), options);
    const auto& buffer = *model.contents().buffers[0].buffer;
    means[static_cast<std::size_t>(ranks->rank())].assign(buffer.begin(), buffer.end());
  }));
  CHECK(means[0] == means[1]);
  CHECK(means[0][0] != 0);
}

#include <nn/data/file_writer.hpp>
#include <nn/train/fit.hpp>
#include <nn/train/joint.hpp>
#include <nn/train/rows.hpp>
#include <nn/train/run_state.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <utility>

namespace ramp::nn {

namespace {

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

template <class T> struct Trainer<T>::State {
  State(Module<T>& its_model, Optimizer<T>& its_optimizer, Loss<T> its_loss, Source<T> train,
        const Dataset<T>* its_valid, FitOptions<T> its_options)
      : model(its_model),
        optimizer(its_optimizer),
        loss(std::move(its_loss)),
        valid(its_valid),
        options(std::move(its_options)),
        loader(std::move(train), options.batch_size, options.seed, loader_options()),
        tape(options.tape) {
    if (options.ranks) {
      const std::size_t metrics = std::max<std::size_t>(options.metrics.size(), 1);
      joint.emplace(options.ranks, model, optimizer, 1 + metrics);
    }
    together([this] { begin(); });
  }

  LoaderOptions<T> loader_options() const {
    LoaderOptions<T> all{options.shuffle, options.drop_last, options.prefetch, options.augment};
    if (options.ranks) {
      all.part = static_cast<std::size_t>(options.ranks->rank());
      all.parts = static_cast<std::size_t>(options.ranks->size());
    }
    return all;
  }

  // Whatever a rank throws, the others hear of.
  template <class F> void together(F work) try { work(); } catch (const RankError&) {
    throw;
  } catch (...) {
    if (joint) joint->fail();
    throw;
  }

  void begin() {
    const auto fail = [](const std::string& what) { throw ValueError("[train] " + what); };
    loss.check(loader.source());
    if (valid) {
      loss.check(*valid);
      if (valid->size() == 0)
        throw DataError(fmt::format("[train] {}: the set is empty", valid->name));
    }
    for (auto at = options.metrics.begin(); at != options.metrics.end(); ++at)
      if (at->name() == "loss" ||
          std::ranges::count(options.metrics, at->name(), &Metric<T>::name) > 1)
        fail(fmt::format("two scores are called '{}': give each metric a name of its own",
                         at->name()));
    if (options.metrics.empty()) {
      any_metric = true;
      options.metrics.push_back(accuracy_where_defined<T>());
    }
    if (options.patience > 0 && !valid) fail("patience needs a validation set to watch: give one");
    if (options.watch != "loss") {
      const auto at = std::ranges::find(options.metrics, options.watch, &Metric<T>::name);
      if (at == options.metrics.end())
        fail(fmt::format("watch '{}': it is neither loss nor one of the metrics", options.watch));
      if (!valid && !at->is_mean())
        fail(
            fmt::format("watch '{}': it is no mean over samples, which is all that a training set "
                        "has: give a validation set",
                        options.watch));
      sign = at->larger_is_better() ? -1 : 1;
    }
    if (!(options.plateau.factor > 0 && options.plateau.factor <= 1))
      fail(fmt::format("plateau.factor {}: it lies above 0, and at most at 1",
                       options.plateau.factor));
    restores = options.restore_best.value_or(options.patience > 0);
    if (options.keep.folder.empty() || (joint && joint->rank() > 0)) return;
    folder.emplace(options.keep.folder, options.keep.last);
    std::string passed_over;
    const auto newest = folder->newest(&passed_over);
    if (!options.keep.resume && (newest || !passed_over.empty()))
      throw FileError(
          fmt::format("{}: there are checkpoints of another run: go on with it by "
                      "keep.resume, or remove them",
                      options.keep.folder.string()));
    note(passed_over);
    if (newest) restore(*newest);
  }

  Run<T> whole() {
    if (identity.empty())
      identity = identity_of(model, optimizer, loss, loader.source(), valid, options);
    return {model, optimizer, run, identity, loader.batches(), options.metrics.size()};
  }

  void note(const std::string& text) const {
    if (!text.empty() && options.keep.note) options.keep.note(text);
  }
  void restore(const Checkpoint<T>& checkpoint) {
    std::string differs;
    const std::string more = whole().unpack(checkpoint, differs);
    seconds = 0;
    ended = false;
    new_best = !run.best_model.empty();
    note(differs);
    if (options.keep.load_more) options.keep.load_more(more);
  }

  Checkpoint<T> pack() {
    return whole().pack(options.keep.save_more ? options.keep.save_more() : std::string());
  }
  void write() {
    if (!folder) return;
    if (new_best)
      folder->write_best({run.result.epochs[run.result.best].steps, "", run.best_model});
    new_best = false;
    folder->write(pack());
    since_written = Stopwatch();
  }

  // The loss and gradients of a batch, in micro batches where that is asked for.
  double backward(const Batch<T>& batch, Var<T>& outputs, Var<T>& root) {
    const std::size_t n = batch.size(), all = loader.samples(run.batch);  // of all ranks
    const std::size_t step = options.micro_batch == 0 ? n : std::min(n, options.micro_batch);
    if (joint) joint->seed(options.seed, optimizer.steps());
    double total = 0;
    metrics_of_step.assign(options.metrics.size(), 0);
    for (std::size_t first = 0; first < n; first += step) {
      const std::size_t count = std::min(step, n - first);
      const Batch<T> part = count == n ? batch : rows_of(batch, first, count);
      const double share = static_cast<double>(count) / static_cast<double>(all);
      tape.clear();
      outputs = model(tape.borrow(part.inputs, "inputs"));
      root = loss(outputs, part);
      const auto value = static_cast<double>(root.item());
      if (options.penalty) root = root + options.penalty(tape);
      check(part, value);
      check(part, static_cast<double>(root.item()));
      if (share < 1) root = share * root;
      tape.backward(root, {.accumulate = first > 0});
      if (joint && first + count == n) joint->begin_gradients();
      total += share * value;
      for (std::size_t i = 0; i < options.metrics.size(); ++i)
        if (options.metrics[i].is_mean())
          metrics_of_step[i] +=
              options.metrics[i](outputs.view(), part) * static_cast<double>(count);
    }
    return joint ? of_all_ranks(total, n > 0) : total;
  }

  double of_all_ranks(double loss_of_part, bool begun) {
    if (!begun) {
      optimizer.zero_grad();
      joint->begin_gradients();
    }
    sums = metrics_of_step;
    sums.push_back(loss_of_part);
    joint->finish_gradients(sums);
    joint->expect_step(!joint->stops() && run.batch + 1 < loader.batches());
    std::copy_n(sums.begin(), metrics_of_step.size(), metrics_of_step.begin());
    return sums.back();
  }

  // What a callback has asked for, or what all ranks have agreed on: they stop together.
  bool goes_on(bool as_asked) {
    if (!joint) return as_asked;
    if (!as_asked) joint->wish_to_stop();
    return !joint->stops();
  }

  void check(const Batch<T>& batch, double value) const {
    if (std::isfinite(value)) return;
    const std::string& name = loader.source().name;
    check_finite(batch.inputs, "inputs", batch.rows, run.epoch, name);
    check_finite(batch.targets, "targets", batch.rows, run.epoch, name);
    throw NonFiniteError(fmt::format(
        "[train] the loss is {} in epoch {}, at step {}: lower the learning rate, now "
        "{}, set clip_norm, or look for huge inputs",
        printable(value), run.epoch + 1, optimizer.steps() + 1, optimizer.learning_rate()));
  }

  bool step(const Batch<T>& batch) {  // false: a callback wants it to stop
    Var<T> outputs, root;
    const double value = backward(batch, outputs, root);
    const double rate = optimizer.learning_rate();
    const bool go_on = goes_on(!options.on_step || options.on_step({.step = optimizer.steps(),
                                                                    .epoch = run.epoch,
                                                                    .batch_index = run.batch,
                                                                    .batches = loader.batches(),
                                                                    .batch = batch,
                                                                    .outputs = outputs,
                                                                    .loss = root,
                                                                    .loss_value = value,
                                                                    .learning_rate = rate}));
    optimizer.step();
    // Only now, so that an exception in this step leaves the epoch's sums without it.
    for (std::size_t i = 0; i < metrics_of_step.size(); ++i)
      run.metric_sums[i] += metrics_of_step[i];
    const std::size_t samples = loader.samples(run.batch);
    run.loss_sum += value * static_cast<double>(samples);
    run.samples += samples;
    run.learning_rate = rate;
    ++run.batch;
    if (folder && since_written.seconds() >= options.keep.seconds && go_on) write();
    return go_on;
  }

  bool train_epoch() {
    const Stopwatch watch;
    if (run.batch == 0) run.metric_sums.assign(options.metrics.size(), 0);
    bool go_on = true;
    if (joint) joint->expect_step(run.batch < loader.batches());
    for (const Batch<T>& batch : loader.epoch(run.epoch, run.batch))
      if (go_on = step(batch); !go_on) break;
    if (joint && go_on) {
      joint->meet();
      if (go_on = !joint->stops(); go_on) joint->compare_weights(run.epoch);
    }
    seconds += watch.seconds();
    return go_on;
  }

  void put(Scores& scores, const std::string& name, double value) const {
    if (!any_metric || !std::isnan(value)) scores[name] = value;
  }

  EpochInfo epoch_info() {
    const auto n = static_cast<double>(run.samples);
    EpochInfo epoch;
    epoch.epoch = run.epoch;
    epoch.steps = optimizer.steps();
    epoch.samples = run.samples;
    epoch.train["loss"] = run.loss_sum / n;
    for (std::size_t i = 0; i < options.metrics.size(); ++i)
      if (options.metrics[i].is_mean())
        put(epoch.train, options.metrics[i].name(), run.metric_sums[i] / n);
    epoch.learning_rate = run.learning_rate;
    epoch.seconds = std::exchange(seconds, 0);
    if (!valid) return epoch;
    const Stopwatch watch;
    EvaluateShare<T> share;
    if (joint)
      share = {joint->rank(), joint->size(), [this](std::span<T> outputs) {
                 joint->meet();
                 joint->ranks().sum(outputs);
               }};
    epoch.valid = evaluate(model, *valid, loss,
                           any_metric ? std::vector<Metric<T>>() : options.metrics, 256, share);
    epoch.valid_seconds = watch.seconds();
    if (!std::isfinite(epoch.valid["loss"])) {
      check_finite<T>(valid->inputs.view(), "inputs", {}, run.epoch, valid->name);
      check_finite<T>(valid->targets.view(), "targets", {}, run.epoch, valid->name);
    }
    return epoch;
  }

  double watched(const EpochInfo& epoch) const {  // smaller is better
    const Scores& scores = valid ? epoch.valid : epoch.train;
    const auto at = scores.find(options.watch);
    if (at == scores.end())
      throw ValueError(
          fmt::format("[train] there is no {} to watch: watch the loss", options.watch));
    return sign * at->second;
  }

  bool finish_epoch() {  // false: a callback wants it to stop
    EpochInfo epoch = epoch_info();
    const double value = watched(epoch);
    const bool first = run.result.epochs.empty();
    const auto better = [&](double than) { return first || value < than || std::isnan(than); };
    const bool best = better(run.best), kept = best && (restores || folder);
    NamedTensors<T> weights;
    if (kept) weights = weights_of(model);
    run.result.epochs.reserve(run.result.epochs.size() + 1);

    // From here on nothing throws, so that an epoch isn't counted twice.
    run.result.epochs.push_back(std::move(epoch));
    if (better(run.plateau_best)) {
      run.plateau_best = value;
      run.plateau_waited = 0;
    } else if (++run.plateau_waited >= options.plateau.patience && options.plateau.factor < 1) {
      optimizer.set_rate_factor(optimizer.rate_factor() * options.plateau.factor);
      run.plateau_waited = 0;
    }
    if (best) {
      run.best = value;
      run.result.best = run.result.epochs.size() - 1;
    }
    if (kept) {
      run.best_model = std::move(weights);
      new_best = true;
    }
    ++run.epoch;
    run.batch = 0;
    run.samples = 0;
    run.loss_sum = 0;

    const bool go_on = !options.on_epoch || options.on_epoch(run.result.epochs.back());
    const bool due = folder && options.keep.epochs > 0 && run.epoch % options.keep.epochs == 0 &&
                     since_written.seconds() >= options.keep.least_seconds;
    if (due && go_on) write();
    if (!joint) return go_on;
    goes_on(go_on);
    joint->meet();
    return !joint->stops();
  }

  void take_best() {
    if (!run.best_model.empty()) take_weights(model, run.best_model);
  }

  bool at_end() const {
    const auto& [epochs, best, stop] = run.result;
    return run.epoch >= options.epochs || (options.patience > 0 && !epochs.empty() &&
                                           epochs.size() - 1 - best >= options.patience);
  }

  void train() {
    if (ended) return;
    if (!model.training())
      model.train();  // it was loaded, say; else its parts are as they were set
    if (joint)
      joint->share([this] { return pack(); }, [this](const auto& rank_0) { restore(rank_0); },
                   fmt::format("{} epochs, patience {}", options.epochs, options.patience));
    for (bool go_on = true; go_on && !at_end();) go_on = train_epoch() && finish_epoch();
    run.result.stop = !at_end()                    ? Stop::callback
                      : run.epoch < options.epochs ? Stop::early
                                                   : Stop::finished;
    write();
    if (joint) joint->meet();
    if (at_end() && restores) take_best();
    ended = at_end();
  }

  Module<T>& model;
  Optimizer<T>& optimizer;
  Loss<T> loss;
  const Dataset<T>* valid;
  FitOptions<T> options;
  bool any_metric = false, restores = false, ended = false, new_best = false;
  double sign = 1;  // of what is watched: smaller is better
  Loader<T> loader;
  Tape<T> tape;
  std::optional<Joint<T>> joint;
  std::optional<CheckpointFolder<T>> folder;
  Identity identity;
  Stopwatch since_written;
  double seconds = 0;  // of this epoch's training so far
  std::vector<double> metrics_of_step, sums;
  RunState<T> run;
};

template <class T>
Trainer<T>::Trainer(Module<T>& model, Optimizer<T>& optimizer, Loss<T> loss, Source<T> train,
                    const Dataset<T>* valid, FitOptions<T> options)
    : state_(std::make_unique<State>(model, optimizer, std::move(loss), std::move(train), valid,
                                     std::move(options))) {}
template <class T> Trainer<T>::~Trainer() = default;

template <class T> const FitResult& Trainer<T>::run() {
  state_->together([this] { state_->train(); });
  return state_->run.result;
}
template <class T> void Trainer<T>::take_best() { state_->take_best(); }
template <class T> const FitResult& Trainer<T>::result() const { return state_->run.result; }
template <class T> Loader<T>& Trainer<T>::loader() { return state_->loader; }
template <class T> Tape<T>& Trainer<T>::tape() { return state_->tape; }
template <class T> Checkpoint<T> Trainer<T>::checkpoint() { return state_->pack(); }
template <class T> void Trainer<T>::restore(const Checkpoint<T>& checkpoint) {
  state_->restore(checkpoint);
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace ramp::nn

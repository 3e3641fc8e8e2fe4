#include "training.hpp"

#include "interruptible.hpp"
#include "kink_watch.hpp"
#include "progress.hpp"
#include "ranks.hpp"
#include "report.hpp"
#include "run_folder.hpp"
#include "unit_watch.hpp"

#include <autodiff/autodiff.hpp>
#include <autodiff/kernels/gemm.hpp>
#include <nn/joined.hpp>
#include <nn/nn.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <limits>
#include <memory>

namespace ramp::tool {

namespace {

using Json = nlohmann::ordered_json;

// --- What is trained

nn::Schedule schedule(const TrainOptions& options, std::size_t samples) {
  const std::uint64_t batches = (samples + options.batch - 1) / options.batch;
  const std::uint64_t steps = batches * options.epochs;
  const auto rising =
      static_cast<std::uint64_t>(std::llround(options.warmup * static_cast<double>(batches)));
  const std::uint64_t rest = std::max<std::uint64_t>(1, steps - rising);
  const double usual = options.optimizer == "sgd"       ? 0.1
                       : options.optimizer == "rmsprop" ? 1e-2
                                                        : 1e-3;
  const double rate = options.learning_rate.value_or(usual);
  const nn::Schedule after = options.schedule == "step"     ? nn::step_decay(rate, (rest + 2) / 3)
                             : options.schedule == "cosine" ? nn::cosine(rate, rest)
                                                            : nn::constant(rate);
  return rising > 0 ? nn::warm_up(rising, after) : after;
}

std::unique_ptr<nn::Optimizer<float>> optimizer(const TrainOptions& o, nn::Module<float>& model,
                                                std::size_t samples) {
  const nn::Schedule rate = schedule(o, samples);
  if (o.optimizer == "sgd")
    return std::make_unique<nn::SGD<float>>(
        model.parameters(), nn::SGDOptions{.learning_rate = rate,
                                           .momentum = o.momentum,
                                           .nesterov = o.nesterov,
                                           .weight_decay = o.weight_decay.value_or(0),
                                           .clip_norm = o.clip_norm});
  if (o.optimizer == "rmsprop")
    return std::make_unique<nn::RMSprop<float>>(
        model.parameters(), nn::RMSpropOptions{.learning_rate = rate,
                                               .momentum = o.momentum,
                                               .weight_decay = o.weight_decay.value_or(0),
                                               .clip_norm = o.clip_norm});
  const nn::AdamOptions adam{
      .learning_rate = rate, .weight_decay = o.weight_decay, .clip_norm = o.clip_norm};
  if (o.optimizer == "adam") return std::make_unique<nn::Adam<float>>(model.parameters(), adam);
  return std::make_unique<nn::AdamW<float>>(model.parameters(), adam);
}

std::vector<std::int64_t> layer_sizes_of(const TrainOptions& options, const Data& data) {
  std::vector<std::int64_t> sizes = parse_sizes(options.layers);
  sizes.insert(sizes.begin(), static_cast<std::int64_t>(data.train.features()));
  sizes.push_back(data.regression() ? 1 : data.train.classes);
  return sizes;
}

// A table's columns have units of their own, so the network begins by taking them off.
nn::Sequential<float> network(const TrainOptions& options, const Data& data, std::uint64_t seed) {
  const nn::MLP<float> mlp(layer_sizes_of(options, data), {.activation = options.activation,
                                                           .init = options.init,
                                                           .dropout = options.dropout,
                                                           .seed = seed});
  if (!data.encoding) return mlp;
  nn::Sequential<float> model("model");
  auto [mean, deviation] = nn::column_statistics(data.train.inputs);
  model.push("standardize", nn::Standardize<float>(std::move(mean), std::move(deviation)));
  model.push("mlp", mlp);
  return model;
}

// A number to predict is trained on without its unit, and the model that is kept puts it on again.
class Unit {
 public:
  explicit Unit(const Data& data)
      : regression_(data.regression()),
        statistics_(
            nn::column_statistics(regression_ ? data.train.targets : Tensor<float>(Shape{1, 1}))) {
    // One over it is put on the model, and is infinite for what is much smaller.
    float& deviation = statistics_.deviation[0];
    deviation = std::max(deviation, std::numeric_limits<float>::min());
  }
  void take_off(nn::Dataset<float>& data) const {
    if (!regression_) return;
    for (float& y : data.targets) y = (y - statistics_.mean[0]) / statistics_.deviation[0];
  }
  void put_on(nn::Sequential<float>& model) const {
    if (!regression_) return;
    const float mean = statistics_.mean[0], deviation = statistics_.deviation[0];
    model.push("unit", nn::Standardize<float>(Tensor<float>(Shape{1}, -mean / deviation),
                                              Tensor<float>(Shape{1}, 1 / deviation)));
  }
  std::vector<nn::Metric<float>> metrics() const {
    if (!regression_) return {};  // accuracy
    const double unit = statistics_.deviation[0];
    return {"r2", nn::Metric<float>(
                      [unit](View<const float> y, const nn::Batch<float>& all) {
                        return unit * nn::mean_absolute_error(y, all.targets);
                      },
                      "mae", false)};
  }

 private:
  bool regression_;
  nn::ColumnStatistics<float> statistics_;
};

std::vector<std::string> class_names(const nn::Dataset<float>& data) {
  if (!data.class_names.empty()) return data.class_names;
  std::vector<std::string> names;
  for (int k = 0; k < data.classes; ++k) names.push_back(std::to_string(data.first_label + k));
  return names;
}

// Records the loss of the first so many samples.
Var<float> first_loss(Tape<float>& tape, nn::Module<float>& model, const nn::Loss<float>& loss,
                      const nn::Dataset<float>& data, std::size_t batch) {
  const std::size_t n = std::min(batch, data.size());
  const auto first = [n](const Tensor<float>& all) {
    return View<const float>{all.data(),
                             all.shape().with(0, static_cast<std::uint32_t>(all.size() ? n : 0))};
  };
  const nn::EvalMode<float> mode(model);
  const nn::Batch<float> rows{first(data.inputs),
                              first(data.targets),
                              std::span(data.labels).first(data.labels.empty() ? 0 : n),
                              {},
                              data.classes};
  return loss(model(tape.borrow(rows.inputs, "inputs")), rows);
}

// The loss is looked at before each step: what the last one does to the weights shows only here.
void check_weights(nn::Module<float>& model) {
  for (const Parameter<float>* p : model.parameters()) {
    const View<const float> weights = p->value().view();
    if (const std::size_t at = first_bad(weights); at < weights.size())
      throw Failure(
          fmt::format("the last step left {} in {}, and no model is written: lower --lr, or set "
                      "--clip-norm",
                      printable(weights[at]), p->name()));
  }
}

// --- The training, with all that looks on

class Training {
 public:
  Training(const TrainOptions& options, std::shared_ptr<nn::Ranks> ranks)
      : options_(options),
        ranks_(std::move(ranks)),
        speaks_(!ranks_ || ranks_->rank() == 0),
        resumed_(!options.resume.empty()),
        folder_(speaks_ ? options.out : std::string()),
        bar_(!options.quiet && speaks_),
        silent_(options.quiet || !speaks_) {
    if (ranks_ && options.watch_kinks)
      throw Failure("--watch-kinks would count rank 0's part only: it is for one process");
    if (!resumed_) folder_.begin(options.overwrite);  // first: a mistyped folder costs no training
  }

  void run();

 private:
  void say(const std::string& line);
  nn::FitOptions<float> fit_options();
  bool on_step(const nn::StepInfo<float>& step);
  bool on_epoch(const nn::EpochInfo& epoch);
  std::string state() const;
  void set_state(const std::string& text);
  void draw_starved(nn::Module<float>& model);

  const TrainOptions& options_;
  const std::shared_ptr<nn::Ranks> ranks_;
  const bool speaks_;  // rank 0 alone does
  const bool resumed_;
  RunFolder folder_;
  ProgressBar bar_;
  bool silent_;
  Data data_;
  nn::Loss<float> loss_ = "cross_entropy";
  std::optional<Unit> unit_;
  std::optional<UnitWatch> units_;
  KinkWatch kinks_;
  std::uint64_t order_seed_ = 0;
};

void Training::say(const std::string& line) {
  if (silent_) return;
  try {
    print(line);
  } catch (const ReaderGone&) {  // the training goes on for its files
    silent_ = true;
  }
}

std::string Training::state() const {
  return Json{{"units", units_->state()}, {"kinks", kinks_.state()}}.dump();
}

void Training::set_state(const std::string& text) try {
  const auto state = nlohmann::json::parse(text);
  units_->set_state(state.at("units"));
  kinks_.set_state(state.at("kinks"));
} catch (const nlohmann::json::exception&) {
  throw nn::DataError("[resume] the checkpoint's text is damaged");
}

nn::FitOptions<float> Training::fit_options() {
  nn::FitOptions<float> fit;
  fit.epochs = options_.epochs;
  fit.batch_size = options_.batch;
  fit.seed = order_seed_;
  fit.metrics = unit_->metrics();
  fit.watch = data_.regression() ? "loss" : "accuracy";
  fit.patience = options_.patience;
  fit.tape = {.at_zero = options_.at_zero};
  fit.on_step = [this](const nn::StepInfo<float>& step) { return on_step(step); };
  if (speaks_) fit.on_epoch = [this](const nn::EpochInfo& epoch) { return on_epoch(epoch); };
  fit.ranks = ranks_;
  if (!folder_) return fit;
  fit.keep.folder = folder_.checkpoints();
  fit.keep.resume = resumed_;
  fit.keep.seconds = options_.checkpoint_seconds;
  fit.keep.save_more = [this] {
    folder_.sync();
    return state();
  };
  fit.keep.load_more = [this](const std::string& text) { set_state(text); };
  fit.keep.note = [](const std::string& text) { complain(text); };
  return fit;
}

bool Training::on_step(const nn::StepInfo<float>& step) {
  if (options_.watch_kinks) kinks_.look(step.loss.tape());
  if (bar_.due())
    bar_.draw(static_cast<double>(step.batch_index) / static_cast<double>(step.batches),
              fmt::format("epoch {}/{}", step.epoch + 1, options_.epochs),
              fmt::format("loss {:.4f}", step.loss_value));
  return Interruptible::caught() == 0;
}

bool Training::on_epoch(const nn::EpochInfo& epoch) {
  bar_.erase();
  if (!options_.no_monitor)
    for (const std::string& warning : units_->look()) complain(warning);
  const Json counted = options_.watch_kinks ? kinks_.end_epoch() : nullptr;
  folder_.add_epoch(metrics_line(epoch, units_->layers(), counted), times_line(epoch));
  say(summary_line(epoch, options_.epochs));
  return Interruptible::caught() == 0;
}

// Once more, with what died in red.
void Training::draw_starved(nn::Module<float>& model) {
  Parameter<float>* const starved = units_->starved();
  if (!starved) return;
  Tape<float> tape({.at_zero = options_.at_zero});
  const Var<float> loss = first_loss(tape, model, loss_, data_.train, options_.batch);
  const Explanation why = explain(loss, tape.parameter(*starved));
  say(why.text + '\n');
  folder_.write_graph(
      loss, {.styles = nn::dead_colors<float>(units_->layers(), loss, options_.dead_threshold),
             .highlight = why.path});
}

void Training::run() {
  const auto start = std::chrono::steady_clock::now();
  set_blas_threads(options_.threads);
  nn::Random seeds(options_.seed);
  data_ = load(options_.data, seeds);
  nn::Sequential<float> model = network(options_, data_, seeds());
  order_seed_ = seeds();
  if (data_.regression()) loss_ = "mse";
  say(fmt::format("{}; {} network of {} parameters{}\n", described(options_.data, data_),
                  nn::joined(layer_sizes_of(options_, data_), "-"), model.parameter_count(),
                  ranks_ ? fmt::format("; {} ranks", ranks_->size()) : std::string()));
  unit_.emplace(data_);
  unit_->take_off(data_.train);
  unit_->take_off(data_.test);
  units_.emplace(model, data_.train, options_.dead_threshold);
  const auto steps = optimizer(options_, model, data_.train.size());
  if (folder_) {
    Tape<float> tape({.at_zero = options_.at_zero});
    folder_.write_graph(first_loss(tape, model, loss_, data_.train, options_.batch));
  }
  if (!resumed_) {
    folder_.open();
    folder_.clear();  // last: up to here an earlier training there can be resumed
  }
  nn::Trainer<float> trainer(model, *steps, loss_, data_.train, &data_.test, fit_options());
  if (resumed_) {
    if (steps->steps() == 0) folder_.check_without_checkpoint();
    folder_.open(trainer.result().epochs.size());
  }
  folder_.write_settings(options_.arguments, false);
  if (resumed_ && trainer.result().epochs.size() < options_.epochs)
    say(fmt::format("goes on after {} steps, in epoch {}\n", steps->steps(),
                    trainer.result().epochs.size() + 1));
  if (speaks_ && !resumed_ && !options_.no_monitor && data_.train.size() > 1 &&
      nn::born_dead(model, data_.train))
    complain(
        "the network was born dead: it gives the same for every sample, and no training will "
        "change that. Try another --seed, more units a layer, fewer layers or leaky_relu");

  const Interruptible interruptible;
  const nn::FitResult& training = trainer.run();
  bar_.erase();
  if (training.stop == nn::Stop::callback) {
    if (speaks_)
      complain(fmt::format("interrupted after {} steps, {} of {} epochs{}", steps->steps(),
                           training.epochs.size(), options_.epochs,
                           folder_
                               ? fmt::format("; go on with: ramp train --resume {}", options_.out)
                               : std::string("; with --out it could be resumed")));
    const int caught = Interruptible::caught();
    throw Interrupted{caught ? caught : SIGTERM};  // another rank was told
  }
  if (!speaks_) return;
  check_weights(model);
  if (!options_.no_monitor) draw_starved(model);
  unit_->put_on(model);
  if (folder_) {
    nn::save(model, folder_.model(),
             {.classes = data_.regression() ? std::vector<std::string>() : class_names(data_.train),
              .encoding = data_.encoding,
              .sample_shape = data_.train.sample_shape});
    folder_.write_settings(options_.arguments, true);
  }
  if (options_.watch_kinks) say(kinks_.summary() + '\n');
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  say(result_lines(training, options_.patience > 0, spent.count(), folder_));
}

}  // namespace

void train(const TrainOptions& options) {
  with_ranks([&](const auto& ranks) { Training(options, ranks).run(); });
}

}  // namespace ramp::tool

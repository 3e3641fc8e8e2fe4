// `ramp train`: trains a multilayer perceptron and writes down how it went.
#include "cli.hpp"
#include "data.hpp"
#include "interruptible.hpp"
#include "kink_watch.hpp"
#include "progress.hpp"

#include <autodiff/autodiff.hpp>
#include <autodiff/kernels/gemm.hpp>
#include <nn/joined.hpp>
#include <nn/nn.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>

namespace ramp::tool {

namespace {

namespace fs = std::filesystem;

struct TrainOptions {
  DataOptions data;
  std::string layers = "256,128", activation = "relu", init = "he_uniform", schedule = "constant",
              out;
  double learning_rate = 0.1, momentum = 0, weight_decay = 0, clip_norm = 0, warmup = 0,
         at_zero = 0, dead_threshold = 0.5;
  std::uint64_t batch = 64, epochs = 10, seed = 1;
  int threads = 1;
  bool nesterov = false, quiet = false, no_monitor = false, watch_kinks = false;
};

constexpr std::array<std::string_view, 3> schedules{"constant", "step", "cosine"};

// --- The training

nn::Schedule schedule(const TrainOptions& options, std::size_t samples) {
  const std::uint64_t batches = (samples + options.batch - 1) / options.batch;
  const std::uint64_t steps = batches * options.epochs;
  const auto rising =
      static_cast<std::uint64_t>(std::llround(options.warmup * static_cast<double>(batches)));
  const std::uint64_t rest = std::max<std::uint64_t>(1, steps - rising);
  const double rate = options.learning_rate;
  const nn::Schedule after = options.schedule == "step"     ? nn::step_decay(rate, (rest + 2) / 3)
                             : options.schedule == "cosine" ? nn::cosine(rate, rest)
                                                            : nn::constant(rate);
  return rising > 0 ? nn::warm_up(rising, after) : after;
}

nn::MLP<float> network(const TrainOptions& options, const nn::Dataset<float>& data,
                       std::uint64_t seed) {
  std::vector<std::int64_t> sizes = parse_sizes(options.layers);
  sizes.insert(sizes.begin(), static_cast<std::int64_t>(data.features()));
  sizes.push_back(data.classes);
  return nn::MLP<float>(sizes, {.activation = nn::activation_named(options.activation),
                                .init = nn::init_named(options.init),
                                .seed = seed});
}

// --- What it leaves behind

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error && !fs::is_directory(folder)) error = std::make_error_code(std::errc::not_a_directory);
  if (error) throw Failure(fmt::format("--out {}: {}", folder.string(), error.message()));
}

// Records the loss of the first so many samples.
Var<float> first_loss(Tape<float>& tape, nn::Module<float>& model, const nn::Dataset<float>& data,
                      std::size_t batch) {
  const std::size_t n = std::min(batch, data.size());
  const Shape shape = data.inputs.shape().with(0, static_cast<std::uint32_t>(n));
  const Var<float> outputs = model(tape.borrow({data.inputs.data(), shape}, "inputs"));
  return nn::batch_loss(nn::Loss::cross_entropy, outputs, data.targets.view(),
                        std::span(data.labels).first(n));
}

// Returns the file to look at.
fs::path write_graph(const Var<float>& loss, const fs::path& folder, const DotOptions& look = {}) {
  const std::string dot = to_dot(loss, look);
  const fs::path text = folder / "graph.dot", picture = folder / "graph.svg";
  OutputFile(text).write(dot);
  try {
    if (draw_svg(dot, picture)) return picture;
  } catch (const Failure& failure) {  // an ill Graphviz should not keep anybody from training
    complain(failure.what());
  }
  std::error_code ignored;
  fs::remove(picture, ignored);  // of an earlier run, or half a file
  return text;
}

// Watches the units of a model in training. On a sixth of the data that costs 2 to 8 % of an epoch,
// measured with batches of 10 and 64; small sets are looked at as a whole.
class UnitWatch {
 public:
  UnitWatch(nn::Module<float>& model, const nn::Dataset<float>& data, double threshold)
      : model_(model), data_(data), threshold_(threshold) {}

  /// Looks, and gives a warning for each layer that passes the threshold, once a layer.
  std::vector<std::string> look() {
    std::vector<std::string> warnings;
    layers_ = nn::monitor_units(model_, data_,
                                {.samples = std::max<std::size_t>(1000, data_.size() / 6)});
    warned_.resize(layers_.size());
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      std::string text = nn::warning(layers_[i], threshold_);
      if (text.empty() || warned_[i]) continue;
      warned_[i] = true;
      warnings.push_back(std::move(text));
    }
    return warnings;
  }
  const std::vector<nn::UnitReport>& layers() const { return layers_; }
  /// The parameter below the first layer that passes it; null if none does.
  Parameter<float>* starved() const {
    for (const nn::UnitReport& layer : layers_)
      for (Parameter<float>* p : model_.parameters())
        if (layer.dead_share() > threshold_ &&
            layer.name == model_.name() + "/" + p->name().substr(0, p->name().find('.')))
          return p;
    return nullptr;
  }

 private:
  nn::Module<float>& model_;
  const nn::Dataset<float>& data_;
  double threshold_;
  std::vector<nn::UnitReport> layers_;
  std::vector<bool> warned_;
};

std::string metrics_line(const nn::EpochInfo& epoch, std::span<const nn::UnitReport> layers,
                         const nlohmann::ordered_json& kinks) {
  const auto or_null = [](const std::optional<double>& x) {
    return x ? nlohmann::json(*x) : nlohmann::json();
  };
  nlohmann::ordered_json line{{"epoch", epoch.epoch + 1},
                              {"loss", epoch.train_loss},
                              {"accuracy", or_null(epoch.train_accuracy)},
                              {"test_loss", or_null(epoch.test_loss)},
                              {"test_accuracy", or_null(epoch.test_accuracy)},
                              {"seconds", epoch.seconds},
                              {"learning_rate", epoch.learning_rate}};
  for (const nn::UnitReport& layer : layers)
    line["layers"].push_back({{"name", layer.name},
                              {"units", layer.units},
                              {"dead", layer.dead},
                              {"dormant", layer.dormant},
                              {"sparsity", layer.sparsity}});
  if (!kinks.is_null()) line["kinks"] = kinks;
  return line.dump() + '\n';
}

double percent(const std::optional<double>& part) { return 100 * part.value_or(std::nan("")); }

std::string summary_line(const nn::EpochInfo& epoch, std::uint64_t epochs) {
  return fmt::format(
      "epoch {}/{}  loss {:.4f}  accuracy {:.1f} %  test loss {:.4f}  test accuracy {:.1f} %  "
      "{:.2f} s\n",
      epoch.epoch + 1, epochs, epoch.train_loss, percent(epoch.train_accuracy), *epoch.test_loss,
      percent(epoch.test_accuracy), epoch.seconds + epoch.test_seconds);
}

// The last epoch is what the network is now; the best one says how far that is from luck.
std::string result_lines(const nn::TrainingResult& training, double seconds,
                         const fs::path& graph) {
  const nn::EpochInfo &best = training.epochs[training.best], &last = training.epochs.back();
  const std::size_t n = training.epochs.size();
  return fmt::format(
      "best epoch {}: test accuracy {:.2f} %\n"
      "test accuracy {:.2f} % after {} epoch{} in {:.1f} s{}\n",
      best.epoch + 1, percent(best.test_accuracy), percent(last.test_accuracy), n,
      n == 1 ? "" : "s", seconds, graph.empty() ? "" : "; graph: " + graph.string());
}

// --- The command

void train(const TrainOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  set_blas_threads(options.threads);
  const fs::path folder = options.out;
  std::optional<OutputFile> metrics;
  if (!folder.empty()) {  // first, so that a mistyped folder costs no training
    make_folder(folder);
    metrics.emplace(folder /
                    "metrics.jsonl");  // an earlier run's stays until the first epoch's end
  }

  bool silent = options.quiet;
  const auto say = [&](const std::string& line) {
    if (silent) return;
    try {
      print(line);
    } catch (const ReaderGone&) {  // the training goes on for its files
      silent = true;
    }
  };

  nn::Random seeds(options.seed);
  const nn::Split<float> data = load(options.data, seeds);
  nn::MLP<float> model = network(options, data.train, seeds());
  say(fmt::format("{}; {} network of {} parameters\n", described(options.data, data),
                  nn::joined(model.sizes(), "-"), model.parameter_count()));
  Tape<float> drawn({.at_zero = options.at_zero});
  const fs::path graph =
      folder.empty() ? fs::path()
                     : write_graph(first_loss(drawn, model, data.train, options.batch), folder);

  nn::Trainer<float> trainer(model, data.train,
                             {.sgd = {.learning_rate = schedule(options, data.train.size()),
                                      .momentum = options.momentum,
                                      .nesterov = options.nesterov,
                                      .weight_decay = options.weight_decay,
                                      .clip_norm = options.clip_norm},
                              .epochs = options.epochs,
                              .batch_size = options.batch,
                              .seed = seeds(),
                              .watch = nn::Watch::accuracy,
                              .tape = {.at_zero = options.at_zero}});
  UnitWatch units(model, data.train, options.dead_threshold);
  if (!options.no_monitor && data.train.size() > 1 && nn::born_dead(model, data.train))
    complain(
        "the network was born dead: it gives the same for every sample, and no training will "
        "change that. Try another --seed, more units a layer, fewer layers or leaky_relu");
  KinkWatch kinks;
  ProgressBar bar(!options.quiet);
  const std::size_t batches = trainer.loader().batches();
  trainer.on_step([&](const nn::StepInfo<float>& step) {
    if (options.watch_kinks) kinks.look(step.loss.tape());
    if (bar.due())
      bar.draw(static_cast<double>(step.step % batches) / static_cast<double>(batches),
               fmt::format("epoch {}/{}", step.epoch + 1, options.epochs),
               fmt::format("loss {:.4f}", step.loss_value));
    return Interruptible::caught() == 0;
  });
  trainer.on_epoch([&](const nn::EpochInfo& epoch) {
    bar.erase();
    if (!options.no_monitor)
      for (const std::string& warning : units.look()) complain(warning);
    const nlohmann::ordered_json counted = options.watch_kinks ? kinks.end_epoch() : nullptr;
    if (metrics) metrics->write(metrics_line(epoch, units.layers(), counted));
    say(summary_line(epoch, options.epochs));
    return Interruptible::caught() == 0;
  });

  const Interruptible interruptible;
  const nn::TrainingResult training = trainer.run(&data.test);
  bar.erase();
  if (const int signal = Interruptible::caught()) {
    complain(
        fmt::format("interrupted after {} of {} epochs", training.epochs.size(), options.epochs));
    throw Interrupted{signal};
  }
  if (Parameter<float>* const starved = units.starved()) {
    drawn.clear();
    const Var<float> loss = first_loss(drawn, model, data.train, options.batch);
    const Explanation why = explain(loss, drawn.parameter(*starved));
    say(why.text + '\n');
    if (!graph.empty())  // once more, with what died in red
      write_graph(loss, folder,
                  {.styles = nn::dead_colors<float>(units.layers(), loss, options.dead_threshold),
                   .highlight = why.path});
  }
  if (options.watch_kinks) say(kinks.summary() + '\n');
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  say(result_lines(training, spent.count(), graph));
}

}  // namespace

void add_train(CLI::App& app) {
  CLI::App* command = app.add_subcommand("train", "Train a network, write metrics and its graph");
  command->footer(
      "Into the folder --out go metrics.jsonl, an object for each epoch, counted from 1,\n"
      "graph.dot and, where Graphviz is installed, graph.svg; those of an earlier run stay until\n"
      "there are new ones. With --watch-kinks an object has \"kinks\": the counts of the epoch, "
      "in\n"
      "all and by scope and op, and of how many steps they are. Ctrl-C ends the training after "
      "the\n"
      "current step; once more, half a second later or more, ends it at once.\n"
      "\n"
      "Examples:\n"
      "  ramp train --out run\n"
      "  ramp train --data spiral --layers 32,32 --activation tanh --epochs 100 --out run\n"
      "  ramp train --data mnist --momentum 0.9 --nesterov --lr 0.05 --schedule cosine --warmup 1");
  const auto options = std::make_shared<TrainOptions>();
  TrainOptions& o = *options;
  add_data_options(*command, o.data);
  add(*command, "--layers", o.layers, "Sizes of the hidden layers")
      ->type_name("N,N,..")
      ->check(layer_sizes(1));
  add(*command, "--activation", o.activation,
      "After each hidden layer: " + nn::joined(nn::activation_names()))
      ->type_name("NAME")
      ->check(one_of(nn::activation_names()));
  add(*command, "--init", o.init, "How the weights start: " + nn::joined(nn::init_names()))
      ->type_name("NAME")
      ->check(one_of(nn::init_names()));
  add(*command, "--lr", o.learning_rate, "Learning rate")->check(above(0));
  add(*command, "--schedule", o.schedule,
      "Of the learning rate: constant, step (a tenth after each third of the steps) or cosine "
      "(down to 0)")
      ->type_name("NAME")
      ->check(one_of(schedules));
  add(*command, "--warmup", o.warmup, "Epochs in which the learning rate rises")
      ->check(at_least(0));
  add(*command, "--momentum", o.momentum, "From 0 to below 1")->check(from_to(0, 1));
  command->add_flag("--nesterov", o.nesterov, "Nesterov's momentum");
  add(*command, "--weight-decay", o.weight_decay, "L2 penalty")->check(at_least(0));
  add(*command, "--clip-norm", o.clip_norm, "Longest gradient; 0 for any")->check(at_least(0));
  add(*command, "--batch", o.batch, "Samples of a step")->check(whole(1, 1'000'000));
  add(*command, "--epochs", o.epochs, "Rounds through the data")->check(whole(1, 1'000'000'000));
  add(*command, "--seed", o.seed, "Of points, weights and order")->check(whole(0));
  add(*command, "--threads", o.threads, "Of OpenBLAS and oneDNN")->check(whole(1, 1024));
  add(*command, "--at-zero", o.at_zero, "The slope of relu at 0, and its like at every kink")
      ->type_name("C")
      ->check(from_to(-1e6, 1e6));
  add(*command, "--dead-threshold", o.dead_threshold,
      "Warn when more than this share of a layer's units is dead: gives 0 for every sample")
      ->check(from_to(0, 1));
  command->add_flag("--no-monitor", o.no_monitor,
                    help_text("Don't look for dead units; it costs 2 to 8 %, on sets of a thousand "
                              "samples up to half of the training"));
  command->add_flag("--watch-kinks", o.watch_kinks,
                    help_text("Count in each step the elements at a kink, or within 1e-6 of it; it "
                              "costs 0 to 12 %, most of it on tiny networks"));
  command->add_option("--out", o.out, "Folder to write to; made if it isn't there")
      ->type_name("DIR");
  command->add_flag("--quiet", o.quiet, "Print errors only");
  command->callback([options, command] {
    if (options->nesterov && options->momentum == 0)
      throw CLI::ValidationError("--nesterov", "needs a --momentum above 0");
    if (options->warmup > static_cast<double>(options->epochs))
      throw CLI::ValidationError("--warmup", "is longer than --epochs");
    check_data_options(*command, options->data);
    train(*options);
  });
}

}  // namespace ramp::tool

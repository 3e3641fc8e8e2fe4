// `ramp train`: what its command line says.
#include "cli.hpp"
#include "run_folder.hpp"
#include "training.hpp"

#include <nn/joined.hpp>
#include <nn/model/activation.hpp>
#include <nn/model/init.hpp>

#include <algorithm>
#include <array>
#include <memory>

namespace ramp::tool {

namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 3> schedules{"constant", "step", "cosine"};
constexpr std::array<std::string_view, 4> optimizers{"sgd", "adam", "adamw", "rmsprop"};

// Where a resumed run may differ from what it was begun with; and what says that it is one.
constexpr std::array<std::string_view, 4> may_differ{"--quiet", "--threads", "--resume",
                                                     "--overwrite"};

bool may_be_other(const CLI::Option& option) {
  return std::ranges::find(may_differ, option.get_name()) != may_differ.end() ||
         option.get_name() == "--help";
}

// All options with their values, defaults too: those of another version may be others. A file or a
// folder is named from the root on, so that the run can be picked up from anywhere.
std::vector<std::string> as_arguments(const CLI::App& command) {
  std::vector<std::string> all{"train"};
  for (const CLI::Option* option : command.get_options()) {
    if (may_be_other(*option)) continue;
    const bool flag = option->get_expected_max() == 0;
    std::string value = option->count() > 0 ? option->results().back() : option->get_default_str();
    if ((option->get_name() == "--out" && !value.empty()) ||
        (option->get_name() == "--data" && !is_named_set(value)))
      value = fs::absolute(value).string();
    if (flag && option->count() > 0) all.push_back(option->get_name());
    if (!flag && !value.empty()) all.push_back(option->get_name() + "=" + value);
  }
  return all;
}

void add_options(CLI::App& command, TrainOptions& o);

// The options that the run in DIR was begun with, under what the command line says now.
TrainOptions resumed(const CLI::App& command, const TrainOptions& now) {
  for (const CLI::Option* option : command.get_options())
    if (option->count() > 0 && !may_be_other(*option))
      throw CLI::ValidationError(option->get_name(),
                                 "doesn't go with --resume, which takes the settings of the run; "
                                 "--threads and --quiet do");
  std::vector<std::string> arguments = RunFolder::settings(now.resume);
  TrainOptions before;
  before.arguments = arguments;
  CLI::App app;
  add_options(*app.add_subcommand("train"), before);
  std::ranges::reverse(arguments);  // as CLI11 wants them
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    throw Failure(fmt::format("--resume {}: settings.json: {}", now.resume, error.what()));
  }
  before.out = before.resume = now.resume;
  before.quiet = now.quiet;
  before.threads = now.threads;
  return before;
}

void check(const CLI::App& command, const TrainOptions& options) {
  const auto fail = [](const char* option, const char* why) {
    throw CLI::ValidationError(option, why);
  };
  if (options.nesterov && options.momentum == 0) fail("--nesterov", "needs a --momentum above 0");
  if (options.nesterov && options.optimizer != "sgd") fail("--nesterov", "is for sgd");
  if (options.momentum > 0 && options.optimizer.starts_with("adam"))
    fail("--momentum", "is for sgd and rmsprop; Adam has a momentum of its own");
  if (options.warmup > static_cast<double>(options.epochs))
    fail("--warmup", "is longer than --epochs");
  if (options.overwrite && options.out.empty()) fail("--overwrite", "needs an --out");
  if (is_table(options.data.name) && options.data.target.empty())
    fail("--target", "is needed for a table: the column to be predicted");
  check_data_options(command, options.data);
}

}  // namespace

void add_train(CLI::App& app) {
  CLI::App* command = app.add_subcommand("train", "Train a network, write metrics and its graph");
  command->footer(
      "Into the folder --out go model.safetensors, what was trained, at the end; metrics.jsonl, "
      "an\n"
      "object for each epoch, counted from 1; times.jsonl, how long each took; graph.dot and, "
      "where\n"
      "Graphviz is installed, graph.svg; those of an earlier run stay until there are new ones. "
      "In\n"
      "checkpoints/ is the state of the training, after each epoch and every ten minutes: --resume "
      "DIR\n"
      "goes on from there, and ends with the same weights and metrics, to the bit, as if nothing "
      "had\n"
      "happened. With --watch-kinks an object has \"kinks\": the counts of the epoch, "
      "in\n"
      "all and by scope and op, and of how many steps they are. Ctrl-C ends the training after "
      "the\n"
      "current step and saves its state; once more, half a second later or more, ends it at once.\n"
      "\n"
      "Examples:\n"
      "  ramp train --out run\n"
      "  ramp train --data spiral --layers 32,32 --activation tanh --epochs 100 --out run\n"
      "  ramp train --data flowers.csv --target species --optimizer adam --out run\n"
      "  ramp train --resume run\n"
      "  ramp train --data mnist --momentum 0.9 --nesterov --lr 0.05 --schedule cosine --warmup 1");
  const auto options = std::make_shared<TrainOptions>();
  add_options(*command, *options);
  command->callback([options, command] {
    if (!options->resume.empty()) return train(resumed(*command, *options));
    check(*command, *options);
    options->arguments = as_arguments(*command);
    train(*options);
  });
}

namespace {

void add_options(CLI::App& command, TrainOptions& o) {
  add_data_options(command, o.data);
  add_kind(command, o.data.kind);
  add(command, "--layers", o.layers, "Sizes of the hidden layers")
      ->type_name("N,N,..")
      ->check(layer_sizes(1));
  add(command, "--activation", o.activation,
      "After each hidden layer: " + nn::joined(names_of(nn::activations())))
      ->type_name("NAME")
      ->check(one_of(names_of(nn::activations())));
  add(command, "--init", o.init, "How the weights start: " + nn::joined(names_of(nn::inits())))
      ->type_name("NAME")
      ->check(one_of(names_of(nn::inits())));
  add(command, "--dropout", o.dropout, "After each hidden layer: the share that is left out")
      ->check(from_to(0, 1));
  add(command, "--optimizer", o.optimizer, "sgd, adam, adamw or rmsprop")
      ->type_name("NAME")
      ->check(one_of(optimizers));
  command
      .add_option(
          "--lr", o.learning_rate,
          help_text("Learning rate; without it 0.1 for sgd, 0.001 for adam and adamw, 0.01 for "
                    "rmsprop"))
      ->check(above(0));
  add(command, "--schedule", o.schedule,
      "Of the learning rate: constant, step (a tenth after each third of the steps) or cosine "
      "(down to 0)")
      ->type_name("NAME")
      ->check(one_of(schedules));
  add(command, "--warmup", o.warmup, "Epochs in which the learning rate rises")->check(at_least(0));
  add(command, "--momentum", o.momentum, "From 0 to below 1")->check(from_to(0, 1));
  command.add_flag("--nesterov", o.nesterov, "Nesterov's momentum");
  command
      .add_option("--weight-decay", o.weight_decay,
                  help_text("L2 penalty; of adamw, what weights shrink by, times the rate; without "
                            "it 0, 0.01 for adamw"))
      ->check(at_least(0));
  add(command, "--clip-norm", o.clip_norm, "Longest gradient; 0 for any")->check(at_least(0));
  add(command, "--batch", o.batch, "Samples of a step")->check(whole(1, 1'000'000));
  add(command, "--epochs", o.epochs, "Rounds through the data")->check(whole(1, 1'000'000'000));
  add(command, "--patience", o.patience,
      "Stop after so many epochs in which the test got no better, and keep the best weights; 0: "
      "never")
      ->check(whole(0));
  add(command, "--seed", o.seed, "Of points, weights and order")->check(whole(0));
  add(command, "--threads", o.threads, "Of OpenBLAS and oneDNN")->check(whole(1, 1024));
  add(command, "--at-zero", o.at_zero, "The slope of relu at 0, and its like at every kink")
      ->type_name("C")
      ->check(from_to(-1e6, 1e6));
  add(command, "--dead-threshold", o.dead_threshold,
      "Warn when more than this share of a layer's units is dead: gives 0 for every sample")
      ->check(from_to(0, 1));
  command.add_flag("--no-monitor", o.no_monitor,
                   help_text("Don't look for dead units; it costs 2 to 8 %, on sets of a thousand "
                             "samples up to half of the training"));
  command.add_flag("--watch-kinks", o.watch_kinks,
                   help_text("Count in each step the elements at a kink, or within 1e-6 of it; it "
                             "costs 0 to 12 %, most of it on tiny networks"));
  command.add_option("--out", o.out, "Folder to write to; made if it isn't there")
      ->type_name("DIR");
  command.add_option("--resume", o.resume, "Go on with the training in this folder")
      ->type_name("DIR");
  command.add_flag("--overwrite", o.overwrite,
                   "Begin anew in a folder whose training has not ended");
  add(command, "--checkpoint-seconds", o.checkpoint_seconds,
      "Save the state after so many seconds, besides each epoch's end")
      ->check(at_least(0));
  command.add_flag("--quiet", o.quiet, "Print errors only");
}

}  // namespace

}  // namespace ramp::tool

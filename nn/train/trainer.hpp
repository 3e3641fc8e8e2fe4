// The training loop: epochs of batches, each forward, backward and a step of the optimizer. It
// prints nothing; callbacks see it work and may stop it.
#pragma once

#include <nn/data/loader.hpp>
#include <nn/model/module.hpp>
#include <nn/train/evaluate.hpp>
#include <nn/train/loss.hpp>
#include <nn/train/optimizer.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace ramp::nn {

enum class Watch { loss, accuracy };  // of the test set, for early stopping

struct TrainerOptions {
  Loss loss = Loss::cross_entropy;
  SGDOptions sgd = {};
  std::uint64_t epochs = 10;
  std::size_t batch_size = 64;
  bool drop_last = false;      // leave out a last batch that would be smaller than the others
  std::uint64_t seed = 0;      // of the batches' order
  std::uint64_t patience = 0;  // stop after so many epochs without a better test set; 0: never
  Watch watch = Watch::loss;   // what "better" looks at
  TapeOptions tape = {};
};

/// A step after backward() and before the update: parameters have their gradients, and the tape
/// still fits their values. to_dot(loss) draws it; loss.tape().backward(loss, {.retain = true})
/// keeps interior gradients for that.
template <class T> struct StepInfo {
  std::uint64_t step;   // counted from 0 over all epochs
  std::uint64_t epoch;  // from 0
  const Batch<T>& batch;
  Var<T> outputs, loss;
  double loss_value;
  double learning_rate;
};

struct EpochInfo {
  std::uint64_t epoch;    // from 0
  std::uint64_t steps;    // taken so far, in all epochs
  std::uint64_t samples;  // seen in this epoch
  double train_loss;      // mean over the samples, each as its batch came up: the weights move on
  std::optional<double> train_accuracy;            // the same way
  std::optional<double> test_loss, test_accuracy;  // at the end of the epoch, if there is a set
  double learning_rate;                            // of the epoch's last step
  double seconds;  // of training: loading, forward, backward, update
  double test_seconds;
};

enum class Stop { finished, early, callback };

struct TrainingResult {
  std::vector<EpochInfo> epochs;  // those that were completed
  std::uint64_t best = 0;         // place in `epochs` of the best test set by `watch`, or of the
                                  // lowest training loss where there is none
  Stop stop = Stop::finished;
};

/// Trains a model by SGD:
///
///     Trainer<float> trainer(model, data.train, {.sgd = {.learning_rate = 0.1}, .epochs = 10});
///     trainer.on_epoch([](const EpochInfo& e) { …; return true; });
///     const TrainingResult result = trainer.run(&data.test);
///
/// In the steady state a step of Ramp's own makes no call of the allocator; a library's matrix
/// product may. The same seeds give the same losses to the last bit, on one machine and build.
/// Model and data must outlive the trainer.
template <class T = float> class Trainer {
 public:
  using OnStep = std::function<bool(const StepInfo<T>&)>;
  using OnEpoch = std::function<bool(const EpochInfo&)>;

  /// DataError if the set doesn't suit the loss (check_loss) or is empty; ValueError for options
  /// that make no sense, and for a model without parameters.
  Trainer(Module<T>& model, const Dataset<T>& train, TrainerOptions options = {});
  Trainer(Module<T>&, Dataset<T>&&, TrainerOptions = {}) = delete;

  /// Called for each step before its update, and after each epoch. Returning false stops the
  /// training there: a step's update isn't made.
  void on_step(OnStep call) { on_step_ = std::move(call); }
  void on_epoch(OnEpoch call) { on_epoch_ = std::move(call); }

  /// Trains for options.epochs epochs; called again, it goes on with the next ones, and first of
  /// all with one that a step's callback cut short. Throws NonFiniteError when the loss of a step,
  /// or a gradient that is clipped, becomes infinite or NaN: it names the row and column where a
  /// number of the data is, else the epoch and step, counted from 1; when the loss of the test set
  /// does and the set itself has such a number; ValueError for patience without a test set, or with
  /// one that has no accuracy to watch.
  TrainingResult run(const Dataset<T>* test = nullptr);

  SGD<T>& optimizer() { return optimizer_; }
  Loader<T>& loader() { return loader_; }
  Tape<T>& tape() { return tape_; }  // of the last step
  const TrainerOptions& options() const { return options_; }

 private:
  bool step(const Batch<T>& batch, EpochInfo& epoch);
  bool train_epoch(EpochInfo& epoch);

  Module<T>& model_;
  std::string name_;  // of the training set
  TrainerOptions options_;
  Loader<T> loader_;
  Accuracy<T> accuracy_;
  SGD<T> optimizer_;
  Tape<T> tape_;
  OnStep on_step_;
  OnEpoch on_epoch_;
  std::uint64_t epoch_ = 0;  // the next one
  double loss_sum_ = 0;      // of this epoch so far
  std::optional<std::size_t> correct_;
};

}  // namespace ramp::nn

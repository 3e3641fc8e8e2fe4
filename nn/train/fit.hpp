// The training loop: epochs of batches, each forward, backward and a step of the optimizer. It
// prints nothing; callbacks see it work and may stop it.
#pragma once

#include <nn/data/loader.hpp>
#include <nn/keep/checkpoint.hpp>
#include <nn/train/evaluate.hpp>
#include <nn/train/optimizer.hpp>
#include <nn/train/ranks.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace ramp::nn {

/// A step after backward() and before the update: parameters have their gradients, and the tape
/// still fits their values. to_dot(loss) draws it; loss.tape().backward(loss, {.retain = true})
/// keeps interior gradients for that.
template <class T> struct StepInfo {
  std::uint64_t step;                // counted from 0 over all epochs
  std::uint64_t epoch;               // from 0
  std::size_t batch_index, batches;  // its place in the epoch, from 0, and how many there are
  const Batch<T>& batch;
  Var<T> outputs, loss;  // of the last micro batch
  double loss_value;     // of the whole batch
  double learning_rate;
};

struct EpochInfo {
  std::uint64_t epoch = 0;    // from 0
  std::uint64_t steps = 0;    // taken so far, in all epochs
  std::uint64_t samples = 0;  // seen in this epoch
  Scores train;  // loss and the metrics that are means over samples (Metric::is_mean), each
                 // sample's as its batch came up: the weights move on
  Scores valid;  // at the end of the epoch; empty without a validation set
  double learning_rate = 0;  // of the epoch's last step
  double seconds = 0;  // of training: loading, forward, backward, update. Not kept in checkpoints
  double valid_seconds = 0;
};

enum class Stop { finished, early, callback };

struct FitResult {
  std::vector<EpochInfo>
      epochs;            // those that were completed, also before a resumed run's beginning
  std::size_t best = 0;  // place in `epochs` of the best by FitOptions::watch
  Stop stop = Stop::finished;
};

/// Multiplies the learning rate by `factor` after `patience` epochs without a better one; a factor
/// of 1 never does.
struct Plateau {
  double factor = 1;
  std::uint64_t patience = 5;
};

/// Where a training keeps its state, so that it can be picked up again. A resumed run ends with the
/// weights, to the bit, of one that was never interrupted, on the same build and number of threads.
/// FileError for a folder that can't be written to or is in use, and for one with checkpoints where
/// `resume` isn't set; DataError as Trainer::restore() has it.
struct KeepOptions {
  std::filesystem::path folder = {};  // empty: nothing is kept
  bool resume = false;                // go on from the newest checkpoint there, if there is one
  double seconds = 600;               // write one after so many seconds, at a step's end
  std::uint64_t epochs =
      1;  // and after so many epochs; 0: by time only. At the end and on a stop, too
  double least_seconds = 1;   // but at an epoch's end only if so many have passed since the last
  std::size_t last = 2;       // how many stay, besides the best
  std::string settings = {};  // whatever else has to be the same when it is resumed
  /// What callbacks have to remember: written into the checkpoint, and given back on resuming.
  std::function<std::string()> save_more = {};
  std::function<void(const std::string&)> load_more = {};
  /// Is told what a resumed run should know: a damaged checkpoint passed over, another build.
  std::function<void(const std::string&)> note = {};
};

template <class T = float> struct FitOptions {
  std::uint64_t epochs = 10;    // in all
  std::size_t batch_size = 64;  // samples of a step
  std::size_t micro_batch = 0;  // so many at a time, their gradients added up as those of means
                                // over samples are; 0: the whole batch
  bool shuffle = true;
  bool drop_last = false;   // leave out a last batch that would be smaller than the others
  bool prefetch = false;    // load batches on a thread of their own
  Augment<T> augment = {};  // changes samples as they are loaded
  std::uint64_t seed = 0;   // of the batches' order and of what augments them
  std::vector<Metric<T>> metrics = {};  // none: accuracy, where it is defined
  std::string watch = "loss";  // what "best" is: of the validation set, without one of the training
  std::uint64_t patience = 0;  // stop after so many epochs without a better one; 0: never
  std::optional<bool> restore_best =
      {};  // end with the best epoch's weights; by default if patient
  Plateau plateau = {};
  /// Added to each step's loss, but not to the losses that are reported: L1 on weights, say.
  std::function<Var<T>(Tape<T>& tape)> penalty = {};
  /// Called for each step before its update, and after each epoch. Returning false stops the
  /// training when this step, or epoch, is done.
  std::function<bool(const StepInfo<T>&)> on_step = {};
  std::function<bool(const EpochInfo&)> on_epoch = {};
  KeepOptions keep = {};
  TapeOptions tape = {};
  /// One of several that train together, all with the same model, data and options (docs/ranks.md):
  /// each has its part of every batch, whose size stays that of the whole. Null: alone. Rank 0
  /// alone keeps checkpoints, and its weights are what all begin with. Callbacks are called on each
  /// rank, with its part of the batch, which may be empty: then there are no outputs and no loss.
  /// Where one of them returns false, all ranks stop, at the end of the next step.
  std::shared_ptr<Ranks> ranks = {};
};

/// What fit() runs, for those who look in between, or stop and go on. In the steady state a step of
/// Ramp's own makes no call of the allocator, but for the gradients of micro batches; a library's
/// matrix product may. The same seeds give the same numbers to the last bit, on one machine and
/// build. Model, optimizer and data must outlive it.
template <class T = float> class Trainer {
 public:
  /// DataError if a set doesn't suit the loss (Loss::check) or is empty; ValueError for options
  /// that make no sense.
  Trainer(Module<T>& model, Optimizer<T>& optimizer, Loss<T> loss, Source<T> train,
          const Dataset<T>* valid = nullptr, FitOptions<T> options = {});
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  /// Trains from where it stands to the end of options.epochs. After a callback has stopped it, in
  /// the middle of an epoch, too, it goes on with the next batch when it is called again. Throws
  /// NonFiniteError when the loss of a step, or a gradient that is clipped, becomes infinite or
  /// NaN: it names the row and column where a number of the data is, else the epoch and step,
  /// counted from 1; when the loss of the validation set does and the set itself has such a number.
  /// With ranks, whatever is thrown on one of them is a RankError on all, which says what and
  /// where.
  const FitResult& run();

  const FitResult& result() const;  // so far
  /// Gives the model the weights of the best epoch so far, where they were kept (restore_best).
  void take_best();
  Loader<T>& loader();
  Tape<T>& tape();  // of the last step

  /// All there is to know to go on, as KeepOptions has it written: to be taken between runs, or
  /// from on_epoch. It reads the training set once, to tell it from others. restore() throws
  /// DataError for a checkpoint of another model, optimizer, data set or configuration, and says
  /// what differs; this trainer then stays as it was. Epochs and patience may differ.
  Checkpoint<T> checkpoint();
  void restore(const Checkpoint<T>& checkpoint);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Trains a model, in training mode: one in eval() mode is put there, whole; in another, parts that
/// were put in eval() mode stay in it.
///
///     MLP<float> model({784, 128, 10});
///     Adam<float> optimizer(model.parameters());
///     const FitResult result = fit(model, optimizer, "cross_entropy", data.train, data.test,
///                                  {.epochs = 10});
///
/// Throws what Trainer's constructor and run() throw.
template <class T>
FitResult fit(Module<T>& model, Optimizer<T>& optimizer, std::type_identity_t<Loss<T>> loss,
              std::type_identity_t<Source<T>> train, const std::type_identity_t<Dataset<T>>& valid,
              std::type_identity_t<FitOptions<T>> options = {}) {
  return Trainer<T>(model, optimizer, std::move(loss), std::move(train), &valid, std::move(options))
      .run();
}
template <class T> FitResult fit(Module<T>& model, Optimizer<T>& optimizer,
                                 std::type_identity_t<Loss<T>> loss,
                                 std::type_identity_t<Source<T>> train,
                                 std::type_identity_t<FitOptions<T>> options = {}) {
  return Trainer<T>(model, optimizer, std::move(loss), std::move(train), nullptr,
                    std::move(options))
      .run();
}

}  // namespace ramp::nn

#include <nn/train/trainer.hpp>

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <string>

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

// Why a loss may not be finite: a number of the data isn't. `rows` says where its rows stand in the
// set; without it they are the set's own.
template <class T> void check_finite(View<const T> data, const char* what,
                                     std::span<const std::uint32_t> rows, std::uint64_t epoch,
                                     const std::string& name) {
  const std::size_t at = first_bad(data);
  if (at == data.size()) return;
  const std::size_t width = data.shape[1], row = at / width;
  throw NonFiniteError(fmt::format(
      "[train] {}: the {} have {} in row {}, column {}, seen in epoch {}: rows and columns count "
      "from 0; leave the row out, or put a number there",
      name, what, printable(data[at]), rows.empty() ? row : rows[row], at % width, epoch + 1));
}

template <class T> const Dataset<T>& checked(Loss loss, const Dataset<T>& data) {
  check_loss(loss, data);
  return data;
}

}  // namespace

template <class T>
Trainer<T>::Trainer(Module<T>& model, const Dataset<T>& train, TrainerOptions options)
    : model_(model),
      name_(train.name),
      options_(std::move(options)),
      loader_(checked(options_.loss, train), options_.batch_size, options_.seed,
              {.shuffle = true, .drop_last = options_.drop_last}),
      accuracy_(options_.loss, train),
      optimizer_(model.parameters(), options_.sgd),
      tape_(options_.tape) {}

template <class T> bool Trainer<T>::step(const Batch<T>& batch, EpochInfo& epoch) {
  tape_.clear();
  const Var<T> outputs = model_(tape_.borrow(batch.inputs, "inputs"));
  const Var<T> loss = batch_loss(options_.loss, outputs, batch.targets, batch.labels);
  const double value = loss.item();
  const double rate = optimizer_.learning_rate();
  if (!std::isfinite(value)) {
    check_finite(batch.inputs, "inputs", batch.rows, epoch.epoch, name_);
    check_finite(batch.targets, "targets", batch.rows, epoch.epoch, name_);
    throw NonFiniteError(
        fmt::format("[train] the loss is {} in epoch {}, at step {}: lower the learning rate, now "
                    "{}, set clip_norm, or look for huge inputs",
                    printable(value), epoch.epoch + 1, optimizer_.steps() + 1, rate));
  }
  tape_.backward(loss);
  if (on_step_ && !on_step_({.step = optimizer_.steps(),
                             .epoch = epoch.epoch,
                             .batch = batch,
                             .outputs = outputs,
                             .loss = loss,
                             .loss_value = value,
                             .learning_rate = rate}))
    return false;
  const auto right = accuracy_.correct(outputs.view(), batch.labels);
  correct_ = correct_ && right ? std::optional(*correct_ + *right) : std::nullopt;
  loss_sum_ += value * static_cast<double>(batch.size());
  epoch.samples += batch.size();
  epoch.learning_rate = rate;
  optimizer_.step();
  return true;
}

template <class T> bool Trainer<T>::train_epoch(EpochInfo& epoch) {
  loss_sum_ = 0;
  correct_ = 0;
  const Stopwatch watch;
  for (const Batch<T>& batch : loader_.epoch(epoch.epoch))
    if (!step(batch, epoch)) return false;
  epoch.seconds = watch.seconds();
  epoch.steps = optimizer_.steps();
  epoch.train_loss = loss_sum_ / static_cast<double>(epoch.samples);
  if (correct_)
    epoch.train_accuracy = static_cast<double>(*correct_) / static_cast<double>(epoch.samples);
  return true;
}

template <class T> TrainingResult Trainer<T>::run(const Dataset<T>* test) {
  if (test) check_loss(options_.loss, *test);
  if (options_.patience > 0 && !test)
    throw ValueError("[train] patience needs a test set to watch: give run() one");
  TrainingResult training;
  double best = 0;
  for (std::uint64_t i = 0; i < options_.epochs; ++i, ++epoch_) {
    EpochInfo epoch{};
    epoch.epoch = epoch_;
    if (!train_epoch(epoch)) {
      training.stop = Stop::callback;
      return training;
    }
    if (test) {
      const Stopwatch watch;
      const Evaluation found = evaluate(model_, *test, options_.loss);
      epoch.test_seconds = watch.seconds();
      epoch.test_loss = found.loss;
      epoch.test_accuracy = found.accuracy;
      if (!std::isfinite(found.loss)) {
        check_finite<T>(test->inputs.view(), "inputs", {}, epoch_, test->name);
        check_finite<T>(test->targets.view(), "targets", {}, epoch_, test->name);
      }
    }
    if (test && options_.watch == Watch::accuracy && !epoch.test_accuracy)
      throw ValueError("[train] this test set has no accuracy to watch: watch its loss");
    const double measure = !test                               ? epoch.train_loss
                           : options_.watch == Watch::accuracy ? -*epoch.test_accuracy
                                                               : *epoch.test_loss;
    training.epochs.push_back(epoch);
    if (i == 0 || measure < best || std::isnan(best)) {
      best = measure;
      training.best = i;
    }
    const bool go_on = !on_epoch_ || on_epoch_(epoch);
    if (!go_on || (options_.patience > 0 && i - training.best >= options_.patience)) {
      training.stop = go_on ? Stop::early : Stop::callback;
      ++epoch_;
      return training;
    }
  }
  return training;
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace ramp::nn

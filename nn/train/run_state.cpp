#include <autodiff/kernels/gemm.hpp>
#include <nn/keep/model_file.hpp>
#include <nn/train/run_state.hpp>

#include <fmt/format.h>
#include <zlib.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <set>

namespace ramp::nn {

namespace {

using Json = nlohmann::ordered_json;

// JSON has no infinity and no NaN. What is finite keeps its last bit.
Json number(double x) { return std::isfinite(x) ? Json(x) : Json(fmt::format("{}", x)); }
double to_number(const Json& x) {
  return x.is_string() ? std::strtod(x.get_ref<const std::string&>().c_str(), nullptr)
                       : x.get<double>();
}

Json numbers(const Scores& scores) {
  Json all = Json::object();
  for (const auto& [name, value] : scores) all[name] = number(value);
  return all;
}
Scores to_scores(const Json& all) {
  Scores scores;
  for (const auto& [name, value] : all.items()) scores[name] = to_number(value);
  return scores;
}

Json in_json(const FitResult& result) {
  Json epochs = Json::array();
  for (const EpochInfo& e : result.epochs)
    epochs.push_back({{"epoch", e.epoch},
                      {"steps", e.steps},
                      {"samples", e.samples},
                      {"train", numbers(e.train)},
                      {"valid", numbers(e.valid)},
                      {"learning_rate", number(e.learning_rate)}});
  return {{"best", result.best}, {"stop", static_cast<int>(result.stop)}, {"epochs", epochs}};
}
FitResult to_result(const Json& json) {
  FitResult result{{}, json.at("best"), static_cast<Stop>(json.at("stop").get<int>())};
  for (const Json& e : json.at("epochs"))
    result.epochs.push_back({e.at("epoch"), e.at("steps"), e.at("samples"),
                             to_scores(e.at("train")), to_scores(e.at("valid")),
                             to_number(e.at("learning_rate"))});
  return result;
}

[[noreturn]] void differs(const std::string& what) {
  throw DataError("[resume] the checkpoint is of another run: " + what);
}

// All tensors of a training, by name, in one order.
template <class T>
std::vector<std::pair<std::string, Tensor<T>*>> tensors(Module<T>& model, Optimizer<T>& optimizer) {
  std::vector<std::pair<std::string, Tensor<T>*>> all;
  for (const auto& [name, buffer] : model.contents().buffers)
    all.emplace_back("buffer/" + name, buffer);
  for (const auto& [name, slot] : optimizer.slots()) all.emplace_back("slot/" + name, slot);
  return all;
}

std::string this_build() {
  return fmt::format("{}, {} threads of the matrix library", __VERSION__, blas_threads());
}

// The schedule's rate of the last step that was taken: it has been asked for that one already.
template <class T> double last_rate(const Optimizer<T>& optimizer, std::uint64_t steps) {
  return optimizer.options().learning_rate(std::max<std::uint64_t>(steps, 1) - 1);
}

// CRC-32 of all samples, their number and form.
template <class T> std::string fingerprint(const Source<T>& source) {
  constexpr std::size_t rows_at_a_time = 256;
  const std::size_t room = std::min(rows_at_a_time, source.size);
  Tensor<T> inputs(Shape{room, source.features}), targets(Shape{room, source.outputs});
  std::vector<std::int32_t> labels(source.classes > 0 ? room : 0);
  std::vector<std::uint32_t> rows(room);
  uLong sum = crc32(0, nullptr, 0);
  const auto add = [&](const void* data, std::size_t bytes) {
    sum = crc32_z(sum, static_cast<const Bytef*>(data), bytes);
  };
  for (std::size_t first = 0; first < source.size; first += room) {
    const std::size_t n = std::min(room, source.size - first);
    rows.resize(n);
    std::iota(rows.begin(), rows.end(), static_cast<std::uint32_t>(first));
    const auto part = [n](Tensor<T>& x) {
      return View<T>{x.data(), x.shape().with(0, static_cast<std::uint32_t>(n))};
    };
    source.fill(rows, {part(inputs), source.outputs > 0 ? part(targets) : targets.view(),
                       std::span(labels).first(labels.empty() ? 0 : n)});
    add(inputs.data(), n * source.features * sizeof(T));
    add(targets.data(), n * source.outputs * sizeof(T));
    add(labels.data(), labels.empty() ? 0 : n * sizeof(std::int32_t));
  }
  return fmt::format("{} x {} -> {}/{}, {:08x}", source.size, source.features, source.outputs,
                     source.classes, sum);
}

}  // namespace

template <class T> NamedTensors<T> weights_of(Module<T>& model) {
  const Members<T> all = model.contents();
  NamedTensors<T> weights;
  for (const auto& entry : all.parameters)
    weights.emplace_back(entry.name, std::as_const(*entry.parameter).value());
  for (const auto& entry : all.buffers) weights.emplace_back(entry.name, *entry.buffer);
  return weights;
}

template <class T> void take_weights(Module<T>& model, const NamedTensors<T>& weights) {
  const Members<T> all = model.contents();
  auto from = weights.begin();
  for (const auto& entry : all.parameters)
    std::ranges::copy((from++)->second, entry.parameter->edit().begin());
  for (const auto& entry : all.buffers) *entry.buffer = (from++)->second;
}

template <class T> Identity identity_of(Module<T>& model, const Optimizer<T>& optimizer,
                                        const Loss<T>& loss, const Source<T>& train,
                                        const Dataset<T>* valid, const FitOptions<T>& options) {
  const OptimizerOptions& o = optimizer.options();
  const auto yes = [](bool is_there) { return is_there ? "given" : "none"; };
  const auto text = [](const auto& x) { return fmt::format("{}", x); };
  std::string metrics;
  for (const Metric<T>& metric : options.metrics) metrics += metric.name() + ' ';
  Identity all{
      {"settings", options.keep.settings},
      {"numbers", sizeof(T) == 4 ? "float" : "double"},
      {"the model", architecture(model)},
      {"the optimizer", optimizer.kind()},
      {"weight_decay", text(o.weight_decay)},
      {"clip_norm", text(o.clip_norm)},
      {"clip_value", text(o.clip_value)},
      {"the loss", loss.name()},
      {"penalty", yes(bool(options.penalty))},
      {"metrics", metrics},
      {"batch_size", text(options.batch_size)},
      {"micro_batch", text(options.micro_batch)},
      {"seed", text(options.seed)},
      {"shuffle", text(options.shuffle)},
      {"drop_last", text(options.drop_last)},
      {"augment", yes(bool(options.augment))},
      {"watch", options.watch},
      {"plateau", fmt::format("{} after {}", options.plateau.factor, options.plateau.patience)},
      {"restore_best", options.restore_best ? text(*options.restore_best) : "by patience"},
      {"at_zero", text(options.tape.at_zero)},
      {"the training set", fingerprint(train)},
      {"the validation set", valid ? fingerprint<T>(*valid) : "none"}};
  for (const auto& [name, value] : optimizer.settings()) all.emplace_back(name, text(value));
  std::string& groups = all.emplace_back("the groups", "").second;
  for (const auto& own : optimizer.own())
    groups += fmt::format("{} {}, ", own.rate, own.weight_decay);
  return all;
}

template <class T> Checkpoint<T> Run<T>::pack(const std::string& more) const {
  Json json{{"format", 2}, {"build", this_build()}, {"more", more}};
  Json& same = json["same"] = Json::object();
  for (const auto& [name, value] : identity) same[name] = value;
  json["state"] = {{"epoch", state.epoch},
                   {"batch", state.batch},
                   {"samples", state.samples},
                   {"loss_sum", number(state.loss_sum)},
                   {"learning_rate", number(state.learning_rate)},
                   {"metric_sums", Json::array()},
                   {"best", number(state.best)},
                   {"plateau_best", number(state.plateau_best)},
                   {"plateau_waited", state.plateau_waited},
                   {"result", in_json(state.result)}};
  for (const double sum : state.metric_sums) json["state"]["metric_sums"].push_back(number(sum));
  const auto counted = optimizer.counters();
  json["optimizer"] = {{"steps", counted.steps},
                       {"last_rate", number(last_rate(optimizer, counted.steps))},
                       {"rate_factor", number(counted.rate_factor)},
                       {"of_parameters", counted.of_parameters}};
  Json& generators = json["generators"] = Json::object();
  Members<T> all = model.contents();
  for (const auto& [name, generator] : all.generators)
    generators[name] = std::to_string(generator->state());
  Json& frozen = json["frozen"] = Json::array();
  for (const auto& entry : all.parameters)
    if (entry.parameter->frozen()) frozen.push_back(entry.name);

  Checkpoint<T> checkpoint{counted.steps, json.dump(), {}};
  for (const auto& entry : all.parameters)
    checkpoint.tensors.emplace_back("parameter/" + entry.name, entry.parameter->value());
  for (const auto& [name, tensor] : tensors(model, optimizer))
    checkpoint.tensors.emplace_back(name, *tensor);
  for (const auto& [name, tensor] : state.best_model)
    checkpoint.tensors.emplace_back("best/" + name, tensor);
  return checkpoint;
}

template <class T>
std::string Run<T>::unpack(const Checkpoint<T>& checkpoint, std::string& note) const try {
  const Json json = Json::parse(checkpoint.text);
  if (json.at("format") != 2) differs("it was written by another version of this library");
  const Json& same = json.at("same");
  const auto compare = [](const std::string& name, const std::string& before,
                          const std::string& now) {
    if (before != now) differs(fmt::format("{} was {}, and is {}", name, before, now));
  };
  for (const auto& [name, value] : identity) compare(name, same.at(name), value);
  if (const std::string before = json.at("build"); before != this_build())
    note = fmt::format("the checkpoint was written by {}, this is {}: last bits may differ", before,
                       this_build());

  const auto stored = [&](const std::string& name) -> const Tensor<T>* {
    const auto at = std::ranges::find(checkpoint.tensors, name, [](auto& x) { return x.first; });
    return at == checkpoint.tensors.end() ? nullptr : &at->second;
  };
  std::size_t used = 0;
  const auto fitting = [&](const std::string& name, const Shape& shape) -> const Tensor<T>& {
    const Tensor<T>* const tensor = stored(name);
    if (!tensor) differs(fmt::format("it has no {}", name));
    compare(name, to_string(tensor->shape()), to_string(shape));
    ++used;
    return *tensor;
  };
  Members<T> all = model.contents();
  std::vector<std::pair<View<T>, const Tensor<T>*>> copies;  // made when all has been looked at
  for (const auto& entry : all.parameters)
    fitting("parameter/" + entry.name, entry.parameter->shape());
  for (const auto& [name, tensor] : tensors(model, optimizer))
    copies.emplace_back(tensor->view(), &fitting(name, tensor->shape()));
  const Json& states = json.at("generators");
  compare("the number of generators", std::to_string(states.size()),
          std::to_string(all.generators.size()));
  std::vector<std::uint64_t> generators;
  for (const auto& [name, generator] : all.generators) {
    if (!states.contains(name)) differs(fmt::format("it has no generator {}", name));
    generators.push_back(std::stoull(states.at(name).template get<std::string>()));
  }

  RunState<T> read;
  const Json& s = json.at("state");
  read.epoch = s.at("epoch");
  read.batch = s.at("batch");
  read.samples = s.at("samples");
  read.loss_sum = to_number(s.at("loss_sum"));
  read.learning_rate = to_number(s.at("learning_rate"));
  for (const Json& sum : s.at("metric_sums")) read.metric_sums.push_back(to_number(sum));
  read.best = to_number(s.at("best"));
  read.plateau_best = to_number(s.at("plateau_best"));
  read.plateau_waited = s.at("plateau_waited");
  read.result = to_result(s.at("result"));
  // The trainer goes on from them unseen.
  const std::size_t epochs = read.result.epochs.size();
  if (read.epoch != epochs || read.result.best >= std::max<std::size_t>(epochs, 1) ||
      read.batch > batches || (read.batch > 0 && read.metric_sums.size() != metrics))
    throw DataError("[resume] the checkpoint's text is damaged: its counts don't go together");
  const auto add_best = [&](const std::string& name, const Shape& shape) {
    read.best_model.emplace_back(name, fitting("best/" + name, shape));
  };
  const auto of_best = [](auto& x) { return x.first.starts_with("best/"); };
  if (std::ranges::any_of(checkpoint.tensors, of_best)) {
    for (const auto& entry : all.parameters) add_best(entry.name, entry.parameter->shape());
    for (const auto& entry : all.buffers) add_best(entry.name, entry.buffer->shape());
  }
  compare("the number of tensors", std::to_string(checkpoint.tensors.size()), std::to_string(used));
  const Json& o = json.at("optimizer");
  const typename Optimizer<T>::Counters counted{o.at("steps"), to_number(o.at("rate_factor")),
                                                o.at("of_parameters")};
  compare("the number of the optimizer's parameters", std::to_string(counted.of_parameters.size()),
          std::to_string(optimizer.parameters().size()));
  compare("the learning rate", fmt::format("{}", to_number(o.at("last_rate"))),
          fmt::format("{}", last_rate(optimizer, counted.steps)));
  const std::string more = json.at("more");
  const auto frozen = json.at("frozen").template get<std::set<std::string>>();
  optimizer.set_counters(counted);

  for (const auto& entry : all.parameters) {
    const Tensor<T>& value = *stored("parameter/" + entry.name);
    std::ranges::copy(value, entry.parameter->edit().begin());
    entry.parameter->zero_grad();
    entry.parameter->freeze(frozen.contains(entry.name));
  }
  for (const auto& [to, from] : copies) std::ranges::copy(*from, to.begin());
  for (std::size_t i = 0; i < generators.size(); ++i)
    *all.generators[i].generator = Random(generators[i]);
  state = std::move(read);
  return more;
} catch (const nlohmann::json::exception& error) {
  throw DataError(fmt::format("[resume] the checkpoint's text is damaged: {}", error.what()));
} catch (const std::logic_error& error) {  // a generator's state that is no number
  throw DataError(fmt::format("[resume] the checkpoint's text is damaged: {}", error.what()));
}

#define RAMP_RUN(T)                                                                                \
  template NamedTensors<T> weights_of(Module<T>&);                                                 \
  template void take_weights(Module<T>&, const NamedTensors<T>&);                                  \
  template Identity identity_of(Module<T>&, const Optimizer<T>&, const Loss<T>&, const Source<T>&, \
                                const Dataset<T>*, const FitOptions<T>&);                          \
  template struct Run<T>;
RAMP_RUN(float)
RAMP_RUN(double)
#undef RAMP_RUN

}  // namespace ramp::nn

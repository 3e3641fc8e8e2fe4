#include <nn/train/joint.hpp>

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <exception>
#include <sstream>

namespace ramp::nn {

namespace {

// So much is copied while what came before is on its way. Smaller ones cost latency.
constexpr std::size_t bucket = std::size_t{1} << 18;
constexpr std::size_t places = 2;  // of the header, before the sums

// CRC-32 of all weights.
template <class T> double checksum(const std::vector<Parameter<T>*>& parameters) {
  uLong sum = crc32(0, nullptr, 0);
  for (const Parameter<T>* p : parameters)
    sum = crc32_z(sum, reinterpret_cast<const Bytef*>(p->value().data()),
                  p->value().size() * sizeof(T));
  return static_cast<double>(sum);
}

std::string text_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "it was stopped by an exception without a text";
  }
}

}  // namespace

template <class T> Joint<T>::Joint(std::shared_ptr<Ranks> ranks, Module<T>& model,
                                   Optimizer<T>& optimizer, std::size_t sums)
    : ranks_(std::move(ranks)), model_(model), parameters_(optimizer.parameters()), sums_(sums) {
  std::size_t n = 0;
  for (const Parameter<T>* p : parameters_) n += p->value().size();
  gradients_.resize(n);
  for (const auto& entry : model_.contents().generators) generators_.push_back(entry.generator);
}

template <class T> void Joint<T>::broadcast_text(std::string& text, int from) {
  std::array<std::uint64_t, 1> length{text.size()};
  broadcast(length, from);
  text.resize(length[0]);
  broadcast(text, from);
}

template <class T> void Joint<T>::share(const std::function<Checkpoint<T>()>& pack,
                                        const std::function<void(const Checkpoint<T>&)>& restore,
                                        const std::string& also) {
  Checkpoint<T> all;
  std::string names, same = also;
  if (rank() == 0) {
    all = pack();
    for (const auto& [name, tensor] : all.tensors) {
      names += fmt::format("{}\n{}", name, tensor.shape().rank());
      for (int axis = 0; axis < tensor.shape().rank(); ++axis)
        names += fmt::format(" {}", tensor.shape()[axis]);
      names += '\n';
    }
  }
  meet();  // whoever has failed so far says so here
  for (std::string* text : {&all.text, &names, &same}) broadcast_text(*text, 0);
  std::array<std::uint64_t, 1> step{all.step};
  broadcast(step);
  all.step = step[0];
  if (rank() > 0) {
    std::istringstream lines(names);
    int axes = 0;
    for (std::string name, rest; std::getline(lines, name);) {
      lines >> axes;
      std::vector<std::int64_t> sizes(static_cast<std::size_t>(axes));
      for (auto& size : sizes) lines >> size;
      std::getline(lines, rest);
      all.tensors.emplace_back(name, Tensor<T>(Shape(sizes)));
    }
  }
  for (auto& [name, tensor] : all.tensors) {
    const View<T> view = tensor.view();
    ranks_->broadcast(std::as_writable_bytes(std::span(view.data, view.size())));
  }
  if (rank() == 0) return meet();
  if (same != also)
    throw DataError(fmt::format("[ranks] rank 0 has {}, this one {}: start all alike", same, also));
  restore(all);
  meet();
}

template <class T> void Joint<T>::seed(std::uint64_t seed, std::uint64_t step) {
  if (rank() == 0) return;
  const Random own = Random(seed).stream(~step).stream(rank());
  for (std::size_t i = 0; i < generators_.size(); ++i) *generators_[i] = own.stream(i);
}

template <class T> void Joint<T>::begin_gradients() {
  begun_ = true;
  const std::span<T> all = gradients_;
  std::size_t at = 0, sent = 0;
  const auto send_to = [&](std::size_t end) {
    ranks_->begin_sum(all.subspan(sent, end - sent));
    sent = end;
  };
  for (const Parameter<T>* p : parameters_) {
    const auto to = all.begin() + static_cast<std::ptrdiff_t>(at);
    if (p->has_gradient())
      std::ranges::copy(p->gradient(), to);
    else
      std::fill_n(to, p->gradient().size(), T(0));
    at += p->gradient().size();
    if (at - sent >= bucket) send_to(at);
  }
  if (at > sent) send_to(at);
}

template <class T> void Joint<T>::finish_gradients(std::span<double> sums) {
  header_.assign(places + sums.size() + parameters_.size(), 0);
  const auto own = std::span(header_).subspan(places, sums.size()),
             has = std::span(header_).subspan(places + sums.size());
  std::ranges::copy(sums, own.begin());
  for (std::size_t i = 0; i < has.size(); ++i) has[i] = parameters_[i]->has_gradient();
  agree(header_);
  begun_ = false;
  std::ranges::copy(own, sums.begin());
  auto from = gradients_.begin();
  for (std::size_t i = 0; i < has.size(); ++i) {
    const auto n = static_cast<std::ptrdiff_t>(parameters_[i]->gradient().size());
    if (has[i] > 0) std::copy_n(from, n, parameters_[i]->edit_gradient().begin());
    from += n;
  }
}

template <class T> void Joint<T>::meet() {
  std::array<double, places> header{};
  agree(header);
}

template <class T> void Joint<T>::agree(std::span<double> header) {
  header[0] = failure_.has_value();
  header[1] = wish_;
  ranks_->begin_sum(header);
  ranks_->wait();
  stops_ = header[1] > 0;
  if (stops_) wish_ = false;
  if (header[0] == 0) return;
  std::vector<double> failed(size());
  failed[rank()] = failure_.has_value();
  ranks_->sum(std::span(failed));
  const auto who = static_cast<int>(std::ranges::find_if(failed, [](double x) { return x > 0; }) -
                                    failed.begin());
  std::string text = failure_.value_or("");
  broadcast_text(text, who);
  failure_.reset();
  begun_ = step_next_ = false;
  throw RankError(fmt::format("rank {} of {}: {}", who, size(), text));
}

template <class T> void Joint<T>::compare_weights(std::uint64_t epoch) {
  std::vector<double> all(size());
  all[rank()] = checksum(parameters_);
  ranks_->sum(std::span(all));
  for (std::size_t r = 1; r < all.size(); ++r)
    if (all[r] != all[0])
      throw RankError(fmt::format(
          "[ranks] after epoch {} the weights of rank {} differ from those of rank 0: do "
          "callbacks change them, or run other machines another build?",
          epoch + 1, r));
  for (const auto& entry : model_.contents().buffers) {
    const View<T> view = entry.buffer->view();
    ranks_->broadcast(std::as_writable_bytes(std::span(view.data, view.size())));
  }
}

template <class T> void Joint<T>::fail() {
  failure_ = text_of(std::current_exception());
  std::string text = *failure_;
  try {
    if (step_next_ && !begun_) begin_gradients();
    if (step_next_) {
      std::vector<double> sums(sums_);
      finish_gradients(sums);
    }
    meet();
  } catch (const RankError& error) {
    text = error.what();
  }
  std::throw_with_nested(RankError(text));
}

template class Joint<float>;
template class Joint<double>;

}  // namespace ramp::nn

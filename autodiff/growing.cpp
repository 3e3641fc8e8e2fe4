// Sums of products that grow term by term while they are recorded: what is rare about them. The
// common way, a product that waits and a sum that takes it, is inline in tape.hpp.
#include <autodiff/tape.hpp>

#include <fmt/format.h>

namespace ramp {

template <class T> void Tape<T>::vary(std::uint16_t varying) noexcept {
  settle();
  varying_ = varying;
  const bool checked = varying & Node<T>::rank_mask, varies = varying & Node<T>::varies;
  pending_ = checked || !varies ? apart : idle;
  quick_ = checked ? no_stamp : stamp_;
  const std::size_t n = epochs_.size();
  older_ = checked || n < 2 ? no_stamp : stamp_of(epochs_[n - 2].number);
  older_end_ = epochs_[n - 1].first;
}

template <class T> void Tape<T>::make_room() {
  if (nodes_.size() + 2 > nodes_.capacity()) grow();
  const std::size_t place = Word::place(end_);
  if (pool_.capacity() >= place + pool_spare) return;
  if (place > UINT32_MAX / 2)
    throw BudgetError("[tape] more than 2^31 operands: clear or rewind it");
  if (options_.memory_budget) check_budget(place * sizeof(std::uint32_t));  // it doubles
  pool_.resize(pool_.capacity());                                           // what to keep
  try {
    pool_.reserve(place + pool_spare);
  } catch (const std::bad_alloc&) {
    throw_memory_error(fmt::format("[tape] room for more than {} operands", place));
  }
  limit_ = Word::of(pool_.capacity() - pool_spare, no_stamp);
}

template <class T> void Tape<T>::settle_slowly() noexcept {
  if (end_ & Word::sum) close();
  if (!(pending_ & Word::fresh)) return;
  const std::uint64_t pending = std::exchange(pending_, idle);
  const auto sum = static_cast<std::uint32_t>(nodes_.size() - 1), product = sum + 1;
  push_scalar<typename Grown::Term>({}, std::array{Word::place(term_), Word::stamp(term_)});
  if (!(pending & Word::steps)) return;
  std::array in{pending & Word::sum ? sum : Word::place(step_), product};
  if ((pending & Word::steps) == (Word::step_back & Word::steps)) std::swap(in[0], in[1]);
  push_scalar<typename Grown::Plus>({}, in);
}

// What a product is added to, if it is a node of rank 0; 0 if not.
template <class T> std::uint64_t Tape<T>::base_of(std::uint64_t word) {
  const auto i = find(word);
  if (!i || nodes_[*i].rank() > 0) return 0;
  return Word::of(*i, stamp_of(epoch_of(*i)) | kind_of(*i));
}

// What waits becomes a term of the growing sum, for which there was no room, or the first of a new.
template <class T> std::uint64_t Tape<T>::start_sum() noexcept {
  try {
    make_room();
  } catch (...) {  // the next op that needs room will say so
    settle();
    return Word::of(nodes_.size() - 1, stamp_);
  }
  if (pending_ & Word::sum) return grown(end_);
  if (end_ & Word::sum) close();
  const std::uint32_t first = Word::place(end_);
  Node<T>& node = nodes_.add_unchecked();
  node.op = op_id<Grown>();
  node.flags = Node<T>::grown;
  node.attr = 0;
  node.in = {first, 0};
  put_term(first);
  base_ = Word::place(step_);
  pending_ = idle;
  return end_ = Word::of(first + 2, stamp_ | Word::sum);
}

// A sum's operands: its terms, what it began with, and then its own place, for the handle that
// knows only where it ended.
template <class T> void Tape<T>::close() noexcept {
  using N = Node<T>;
  const std::uint32_t last = Word::place(end_);
  N& node = nodes_.back();
  end_pool(last + 2);
  pool_[last] = base_;
  pool_[last + 1] = static_cast<std::uint32_t>(nodes_.size() - 1);
  node.in[1] = last + 1 - node.in[0];
  const std::uint32_t* const in = &pool_[node.in[0]];
  const std::uint32_t* const end = &pool_[last];
  T sum = nodes_[base_].value;
  for (const std::uint32_t* k = in; k != end; k += 2)
    sum = scalar_value<typename Grown::Plus, T>(
        {}, sum, scalar_value<typename Grown::Term, T>({}, nodes_[k[0]].value, nodes_[k[1]].value));
  const auto varies = [&](const std::uint32_t* k) {
    return nodes_[*k].flags & unsigned{N::varies};
  };
  unsigned any = 0;  // mostly the first one varies
  for (const std::uint32_t* k = in; k <= end && !any; ++k) any = varies(k);
  node.value = sum;
  node.flags = static_cast<std::uint16_t>(N::grown | N::pooled | any | varies(in) << 1 |
                                          varies(in + 1) << 2);
}

// The node that a handle stands for, once all is settled.
template <class T> std::optional<std::uint32_t> Tape<T>::find(std::uint64_t word) const {
  const std::uint32_t stamp = Word::stamp(word), kind = stamp % Word::kinds;
  std::uint32_t i = Word::place(word);
  if (kind == Word::sum) {
    const std::uint32_t end = i;
    if (end >= Word::place(end_)) return {};
    i = pool_[end + 1];
    if (i >= nodes_.size() || !nodes_[i].is(Node<T>::grown) ||
        nodes_[i].in[0] + nodes_[i].in[1] != end + 1)
      return {};
  }
  if (kind == Word::moved || kind == Word::none || i >= nodes_.size() ||
      (stamp - kind != stamp_ && stamp - kind != stamp_of(epoch_of(i))))
    return {};
  return i;
}

// The node that a handle stands for, as a word: what is newer than it is settled.
template <class T> std::uint64_t Tape<T>::resolved(const Tape* tape, std::uint64_t word,
                                                   const char* call, const char* what) const {
  const auto fail = [=](const char* why) {
    throw HandleError(fmt::format("[{}] {}{}", call, what, why));
  };
  if (Word::stamp(word) == Word::moved) fail(" was moved from: use the handle it went to");
  if (tape != this) fail(" is on another tape: record all on one");
  word = kept(word);
  if (Word::stamp(word) == Word::none)
    fail("'s node was dropped by clear() or rewind(): record it again");
  return word;
}

template <class T> std::uint64_t Tape<T>::kept(std::uint64_t word) const noexcept {
  settle();
  const std::uint32_t stamp = Word::stamp(word), kind = stamp % Word::kinds;
  if (kind & Word::fresh && stamp - kind == stamp_) return Word::of(Word::place(word), stamp_);
  const auto i = find(word);
  return i ? Word::of(*i, kind < Word::product ? stamp : stamp - kind) : Word::of(0, Word::none);
}

// The members that this file defines; tape.cpp and backward.cpp have the others.
template class Tape<float>;
template class Tape<double>;

}  // namespace ramp

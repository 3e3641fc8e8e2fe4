// Sums of products that grow term by term while they are recorded: what is rare about them. The
// common way, a product that waits and a sum that takes it, is inline in tape.hpp.
#include <autodiff/tape.hpp>

#include <fmt/format.h>

namespace ramp {

template <class T> void Tape<T>::vary(std::uint16_t varying) {
  settle();
  varying_ = varying;
  foldable_ = varying == Node<T>::varies ? stamp_ : std::uint32_t{Word::none};
}

template <class T> void Tape<T>::grow_pool(std::uint32_t place) {
  if (place > UINT32_MAX - 2 * spare)
    throw BudgetError("[tape] more than 2^32 operands: clear or rewind it");
  pool_.resize(pool_.capacity());  // what to keep
  pool_.reserve(place + 2 * spare);
}

// The term that waits lies at the end of the pool, where a sum's other operands go: it is moved.
template <class T> void Tape<T>::settle_slowly() {
  const std::uint32_t place = Word::place(end_);
  const std::uint32_t a = pool_[place], b = pool_[place + 1];
  if (nodes_.full()) grow();  // so that what follows can't fail half-way
  if (open_) close();
  if (std::exchange(pending_, 0))
    push_scalar<typename Grown::Term>({}, std::array{a, b}, Node<T>::varies);
}

template <class T> void Tape<T>::open_sum(std::uint32_t first) {
  Node<T>& node = nodes_.add_unchecked();
  node.op = op_id<Grown>();
  node.attr = 0;
  node.in[0] = first;
  open_ = static_cast<std::uint32_t>(nodes_.size());
}

// base + the product that waits, where the growing sum is something else or full.
template <class T> bool Tape<T>::start_sum(std::uint64_t base) {
  const std::uint32_t place = Word::place(end_), a = pool_[place], b = pool_[place + 1];
  std::optional<std::uint32_t> begin = Word::place(base);
  if (Word::stamp(base) != stamp_) {
    begin = base == end_ && open_ ? std::optional(open_ - 1) : find(base);
    if (!begin || nodes_[*begin].rank() > 0) return false;
  }
  if (nodes_.full()) grow();
  if (open_) close();
  const std::uint32_t start = Word::place(end_);
  pool_[start] = a, pool_[start + 1] = b;
  base_ = *begin;
  full_ = start + 2 * most_terms;
  open_sum(start);
  pending_ = 0;
  end_ += 2;
  return true;
}

// A sum's operands: its terms, what it began with, and then its own place, for those who know only
// where it ended.
template <class T> void Tape<T>::close() {
  const std::uint32_t index = std::exchange(open_, 0) - 1;
  Node<T>& node = nodes_[index];
  const std::uint32_t first = node.in[0], last = Word::place(end_);
  end_pool(last + 2);
  pool_[last] = base_;
  pool_[last + 1] = index;
  node.in[1] = last + 1 - first;
  const std::uint32_t* const in = &pool_[first];
  using N = Node<T>;
  T sum = nodes_[base_].value;
  unsigned any = nodes_[base_].flags;
  for (std::uint32_t k = 0; k + 1 < node.in[1]; k += 2) {
    const N &a = nodes_[in[k]], &b = nodes_[in[k + 1]];
    sum = scalar_value<typename Grown::Plus, T>(
        {}, sum, scalar_value<typename Grown::Term, T>({}, a.value, b.value));
    any |= unsigned{a.flags} | b.flags;
  }
  node.value = sum;
  node.flags = static_cast<std::uint16_t>(N::grown | N::pooled | (any & N::varies) |
                                          (nodes_[in[0]].flags & unsigned{N::varies}) << 1 |
                                          (nodes_[in[1]].flags & unsigned{N::varies}) << 2);
}

// The sum that has a term or an end at this place of the pool, or ended just there.
template <class T> std::optional<std::uint32_t> Tape<T>::sum_around(std::uint32_t place) const {
  for (std::uint32_t end = place, k = 0; k <= most_terms && end + 1 < Word::place(end_);
       ++k, end += 2) {
    const std::uint32_t i = pool_[end + 1];
    if (i < nodes_.size() && nodes_[i].is(Node<T>::grown) &&
        nodes_[i].in[0] + nodes_[i].in[1] == end + 1 && nodes_[i].in[0] <= place)
      return i;
  }
  return {};
}

// The node that a handle stands for, if it still is one and nothing but one.
template <class T> std::optional<std::uint32_t> Tape<T>::find(std::uint64_t word) const {
  const std::uint32_t stamp = Word::stamp(word), kind = stamp % Word::kinds;
  std::uint32_t i = Word::place(word);
  if (kind == Word::term) return {};
  if (kind == Word::sum) {
    if (i + 1 >= Word::place(end_)) return {};
    const std::uint32_t end = i;
    i = pool_[end + 1];
    if (i >= nodes_.size() || !nodes_[i].is(Node<T>::grown) ||
        nodes_[i].in[0] + nodes_[i].in[1] != end + 1)
      return {};
  }
  if (i >= nodes_.size() || (stamp - kind != stamp_ && stamp - kind != stamp_of(epoch_of(i))))
    return {};
  return i;
}

// A part of what has grown since: a product that became a term, or a sum up to a term. It is
// recorded again, as a node of its own.
template <class T> std::optional<std::uint32_t> Tape<T>::record_again(std::uint64_t word) {
  const std::uint32_t stamp = Word::stamp(word), kind = stamp % Word::kinds;
  const std::uint32_t place = Word::place(word);
  const auto sum = kind < Word::sum ? std::nullopt : sum_around(place);
  if (!sum || stamp_of(epoch_of(*sum)) != stamp - kind) return {};
  if (kind == Word::term) {
    push_scalar<typename Grown::Term>({}, std::array{pool_[place], pool_[place + 1]},
                                      Node<T>::varies);
  } else {
    if (nodes_.full()) grow();
    const std::uint32_t start = Word::place(end_), first = nodes_[*sum].in[0];
    base_ = pool_[first + nodes_[*sum].in[1] - 1];
    for (std::uint32_t k = first; k < place; ++k) pool(pool_[k]);
    open_sum(start);
    close();
  }
  return static_cast<std::uint32_t>(nodes_.size()) - 1;
}

template <class T> std::uint32_t Tape<T>::at_slowly(const Var<T>& x, OpId op) const {
  const auto fail = [op](const char* why) {
    throw HandleError(
        fmt::format("[{}] an operand{}", op == leaf_op ? "tape" : op_info(op).about.name, why));
  };
  if (x.tape_ != this) fail(" is on another tape: record all on one");
  if (Word::stamp(x.word_) == Word::none) fail(" was moved from: use the handle it went to");
  settle();
  auto i = find(x.word_);
  if (!i) i = const_cast<Tape*>(this)->record_again(x.word_);
  if (!i) fail("'s node was dropped by clear() or rewind(): record it again");
  // The short way next time.
  if (const std::uint32_t kind = Word::stamp(x.word_) % Word::kinds; kind > Word::tensor)
    x.word_ = Word::of(*i, stamp_of(epoch_of(*i)));
  return *i;
}

// The members that this file defines; tape.cpp and backward.cpp have the others.
template class Tape<float>;
template class Tape<double>;

}  // namespace ramp

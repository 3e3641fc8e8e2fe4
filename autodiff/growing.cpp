// Sums of products that grow term by term while they are recorded: what is rare about them. The
// common way, a product that waits and a sum that takes it, is inline in tape.hpp.
#include <autodiff/tape.hpp>

#include <fmt/format.h>

namespace ramp {

template <class T> void Tape<T>::vary(std::uint16_t varying) noexcept {
  settle();
  varying_ = varying;
  foldable_ = varying == Node<T>::varies ? stamp_ : std::uint32_t{Word::none};
}

template <class T> void Tape<T>::make_room() {
  const std::size_t place = Word::place(end_);
  if (nodes_.full()) grow();
  if (pool_.capacity() >= place + pool_spare) return;
  if (place > UINT32_MAX / 2)
    throw BudgetError("[tape] more than 2^31 operands: clear or rewind it");
  if (options_.memory_budget) check_budget(place * sizeof(std::uint32_t));  // it doubles
  pool_.resize(pool_.capacity());                                           // what to keep
  pool_.reserve(place + pool_spare);
}

// What waits lies at the end of the pool, where a sum's other operands go: it is moved.
template <class T> void Tape<T>::settle_slowly() noexcept {
  const std::uint32_t place = Word::place(end_);
  std::uint32_t a = 0, b = 0, base = step_base_;
  const bool waits = std::exchange(pending_, 0) != 0;
  const std::uint64_t step = std::exchange(step_, no_step);
  if (waits) a = pool_[place], b = pool_[place + 1];
  if (open_) {
    if (step == end_) base = open_ - 1;
    close();
  }
  if (waits && step != no_step) {
    open_sum(base, a, b);
    close();
  } else if (waits) {
    push_scalar<typename Grown::Term>({}, std::array{a, b}, Node<T>::varies);
  }
}

// Whether what a product is added to is a node of rank 0.
template <class T> bool Tape<T>::find_base(std::uint64_t word) {
  const auto i = foldable_ == stamp_ ? find(word) : std::nullopt;
  if (!i || nodes_[*i].rank() > 0) return false;
  step_base_ = *i;
  return true;
}

template <class T> std::uint64_t Tape<T>::start_sum() noexcept {
  const std::uint32_t place = Word::place(end_), a = pool_[place], b = pool_[place + 1];
  if (open_) close();
  pending_ = 0, step_ = no_step;
  open_sum(step_base_, a, b);
  return end_;
}

template <class T>
void Tape<T>::open_sum(std::uint32_t base, std::uint32_t a, std::uint32_t b) noexcept {
  const std::uint32_t first = Word::place(end_);
  Node<T>& node = nodes_.add_unchecked();
  node.op = op_id<Grown>();
  node.flags = Node<T>::grown;
  node.attr = 0;
  node.in = {first, 0};
  pool_[first] = a, pool_[first + 1] = b;
  end_pool(first + 2);
  base_ = base;
  open_ = static_cast<std::uint32_t>(nodes_.size());
}

// A sum's operands: its terms, what it began with, and then its own place, for the handle that
// knows only where it ended.
template <class T> void Tape<T>::close() noexcept {
  const std::uint32_t index = std::exchange(open_, 0) - 1, last = Word::place(end_);
  Node<T>& node = nodes_[index];
  end_pool(last + 2);
  pool_[last] = base_;
  pool_[last + 1] = index;
  node.in[1] = last + 1 - node.in[0];
  const std::uint32_t* const in = &pool_[node.in[0]];
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
  if (kind >= Word::moved || i >= nodes_.size() ||
      (stamp - kind != stamp_ && stamp - kind != stamp_of(epoch_of(i))))
    return {};
  return i;
}

template <class T> std::uint32_t Tape<T>::at_slowly(const Var<T>& x, OpId op) const {
  const auto fail = [op](const char* why) {
    throw HandleError(
        fmt::format("[{}] an operand{}", op == leaf_op ? "tape" : op_info(op).about.name, why));
  };
  if (Word::stamp(x.word_) == Word::moved) fail(" was moved from: use the handle it went to");
  if (x.tape_ != this) fail(" is on another tape: record all on one");
  settle();
  const auto i = find(x.word_);
  if (!i) fail("'s node was dropped by clear() or rewind(): record it again");
  keep(x);
  return *i;
}

// From now on x is a node, for two handles may know it; and the short way leads to it.
template <class T> void Tape<T>::keep(const Var<T>& x) const noexcept {
  settle();
  if (!(x.word_ & Word::mask(Word::fresh | Word::sum))) return;
  const auto i = find(x.word_);
  x.word_ = i ? Word::of(*i, stamp_of(epoch_of(*i))) : Word::of(0, Word::none);
}

// The members that this file defines; tape.cpp and backward.cpp have the others.
template class Tape<float>;
template class Tape<double>;

}  // namespace ramp

// The nodes of a tape, in order, and which handles stand for them.
#pragma once

#include <autodiff/tape/node.hpp>
#include <autodiff/values/arena.hpp>

#include <cstdint>
#include <limits>
#include <memory>

namespace ramp {

template <class T> class Tape;

/// What a handle points to. It outlives its tape and is used again by a later one, so that a handle
/// of a tape that is gone is refused without reading memory that is gone. A handle names a node and
/// the epoch in which it was recorded: each rewind begins a new one, and a tape goes on counting
/// where the last one with this trace stopped. After 2^32 rewinds epochs come again: a handle kept
/// as long as that may then pass for another.
template <class T> struct Trace {
  static constexpr std::uint64_t no_handle = ~std::uint64_t{0};
  // The bit of a handle on what isn't both a number and varying; ops on it don't have the short
  // form, so recording need not look at the node to choose.
  static constexpr std::uint32_t aside = 1u << 31;

  static std::uint64_t of_epoch(std::uint32_t epoch) { return std::uint64_t{epoch} << 32; }
  static std::uint32_t place(std::uint64_t word) {
    return static_cast<std::uint32_t>(word) & ~aside;
  }

  /// Whether a handle surely is a number of this tape that varies: of the newest epoch, or of the
  /// one before, from before a loop that rewinds. Not asked where each op is to be looked at.
  bool is_near(std::uint64_t word) const {
    return (word ^ now) < aside || (word ^ before) < before_end;
  }
  /// The same of both, in one comparison where both are of the newest epoch.
  bool are_near(std::uint64_t a, std::uint64_t b) const {
    return ((a ^ now) | (b ^ now)) < aside || (is_near(a) && is_near(b));
  }

  // Records an op on near handles in the form with partials (record.hpp); gives the node as a
  // handle has it, in the newest epoch.
  template <class O>
  [[gnu::always_inline]] std::uint64_t record(const typename O::Attr& attr, std::uint32_t a);
  template <class O> [[gnu::always_inline]] std::uint64_t record(std::uint32_t a, std::uint32_t b);
  template <class O, bool first>
  [[gnu::always_inline]] std::uint64_t record_with(T number, std::uint32_t a);
  [[gnu::always_inline]] std::uint32_t push(Tag tag, T value, T first, T second,
                                            std::array<std::uint32_t, 2> in);
  // What lies in the second partial's place: an attribute, or where they are kept.
  T kept_attr(const void* attr, std::size_t bytes);

  std::uint64_t now = no_handle;     // the newest epoch, as handles have it
  std::uint64_t before = no_handle;  // and the one before it,
  std::uint32_t before_end = 0;      // whose nodes end here
  double at_zero = 0;
  Records<Node<T>> nodes;   // the first is no one's: what an operand that isn't there points to
  Records<Tag> tags;        // as many; of their size only the capacity counts
  Tape<T>* tape = nullptr;  // null when it is gone
  std::uint32_t epoch = 0, first_epoch = 0;  // first: the tape's
  Trace* next = nullptr;                     // among those that no tape uses
};

template <class T> void give_back(Trace<T>* trace) noexcept;
template <class T> struct GiveBack {
  void operator()(Trace<T>* trace) const noexcept { give_back(trace); }
};
template <class T> using OwnTrace = std::unique_ptr<Trace<T>, GiveBack<T>>;
/// One that no tape uses. NoMemory where there is none.
template <class T> OwnTrace<T> take_trace();

// What a way back leaves.
template <class T> struct Adjoints {
  Records<T> scalars;   // of rank-0 nodes, by node
  Records<T*> tensors;  // by tensor; null where nothing came
  Arena memory;
  std::uint32_t swept = 0;  // nodes below it have an adjoint of the last backward
  bool whole = false;       // that has run to its end; to later nodes it gives zeros
  bool retained = false, into_parameters = true;

  std::size_t bytes() const {
    return scalars.size() * sizeof(T) + tensors.size() * sizeof(T*) + memory.used();
  }
  void forget() noexcept {
    scalars.resize(0);
    tensors.resize(0);
    memory.rewind({});
    swept = 0;
    whole = false;
  }
};

}  // namespace ramp

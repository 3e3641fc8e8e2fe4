// What every file of a mutated build sees: the switches of its mutants (tools/mutate).
#pragma once

#include <type_traits>

namespace ramp_mutation {

extern unsigned char watched[];  // by mutant: it's the one switched on, or its use is to be noted
bool met(int mutant);            // notes the use; true if it's the one switched on

/// Whether this run is the mutant's. What is computed at compile time is as written.
[[gnu::always_inline]] constexpr bool on(int mutant) {
  if (std::is_constant_evaluated()) return false;
  return watched[mutant] != 0 && met(mutant);
}

// In one of its readings a formula may have a type that the mutant doesn't: there it is as written.
template <class M, class R> inline constexpr bool stands_for =
    std::is_reference_v<R> ? std::is_lvalue_reference_v<M>&& std::is_same_v<M, R>
                           : std::is_same_v<M, R> || std::is_convertible_v<M, R>;

/// The mutant's expression in its run, the written one in all others.
template <int mutant, class Mutated, class Written>
[[gnu::always_inline]] constexpr decltype(auto) pick(Mutated mutated, Written written) {
  using R = decltype(written());
  if constexpr (stands_for<decltype(mutated()), R>)
    if (on(mutant)) return static_cast<R>(mutated());
  return written();
}

}  // namespace ramp_mutation

// Threads that share the parts of one job. They spin for as long as products mostly are apart, then
// sleep: OpenMP's spin on, and on a busy machine a product in two threads then took a hundred times
// longer than in one.
#pragma once

namespace ramp {

using TeamJob = void (*)(int part, const void* context);
/// Calls job(part, context) for part 0, here, and for 1 .. parts - 1, each in a thread of its own;
/// returns when all are done. While another thread of the program does so, and in a child of
/// fork(), all run here. The job must not throw.
void in_parallel(int parts, TeamJob job, const void* context);

template <class F> void in_parallel(int parts, const F& f) {
  in_parallel(
      parts, [](int part, const void* context) { (*static_cast<const F*>(context))(part); }, &f);
}

}  // namespace ramp

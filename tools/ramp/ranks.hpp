// Whether mpirun has started this process, as one of several.
#pragma once

#include <nn/train/ranks.hpp>

#include <functional>
#include <memory>

namespace ramp::tool {

/// As the starter's environment says, before anything is initialized: 0, and 1, for a process that
/// was started by itself.
int started_rank();
int started_ranks();

/// Works as one of several, or with null, alone. Where one of several fails in its own way, it says
/// so and ends them all; what all throw alike, rank 0 says. ValueError where Ramp was built without
/// MPI.
void with_ranks(const std::function<void(const std::shared_ptr<nn::Ranks>&)>& work);

}  // namespace ramp::tool

// The peers that were built, loaded when first asked for.
#pragma once

#include "peers/peer.hpp"

#include <memory>
#include <vector>

namespace ramp::bench {

/// Those found beside the program as ramp_bench_NAME.so. They stay loaded.
const std::vector<std::unique_ptr<Peer>>& peers();
void without_peers();  // from now on there are none

}  // namespace ramp::bench

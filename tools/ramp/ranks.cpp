#include "ranks.hpp"

#include "cli.hpp"

#include <cstdlib>

namespace ramp::tool {

namespace {

// What Open MPI, and others, tell the processes that they start.
int number(const char* open_mpi, const char* other, int otherwise) {
  for (const char* name : {open_mpi, other})
    if (const char* text = std::getenv(name)) return std::atoi(text);
  return otherwise;
}

}  // namespace

int started_rank() { return number("OMPI_COMM_WORLD_RANK", "PMI_RANK", 0); }
int started_ranks() { return number("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", 1); }

void with_ranks(const std::function<void(const std::shared_ptr<nn::Ranks>&)>& work) {
  std::shared_ptr<nn::Ranks> ranks;
  if (started_ranks() == 1) return work(ranks);
  try {
    ranks = nn::mpi_ranks();
    work(ranks);
  } catch (const nn::RankError&) {  // which all of them throw
    if (started_rank() == 0) throw;
    throw Silent{};
  } catch (const std::exception& error) {
    if (!ranks && started_rank() == 0) throw;  // built without MPI
    if (ranks) {
      complain(fmt::format("rank {} of {}: {}", ranks->rank(), ranks->size(), error.what()));
      ranks->give_up();
    }
    throw Silent{};
  }
}

}  // namespace ramp::tool

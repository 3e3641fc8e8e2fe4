// Ranks that are processes. Without MPI nothing but the message that says how to have it.
#include <nn/train/ranks.hpp>

#ifdef RAMP_MPI

#include <mpi.h>

#include <algorithm>

namespace ramp::nn {

namespace {

// A call's count is an int.
constexpr std::size_t most = std::size_t{1} << 30;

class MpiRanks : public Ranks {
 public:
  using Ranks::Ranks;
  MpiRanks(int rank, int size, bool ends) : Ranks(rank, size), ends_(ends) {}
  ~MpiRanks() override {
    if (ends_) MPI_Finalize();
  }

  void begin_sum(std::span<float> x) override { begin(x, MPI_FLOAT); }
  void begin_sum(std::span<double> x) override { begin(x, MPI_DOUBLE); }
  // MPI's own error handler ends all processes, so no call here returns an error.
  void wait() override {
    MPI_Waitall(static_cast<int>(begun_.size()), begun_.data(), MPI_STATUSES_IGNORE);
    begun_.clear();
  }
  void broadcast(std::span<std::byte> x, int from) override {
    for (std::size_t i = 0; i < x.size(); i += most)
      MPI_Bcast(x.data() + i, static_cast<int>(std::min(most, x.size() - i)), MPI_BYTE, from,
                MPI_COMM_WORLD);
  }
  void give_up() override { MPI_Abort(MPI_COMM_WORLD, 1); }

 private:
  template <class T> void begin(std::span<T> x, MPI_Datatype type) {
    for (std::size_t i = 0; i < x.size(); i += most)
      MPI_Iallreduce(MPI_IN_PLACE, x.data() + i, static_cast<int>(std::min(most, x.size() - i)),
                     type, MPI_SUM, MPI_COMM_WORLD, &begun_.emplace_back());
  }

  bool ends_;
  std::vector<MPI_Request> begun_;
};

}  // namespace

std::shared_ptr<Ranks> mpi_ranks() {
  int there = 0, rank = 0, size = 1, given = 0;
  MPI_Initialized(&there);
  // Another thread loads batches, and calls nothing of MPI.
  if (!there) MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &given);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return std::make_shared<MpiRanks>(rank, size, !there);
}

}  // namespace ramp::nn

#else

namespace ramp::nn {

std::shared_ptr<Ranks> mpi_ranks() {
  throw ValueError(
      "[ranks] built without MPI: install it (tools/setup --mpi), and configure with "
      "cmake -DRAMP_MPI=ON");
}

}  // namespace ramp::nn

#endif

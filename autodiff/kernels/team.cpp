#include <autodiff/kernels/signals.hpp>
#include <autodiff/kernels/team.hpp>

#include <unistd.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace ramp {
namespace {

class Team {
 public:
  ~Team() {
    job_ = nullptr;
    begin();
    for (std::thread& t : threads_) t.join();
  }

  void run(int parts, TeamJob job, const void* context) {
    const std::unique_lock lock(busy_, std::try_to_lock);
    if (!lock || getpid() != process_) {  // a child of fork() has none of the threads
      for (int part = 0; part < parts; ++part) job(part, context);
      return;
    }
    if (static_cast<int>(threads_.size()) + 1 < parts) {
      const SignalsWait theirs;  // are for the program's own threads
      for (int part = static_cast<int>(threads_.size()) + 1; part < parts; ++part)
        threads_.emplace_back([this, part, seen = round_.load()] { serve(part, seen); });
    }
    job_ = job;
    context_ = context;
    parts_ = parts;
    begin();
    job(0, context);
    for (unsigned left; (left = left_) != 0;) wait(left_, left);
  }

 private:
  void begin() {
    left_ = static_cast<unsigned>(threads_.size());  // also those without a part say that they know
    ++round_;
    round_.notify_all();
  }
  void serve(int part, unsigned seen) {
    for (;; ++seen) {
      wait(round_, seen);
      if (!job_) return;
      if (part < parts_) job_(part, context_);
      if (--left_ == 0) left_.notify_one();
    }
  }
  static void wait(const std::atomic<unsigned>& x, unsigned old) {
    for (int i = 0; i < 65536; ++i)  // some 30 us, as long as between two products
      if (x != old) return;
    x.wait(old);
  }

  const pid_t process_ = getpid();
  std::mutex busy_;
  std::vector<std::thread> threads_;
  TeamJob job_ = nullptr;
  const void* context_ = nullptr;
  int parts_ = 0;
  std::atomic<unsigned> round_ = 0, left_ = 0;
};

}  // namespace

void in_parallel(int parts, TeamJob job, const void* context) {
  if (parts == 1) return job(0, context);
  static Team team;
  team.run(parts, job, context);
}

}  // namespace ramp

// What a product has on its stack, or instead of one, is no matter of a signal's handler.
#include <autodiff/kernels/gemm.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>
#include <vector>

#include <pthread.h>

namespace {

std::atomic<int> on_the_stack = 0, elsewhere = 0;
std::atomic<const char*> lowest = nullptr, highest = nullptr;  // of the thread's stack

void note(int) {
  const auto* const here = static_cast<const char*>(__builtin_frame_address(0));
  ++(lowest <= here && here < highest ? on_the_stack : elsewhere);
}

}  // namespace

TEST_CASE("a signal's handler runs on the thread's own stack, whatever product it meets") {
  pthread_attr_t attributes;
  REQUIRE(pthread_getattr_np(pthread_self(), &attributes) == 0);
  void* stack = nullptr;
  std::size_t bytes = 0;
  REQUIRE(pthread_attr_getstack(&attributes, &stack, &bytes) == 0);
  pthread_attr_destroy(&attributes);
  lowest = static_cast<const char*>(stack);
  highest = lowest + bytes;
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = note;
  action.sa_flags = SA_RESTART;
  REQUIRE(sigaction(SIGUSR1, &action, &before) == 0);

  constexpr std::size_t m = 64, n = 300, most = 784;
  const std::vector<float> a(m * most, 1.0f), b(most * n, 0.5f);
  std::vector<float> y(m * n);
  std::atomic<bool> done = false;
  std::thread sender([&, here = pthread_self()] {
    while (!done) {
      pthread_kill(here, SIGUSR1);
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  });
  int wrong = 0;
  for (const std::size_t k : {std::size_t{100}, most})
    for (const bool a_turned : {false, true}) {
      on_the_stack = 0;
      const ramp::Matrix<float> left{a.data(), a_turned ? k : m, a_turned ? m : k, a_turned};
      while (on_the_stack < 50 && elsewhere == 0) {
        ramp::gemm(left, ramp::Matrix<float>{b.data(), k, n, false}, y.data(), false);
        for (const float e : y) wrong += e != 0.5f * static_cast<float>(k);
      }
    }
  done = true;
  sender.join();
  sigaction(SIGUSR1, &before, nullptr);
  CHECK(elsewhere == 0);
  CHECK(wrong == 0);
}

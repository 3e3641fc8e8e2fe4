#include <autodiff/tape/trace.hpp>

#include <mutex>
#include <utility>

namespace ramp {
namespace {

// There are as many traces as there ever were tapes at a time, and they are never freed.
template <class T> struct Pool {
  std::mutex lock;
  Trace<T>* unused = nullptr;

  static Pool& instance() {
    static Pool& pool = *new Pool;  // tapes may die after what is static has
    return pool;
  }
};

}  // namespace

template <class T> OwnTrace<T> take_trace() {
  Pool<T>& pool = Pool<T>::instance();
  const std::lock_guard lock(pool.lock);
  return OwnTrace<T>(pool.unused ? std::exchange(pool.unused, pool.unused->next) : new Trace<T>);
}

template <class T> void give_back(Trace<T>* trace) noexcept {
  trace->now = trace->before = Trace<T>::no_handle;
  trace->tape = nullptr;
  trace->nodes = {};
  trace->tags = {};
  Pool<T>& pool = Pool<T>::instance();
  const std::lock_guard lock(pool.lock);
  trace->next = std::exchange(pool.unused, trace);
}

template OwnTrace<float> take_trace();
template OwnTrace<double> take_trace();
template void give_back(Trace<float>*) noexcept;
template void give_back(Trace<double>*) noexcept;

}  // namespace ramp

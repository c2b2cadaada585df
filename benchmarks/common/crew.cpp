// Waiting: about 20 microseconds of spinning before the operating system is asked.
#include "crew.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace bench {
namespace {

void wait_while(const std::atomic<std::uint32_t>& value, std::uint32_t old) {
  for (int i = 0; i < 1000; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
#if defined(__x86_64__)
    _mm_pause();
#endif
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

crew::crew(std::size_t threads) {
  for (std::size_t i = 1; i < threads; ++i) helpers_.emplace_back([this, i] { help(i); });
}

crew::~crew() {
  job_ = nullptr;
  jobs_.fetch_add(1, std::memory_order_release);
  jobs_.notify_all();
}

void crew::run(const std::function<void(std::size_t)>& job) {
  if (helpers_.empty()) return job(0);
  job_ = &job;
  jobs_.fetch_add(1, std::memory_order_release);
  jobs_.notify_all();
  job(0);
  meet();
}

void crew::meet() {
  const std::uint32_t meeting = meetings_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 < size()) {
    wait_while(meetings_, meeting);
    return;
  }
  arrived_.store(0, std::memory_order_relaxed);
  meetings_.fetch_add(1, std::memory_order_release);
  meetings_.notify_all();
}

void crew::help(std::size_t i) {
  for (std::uint32_t seen = 0;; ++seen) {
    wait_while(jobs_, seen);
    if (job_ == nullptr) return;
    (*job_)(i);
    meet();
  }
}

}  // namespace bench

// SPDX-License-Identifier: MIT
//
// A mutex of four bytes, for what there are hundreds of thousands of: std::mutex has forty.

#ifndef OVERPASS_BASE_SMALL_MUTEX_H_
#define OVERPASS_BASE_SMALL_MUTEX_H_

#include <atomic>
#include <cstdint>

namespace overpass {

/// As std::mutex. Taking and dropping it makes no system call unless a thread waits.
class SmallMutex {
 public:
  SmallMutex() = default;
  SmallMutex(const SmallMutex&) = delete;
  SmallMutex& operator=(const SmallMutex&) = delete;

  bool try_lock() {
    uint32_t expected = kFree;
    return state_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }

  void lock() {
    if (try_lock()) return;
    // A thread that has waited holds it as Awaited, since others may still wait.
    while (state_.exchange(kAwaited, std::memory_order_acquire) != kFree) {
      state_.wait(kAwaited, std::memory_order_relaxed);
    }
  }

  void unlock() {
    if (state_.exchange(kFree, std::memory_order_release) == kAwaited) state_.notify_one();
  }

 private:
  static constexpr uint32_t kFree = 0;
  static constexpr uint32_t kHeld = 1;     ///< No thread waits.
  static constexpr uint32_t kAwaited = 2;  ///< A thread may wait.

  std::atomic<uint32_t> state_ = kFree;
};

}  // namespace overpass

#endif  // OVERPASS_BASE_SMALL_MUTEX_H_

// SPDX-License-Identifier: MIT
//
// Ids that a client does not need any more, collected for a few milliseconds and given back
// together. Each message wakes the broker, and one that is awake for a single id at a time takes as
// long for it as the removal of the file did.

#ifndef OVERPASS_BROKER_LATE_CLOSES_H_
#define OVERPASS_BROKER_LATE_CLOSES_H_

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <thread>

#include "base/mutex.h"

namespace overpass::broker {

/// Threads: any. A thread of its own is started with the first id.
class LateCloses {
 public:
  /// Told of at most kAtOnce ids at a time, by any thread, under no lock; must not throw.
  using Tell = std::function<void(std::span<const int32_t>)>;
  static constexpr size_t kAtOnce = 64;

  explicit LateCloses(Tell tell) : tell_(std::move(tell)) {}
  /// What has not been told by now will not be.
  ~LateCloses();
  LateCloses(const LateCloses&) = delete;
  LateCloses& operator=(const LateCloses&) = delete;

  /// `id` will be told in a few milliseconds, or now if many have come together, or no thread can
  /// be had.
  void add(int32_t id);

 private:
  using Ids = std::array<int32_t, kAtOnce>;

  void start();
  void run();

  const Tell tell_;
  std::once_flag was_started_;
  Mutex<LockRank::Queue> mutex_;
  std::condition_variable_any wake_;
  Ids ids_ GUARDED_BY(mutex_);
  size_t count_ GUARDED_BY(mutex_) = 0;
  bool is_stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;  ///< Made by start(), once.
};

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_LATE_CLOSES_H_

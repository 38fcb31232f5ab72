// SPDX-License-Identifier: MIT
//
// Threads for work that may take long (copies, syncs), which serving threads must never wait for:
// libfuse's io_uring threads run handlers while holding their ring, so a handler that waited for
// another request's reply would wait for ever. A worker answers its request itself.

#ifndef OVERPASS_FUSE_WORKERS_H_
#define OVERPASS_FUSE_WORKERS_H_

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "overlay/state/transfers.h"

namespace overpass::fuse {

/// Threads are started when work waits and none is idle, up to a bound that is far beyond the
/// number of copies a disk does at once, since workers also wait for each other's copies, and for
/// file servers that do not answer. A worker that waits for another always waits for one that runs,
/// so the bound cannot stop everything by itself.
/// Threads: any.
class Workers : public overlay::Background {
 public:
  using Task = std::move_only_function<void()>;

  explicit Workers(size_t most = 512) : most_(most) {}
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  /// Ends when every task that was submitted has run.
  ~Workers() override;

  /// Lets go of the task without running it when no thread is to be had and there is none yet.
  void submit(Task task) override;

  /// The same, not before kRetryAfter has passed. No thread is kept busy meanwhile. For a task that
  /// tries again what it could not do yet.
  void submit_again(Task task);

  /// Waits for a moment in which no task waits or runs.
  void wait_until_idle();

  /// Tasks that wait or run.
  size_t pending() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Delayed {
    Clock::time_point due;
    Task task;
  };

  void run();
  void wait_for_task(std::unique_lock<Mutex<LockRank::Queue>>& lock) REQUIRES(mutex_);
  void take_due() REQUIRES(mutex_);
  bool has_thread_for(size_t tasks) REQUIRES(mutex_);

  static constexpr std::chrono::milliseconds kRetryAfter{10};

  const size_t most_;
  mutable Mutex<LockRank::Queue> mutex_;
  std::condition_variable_any wake_;
  std::condition_variable_any became_idle_;
  std::deque<Task> tasks_ GUARDED_BY(mutex_);
  std::deque<Delayed> delayed_ GUARDED_BY(mutex_);  ///< The next one due first.
  std::vector<std::thread> threads_ GUARDED_BY(mutex_);
  size_t idle_ GUARDED_BY(mutex_) = 0;
  size_t running_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_WORKERS_H_

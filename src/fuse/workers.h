// SPDX-License-Identifier: MIT
//
// Threads for work that may take long (copies, syncs). Serving threads must never wait for such
// work: libfuse's io_uring threads run handlers while holding their ring, so a handler that waited
// for another request's reply would wait for ever. A worker answers its request itself.

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

/// A pool of threads with a queue of tasks. A thread is started when a task waits and no thread is
/// idle, up to a bound. The bound is far beyond the number of copies that a disk does at once,
/// since workers also wait for each other's copies, and for file servers that do not answer.
///
/// Invariants:
/// 1. A worker that waits for another waits for one that runs, so the bound alone cannot stop
///    everything.
/// 2. Every task is run once, or destroyed without running if it was refused (see submit()). A task
///    that answers a request must therefore answer it when destroyed, too.
/// 3. Tasks run and are destroyed with no lock of the pool held.
///
/// Threads: submit(), submit_again() and pending() by any, also by workers. wait_until_idle() and
/// the destructor not by a worker. Its mutex is a leaf (rank Queue).
class Workers : public overlay::Background {
 public:
  using Task = std::move_only_function<void()>;

  explicit Workers(size_t most = 512) : most_(most) {}
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  /// Ends when every task that was submitted has run.
  ~Workers() override;

  /// If no thread can be started and none exists yet, the task is destroyed without running. So is
  /// a task that is submitted once destruction has begun.
  void submit(Task task) override;

  /// Like submit(), but runs the task no earlier than kRetryAfter from now. No thread is kept busy
  /// meanwhile. For a task that tries again what it could not do yet.
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

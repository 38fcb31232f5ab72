// SPDX-License-Identifier: MIT
//
// The threads that take requests from the kernel: as few at a time as keep up with what arrives.
//
// The kernel wakes the thread that has waited longest, so two waiting threads take one caller's
// requests in turn, each on a processor that has gone idle and cold meanwhile: on /dev/fuse that
// halves the rate of requests that follow upon each other. So as many threads are active as
// callers make requests side by side (ConcurrentCallers), one at least. Another joins when the
// queue is found non-empty again and again; threads beyond the number of callers leave when it is
// not. And one joins when all active threads have been busy with the same requests for a while, so
// that one that waits for a slow disk does not hold up what others could answer.

#ifndef OVERPASS_FUSE_SERVING_THREADS_H_
#define OVERPASS_FUSE_SERVING_THREADS_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "fuse/busy_poll.h"
#include "fuse/concurrent_callers.h"
#include "fuse/libfuse.h"

namespace overpass::fuse {

/// Where requests come from. Threads: any number, each with a buffer of its own.
class RequestSource {
 public:
  enum class Arrival { Request, Interrupted, End };

  virtual ~RequestSource() = default;

  /// Waits for a request and puts it into `buffer`, whose memory it allocates by malloc when there
  /// is none. A signal interrupts the waiting. ENOMEM when there is no memory for that: nothing
  /// was taken, and it may be tried again.
  virtual Result<Arrival> receive(fuse_buf& buffer) = 0;

  /// Sees to the request. False: what follows is served in another way.
  virtual bool handle(const fuse_buf& buffer) = 0;

  /// Whether requests are waiting now.
  virtual bool has_waiting() = 0;

  /// The number of the thread that made the request; 0 for the kernel's own.
  virtual uint64_t caller_of(const fuse_buf& buffer) const = 0;
};

/// Invariants: 1 <= wanted_ <= slots_.size() <= kMostStuck while threads are running; active_ is
/// the number of slots whose is_active is set, and reaches wanted_ as threads come and go.
class ServingThreads {
 public:
  /// When threads look for the next request instead of sleeping (BusyPoll).
  struct Looking {
    std::chrono::microseconds longest{0};  ///< 0: never.
    unsigned processors = 1;               ///< For callers and threads.
  };

  /// At most `most` threads, at least one, will serve at a time, but for those that are stuck: when
  /// all active threads wait in the layers (a file server that does not answer), more join, up to
  /// kMostStuck. A slow request holds up others for twice `tick` at worst.
  ServingThreads(RequestSource& source, unsigned most, Looking looking,
                 std::chrono::milliseconds tick = std::chrono::milliseconds{10});
  ServingThreads(const ServingThreads&) = delete;
  ServingThreads& operator=(const ServingThreads&) = delete;
  ~ServingThreads();

  /// Far more than the callers that a silent file server holds up at a time. A stuck thread costs
  /// little: its memory is hardly touched.
  static constexpr size_t kMostStuck = 512;

  /// Serves until stop() is called, the source ends, or handle() says so; every request that was
  /// received has then been handled. Fails with what receiving fails with, but for ENOMEM, or with
  /// EAGAIN when no thread can be had. To be called once.
  Result<void> run();

  /// Ends run(). Threads: any.
  void stop();

  /// How many threads take requests now. Threads: any.
  size_t active() const;

 private:
  struct Slot {
    explicit Slot(std::chrono::microseconds longest_look) : busy_poll(longest_look) {}
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    ~Slot();

    std::thread thread;
    fuse_buf buffer = {};
    /// Raised when a request was received and when it was handled: odd while it is handled.
    std::atomic<uint64_t> turn = 0;
    // Guarded by mutex_.
    bool is_active = false;
    bool has_ended = false;
    uint64_t turn_seen = 0;                    ///< By the last look.
    ConcurrentCallers::Set callers_seen = {};  ///< By its last conclusion.
    // The thread's own.
    ConcurrentCallers callers;
    BusyPoll busy_poll;
    unsigned looks = 0;
    unsigned found_waiting = 0;
  };

  /// What a look at the active threads finds.
  enum class Progress { Moving, Idle, Stuck };

  void serve(Slot& slot);
  void serve_while_active(Slot& slot);
  void look_for_request(Slot& slot);
  void want_locked(size_t wanted) REQUIRES(mutex_);
  bool wait_until_wanted(Slot& slot);
  bool may_stay_active(Slot& slot);
  bool leave(Slot& slot);
  bool leave_locked(Slot& slot) REQUIRES(mutex_);
  size_t count_callers() const REQUIRES(mutex_);
  bool add_locked(size_t most) REQUIRES(mutex_);
  void wake_keeper();
  void keep();
  Progress look_locked() REQUIRES(mutex_);
  void end_threads();

  RequestSource& source_;
  const size_t most_;
  const Looking looking_;
  const std::chrono::milliseconds tick_;

  mutable Mutex<LockRank::Queue> mutex_;
  std::condition_variable_any wanted_changed_;
  std::condition_variable_any keeper_wake_;
  std::vector<std::unique_ptr<Slot>> slots_ GUARDED_BY(mutex_);
  size_t wanted_ GUARDED_BY(mutex_) = 0;
  size_t active_ GUARDED_BY(mutex_) = 0;
  Result<void> outcome_ GUARDED_BY(mutex_);
  std::atomic<bool> stopping_ = false;
  /// There are processors for the active threads and as many callers.
  std::atomic<bool> may_look_ = false;
  /// More threads are active than `most_`, for some were stuck.
  std::atomic<bool> has_more_ = false;
  /// The thread in run() does not look from time to time, but waits for the next request.
  std::atomic<bool> keeper_sleeps_ = false;
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_SERVING_THREADS_H_

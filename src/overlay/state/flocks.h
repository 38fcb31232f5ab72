// SPDX-License-Identifier: MIT
//
// flock(2) locks of the union's files, kept here instead of in the kernel where files are passed
// through. The kernel keeps a lock with its own inode, and a lower file that is first written while
// readers have it open gets a second one (open_mode.h): two callers would each be granted an
// exclusive lock on one file. Here both nodes lock one thing, a domain.
//
// The rules are those of the kernel's flock_lock_inode(): a lock belongs to an open file
// description, converting one gives the old lock up first, waiting requests are granted in their
// order as far as they do not conflict.

#ifndef OVERPASS_OVERLAY_STATE_FLOCKS_H_
#define OVERPASS_OVERLAY_STATE_FLOCKS_H_

#include <sys/types.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "overlay/state/inode.h"

namespace overpass::overlay {

/// Threads: any. Answers are called with no lock held, on the thread whose call decides them.
class Flocks {
 public:
  enum class Kind : uint8_t { Shared, Exclusive };
  using Answer = std::move_only_function<void(Result<void>)>;

  struct Request {
    uint64_t domain = 0;
    uint64_t owner = 0;  ///< The open file description, as the kernel names it to FUSE.
    Kind kind = Kind::Shared;
    bool waits = false;  ///< Without LOCK_NB.
    pid_t thread = 0;    ///< The requesting thread, in this process's numbers; 0 if unknown.
  };

  /// Locks are taken away by RELEASE, which the kernel sends after close(2) has returned: a request
  /// with LOCK_NB waits this long for one that may be on its way.
  static constexpr std::chrono::milliseconds kReleaseDelay{20};
  /// How often callers that wait are looked at for signals.
  static constexpr std::chrono::milliseconds kSignalDelay{100};

  Flocks() = default;
  Flocks(const Flocks&) = delete;
  Flocks& operator=(const Flocks&) = delete;

  /// The domain that a lock of `inode` locks; an inode and its successor have one.
  /// L: none of rank Inode on entry.
  uint64_t domain_of(Inode& inode);
  /// As above, for the holder of inode.mutex.
  uint64_t domain_of_locked(Inode& inode) REQUIRES(inode.mutex);

  /// Answers once, now or later: success; EWOULDBLOCK without `waits`; EINTR when a signal came for
  /// the thread; ENOLCK when it would have to wait and its signals cannot be seen, since nothing
  /// could end its wait then. True: the answer comes later, and attend() has to be called.
  bool lock(const Request& request, Answer answer);

  /// Gives up what the owner has locked, if anything.
  void unlock(uint64_t domain, uint64_t owner);

  /// Answers requests that have waited long enough or whose thread has got a signal. Returns the
  /// time until the next call; nothing when no request waits.
  std::optional<std::chrono::milliseconds> attend();

  /// Answers all that wait with EINTR: the mount is over.
  void end();

 private:
  using Clock = std::chrono::steady_clock;
  struct Held {
    uint64_t owner;
    Kind kind;
  };
  struct Waiting {
    uint64_t number;
    Request request;
    Clock::time_point until;  ///< Only without `waits`.
    Answer answer;
    Result<void> result = {};
  };
  /// Requests move from one list to another, so that settling them needs no memory.
  using Queue = std::list<Waiting>;
  struct Domain {
    std::vector<Held> held;  ///< Has room for all that wait.
    Queue waiting;           ///< The first one came first.
  };
  struct Shard {
    Mutex<LockRank::Queue> mutex;
    std::unordered_map<uint64_t, Domain> domains GUARDED_BY(mutex);
  };

  Shard& shard_of(uint64_t domain) { return shards_[domain % shards_.size()]; }
  static bool take(Domain& domain, const Request& request);
  static void grant(Domain& domain, Queue& decided);
  static void answer_all(Queue& decided);
  static void refuse(Shard& shard, uint64_t domain, uint64_t number, Errno error);
  static void attend_shard(Shard& shard, std::optional<std::chrono::milliseconds>& next);

  std::atomic<uint64_t> next_domain_ = 1;
  std::atomic<uint64_t> next_number_ = 1;
  std::array<Shard, 16> shards_;
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_FLOCKS_H_

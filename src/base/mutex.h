// SPDX-License-Identifier: MIT
//
// std::mutex and std::shared_mutex with two checks: clang's thread-safety analysis sees them, and
// builds with assertions keep each thread's held ranks and abort, naming both locks, when one is
// taken out of order (lock_rank.h). In passthrough_hp the order stood in a comment only and stayed
// wrong for years.

#ifndef OVERPASS_BASE_MUTEX_H_
#define OVERPASS_BASE_MUTEX_H_

#include <mutex>
#include <shared_mutex>

#include "base/lock_rank.h"
#include "base/small_mutex.h"
#include "base/thread_annotations.h"

namespace overpass {

namespace lock_check {
#ifdef NDEBUG
inline void taking(LockRank, const void*) {}
inline void taken(LockRank) {}
inline void dropped(LockRank, const void*) {}
#else
/// Aborts if this thread holds a lock of `rank` or an inner one. `mutex` tells tests which lock it
/// is (tests/interleavings).
void taking(LockRank rank, const void* mutex);
void taken(LockRank rank);
void dropped(LockRank rank, const void* mutex);
#endif
}  // namespace lock_check

/// A mutex of one rank over `Native`, which is std::mutex, SmallMutex or std::shared_mutex.
template <LockRank kRank, class Native>
class CAPABILITY("mutex") RankedMutex {
 public:
  RankedMutex() = default;
  RankedMutex(const RankedMutex&) = delete;
  RankedMutex& operator=(const RankedMutex&) = delete;

  static constexpr LockRank rank() { return kRank; }

  void lock() ACQUIRE() {
    lock_check::taking(kRank, this);
    native_.lock();
    lock_check::taken(kRank);
  }
  void unlock() RELEASE() {
    lock_check::dropped(kRank, this);
    native_.unlock();
  }
  void lock_shared() ACQUIRE_SHARED() {
    lock_check::taking(kRank, this);
    native_.lock_shared();
    lock_check::taken(kRank);
  }
  void unlock_shared() RELEASE_SHARED() {
    lock_check::dropped(kRank, this);
    native_.unlock_shared();
  }

  /// The unchecked lock, for the guards below only.
  Native& native() { return native_; }

 private:
  Native native_;
};

template <LockRank kRank>
using Mutex = RankedMutex<kRank, std::mutex>;

/// For members of small objects of which there are many.
template <LockRank kRank>
using CompactMutex = RankedMutex<kRank, SmallMutex>;

template <LockRank kRank>
using SharedMutex = RankedMutex<kRank, std::shared_mutex>;

/// Holds a mutex exclusively.
template <class M>
class SCOPED_CAPABILITY Lock {
 public:
  explicit Lock(M& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() RELEASE() { mutex_.unlock(); }

 private:
  M& mutex_;
};

/// Holds a shared mutex for reading.
template <class M>
class SCOPED_CAPABILITY SharedLock {
 public:
  explicit SharedLock(M& mutex) ACQUIRE_SHARED(mutex) : mutex_(mutex) { mutex_.lock_shared(); }
  SharedLock(const SharedLock&) = delete;
  SharedLock& operator=(const SharedLock&) = delete;
  ~SharedLock() RELEASE() { mutex_.unlock_shared(); }

 private:
  M& mutex_;
};

/// Holds two mutexes of one rank exclusively; they may be one and the same. Never waits for one
/// while it holds the other, so the two need no order.
template <class M>
class LockPair {
 public:
  LockPair(M& first, M& second) NO_THREAD_SAFETY_ANALYSIS : first_(first), second_(second) {
    lock_check::taking(M::rank(), &first);
    lock_check::taking(M::rank(), &second);
    if (&first == &second) {
      first.native().lock();
    } else {
      std::lock(first.native(), second.native());
    }
    lock_check::taken(M::rank());
  }
  LockPair(const LockPair&) = delete;
  LockPair& operator=(const LockPair&) = delete;
  ~LockPair() NO_THREAD_SAFETY_ANALYSIS {
    lock_check::dropped(M::rank(), &first_);
    lock_check::dropped(M::rank(), &second_);
    first_.native().unlock();
    if (&first_ != &second_) second_.native().unlock();
  }

 private:
  M& first_;
  M& second_;
};

/// Holds a child's mutex while the parent's of the same rank is held. The tree is the order: parent
/// before child, and no thread that holds a child's waits for a parent's.
template <class M>
class NestedLock {
 public:
  explicit NestedLock(M& child) NO_THREAD_SAFETY_ANALYSIS : child_(child) {
    child_.native().lock();
  }
  NestedLock(const NestedLock&) = delete;
  NestedLock& operator=(const NestedLock&) = delete;
  ~NestedLock() NO_THREAD_SAFETY_ANALYSIS { child_.native().unlock(); }

 private:
  M& child_;
};

}  // namespace overpass

#endif  // OVERPASS_BASE_MUTEX_H_

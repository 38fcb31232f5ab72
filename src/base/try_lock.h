// SPDX-License-Identifier: MIT
//
// Holds a mutex if that takes no waiting.

#ifndef OVERPASS_BASE_TRY_LOCK_H_
#define OVERPASS_BASE_TRY_LOCK_H_

#include "base/mutex.h"

namespace overpass {

/// Holds a mutex exclusively, or not at all if another thread has it: ask is_held(). The order of
/// locks is checked as if it waited.
template <class M>
class TryLock {
 public:
  explicit TryLock(M& mutex) NO_THREAD_SAFETY_ANALYSIS : mutex_(mutex) {
    lock_check::taking(M::rank(), &mutex);
    is_held_ = mutex.native().try_lock();
    if (is_held_) lock_check::taken(M::rank());
  }
  TryLock(const TryLock&) = delete;
  TryLock& operator=(const TryLock&) = delete;
  ~TryLock() NO_THREAD_SAFETY_ANALYSIS {
    if (!is_held_) return;
    lock_check::dropped(M::rank(), &mutex_);
    mutex_.native().unlock();
  }

  bool is_held() const { return is_held_; }

 private:
  M& mutex_;
  bool is_held_;
};

}  // namespace overpass

#endif  // OVERPASS_BASE_TRY_LOCK_H_

// SPDX-License-Identifier: MIT
//
// Counts the operations that an engine has under way: refuses more beyond a bound, refuses all at
// the end, and waits for the remaining ones.

#ifndef OVERPASS_IO_ADMISSION_H_
#define OVERPASS_IO_ADMISSION_H_

#include <condition_variable>
#include <cstddef>

#include "base/mutex.h"

namespace overpass::io {

/// Threads: any.
class Admission {
 public:
  explicit Admission(size_t most) : most_(most) {}

  /// False when there are as many as may be, or after close().
  bool enter();
  void leave();

  /// From now on nothing enters.
  void close();
  bool is_closed() const;

  /// Waits for a moment in which all have left.
  void wait_until_empty();
  size_t inside() const;

 private:
  const size_t most_;
  mutable Mutex<LockRank::Queue> mutex_;
  std::condition_variable_any became_empty_;
  size_t inside_ GUARDED_BY(mutex_) = 0;
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace overpass::io

#endif  // OVERPASS_IO_ADMISSION_H_

// SPDX-License-Identifier: MIT
//
// Open files and directories, which the kernel holds by a file handle number. This owns them from
// the reply to the release, or to the end of the mount if that comes first.

#ifndef OVERPASS_FUSE_HANDLES_H_
#define OVERPASS_FUSE_HANDLES_H_

#include <array>
#include <cstdint>
#include <memory>

#include "base/mutex.h"
#include "base/ring.h"

namespace overpass::fuse {

/// T derives from RingLink.
/// Invariant: a number given out and not taken back is the address of an object of some shard.
/// Threads: any.
template <class T>
class Handles {
 public:
  Handles() = default;
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;
  ~Handles() {
    for (Shard& shard : shards_) {
      while (!shard.objects.is_alone()) delete static_cast<T*>(&shard.objects.next());
    }
  }

  /// The number for the kernel. Never fails: what was counted as open for the reply stays so.
  uint64_t add(std::unique_ptr<T> object) {
    Shard& shard = shard_of(object.get());
    Lock lock(shard.mutex);
    object->join(shard.objects);
    return reinterpret_cast<uintptr_t>(object.release());
  }

  /// Gives the object of a number up to the caller. REQUIRES: the kernel has released it.
  std::unique_ptr<T> take(uint64_t number) {
    std::unique_ptr<T> object(at(number));
    Lock lock(shard_of(object.get()).mutex);
    object->leave();
    return object;
  }

  /// Calls `visit` with each object that is held, under a lock.
  template <class Visit>
  void for_each(Visit visit) {
    for (Shard& shard : shards_) {
      Lock lock(shard.mutex);
      for (RingLink* link = &shard.objects.next(); link != &shard.objects; link = &link->next()) {
        visit(*static_cast<T*>(link));
      }
    }
  }

  static T* at(uint64_t number) { return reinterpret_cast<T*>(number); }

 private:
  struct Shard {
    Mutex<LockRank::Queue> mutex;
    RingLink objects GUARDED_BY(mutex);
  };

  Shard& shard_of(const T* object) {
    return shards_[reinterpret_cast<uintptr_t>(object) / 64 % shards_.size()];
  }

  std::array<Shard, 16> shards_;
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_HANDLES_H_

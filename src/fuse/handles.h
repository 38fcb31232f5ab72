// SPDX-License-Identifier: MIT
//
// Open files and directories, which the kernel holds by a file handle number. This owns them from
// the reply to the release, or to the end of the mount if that comes first.

#ifndef OVERPASS_FUSE_HANDLES_H_
#define OVERPASS_FUSE_HANDLES_H_

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include "base/mutex.h"
#include "base/result.h"
#include "base/ring.h"

namespace overpass::fuse {

/// T derives from RingLink.
/// Invariant: a number given out and not taken back is the address of an object of some shard; or
/// odd, and made of the number of a record and of its turn (handle_records.h): a RELEASE that is
/// sent again must not release the file that has the record by then.
///
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

  /// From now on add_recorded() may be called, with numbers below `most`. ENOMEM.
  Result<void> expect_records(uint32_t most) {
    recorded_.reset(static_cast<Recorded*>(std::calloc(most, sizeof(Recorded))));
    return recorded_ == nullptr ? fail(ENOMEM) : Result<void>();
  }

  /// The same for an object with a record of that number, which the next daemon has as well.
  uint64_t add_recorded(uint32_t record, uint32_t turn, std::unique_ptr<T> object) {
    Recorded& place = recorded_.get()[record];
    place.turn.store(turn, std::memory_order_relaxed);
    place.object.store(object.get(), std::memory_order_release);
    (void)add(std::move(object));
    return uint64_t{turn} << 32 | uint64_t{record} << 1 | 1;
  }

  /// The record of a number, if its object has one.
  static std::optional<uint32_t> record_of(uint64_t number) {
    if ((number & 1) == 0) return {};
    return static_cast<uint32_t>(number) >> 1;
  }

  /// The turn of its record.
  static uint32_t turn_of(uint64_t number) { return static_cast<uint32_t>(number >> 32); }

  /// Gives the object of a number up to the caller. REQUIRES: the kernel has released it. Null when
  /// it was taken before: the kernel sends a RELEASE again that a former daemon did not answer.
  std::unique_ptr<T> take(uint64_t number) {
    std::unique_ptr<T> object(at(number));
    if (object == nullptr) return object;
    if (const auto record = record_of(number)) recorded_.get()[*record].object = nullptr;
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

  T* at(uint64_t number) const {
    const auto record = record_of(number);
    if (!record) return reinterpret_cast<T*>(number);
    const Recorded& place = recorded_.get()[*record];
    T* const object = place.object.load(std::memory_order_acquire);
    return place.turn.load(std::memory_order_relaxed) == turn_of(number) ? object : nullptr;
  }

 private:
  struct Recorded {
    std::atomic<T*> object;
    std::atomic<uint32_t> turn;
  };
  struct Free {
    void operator()(Recorded* objects) const { std::free(objects); }
  };

  struct Shard {
    Mutex<LockRank::Queue> mutex;
    RingLink objects GUARDED_BY(mutex);
  };

  Shard& shard_of(const T* object) {
    return shards_[reinterpret_cast<uintptr_t>(object) / 64 % shards_.size()];
  }

  std::array<Shard, 16> shards_;
  std::unique_ptr<Recorded, Free> recorded_;
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_HANDLES_H_

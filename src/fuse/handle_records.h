// SPDX-License-Identifier: MIT
//
// What the next daemon of a mount has to know of the open files that the kernel holds (survive=on).

#ifndef OVERPASS_FUSE_HANDLE_RECORDS_H_
#define OVERPASS_FUSE_HANDLE_RECORDS_H_

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/mutex.h"
#include "overlay/state/open_mode.h"

namespace overpass::overlay {
class OpenFile;
}

namespace overpass::fuse {

/// One open file. Plain values: it lies in memory that outlives the daemon.
struct HandleRecord {
  std::atomic<uint32_t> is_used;
  int32_t flags;  ///< O_*, as FUSE handed them on.
  uint64_t node;
  int32_t backing_id;  ///< 0: served by the daemon.
  uid_t user;
  overlay::Side side;  ///< Of the backing file.
  uint32_t turn;       ///< How often it has been filled, so that each file has a number of its own.
};

/// Threads: any.
class HandleRecords {
 public:
  /// Files beyond these are not recorded, and lost with the daemon.
  static constexpr uint32_t kMost = uint32_t{1} << 20;

  static size_t size() { return sizeof(HandleRecord) * kMost + sizeof(uint64_t); }

  /// `memory` has size() bytes, is aligned and outlives this.
  explicit HandleRecords(std::byte* memory);

  /// A free record, which is this one's to fill from here on; nothing when all are taken.
  std::optional<uint32_t> reserve();
  /// The record holds from now on. Its turn.
  uint32_t fill(uint32_t index, const overlay::OpenFile& file, uid_t user, int32_t backing_id);
  /// The record is free again, if it held.
  void erase(uint32_t index);
  /// Whether opens that are under way at a time will find records.
  bool has_room();

  HandleRecord& at(uint32_t index) { return records_[index]; }
  /// No record from here on has ever been used.
  uint32_t end() const { return end_->load(std::memory_order_acquire); }

 private:
  HandleRecord* const records_;
  std::atomic<uint32_t>* const end_;  ///< In the same memory.
  Mutex<LockRank::Queue> mutex_;
  std::vector<uint32_t> free_ GUARDED_BY(mutex_);
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_HANDLE_RECORDS_H_

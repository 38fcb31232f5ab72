// SPDX-License-Identifier: MIT

#include "fuse/handle_records.h"

#include "overlay/open/open_file.h"

namespace overpass::fuse {

HandleRecords::HandleRecords(std::byte* memory)
    : records_(reinterpret_cast<HandleRecord*>(memory)),
      end_(reinterpret_cast<std::atomic<uint32_t>*>(memory + sizeof(HandleRecord) * kMost)) {
  for (uint32_t index = end(); index-- > 0;) {
    if (records_[index].is_used.load(std::memory_order_acquire) == 0) free_.push_back(index);
  }
}

std::optional<uint32_t> HandleRecords::reserve() {
  Lock lock(mutex_);
  if (!free_.empty()) {
    const uint32_t index = free_.back();
    free_.pop_back();
    return index;
  }
  const uint32_t index = end();
  if (index == kMost) return {};
  end_->store(index + 1, std::memory_order_release);
  return index;
}

uint32_t HandleRecords::fill(uint32_t index, const overlay::OpenFile& file, uid_t user,
                             int32_t backing_id) {
  HandleRecord& record = records_[index];
  record.flags = file.flags();
  record.node = static_cast<uint64_t>(file.inode()->id);
  record.backing_id = backing_id;
  record.user = user;
  record.side = file.layer() == layer::kUpper ? overlay::Side::Upper : overlay::Side::Lower;
  const uint32_t turn = ++record.turn;
  record.is_used.store(1, std::memory_order_release);
  return turn;
}

bool HandleRecords::has_room() {
  constexpr size_t kUnderWay = 4096;
  Lock lock(mutex_);
  return free_.size() + (kMost - end()) > kUnderWay;
}

void HandleRecords::erase(uint32_t index) {
  // What was not used is free already.
  if (records_[index].is_used.exchange(0, std::memory_order_acq_rel) == 0) return;
  Lock lock(mutex_);
  free_.push_back(index);
}

}  // namespace overpass::fuse

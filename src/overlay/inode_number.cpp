// SPDX-License-Identifier: MIT
//
// Bits 56 to 62 hold the file system, bit 63 marks numbers made up here.

#include "overlay/inode_number.h"

namespace overpass::overlay {

namespace {

constexpr int kDeviceShift = 56;
constexpr uint64_t kMaxDevices = 128;
constexpr uint64_t kMadeUp = uint64_t{1} << 63;

}  // namespace

uint64_t InodeNumbers::number(dev_t device, uint64_t ino) {
  if (device == first_ && (ino >> kDeviceShift) == 0) return ino;
  return number_elsewhere(device, ino);
}

uint64_t InodeNumbers::number_elsewhere(dev_t device, uint64_t ino) {
  Lock lock(mutex_);
  if (device != first_ && (ino >> kDeviceShift) == 0) {
    const auto [entry, is_new] = devices_.try_emplace(device, devices_.size() + 1);
    if (entry->second < kMaxDevices) return (entry->second << kDeviceShift) | ino;
  }
  return large_.try_emplace({device, ino}, kMadeUp | large_.size()).first->second;
}

}  // namespace overpass::overlay

// SPDX-License-Identifier: MIT
//
// Bits 56 to 62 hold the file system, bit 63 marks numbers that are hashes.

#include "overlay/inode_number.h"

#include <string_view>

#include "base/hash.h"

namespace overpass::overlay {

namespace {

constexpr int kDeviceShift = 56;
constexpr uint64_t kMaxDevices = 128;
constexpr uint64_t kHashed = uint64_t{1} << 63;

uint64_t hashed(dev_t device, uint64_t ino) {
  const uint64_t file[] = {device, ino};
  return kHashed | hash_bytes({reinterpret_cast<const char*>(file), sizeof file});
}

}  // namespace

uint64_t InodeNumbers::number(dev_t device, uint64_t ino) {
  if (device == first_ && (ino >> kDeviceShift) == 0) return ino;
  return number_elsewhere(device, ino);
}

uint64_t InodeNumbers::number_elsewhere(dev_t device, uint64_t ino) {
  if ((ino >> kDeviceShift) != 0) return hashed(device, ino);
  Lock lock(mutex_);
  const auto [entry, is_new] = devices_.try_emplace(device, devices_.size() + 1);
  if (entry->second < kMaxDevices) return (entry->second << kDeviceShift) | ino;
  return hashed(device, ino);
}

}  // namespace overpass::overlay

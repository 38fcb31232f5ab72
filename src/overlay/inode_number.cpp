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

/// `device` is the file system's number here: dev_t of some changes from mount to mount.
uint64_t hashed(uint64_t device, uint64_t ino) {
  const uint64_t file[] = {device, ino};
  return kHashed | hash_bytes({reinterpret_cast<const char*>(file), sizeof file});
}

}  // namespace

uint64_t InodeNumbers::number(dev_t device, uint64_t ino) {
  if (device == first_ && (ino >> kDeviceShift) == 0) return ino;
  return number_elsewhere(device, ino);
}

void InodeNumbers::announce(dev_t device) { (void)number_of_device(device); }

uint64_t InodeNumbers::number_of_device(dev_t device) {
  if (device == first_) return 0;
  Lock lock(mutex_);
  return devices_.try_emplace(device, devices_.size() + 1).first->second;
}

uint64_t InodeNumbers::number_elsewhere(dev_t device, uint64_t ino) {
  const uint64_t number = number_of_device(device);
  if ((ino >> kDeviceShift) != 0 || number >= kMaxDevices) return hashed(number, ino);
  return (number << kDeviceShift) | ino;
}

}  // namespace overpass::overlay

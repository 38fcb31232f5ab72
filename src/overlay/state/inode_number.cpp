// SPDX-License-Identifier: MIT
//
// Bits 56 to 62 hold the file system, bit 63 marks numbers that are hashes.

#include "overlay/state/inode_number.h"

#include <bit>
#include <string_view>

#include "base/hash.h"
#include "base/log.h"

namespace overpass::overlay {

namespace {

constexpr int kDeviceShift = 56;
constexpr uint64_t kFirstMoved = 127;  // For inodes of the first file system that move.
constexpr uint64_t kHashed = uint64_t{1} << 63;

constexpr uint64_t kShortBegin = 0xC0000000;
constexpr int kShortBits = 30;
constexpr uint64_t kMostShortDevices = 64;  // Each has 2^24 numbers then.
constexpr uint64_t kBeyond32Bits = uint64_t{1} << 32;

/// `device` is the file system's number here: dev_t of some changes from mount to mount.
uint64_t hashed(uint64_t device, uint64_t ino) {
  const uint64_t file[] = {device, ino};
  return kHashed | hash_bytes({reinterpret_cast<const char*>(file), sizeof file});
}

}  // namespace

uint64_t InodeNumbers::number(dev_t device, uint64_t ino) {
  const bool is_own = device == first_ && keeps_number(ino);
  const uint64_t number = is_own ? ino : number_elsewhere(device, ino);
  if (number >= kBeyond32Bits && warns_) warn_of_long_number();
  return number;
}

void InodeNumbers::announce(dev_t device) { (void)number_of_device(device); }

void InodeNumbers::divide_short_numbers() {
  Lock lock(mutex_);
  short_devices_ = devices_.size() <= kMostShortDevices ? devices_.size() : 0;
  short_bits_ = kShortBits - std::countr_zero(std::bit_ceil(short_devices_));
}

bool InodeNumbers::keeps_number(uint64_t ino) const {
  return ino < kShortBegin ||
         (ino >= kShortBegin + (short_devices_ << short_bits_) && (ino >> kDeviceShift) == 0);
}

uint64_t InodeNumbers::number_of_device(dev_t device) {
  if (device == first_) return 0;
  Lock lock(mutex_);
  return devices_.try_emplace(device, devices_.size() + 1).first->second;
}

uint64_t InodeNumbers::number_elsewhere(dev_t device, uint64_t ino) {
  const uint64_t number = number_of_device(device);
  if ((ino >> kDeviceShift) != 0 || number >= kFirstMoved) return hashed(number, ino);
  if (number == 0) return (kFirstMoved << kDeviceShift) | ino;
  if (number <= short_devices_ && (ino >> short_bits_) == 0) {
    return kShortBegin + ((number - 1) << short_bits_) + ino;
  }
  return (number << kDeviceShift) | ino;
}

void InodeNumbers::warn_of_long_number() {
  if (!warns_.exchange(false)) return;
  log::warn(
      "not all inode numbers fit into 32 bits: programs that need that get EOVERFLOW for some "
      "files; layers that are all on one file system keep its numbers");
}

}  // namespace overpass::overlay

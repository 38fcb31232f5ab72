// SPDX-License-Identifier: MIT
//
// File systems are known by their type. What is not known is taken to keep no order.

#include "layer/write_order.h"

#include <linux/magic.h>
#include <sys/sysmacros.h>

#include <cstdio>
#include <string>

#include "sys/mountinfo.h"
#include "sys/proc.h"
#include "sys/stat.h"

namespace overpass::layer {

namespace {

/// "MAJOR:MINOR", as mount tables and sysfs name a device.
std::string numbers_of(const sys::Stat& stat) {
  return std::to_string(stat.stx_dev_major) + ':' + std::to_string(stat.stx_dev_minor);
}

/// Whether a word of `list`, which `separator` parts, begins with `start`.
bool has_word(std::string_view list, char separator, std::string_view start) {
  while (!list.empty()) {
    if (sys::cut_word(list, separator).starts_with(start)) return true;
  }
  return false;
}

bool ext4_keeps_order(BorrowedFd directory) {
  const auto stat = sys::stat(sys::place_of(directory));
  if (!stat) return false;
  const auto device = sys::block_device_name(numbers_of(*stat));
  if (!device) return false;
  const auto options = sys::read_proc("fs/ext4/" + *device + "/options");
  return options && ext4_orders_names(*options);
}

bool xfs_keeps_order(BorrowedFd directory) {
  const auto stat = sys::stat(sys::place_of(directory));
  const auto table = sys::read_proc("self/mountinfo");
  if (!stat || !table) return false;
  const std::string numbers = numbers_of(*stat);
  return sys::has_mount(*table, [&numbers](const sys::MountLine& line) {
    return line.device == numbers && line.type == "xfs" && xfs_orders_names(line.super_options);
  });
}

}  // namespace

bool ext4_orders_names(std::string_view options) {
  return has_word(options, '\n', "data=ordered") && !has_word(options, '\n', "nobarrier");
}

bool xfs_orders_names(std::string_view options) { return !has_word(options, ',', "rtdev="); }

WriteOrder write_order_of(BorrowedFd directory) {
  const auto magic = sys::file_system_magic(directory);
  if (!magic) return {};
  switch (*magic) {
    case EXT4_SUPER_MAGIC:  // ext2 and ext3 too.
      return {.metadata = true, .names_after_data = ext4_keeps_order(directory)};
    case XFS_SUPER_MAGIC:
      return {.metadata = true, .names_after_data = xfs_keeps_order(directory)};
    case TMPFS_MAGIC:  // Nothing of it outlives the machine.
      return {.in_memory = true, .metadata = true, .names_after_data = true};
    case BTRFS_SUPER_MAGIC:
      return {.metadata = true, .names_after_data = false};
    default:
      return {};
  }
}

}  // namespace overpass::layer

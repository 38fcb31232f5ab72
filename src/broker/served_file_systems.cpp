// SPDX-License-Identifier: MIT

#include "broker/served_file_systems.h"

#include <linux/magic.h>

#include <algorithm>
#include <iterator>

namespace overpass::broker {

namespace {

// Magic numbers that linux/magic.h does not have.
constexpr uint64_t kBcachefs = 0xca451a4e;
constexpr uint64_t kErofs = 0xe0f5e1e2;
constexpr uint64_t kExfat = 0x2011bab0;
constexpr uint64_t kXfs = 0x58465342;
constexpr uint64_t kZfs = 0x2fc12fc1;

// Not here, and why:
// - proc, sysfs, cgroup and their like: their files look at who opened them, which would be the
//   broker (/proc/PID/pagemap shows a process with CAP_SYS_ADMIN more than others).
// - FUSE, NFS and other files of servers: a server may let the broker wait for ever, and checks
//   the broker's user instead of the client's.
// - overlayfs: a plain user can mount one over a FUSE of his own.
// - hugetlbfs, secretmem, pipes' and sockets' own: their mappings obey rules of their own.
constexpr uint64_t kServed[] = {
    BTRFS_SUPER_MAGIC,
    EXT4_SUPER_MAGIC,  // ext2 and ext3 too.
    F2FS_SUPER_MAGIC,
    ISOFS_SUPER_MAGIC,
    MSDOS_SUPER_MAGIC,
    RAMFS_MAGIC,
    SQUASHFS_MAGIC,
    TMPFS_MAGIC,
    kBcachefs,
    kErofs,
    kExfat,
    kXfs,
    kZfs,
};

}  // namespace

bool is_served(uint64_t file_system) {
  return std::find(std::begin(kServed), std::end(kServed), file_system) != std::end(kServed);
}

}  // namespace overpass::broker

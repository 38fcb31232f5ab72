// SPDX-License-Identifier: MIT
//
// Requests counted by type: what an operation costs in round trips is asserted by tests, because
// counts, unlike times, do not depend on the machine.

#ifndef OVERPASS_FUSE_COUNTERS_H_
#define OVERPASS_FUSE_COUNTERS_H_

#include <array>
#include <atomic>
#include <cstdint>

namespace overpass::fuse {

/// The kernel's request types that the daemon sees (linux/fuse.h), in the order of kOpcodeNames.
enum class Opcode : uint8_t {
  Lookup,
  Forget,
  Getattr,
  Setattr,
  Readlink,
  Symlink,
  Mknod,
  Mkdir,
  Unlink,
  Rmdir,
  Rename,
  Link,
  Open,
  Read,
  Write,
  Statfs,
  Release,
  Fsync,
  Setxattr,
  Getxattr,
  Listxattr,
  Removexattr,
  Flush,
  Opendir,
  Readdir,
  Releasedir,
  Fsyncdir,
  Access,
  Create,
  Ioctl,
  BatchForget,
  Fallocate,
  Readdirplus,
  Lseek,
  CopyFileRange,
  Tmpfile,
  Statx,
  Setlk,
  kCount,
};

/// As linux/fuse.h spells them, without FUSE_.
inline constexpr std::array<const char*, static_cast<size_t>(Opcode::kCount)> kOpcodeNames = {
    "LOOKUP",       "FORGET",     "GETATTR",     "SETATTR",     "READLINK",        "SYMLINK",
    "MKNOD",        "MKDIR",      "UNLINK",      "RMDIR",       "RENAME",          "LINK",
    "OPEN",         "READ",       "WRITE",       "STATFS",      "RELEASE",         "FSYNC",
    "SETXATTR",     "GETXATTR",   "LISTXATTR",   "REMOVEXATTR", "FLUSH",           "OPENDIR",
    "READDIR",      "RELEASEDIR", "FSYNCDIR",    "ACCESS",      "CREATE",          "IOCTL",
    "BATCH_FORGET", "FALLOCATE",  "READDIRPLUS", "LSEEK",       "COPY_FILE_RANGE", "TMPFILE",
    "STATX",        "SETLK",
};

/// Threads: any.
class Counters {
 public:
  void count(Opcode opcode) {
    counts_[static_cast<size_t>(opcode)].fetch_add(1, std::memory_order_relaxed);
  }
  uint64_t of(size_t opcode) const { return counts_[opcode].load(std::memory_order_relaxed); }

  std::atomic<int64_t> open_files = 0;

 private:
  std::array<std::atomic<uint64_t>, static_cast<size_t>(Opcode::kCount)> counts_ = {};
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_COUNTERS_H_

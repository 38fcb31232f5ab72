// SPDX-License-Identifier: MIT
//
// Turns the flags of an open and of one transfer into the RWF_* flags of preadv2(2), pwritev2(2)
// and io_uring. One table, used by every path that moves a file's data.
//
// FUSE brings the flags of the open as they are at the time of each request, O_DSYNC and O_SYNC
// also where only the call asked for them (RWF_DSYNC, RWF_SYNC, in direct mode). It does not bring
// a call's RWF_APPEND, RWF_HIPRI, RWF_NOWAIT.

#ifndef OVERPASS_IO_RW_FLAGS_H_
#define OVERPASS_IO_RW_FLAGS_H_

#include <cstdint>

namespace overpass::io {

/// Properties of a single transfer, a set of bits.
enum class Trait : uint8_t {
  None = 0,
  /// Pages that the kernel writes back (FUSE_WRITE_CACHE): their place is final, whatever the
  /// handle that carries them. A caller that wants them on the disk sends an FSYNC afterwards.
  Writeback = 1,
  /// Set-id bits have to fall (FUSE_WRITE_KILL_SUIDGID). No flag: the file system drops them by
  /// itself, since the daemon writes without CAP_FSETID.
  KillSetIds = 2,
  NoWait = 4,        ///< EAGAIN rather than waiting for a disk (IOCB_NOWAIT).
  HighPriority = 8,  ///< Completion by polling (IOCB_HIPRI).
};

constexpr Trait operator|(Trait one, Trait other) {
  return static_cast<Trait>(static_cast<uint8_t>(one) | static_cast<uint8_t>(other));
}

constexpr bool has(Trait set, Trait one) {
  return (static_cast<uint8_t>(set) & static_cast<uint8_t>(one)) != 0;
}

/// RWF_* for a read through a handle whose O_* flags are `open_flags`. Unknown bits mean nothing.
int read_flags(int open_flags, Trait traits = Trait::None);

/// RWF_* for a write through such a handle.
int write_flags(int open_flags, Trait traits = Trait::None);

}  // namespace overpass::io

#endif  // OVERPASS_IO_RW_FLAGS_H_

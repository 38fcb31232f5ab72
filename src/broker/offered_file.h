// SPDX-License-Identifier: MIT
//
// What a client may offer. Each check asks the kernel about the open file itself, which no client
// can exchange once it has been received; no path is looked up, and no file server is asked more
// than it takes to know that it is one.
//
// Registering one checked file with a FUSE connection so that no more can be done through it than
// through the descriptor that was offered.

#ifndef OVERPASS_BROKER_OFFERED_FILE_H_
#define OVERPASS_BROKER_OFFERED_FILE_H_

#include <cstdint>

#include "base/unique_fd.h"
#include "broker/client_mounts.h"
#include "broker/message.h"
#include "sys/stat.h"

namespace overpass::broker {

/// Whether `fd` is /dev/fuse, opened for reading and writing.
Granted<void> check_fuse_device(BorrowedFd fd);

enum class Access { Read, ReadWrite };

struct Offered {
  Access access;   ///< What the open of the file granted.
  sys::Stat stat;  ///< stat_without_asking() of it.
};

/// Whether the file at `fd` may be registered, and for what. `mounts` is what was found out by
/// earlier calls, and is added to.
Granted<Offered> check_file(BorrowedFd fd, KnownMounts& mounts);

/// Whether the mount of the directory at `fd`, which may be O_PATH, is one whose files are served:
/// stat_without_asking() of it. `mounts` as above.
Granted<sys::Stat> check_directory(BorrowedFd fd, KnownMounts& mounts);

struct Registered {
  int32_t id;     ///< The backing id.
  UniqueFd path;  ///< Of no more use; it is closed when no client waits for it.
};

/// REQUIRES: `offered` is what check_file(file) granted; this process is in the mount namespace to
/// which the file's mount belongs.
Granted<Registered> register_file(BorrowedFd fuse, BorrowedFd file, const Offered& offered,
                                  ReadOnlyMounts& mounts);

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_OFFERED_FILE_H_

// SPDX-License-Identifier: MIT
//
// The first request of a client: is the FUSE connection its own, and where does it live? Ends with
// this process in the client's mount namespace, where alone the client's mounts can be cloned, and
// with what registering needs as its only capabilities.

#ifndef OVERPASS_BROKER_GREETING_H_
#define OVERPASS_BROKER_GREETING_H_

#include <cstdint>

#include "base/unique_fd.h"
#include "broker/message.h"
#include "sys/unix_socket.h"

namespace overpass::broker {

struct Greeted {
  uint32_t connection =
      0;               ///< Device number of the FUSE connection; 0: the kernel does not tell it.
  UniqueFd own_files;  ///< This process's /proc/PID/fd; empty without /proc.
};

/// Checks `fuse` and enters `mount_namespace`. `process` is a pidfd of the client.
Granted<Greeted> greet(BorrowedFd fuse, BorrowedFd mount_namespace, BorrowedFd process,
                       const sys::Peer& peer);

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_GREETING_H_

// SPDX-License-Identifier: MIT
//
// The first request of a client: is the FUSE connection its own, and where does it live? Ends with
// this process in the client's mount namespace, where alone the client's mounts can be cloned, and
// with CAP_SYS_ADMIN as its only capability.

#ifndef OVERPASS_BROKER_GREETING_H_
#define OVERPASS_BROKER_GREETING_H_

#include <cstdint>

#include "broker/message.h"
#include "sys/unix_socket.h"

namespace overpass::broker {

/// Checks `fuse` and enters `mount_namespace`: the device number of the connection, 0 if the kernel
/// does not tell it. `process` is a pidfd of the client.
Granted<uint32_t> greet(BorrowedFd fuse, BorrowedFd mount_namespace, BorrowedFd process,
                        const sys::Peer& peer);

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_GREETING_H_

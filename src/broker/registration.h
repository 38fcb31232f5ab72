// SPDX-License-Identifier: MIT
//
// Registering one checked file with a FUSE connection so that no more can be done through it than
// through the descriptor that was offered.

#ifndef OVERPASS_BROKER_REGISTRATION_H_
#define OVERPASS_BROKER_REGISTRATION_H_

#include <cstdint>

#include "base/unique_fd.h"
#include "broker/offered_file.h"
#include "broker/read_only_mounts.h"

namespace overpass::broker {

struct Registered {
  int32_t id;     ///< The backing id.
  UniqueFd path;  ///< Of no more use; there to be closed when nobody waits for it.
};

/// REQUIRES: `offered` is what check_file(file) granted; this process is in the mount namespace to
/// which the file's mount belongs.
Granted<Registered> register_file(BorrowedFd fuse, BorrowedFd file, const Offered& offered,
                                  ReadOnlyMounts& mounts);

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_REGISTRATION_H_

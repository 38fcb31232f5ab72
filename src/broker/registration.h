// SPDX-License-Identifier: MIT
//
// Registering one checked file with a FUSE connection so that no more can be done through it than
// through the descriptor that was offered.

#ifndef OVERPASS_BROKER_REGISTRATION_H_
#define OVERPASS_BROKER_REGISTRATION_H_

#include <cstdint>

#include "base/unique_fd.h"
#include "broker/offered_file.h"

namespace overpass::broker {

struct Registered {
  int32_t backing_id = 0;
  /// What it was registered through. Not needed any more, but dropping a clone of a mount takes
  /// longer than making one: to be closed after the answer.
  UniqueFd rest;
};

/// REQUIRES: check_file(file) granted `access`; this process is in the mount namespace to which the
/// file's mount belongs.
Granted<Registered> register_file(BorrowedFd fuse, BorrowedFd file, Access access);

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_REGISTRATION_H_

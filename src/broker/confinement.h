// SPDX-License-Identifier: MIT
//
// What the broker's processes may still ask of the kernel: lists of system calls (seccomp(2)). A
// call that is not in them ends the process. Each list narrows the one before.

#ifndef OVERPASS_BROKER_CONFINEMENT_H_
#define OVERPASS_BROKER_CONFINEMENT_H_

#include "base/result.h"

namespace overpass::broker {

/// From the start of serving: accepting, forking, and all that a client's process does.
/// REQUIRES: sys::seal_process(), or CAP_SYS_ADMIN.
Result<void> confine_to_serving();

/// From a client's greeting on: receiving, checking and registering descriptors; opening nothing.
Result<void> confine_to_registering();

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_CONFINEMENT_H_

// SPDX-License-Identifier: MIT
//
// What a service tells the manager that started it: the protocol of sd_notify(3).

#ifndef OVERPASS_SYS_SUPERVISOR_H_
#define OVERPASS_SYS_SUPERVISOR_H_

#include "base/result.h"

namespace overpass::sys {

/// Sends `message` ("READY=1") to the socket that NOTIFY_SOCKET names: a path, or '@' and a name of
/// the abstract namespace. Does nothing where the variable is not set. EINVAL when its value is
/// neither. Does not block: EAGAIN when the manager does not read.
Result<void> tell_supervisor(const char* message);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_SUPERVISOR_H_

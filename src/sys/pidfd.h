// SPDX-License-Identifier: MIT
//
// Processes by descriptor: one that has ended is never mistaken for a later one with its number.

#ifndef OVERPASS_SYS_PIDFD_H_
#define OVERPASS_SYS_PIDFD_H_

#include <sys/types.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::sys {

/// pidfd_open(2). ESRCH when there is no such process.
Result<UniqueFd> open_process(pid_t pid);

/// The process's number, by which this process knows it. ESRCH when it has ended.
Result<pid_t> number_of_process(BorrowedFd process);

/// pidfd_send_signal(2).
Result<void> send_signal(BorrowedFd process, int signal);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_PIDFD_H_

// SPDX-License-Identifier: MIT
//
// Finds out which system calls exist. A kernel that is too old answers ENOSYS. A filter
// (seccomp(2)) may also answer EPERM, which the calls give for other reasons too. So each is tried
// once, with arguments to which the kernel itself answers EBADF or EINVAL.

#ifndef OVERPASS_SYS_CALLS_H_
#define OVERPASS_SYS_CALLS_H_

#include <optional>

#include "base/result.h"

namespace overpass::sys {

/// System calls for which there is another way.
struct NewerCalls {
  bool openat2;
  bool fchmodat2;
  bool xattrat;  ///< All four: getxattrat, setxattrat, listxattrat, removexattrat.
  bool file_getattr;
  bool faccessat2;
  bool mknodat;   ///< Not new, but a filter may keep nodes from being made.
  bool io_uring;  ///< io_uring_register and io_uring_enter; without io_uring_setup no ring is made.
};

/// The calls that this process may use, found out at the first call.
const NewerCalls& newer_calls();

struct RefusedCall {
  const char* name;
  Errno error;
};

/// The first system call without which no mount can be served, or with `for_writing` no writable
/// one, and which is refused; nothing if all may be used.
std::optional<RefusedCall> find_refused_call(bool for_writing);

/// Whether this process can start a thread: EPERM where clone3(2) is refused other than by ENOSYS,
/// EAGAIN at the limit of processes.
Result<void> try_thread();

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_CALLS_H_

// SPDX-License-Identifier: MIT
//
// The caller of an operation, and how an operation says that it would have to wait.

#ifndef OVERPASS_OVERLAY_STATE_CALLER_H_
#define OVERPASS_OVERLAY_STATE_CALLER_H_

#include <sys/types.h>

#include <cerrno>
#include <optional>

#include "base/id_map.h"
#include "base/result.h"

namespace overpass::overlay {

/// The answer of an operation that needs time, or a thread that may wait: to copy data, to go
/// through lowers, to wait for another caller's copy, or because a lease on a file is in the way.
/// It has changed nothing that can be seen. Call the operation again on a thread that may wait. No
/// system call on files fails with this number.
inline constexpr int kMustWait = ERESTART;

/// The second argument of every operation that acts for a caller. The ids are those of the mount.
struct Caller {
  uid_t uid = kNoId;
  gid_t gid = kNoId;
  mode_t umask = 0;
  /// The thread that waits for the answer; 0 for one that cannot be seen from here, which then has
  /// no groups, no capabilities and no deadly signals.
  pid_t thread = 0;
  /// Whether the kernel says that a change is made without CAP_FSETID (FUSE_WRITE_KILL_SUIDGID and
  /// its like); empty for the requests with which it does not say.
  std::optional<bool> lacks_fsetid = {};
  /// False on threads that serve requests: an operation that would wait answers kMustWait there.
  bool may_wait = true;
  /// A former daemon of the mount got the request, and may have done what it asks for.
  bool is_sent_again = false;
  uint64_t request = 0;  ///< The kernel's number of the request; 0: none.

  /// kMustWait unless the caller's thread may wait.
  Result<void> check_may_wait() const { return may_wait ? Result<void>() : fail(kMustWait); }

  /// This caller, for a thread that may wait.
  Caller waiting() const {
    Caller same = *this;
    same.may_wait = true;
    return same;
  }
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_CALLER_H_

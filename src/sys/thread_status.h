// SPDX-License-Identifier: MIT
//
// Reads /proc about another thread, and derives its rights: FUSE brings a caller's ids, but neither
// its groups nor its capabilities.
//
// Whether a thread of another process is about to die. The kernel's FUSE client lets no caller go
// before its request is answered, not even a killed one. Its message upon a signal (FUSE_INTERRUPT)
// comes for every signal, handled ones too, and never over io_uring. /proc tells the deadly ones
// apart.

#ifndef OVERPASS_SYS_THREAD_STATUS_H_
#define OVERPASS_SYS_THREAD_STATUS_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace overpass::sys {

/// The text of /proc/THREAD/status, by the thread's number in this process's namespace. ESRCH when
/// it cannot be told: for 0 (a thread of another namespace), and where /proc is absent, hides the
/// thread, or is of another namespace.
Result<std::string> thread_status(pid_t thread);

/// The value behind `key` ("SigPnd") in such a text, without blanks around it; empty without one.
std::string_view status_field(std::string_view status, std::string_view key);

/// A hexadecimal set of bits behind `key`; 0 without one.
uint64_t status_bits(std::string_view status, std::string_view key);

/// The rights of a thread.
struct ThreadRights {
  std::vector<gid_t> groups;          ///< Supplementary ones, as numbers of this user namespace.
  uint64_t capabilities = 0;          ///< Effective ones, which count in its own user namespace.
  bool hides_namespace = false;       ///< Its user namespace cannot be told from here.
  bool shares_namespace = false;      ///< It is this process's.
  bool in_initial_namespace = false;  ///< And that is the initial one.

  // In its own user namespace:
  bool has_fsetid() const;  ///< CAP_FSETID.
  bool has_fowner() const;  ///< CAP_FOWNER.
};

/// The rights at this moment; the thread should be waiting. ESRCH as above.
Result<ThreadRights> rights_of(pid_t thread);

/// Whether a signal that ends it is pending for `thread`, by its number in this process's
/// namespace. False when that cannot be told: for 0 (a thread of another namespace), and where
/// the procfs (sys/proc.h) is absent, hides it, or is of another namespace. A signal that leaves a
/// core dump shows only when it is delivered, which is after the call that the thread waits in.
bool is_being_killed(pid_t thread);

/// Whether a signal has interrupted `thread` in a system call, a handled one or a deadly one:
/// answering its request with EINTR is then seen as that by the kernel, which restarts the call or
/// not as the handler wishes. A signal to a whole process counts for its first thread only: /proc
/// does not show which other thread got it. For the others this is false. Nothing when that cannot
/// be told, for the reasons above.
std::optional<bool> is_interrupted(pid_t thread);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_THREAD_STATUS_H_

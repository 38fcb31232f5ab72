// SPDX-License-Identifier: MIT
//
// What /proc tells of another thread, and the rights that follow: FUSE brings a caller's ids, but
// neither its groups nor its capabilities.

#ifndef OVERPASS_SYS_THREAD_STATUS_H_
#define OVERPASS_SYS_THREAD_STATUS_H_

#include <sys/types.h>

#include <cstdint>
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

/// What a thread may do.
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

/// As of now; the thread should be one that waits. ESRCH as above.
Result<ThreadRights> rights_of(pid_t thread);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_THREAD_STATUS_H_

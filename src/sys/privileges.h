// SPDX-License-Identifier: MIT
//
// Becoming less: another user, few capabilities, another mount namespace. For services that need
// one right of the superuser and none of the others. Not for the daemon, which acts for many users
// and does so by credentials.h.

#ifndef OVERPASS_SYS_PRIVILEGES_H_
#define OVERPASS_SYS_PRIVILEGES_H_

#include <sys/types.h>

#include <initializer_list>

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::sys {

struct Identity {
  uid_t uid;
  gid_t gid;
};

/// A user of this machine, by name or by number (the group then has this number too). ENOENT.
Result<Identity> find_user(const char* name_or_number);

bool is_superuser();

enum class Capability { DacReadSearch, SysAdmin, SysChroot };

using Capabilities = std::initializer_list<Capability>;

/// Becomes `identity` without other groups, and keeps of all capabilities `needed` alone, and those
/// of `wanted` that this process has. EPERM when it lacks one that is needed. Call it with a single
/// thread.
Result<void> become(Identity identity, Capabilities needed, Capabilities wanted);

/// Keeps of all capabilities these alone.
Result<void> keep_capabilities(Capabilities needed, Capabilities wanted);

/// From now on no execve(2) gives privileges, and only the superuser may look into this process.
Result<void> seal_process();

/// A descriptor of this process's mount namespace. ENOENT without /proc.
Result<UniqueFd> open_mount_namespace();

/// setns(2) into the mount namespace `fd`. EINVAL when it is no mount namespace; the kernel asks
/// nothing of the file itself. Needs CAP_SYS_ADMIN and CAP_SYS_CHROOT, and a single thread.
Result<void> enter_mount_namespace(BorrowedFd fd);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_PRIVILEGES_H_

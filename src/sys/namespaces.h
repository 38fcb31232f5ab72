// SPDX-License-Identifier: MIT
//
// Namespaces of a process (namespaces(7)): making new ones, entering those of another process, and
// the ids of a user namespace.

#ifndef OVERPASS_SYS_NAMESPACES_H_
#define OVERPASS_SYS_NAMESPACES_H_

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::sys {

/// unshare(2) with CLONE_NEW* `flags`. Of a new pid namespace the next child is the first process.
/// EPERM where user namespaces are forbidden, or a right is missing; ENOSPC at the limit of
/// namespaces. For a process with a single thread.
Result<void> unshare(int flags);

/// setns(2): enters those CLONE_NEW* namespaces of `process`, a pidfd. Of a pid namespace only
/// children are members. For a process with a single thread.
Result<void> enter_namespaces(BorrowedFd process, int flags);

/// Whether a process or thread has this one's mount and user namespaces. False for one that cannot
/// be looked at.
bool shares_namespaces(pid_t thread);

/// A map of ids that lets each id of this process's user namespace mean itself, as text for
/// write_id_maps(). ENOENT without /proc.
struct IdMaps {
  std::string users;
  std::string groups;
};
Result<IdMaps> identity_maps();

/// The map of one user and group: `outside` is who makes the namespace.
IdMaps map_of_one(uid_t inside_user, uid_t user, gid_t inside_group, gid_t group);

/// Writes the maps of the user namespace of the process, by its number in /proc. A map of one id
/// needs no right, and takes setgroups(2) from the namespace, which `deny_groups` does first.
Result<void> write_id_maps(pid_t process, const IdMaps& maps, bool deny_groups);

/// Brings up the loopback interface of this network namespace.
Result<void> bring_up_loopback();

/// The child is killed by `signal` when the thread that made it ends (PR_SET_PDEATHSIG). Call it in
/// the child; whether `parent` is still there.
bool end_with_parent(pid_t parent, int signal);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_NAMESPACES_H_

// SPDX-License-Identifier: MIT
//
// The rights that a system call of the daemon uses. All of them are per thread (capabilities(7),
// setfsuid(2), unshare(2) CLONE_FS).
//
// Serving threads live without CAP_FSETID and CAP_SYS_RESOURCE. With the first, writing to a file
// and handing it out as a backing file would keep set-user-ID bits that the caller's write must
// drop; with the second, callers would escape quotas and use reserved blocks.

#ifndef OVERPASS_SYS_CREDENTIALS_H_
#define OVERPASS_SYS_CREDENTIALS_H_

#include <sys/types.h>

#include "base/result.h"
#include "sys/place.h"
#include "sys/stat.h"

namespace overpass::sys {

/// Takes CAP_FSETID and CAP_SYS_RESOURCE out of the calling thread's effective set, and keeps
/// set*uid calls from touching capabilities at all. Threads started afterwards inherit this. To be
/// called once at start, after everything that needs CAP_SYS_RESOURCE.
void trim_capabilities();

/// A program that this thread executes has what this one is permitted, also for an ordinary user
/// who has rights in a user namespace. Best effort.
void keep_capabilities_at_execution();

/// Whether this process may do what needs CAP_SYS_ADMIN in the initial user namespace.
bool is_privileged_in_initial_namespace();

/// Whether the owner of `place`, of which `stat` was asked, is one that this process's user
/// namespace does not map (user_namespaces(7), overflow ids): such a file must not be copied, since
/// the copy would belong to another user. Where the namespace maps the overflow id itself, regular
/// files and directories are told apart by what root of the namespace may do with them; others are
/// taken for mapped.
bool is_unmapped(Place place, const Stat& stat);

/// Whether this process has CAP_SYS_ADMIN in its own user namespace.
bool may_administer_own_namespace();

/// Files made while this lives belong to `uid` and `gid`. Where the daemon may not act for others
/// (an ordinary user's), they go on belonging to the daemon.
class ActingAs {
 public:
  ActingAs(uid_t uid, gid_t gid);
  ActingAs(const ActingAs&) = delete;
  ActingAs& operator=(const ActingAs&) = delete;
  ~ActingAs();

 private:
  const bool changed_;
};

/// CAP_FSETID is in effect while this lives, if the daemon has it: a set-group-ID bit is then kept
/// although the daemon is not in the file's group. For callers that may keep it.
class KeepingSetgid {
 public:
  explicit KeepingSetgid(bool wanted);
  KeepingSetgid(const KeepingSetgid&) = delete;
  KeepingSetgid& operator=(const KeepingSetgid&) = delete;
  ~KeepingSetgid();

 private:
  const bool raised_;
};

/// umask(2) of this thread alone, for the files it makes from now on.
void set_thread_umask(mode_t mask);

/// Raises the soft limit of open files to the hard one.
void raise_descriptor_limit();

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_CREDENTIALS_H_

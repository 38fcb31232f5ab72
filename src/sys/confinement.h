// SPDX-License-Identifier: MIT
//
// What a program in a sandbox must not do although it has the right: put characters into the
// terminal of its caller, talk to programs outside by sockets without a path, use keys of its
// caller. All of it is inherited by children, and cannot be undone.

#ifndef OVERPASS_SYS_CONFINEMENT_H_
#define OVERPASS_SYS_CONFINEMENT_H_

#include "base/result.h"

namespace overpass::sys {

/// From now on sockets with an abstract address (unix(7)) reach only processes that did this call's
/// work in common: children. Does nothing before Linux 6.12. EPERM without CAP_SYS_ADMIN in the
/// user namespace and without give_up_privileges().
Result<void> close_abstract_sockets();

/// Refuses TIOCSTI and TIOCLINUX (ioctl_tty(2)); new cgroup namespaces, by which the cgroup of the
/// caller could be mounted; signals and priorities for the own process group, to which the caller
/// belongs. clone3(2) answers ENOSYS, for its flags cannot be seen; C libraries then call clone(2).
/// So do the calls of keyrings(7). EPERM as above.
Result<void> filter_system_calls();

/// A new session keyring (keyrings(7)), without the keys of the caller's. Does nothing where the
/// kernel has no keyrings.
void leave_keyring();

/// Only who has CAP_SYS_PTRACE where this program was executed may trace this process and its
/// children from now on, or open what its directory in /proc leads to: its program's file, above
/// all, which is one of the outside. execve(2) ends it.
void close_to_debuggers();

/// Gives up all capabilities, for good: execve(2) gives none, and no set-id program works.
Result<void> give_up_privileges();

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_CONFINEMENT_H_

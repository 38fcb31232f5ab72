// SPDX-License-Identifier: MIT
//
// Whether somebody else's thread is about to die. The kernel's FUSE client lets no caller go before
// its request is answered, not even one that was killed; and what it sends upon a signal
// (FUSE_INTERRUPT) comes for every signal, handled ones too, and never over io_uring. /proc tells
// the deadly ones apart.

#ifndef OVERPASS_SYS_FATAL_SIGNAL_H_
#define OVERPASS_SYS_FATAL_SIGNAL_H_

#include <sys/types.h>

#include <optional>

namespace overpass::sys {

/// Whether a signal that ends it is pending for `thread`, by its number in this process's
/// namespace. False when that cannot be told: for 0 (a thread of another namespace), and where
/// the procfs (sys/proc.h) is absent, hides it, or is of another namespace. A signal that leaves a
/// core dump shows only when it is delivered, which is after the call that the thread waits in.
bool is_being_killed(pid_t thread);

/// Whether a signal has interrupted `thread` in a system call, a handled one or a deadly one:
/// answering its request with EINTR is then seen as that by the kernel, which restarts the call or
/// not as the handler wishes. A signal to a whole process counts for its first thread only, since
/// it cannot be seen which of the others got it; it is false for these. Nothing when that cannot be
/// told, for the reasons above.
std::optional<bool> is_interrupted(pid_t thread);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_FATAL_SIGNAL_H_

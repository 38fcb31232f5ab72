// SPDX-License-Identifier: MIT
//
// Whether somebody else's thread is about to die. The kernel's FUSE client lets no caller go before
// its request is answered, not even one that was killed; and what it sends upon a signal
// (FUSE_INTERRUPT) comes for every signal, handled ones too, and never over io_uring. /proc tells
// the deadly ones apart.

#ifndef OVERPASS_SYS_FATAL_SIGNAL_H_
#define OVERPASS_SYS_FATAL_SIGNAL_H_

#include <sys/types.h>

namespace overpass::sys {

/// Whether a signal that ends it is pending for `thread`, by its number in this process's
/// namespace. False when that cannot be told: for 0 (a thread of another namespace), and where
/// the procfs (sys/proc.h) is absent, hides it, or is of another namespace. A signal that leaves a
/// core dump shows only when it is delivered, which is after the call that the thread waits in.
bool is_being_killed(pid_t thread);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_FATAL_SIGNAL_H_
